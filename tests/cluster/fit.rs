//! Which nodes belong together, and what the others are told.

use waddlebot_testbed::eventually;

use crate::rig::{Cluster, LIMIT, meet};

#[test]
fn a_node_that_does_not_fit_is_refused_and_both_sides_say_why() {
    let cluster = Cluster::new();
    let mut first = cluster.node("n1");
    first.start();
    let stranger = cluster.node("n2");
    let cases = [
        ("CLUSTER_COOKIE", "another cookie altogether", "cluster.cookie"),
        ("CLUSTER_NAME", "another", "cluster.name"),
        ("CLAIM_TIMEOUT", "9s", "lease.*"),
    ];
    for (name, value, why) in cases {
        let ended = stranger.refused(&[(name, value)]);
        assert_eq!(ended.code, Some(1), "{name}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(why), "{name}: {}", ended.stderr);
        eventually(&format!("n1 tells of {why}"), LIMIT, || first.log().contains(why));
    }
    let twin = cluster.node("twin").refused(&[("NODE_ID", "n1")]);
    assert_eq!(twin.code, Some(1), "{}{}", twin.stdout, twin.stderr);
    assert!(twin.stderr.contains("n1") && twin.stderr.contains("node.id"), "{}", twin.stderr);
    assert_eq!(first.hears("lobby", "!ping still"), "pong still");
}

#[test]
fn a_cluster_on_a_file_is_refused() {
    let cluster = Cluster::new();
    let ended = cluster.node("n1").refused(&[("DATABASE_URL", "")]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("a SQLite file is for one node alone"), "{}", ended.stderr);
}

#[test]
fn a_seed_that_is_gone_changes_nothing() {
    let cluster = Cluster::new();
    // The seed is where n1 would listen, and n1 is never started.
    let (mut two, mut three) = (cluster.node("n2"), cluster.node("n3"));
    two.start();
    three.start();
    meet(&[&two, &three]);
}
