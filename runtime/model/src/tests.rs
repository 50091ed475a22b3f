//! Every order of events of the claim protocol: one owner at a time, no write under an old epoch; and for each rule, what
//! goes wrong without it.

use stateright::{Checker, HasDiscoveries, Model};

use crate::protocol::{Protocol, Rule};

const ONE_OWNER: &str = "one owner at a time";
const NO_STALE_WRITE: &str = "no write under an old epoch";
const TAKEN_OVER: &str = "a dead owner's claim is taken over";

fn two() -> Protocol {
    Protocol {
        nodes: 2,
        ttl: 3,
        ticks: 4,
        guard: 1,
        slow_ticks: 0,
        losses: 1,
        cuts: 0,
        at_once: 2,
        writes: 0,
        hand_overs: 0,
        fast: false,
        without: None,
    }
}

/// Explores everything; the names of the properties that do not hold.
#[track_caller]
fn holds(protocol: Protocol) {
    let text = format!("{protocol:?}");
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    println!("{} states: {text}", checker.unique_state_count());
    for name in [ONE_OWNER, NO_STALE_WRITE] {
        if let Some(path) = checker.discovery(name) {
            panic!("not {name}: {:#?}", path.into_actions());
        }
    }
    assert!(checker.discovery(TAKEN_OVER).is_some(), "nothing happened in {text}");
}

/// Finds the order of events that breaks it.
#[track_caller]
fn breaks(protocol: Protocol, property: &'static str) {
    let text = format!("{protocol:?}");
    let checker = protocol.checker().threads(2).finish_when(HasDiscoveries::AllOf([property].into())).spawn_bfs().join();
    println!("{} states: {text}", checker.unique_state_count());
    assert!(checker.discovery(property).is_some(), "{property} holds without the rule: {text}");
}

#[test]
fn a_silent_node_is_taken_over_from_and_two_never_act() {
    holds(two());
}

#[test]
fn a_claim_is_handed_over_and_two_never_act() {
    holds(Protocol { hand_overs: 1, losses: 1, ..two() });
}

#[test]
fn three_nodes_never_act_at_once() {
    holds(Protocol { nodes: 3, ttl: 2, guard: 0, ticks: 3, losses: 0, at_once: 0, ..two() });
}

#[test]
fn a_slow_clock_is_what_the_guard_is_for() {
    holds(Protocol { slow_ticks: 1, ..two() });
    breaks(Protocol { slow_ticks: 1, guard: 0, ..two() }, ONE_OWNER);
}

#[test]
fn a_quick_look_at_a_dead_process_is_safe_because_who_is_cut_off_freezes_first() {
    let fast = Protocol { fast: true, cuts: 1, losses: 0, ttl: 5, ticks: 5, ..two() };
    holds(fast.clone());
    for rule in [Rule::FreezeWhenCut, Rule::WaitForFreeze] {
        breaks(Protocol { without: Some(rule), ..fast.clone() }, ONE_OWNER);
    }
}

#[test]
fn without_freezing_two_act() {
    breaks(Protocol { without: Some(Rule::Freeze), ..two() }, ONE_OWNER);
}

#[test]
fn without_stopping_first_two_act() {
    breaks(Protocol { hand_overs: 1, without: Some(Rule::StopFirst), ..two() }, ONE_OWNER);
}

#[test]
fn without_a_tombstone_a_claim_is_learned_again_while_it_is_given_away() {
    breaks(Protocol { hand_overs: 1, without: Some(Rule::Tombstone), ..two() }, ONE_OWNER);
}

#[test]
fn with_a_timer_of_its_own_a_claim_outlives_its_nodes_lease() {
    breaks(Protocol { hand_overs: 1, losses: 0, without: Some(Rule::NodeLease), ..two() }, ONE_OWNER);
}

#[test]
fn a_death_declared_for_what_is_long_past_kills_the_living() {
    breaks(Protocol { without: Some(Rule::CompareSeq), ..two() }, ONE_OWNER);
}

#[test]
fn without_the_fence_a_paused_owner_writes_over_its_successor() {
    breaks(Protocol { writes: 1, without: Some(Rule::Fence), ..two() }, NO_STALE_WRITE);
}
