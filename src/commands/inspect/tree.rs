//! How actors are shown: each below who supervises it.

use std::collections::{BTreeMap, BTreeSet};

use super::Actor;
use crate::terminal;

/// The most characters of an error in the table; the actor's own sheet has it whole.
const ERROR: usize = 60;

const HEADS: [&str; 12] =
    ["actor", "kind", "node", "state", "mailbox", "handled", "rate/s", "p50", "p99", "restarts", "epoch", "last error"];

/// Everybody in a table, children below and to the right of their parent.
pub(super) fn table(actors: Vec<Actor>) -> String {
    let rows: Vec<_> = in_order(&actors).into_iter().map(|(depth, actor)| row(depth, actor)).collect();
    // The node says itself only where there are several.
    let nodes: BTreeSet<&str> = actors.iter().map(|actor| actor.node.as_str()).collect();
    let alone = nodes.len() < 2;
    let kept = |column: &usize| !(alone && HEADS[*column] == "node");
    let heads: Vec<_> = (0..HEADS.len()).filter(kept).map(|column| HEADS[column].to_owned()).collect();
    let rows: Vec<Vec<_>> = rows.into_iter().map(|row| (0..row.len()).filter(kept).map(|column| row[column].clone()).collect()).collect();
    terminal::rows(&heads, &rows) + &format!("{} actors\n", actors.len())
}

/// One actor, a line for each thing that is known of it.
pub(super) fn sheet(actor: &Actor) -> String {
    let cells = row(0, &Actor { last_error: None, ..actor.clone() });
    let mut text = String::new();
    for (head, cell) in HEADS.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        text += &format!("{head:12}{cell}\n");
    }
    if let Some(parent) = &actor.parent {
        text += &format!("{:12}{}\n", "parent", terminal::plain(parent));
    }
    if let Some(error) = &actor.last_error {
        text += &format!("{:12}{}\n", "last error", terminal::plain(error));
    }
    text
}

/// Parents before children, with how deep each is; who has no parent here stands at the left.
fn in_order(actors: &[Actor]) -> Vec<(usize, &Actor)> {
    let keys: BTreeSet<_> = actors.iter().map(|actor| (actor.node.as_str(), actor.key.as_str())).collect();
    let mut below: BTreeMap<_, Vec<&Actor>> = BTreeMap::new();
    let mut waiting = Vec::new();
    for actor in actors {
        let above = actor.parent.as_deref().map(|parent| (actor.node.as_str(), parent));
        match above.filter(|above| keys.contains(above) && above.1 != actor.key) {
            Some(parent) => below.entry(parent).or_default().push(actor),
            None => waiting.push((0, actor)),
        }
    }
    waiting.reverse();
    let mut ordered = Vec::new();
    while let Some((depth, actor)) = waiting.pop() {
        ordered.push((depth, actor));
        let children = below.remove(&(actor.node.as_str(), actor.key.as_str())).unwrap_or_default();
        waiting.extend(children.into_iter().rev().map(|child| (depth + 1, child)));
    }
    // Who supervises each other in a circle, which nobody should, is shown all the same.
    ordered.extend(below.into_values().flatten().map(|actor| (0, actor)));
    ordered
}

fn row(depth: usize, actor: &Actor) -> [String; 12] {
    let plain = terminal::plain;
    let branch = if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
    let error: String = plain(actor.last_error.as_deref().unwrap_or_default()).chars().take(ERROR).collect();
    [
        format!("{branch}{}", plain(&actor.key)),
        plain(&actor.kind),
        plain(&actor.node),
        plain(&actor.state),
        actor.mailbox.to_string(),
        actor.handled.to_string(),
        format!("{:.1}", actor.rate),
        time(actor.p50_us),
        time(actor.p99_us),
        actor.restarts.to_string(),
        actor.epoch.map(|epoch| epoch.to_string()).unwrap_or_default(),
        error,
    ]
}

/// Microseconds as a person reads them.
fn time(micros: f64) -> String {
    match micros {
        none if none <= 0.0 => "–".to_owned(),
        short if short < 1000.0 => format!("{short:.0} µs"),
        long if long < 1_000_000.0 => format!("{:.1} ms", long / 1000.0),
        longer => format!("{:.1} s", longer / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(key: &str, parent: Option<&str>) -> Actor {
        Actor { key: key.into(), parent: parent.map(str::to_owned), ..Actor::default() }
    }

    fn shown(actors: &[Actor]) -> Vec<String> {
        in_order(actors).into_iter().map(|(depth, actor)| format!("{depth} {}", actor.key)).collect()
    }

    #[test]
    fn children_stand_below_their_parent() {
        let actors = [
            actor("channel:a", Some("node")),
            actor("community:1", Some("node")),
            actor("host:1:basics", Some("community:1")),
            actor("node", None),
            actor("stray", Some("who left")),
        ];
        assert_eq!(shown(&actors), ["0 node", "1 channel:a", "1 community:1", "2 host:1:basics", "0 stray"]);
        assert!(table(actors.to_vec()).contains("\n  └ host:1:basics"));
    }

    #[test]
    fn nobody_is_lost_in_a_circle() {
        let circle = [actor("a", Some("b")), actor("b", Some("a")), actor("c", Some("c"))];
        assert_eq!(shown(&circle).len(), 3);
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!([0.0, 12.4, 1500.0, 2_000_000.0].map(time), ["–", "12 µs", "1.5 ms", "2.0 s"]);
    }
}
