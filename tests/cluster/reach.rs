//! Whoever hears something, who serves the community answers; whoever dies, somebody else does.

use std::time::Instant;

use waddlebot_testbed::eventually_some;

use crate::rig::{Cluster, LIMIT, Node, meet, replies};

/// The community that every room belongs to at first.
const HOME: &str = "community:2";

fn at<'a>(nodes: &'a mut [Node], id: &str) -> &'a mut Node {
    nodes.iter_mut().find(|node| node.id == id).expect("a node of that name")
}

#[test]
fn what_is_said_at_any_node_is_answered_by_the_one_that_serves_the_room() {
    let cluster = Cluster::new();
    let nodes = cluster.nodes(3);
    meet(&nodes);
    for (turn, node) in nodes.iter().enumerate() {
        assert_eq!(node.hears("lobby", &format!("!ping {turn}")), format!("pong {turn}"));
        let kept = node.hears("lobby", &format!("!memories add quote \"number {turn}\" somebody"));
        assert!(kept.starts_with(&format!("Kept as #{}", turn + 1)), "{kept}");
    }
    assert_eq!(cluster.sql("SELECT count(DISTINCT claimed_by) FROM coordination WHERE claimed_by IS NOT NULL"), "1");
    // The same message at another node is the same message.
    for node in &nodes {
        let answer = node.says("lobby", "!memories add quote \"only once\" somebody", "same").unwrap();
        assert!(replies(&answer).starts_with("Kept as #4"), "{answer}");
    }
    let list = nodes[0].hears("lobby", "!memories list");
    assert!(list.starts_with("quotes (4)"), "{list}");
}

#[test]
fn a_killed_owner_is_replaced_and_nothing_is_doubled() {
    let cluster = Cluster::new();
    let mut nodes = cluster.nodes(3);
    meet(&nodes);
    assert!(nodes[0].hears("lobby", "!memories add quote \"one\" somebody").starts_with("Kept as #1"));
    let owner = cluster.owner(HOME);
    at(&mut nodes, &owner).bot().kill_9();
    let killed = now();
    let other = nodes.iter().find(|node| node.id != owner).expect("another node");
    let said = || other.says("lobby", "!memories add quote \"two\" somebody", "m2").ok().map(|answer| replies(&answer));
    let answer = eventually_some("somebody else answers", LIMIT, || said().filter(|text| !text.is_empty()));
    let took = killed.elapsed();
    println!("answered elsewhere after {took:?}");
    assert!(answer.starts_with("Kept as #2"), "{answer}");
    assert!(took < LIMIT, "{took:?}");
    for node in nodes.iter().filter(|node| node.id != owner) {
        let list = node.hears("lobby", "!memories list");
        assert!(list.starts_with("quotes (2)"), "{}: {list}", node.id);
    }
    // The dead one comes back and belongs to the others.
    at(&mut nodes, &owner).start();
    meet(&nodes);
    assert!(at(&mut nodes, &owner).hears("lobby", "!memories list").starts_with("quotes (2)"));
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is what is measured")]
fn now() -> Instant {
    Instant::now()
}
