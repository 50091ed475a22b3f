//! One suite for both databases: one node holds a claim at a time, and who lost it writes nothing.

#[path = "claims/cost.rs"]
mod cost;
#[path = "claims/gateway.rs"]
mod gateway;
#[path = "claims/house.rs"]
mod house;
#[path = "claims/near.rs"]
mod near;
#[path = "claims/peers.rs"]
mod peers;
#[macro_use]
#[path = "store/place.rs"]
#[expect(dead_code, reason = "the store's own suite uses the rest")]
mod place;
#[path = "claims/promises.rs"]
mod promises;
#[path = "claims/words.rs"]
mod words;

on_both!(
    an_epoch_rises_at_each_change_of_owner_and_at_no_other_time,
    what_another_node_serves_is_not_taken_and_its_owner_is_named,
    a_dead_nodes_claims_are_taken_and_it_can_write_nothing_more,
    a_node_that_went_in_good_order_is_followed_at_once,
    two_nodes_that_ask_at_once_get_one_claim,
    what_wants_it_most_is_taken_first_and_no_more_than_the_most,
    what_is_live_and_what_is_asked_for_waits_for_room_and_what_is_given_back_is_free,
    an_entity_that_failed_three_times_is_left_alone_until_a_fresh_start,
    what_was_given_away_is_never_taken_up_at_its_old_epoch,
    a_hand_over_goes_to_a_living_node_only,
    what_was_handed_over_is_learned_of_once_and_what_is_held_is_not_read_for_it,
    what_several_who_are_gone_left_is_taken_with_what_nobody_had,
    a_second_process_of_the_same_name_is_refused,
    a_silent_predecessor_is_followed_after_a_whole_lease,
    a_proven_end_is_followed_at_once,
    a_lease_that_is_not_renewed_freezes_and_a_later_renewal_goes_on_with_the_same_epochs,
    a_node_declared_dead_stops_its_tenants_and_returns_in_a_new_life,
    an_epoch_never_has_two_owners_in_the_history,
    what_is_on_air_is_noted_and_its_leader_with_it,
    who_asks_several_times_at_once_gets_the_same_claim,
    the_word_an_owner_leaves_reaches_the_next_one_and_nobody_after_a_crash,
    what_is_near_a_connection_goes_first_to_who_holds_it,
    nothing_waits_for_a_node_that_is_gone_goes_or_is_full_nor_does_what_is_live,
    where_something_is_near_is_noted_by_its_owner_and_it_is_given_away_last,
);

/// Only where several processes can share a database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_node_is_declared_dead_by_another_that_lives_and_its_claims_are_taken() {
    let server = place::Server::start();
    promises::a_silent_node_is_declared_dead(server.place()).await;
}
