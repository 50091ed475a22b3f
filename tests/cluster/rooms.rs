//! Rooms are the same at every node, and what is live in them is served first.

use serde_json::{Value, json};
use waddlebot_testbed::eventually;

use crate::rig::{Cluster, LIMIT, Node, meet};

/// The lines of the lobby as a node shows them.
fn lines(node: &Node) -> Vec<String> {
    let reply = node.asks("GET", "/api/v1/local/lobby/messages", &Value::Null).expect("the node answers");
    let whole: Value = serde_json::from_str(&reply.body).expect("JSON");
    let lines = whole["lines"].as_array().cloned().unwrap_or_default();
    lines
        .iter()
        .map(|line| format!("{}: {}", line["name"].as_str().unwrap_or_default(), line["text"].as_str().unwrap_or_default()))
        .collect()
}

#[test]
fn what_is_said_at_any_node_is_seen_in_the_room_at_every_node() {
    let cluster = Cluster::new();
    let mut nodes = cluster.nodes(2);
    meet(&nodes);
    let mut wanted = Vec::new();
    for turn in 0..6 {
        let text = format!("!ping {turn}");
        assert_eq!(nodes[turn % 2].hears("lobby", &text), format!("pong {turn}"));
        wanted.extend([format!("ana: {text}"), format!("WaddleBot: pong {turn}")]);
        for node in &nodes {
            eventually("every line is there", LIMIT, || lines(node).len() >= wanted.len());
            assert_eq!(lines(node), wanted, "{}: every line once, the question before its answer", node.id);
        }
    }
    // Alone it goes on, and whoever comes back sees what is said from then on.
    nodes[1].bot().kill_9();
    assert_eq!(nodes[0].hears("lobby", "!ping alone"), "pong alone");
    nodes[1].start();
    meet(&nodes);
    assert_eq!(nodes[0].hears("lobby", "!ping together"), "pong together");
    eventually("it is seen there", LIMIT, || lines(&nodes[1]) == ["ana: !ping together", "WaddleBot: pong together"]);
}

#[test]
fn a_stream_that_goes_live_is_noted_with_the_claims_and_again_when_it_ends() {
    let cluster = Cluster::new();
    let nodes = cluster.nodes(2);
    meet(&nodes);
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    let noted = |wanted: &str| {
        let rows = cluster.sql(
            "SELECT entity_id, is_live, viewer_count FROM coordination WHERE entity_id = 'community:2' OR affinity = 'community:2' ORDER BY 1",
        );
        rows == wanted
    };
    let happens = |event: Value| {
        let reply = nodes[1].asks("POST", "/api/v1/local/lobby/events", &event).expect("the node answers");
        assert_eq!(reply.status, 200, "{}", reply.body);
    };
    happens(json!({ "type": "stream_online", "user": "ana", "viewers": 42 }));
    eventually("it is live", LIMIT, || noted("community:2|t|42\nlocal:lobby|t|42"));
    happens(json!({ "type": "stream_offline", "user": "ana" }));
    eventually("it is over", LIMIT, || noted("community:2|f|0\nlocal:lobby|f|0"));
}
