//! What a streamer may rely on, step by step and for any story.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

const PATIENCE: i64 = 300_000;

fn queue(order: Order) -> Queue<()> {
    Queue::new(Rules { order, capacity: 3, patience: PATIENCE, attempts: 3 }, 0)
}

fn entry(id: &str, seq: i64, priority: u8, stays: Option<i64>, arrived: i64) -> Entry<()> {
    Entry { id: id.into(), seq, priority, stays, arrived, body: () }
}

fn shown<T>(queue: &Queue<T>, now: i64) -> Option<&str> {
    queue.showing(now).map(|(entry, _)| entry.id.as_str())
}

#[test]
fn tickers_come_one_at_a_time_by_priority_then_arrival() {
    let mut queue = queue(Order::InTurn);
    queue.pages(1, 0);
    assert_eq!(queue.push(entry("first", 1, 5, Some(1000), 0), 0), [Change::Show]);
    assert_eq!(queue.push(entry("low", 2, 10, Some(1000), 0), 0), []);
    assert_eq!(queue.push(entry("high", 3, 1, Some(1000), 0), 0), []);
    let mut order = Vec::new();
    while let Some(next) = queue.next() {
        order.push(shown(&queue, next - 1).expect("something shows until then").to_owned());
        queue.step(next);
    }
    assert_eq!(order, ["first", "high", "low"]);
    assert!(queue.is_empty());
}

#[test]
fn a_full_queue_drops_the_newest_of_the_lowest_priority() {
    let mut queue = queue(Order::InTurn);
    queue.pages(1, 0);
    for (seq, priority) in [(0, 5), (1, 5), (2, 10), (3, 10)] {
        queue.push(entry(&seq.to_string(), seq, priority, Some(1000), 0), 0);
    }
    assert_eq!(queue.push(entry("late and low", 4, 10, Some(1000), 0), 0), [Change::Over("late and low".into(), Why::Overflow)]);
    assert_eq!(queue.push(entry("urgent", 5, 1, Some(1000), 0), 0), [Change::Over("3".into(), Why::Overflow)]);
    assert_eq!((queue.waiting(), queue.dropped()), (3, 2));
}

#[test]
fn a_card_replaces_the_former_and_a_panel_stays_until_replaced() {
    let mut queue = queue(Order::Newest);
    queue.pages(1, 0);
    queue.push(entry("a", 1, 5, None, 0), 0);
    assert_eq!((shown(&queue, i64::MAX), queue.next()), (Some("a"), None));
    assert_eq!(queue.push(entry("b", 2, 5, Some(500), 10), 10), [Change::Over("a".into(), Why::Replaced), Change::Show]);
    assert_eq!(queue.step(510), [Change::Over("b".into(), Why::Shown)]);
    assert_eq!(shown(&queue, 510), None);
}

#[test]
fn nothing_is_shown_to_an_empty_room_and_its_time_is_over_after_a_while() {
    let mut queue = queue(Order::InTurn);
    assert_eq!(queue.push(entry("early", 1, 5, Some(1000), 0), 0), []);
    assert_eq!(queue.push(entry("later", 2, 5, Some(1000), 200_000), 200_000), []);
    assert_eq!(queue.next(), Some(PATIENCE));
    assert_eq!(queue.step(PATIENCE), [Change::Over("early".into(), Why::Expired)]);
    assert_eq!(queue.pages(1, PATIENCE + 1), [Change::Show]);
    assert_eq!(shown(&queue, PATIENCE + 1), Some("later"));
}

#[test]
fn a_page_that_comes_later_is_told_what_shows_and_for_how_long_already() {
    let mut queue = queue(Order::InTurn);
    queue.pages(1, 0);
    queue.push(entry("a", 1, 5, Some(10_000), 0), 0);
    assert_eq!(queue.showing(4000).map(|(entry, elapsed)| (entry.id.as_str(), elapsed)), Some(("a", 4000)));
    assert_eq!(queue.pages(2, 4000), []);
}

