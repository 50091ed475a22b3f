//! One suite for both databases: whatever the store promises, SQLite and PostgreSQL keep.

#[path = "store/crash.rs"]
mod crash;
#[path = "store/files.rs"]
mod files;
#[path = "store/group.rs"]
mod group;
#[macro_use]
#[path = "store/place.rs"]
mod place;
#[path = "store/promises.rs"]
mod promises;
#[path = "store/still.rs"]
mod still;
#[path = "store/together.rs"]
mod together;

on_both!(
    an_empty_database_is_brought_up_to_date_once,
    two_programs_may_bring_it_up_to_date_at_once,
    increments_at_once_lose_nothing,
    a_dropped_transaction_leaves_nothing,
    who_gives_up_at_any_step_leaves_nothing_and_blocks_nobody,
    a_failing_statement_undoes_its_own_transaction_and_no_other,
    a_row_that_is_there_already_is_taken,
    many_rows_go_in_at_once_and_come_out_by_a_list,
    nothing_is_told_apart_from_empty,
    a_stale_epoch_writes_nothing,
    a_take_over_waits_for_a_write_under_the_old_epoch,
    a_write_to_a_claimed_table_needs_its_epoch,
    a_query_cannot_write,
    a_finished_transaction_is_seen_by_the_next_and_read_once_safe,
    what_was_receipted_survives_kill_9,
    a_closed_store_refuses_and_does_not_hang,
);
