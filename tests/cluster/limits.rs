//! How often somebody used a command goes with the channel to the node that serves it next.

use waddlebot_testbed::eventually;

use crate::rig::{Cluster, LIMIT, meet, replies};

#[test]
fn a_move_gives_nobody_their_uses_back() {
    let cluster = Cluster::new();
    let mut nodes: Vec<_> = ["n1", "n2"].map(|id| cluster.node(id)).into();
    nodes.iter_mut().for_each(|node| node.start_with(&[("ROUTER_DEFAULT_RATE_LIMIT", "60")]));
    meet(&nodes);
    nodes[0].hears("lobby", "!ping first");
    let owner = cluster.owner("community:2");
    let at = nodes.iter().position(|node| node.id == owner).unwrap();
    let mut going = nodes.swap_remove(at);
    let other = &nodes[0];
    let mut used = 1;
    while going.hears("lobby", "!ping") == "pong" {
        used += 1;
        assert!(used <= 60, "nothing is limited");
    }
    assert_eq!(used, 60);
    assert!(going.bot().terminate().success());
    // As long as nobody serves the room, nothing is answered at all.
    let mut answer = String::new();
    eventually("the other answers", LIMIT, || {
        answer = other.says("lobby", "!ping", "").map(|answer| replies(&answer)).unwrap_or_default();
        !answer.is_empty()
    });
    assert!(answer.contains("too fast"), "{answer}");
    assert_eq!(cluster.owner("community:2"), other.id);
    assert_eq!(replies(&other.says("lobby", "!help ping", "").unwrap()).split(' ').next(), Some("!ping"), "other commands go on");
}