#[test]
fn what_nobody_acknowledged_is_shown_again_and_what_was_acknowledged_runs_on() {
    let mut queue = queue(Order::InTurn);
    queue.pages(1, 0);
    queue.push(entry("a", 1, 5, Some(10_000), 0), 0);
    assert_eq!(queue.unacknowledged(), Some("a"));
    queue.pages(0, 5000);
    assert_eq!(shown(&queue, 5000), None);
    assert_eq!(queue.pages(1, 60_000), [Change::Show]);
    assert_eq!(queue.showing(60_000).map(|(_, elapsed)| elapsed), Some(0));
    assert_eq!(queue.acknowledge("a", 61_000), [Change::Acknowledged("a".into())]);
    assert_eq!(queue.acknowledge("a", 61_000), []);
    queue.pages(0, 62_000);
    assert_eq!(queue.pages(1, 64_000), []);
    assert_eq!(queue.showing(64_000).map(|(_, elapsed)| elapsed), Some(4000));
    assert_eq!(queue.step(70_000), [Change::Over("a".into(), Why::Shown)]);
}

#[test]
fn an_item_that_is_never_acknowledged_is_not_shown_for_ever() {
    let mut queue = queue(Order::InTurn);
    queue.push(entry("a", 1, 5, Some(10_000), 0), 0);
    let mut shows = 0;
    for round in 0..10 {
        shows += queue.pages(1, round * 100).iter().filter(|change| **change == Change::Show).count();
        queue.pages(0, round * 100 + 50);
    }
    assert_eq!(shows, 3);
    assert!(queue.is_empty());
}

#[test]
fn the_same_item_twice_is_one_item() {
    let mut queue = queue(Order::InTurn);
    queue.push(entry("a", 1, 5, Some(1000), 0), 0);
    assert_eq!(queue.push(entry("a", 2, 1, Some(1000), 0), 0), []);
    assert_eq!(queue.waiting(), 1);
}

#[derive(Clone, Debug)]
enum Deed {
    Push { priority: u8, stays: Option<i64> },
    Pages(usize),
    Acknowledge,
    Pass(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (1u8..=10, prop::option::weighted(0.9, 1i64..20_000)).prop_map(|(priority, stays)| Deed::Push { priority, stays }),
        1 => (0usize..3).prop_map(Deed::Pages),
        1 => Just(Deed::Acknowledge),
        2 => (0i64..400_000).prop_map(Deed::Pass),
    ]
}

proptest! {
    #[test]
    fn every_item_ends_at_most_once_is_bounded_and_in_order(in_turn in any::<bool>(), deeds in prop::collection::vec(deed(), 1..80)) {
        let order = if in_turn { Order::InTurn } else { Order::Newest };
        let mut queue = queue(order);
        let (mut now, mut seq, mut pages) = (0, 0, 0);
        let mut over = HashSet::new();
        let mut pushed: HashMap<String, u8> = HashMap::new();
        for deed in deeds {
            let changes = match deed {
                Deed::Push { priority, stays } => {
                    seq += 1;
                    pushed.insert(seq.to_string(), priority);
                    queue.push(entry(&seq.to_string(), seq, priority, stays, now), now)
                }
                Deed::Pages(count) => { pages = count; queue.pages(count, now) }
                Deed::Acknowledge => {
                    let id = queue.unacknowledged().unwrap_or("none").to_owned();
                    queue.acknowledge(&id, now)
                }
                Deed::Pass(time) => { now += time; queue.step(now) }
            };
            for change in &changes {
                if let Change::Over(id, why) = change {
                    prop_assert!(over.insert(id.clone()), "{id} ended twice");
                    prop_assert!(*why != Why::Overflow || in_turn);
                }
            }
            let showing = queue.showing(now).map(|(entry, elapsed)| (entry.clone(), elapsed));
            if changes.contains(&Change::Show) {
                let (entry, elapsed) = showing.clone().expect("what is announced shows");
                prop_assert!(pages > 0 && elapsed == 0);
                let best = queue.waiting.keys().next().copied();
                prop_assert!(best.is_none_or(|best| (entry.priority, entry.seq) < best), "an earlier one waits");
            }
            if let Some((entry, elapsed)) = showing {
                prop_assert!(!over.contains(&entry.id));
                prop_assert!(entry.stays.is_none_or(|stays| elapsed < stays));
            } else {
                prop_assert!(pages == 0 || queue.waiting() == 0, "somebody watches and nothing shows");
            }
            prop_assert!(queue.waiting() <= 3);
            let held = queue.waiting() + usize::from(queue.showing.is_some());
            prop_assert_eq!(held + over.len(), pushed.len(), "an item was lost");
            prop_assert!(queue.next().is_none_or(|next| next > now), "a step was due and not taken");
        }
    }
}
