//! One suite for both databases: what is told to the journal is kept, whatever shares its group.

#[macro_use]
#[path = "store/place.rs"]
#[expect(dead_code, reason = "the store's own suite uses the rest")]
mod place;
#[path = "journal/promises.rs"]
mod promises;

on_both!(
    every_line_is_kept_whatever_shares_its_group,
    what_was_left_later_is_read_later_whatever_the_clocks_say,
    what_is_accepted_and_done_in_one_breath_is_gone,
    a_community_that_lost_its_claim_keeps_nobody_elses_points,
    points_of_one_chatter_heard_in_many_rooms_are_added_up,
    what_ran_before_is_answered_as_then_and_leaves_nothing_new,
    a_record_under_a_lost_claim_is_not_made,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_under_a_claim_that_moves_wait_for_it_and_hold_nobody_elses_up() {
    let server = place::Server::start();
    promises::points_under_a_claim_that_moves(server.place()).await;
}
