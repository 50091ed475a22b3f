//! From when to when each node believed that it may act for an entity, read from what it logged.

use std::collections::HashMap;

/// A stretch of time, in milliseconds of the boot clock, which all processes of a machine share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Belief {
    pub(super) entity: String,
    pub(super) node: String,
    pub(super) incarnation: i64,
    pub(super) epoch: i64,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// One line of a node's log that is about what it believes.
enum Told<'a> {
    Acts { incarnation: i64, until: u64 },
    StandsStill,
    Holds { entity: &'a str, incarnation: i64, epoch: i64 },
    LetsGo { entity: &'a str },
}

/// A node's beliefs from its log and the times at which its process was seen to have ended. `end` is when the log was read.
pub(super) fn beliefs(node: &str, log: &str, ended: &[u64], end: u64) -> Vec<Belief> {
    let mut told: Vec<_> = log.lines().filter_map(read).map(|(at, told)| (at, Some(told))).collect();
    told.extend(ended.iter().chain([&end]).map(|at| (*at, None)));
    // Lines of several threads may stand a little out of order; the sort is stable.
    told.sort_by_key(|(at, _)| *at);
    let (mut window, mut held) = (None, HashMap::new());
    let (mut windows, mut holds) = (Vec::new(), Vec::new());
    for (at, told) in told {
        let shut = |window: &mut Option<(i64, u64, u64)>, windows: &mut Vec<(i64, u64, u64)>| {
            if let Some((incarnation, from, until)) = window.take() {
                windows.push((incarnation, from, until.min(at)));
            }
        };
        match told {
            Some(Told::Acts { incarnation, until }) => {
                shut(&mut window, &mut windows);
                window = Some((incarnation, at, until));
            }
            Some(Told::StandsStill) => shut(&mut window, &mut windows),
            Some(Told::Holds { entity, incarnation, epoch }) => {
                if let Some((incarnation, epoch, from)) = held.insert(entity, (incarnation, epoch, at)) {
                    holds.push((entity, incarnation, epoch, from, at));
                }
            }
            Some(Told::LetsGo { entity }) => {
                if let Some((incarnation, epoch, from)) = held.remove(entity) {
                    holds.push((entity, incarnation, epoch, from, at));
                }
            }
            None => {
                shut(&mut window, &mut windows);
                holds.extend(held.drain().map(|(entity, (incarnation, epoch, from))| (entity, incarnation, epoch, from, at)));
            }
        }
    }
    let both = |(entity, life, epoch, from, to): &(&str, i64, i64, u64, u64)| {
        let (entity, life, epoch, from, to) = ((*entity).to_owned(), *life, *epoch, *from, *to);
        let open = windows.iter().filter(move |(incarnation, ..)| *incarnation == life);
        let stretches = open.map(|(_, opened, shut)| (from.max(*opened), to.min(*shut))).filter(|(from, to)| from < to);
        let belief = |(from, to)| Belief { entity: entity.clone(), node: node.to_owned(), incarnation: life, epoch, from, to };
        stretches.map(belief).collect::<Vec<_>>()
    };
    holds.iter().flat_map(both).collect()
}

fn read(line: &str) -> Option<(u64, Told<'_>)> {
    let (_, text) = line.split_once("belief: ")?;
    let field = |name: &str| text.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str| field(name)?.parse::<i64>().ok();
    let at = u64::try_from(number("at_ms")?).ok()?;
    let told = if text.starts_with("acts") {
        Told::Acts { incarnation: number("incarnation")?, until: u64::try_from(number("until_ms")?).ok()? }
    } else if text.starts_with("stands still") {
        Told::StandsStill
    } else if text.starts_with("holds") {
        Told::Holds { entity: field("entity")?, incarnation: number("incarnation")?, epoch: number("epoch")? }
    } else {
        Told::LetsGo { entity: field("entity")? }
    };
    Some((at, told))
}

#[test]
fn a_belief_lasts_while_a_claim_is_held_and_the_lease_allows_it() {
    let log = "\
[t] DEBUG m SYSTEM belief: acts incarnation=1 at_ms=100 until_ms=500
[t] DEBUG m SYSTEM belief: holds entity=community:2 incarnation=1 epoch=3 at_ms=150
[t] INFO m SYSTEM something else
[t] DEBUG m SYSTEM belief: acts incarnation=1 at_ms=300 until_ms=700
[t] DEBUG m SYSTEM belief: stands still at_ms=900
[t] DEBUG m SYSTEM belief: acts incarnation=2 at_ms=1000 until_ms=5000
[t] DEBUG m SYSTEM belief: holds entity=community:3 incarnation=2 epoch=9 at_ms=1100
[t] DEBUG m SYSTEM belief: lets go entity=community:3 incarnation=2 epoch=9 at_ms=1200
[t] DEBUG m SYSTEM belief: holds entity=community:4 incarnation=2 epoch=1 at_ms=1300";
    let found: Vec<_> = beliefs("n1", log, &[1400], 9000).into_iter().map(|it| (it.entity, it.incarnation, it.from, it.to)).collect();
    let wanted =
        [("community:2", 1, 150, 300), ("community:2", 1, 300, 700), ("community:3", 2, 1100, 1200), ("community:4", 2, 1300, 1400)];
    for (entity, incarnation, from, to) in wanted {
        assert!(found.contains(&(entity.to_owned(), incarnation, from, to)), "{entity} {from}-{to} is not in {found:?}");
    }
    assert_eq!(found.len(), wanted.len(), "{found:?}");
}
