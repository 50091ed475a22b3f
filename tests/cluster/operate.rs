//! What an operator does from any node: look at the cluster, drain a node, move a community, clear an error, look at every actor.

use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{eventually, eventually_some, get};

use crate::rig::{Cluster, LIMIT, Node, meet};

fn does(node: &Node, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let reply = node.asks(method, path, body).expect("the node answers");
    let answer = serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{}: no JSON: {}", node.id, reply.body));
    (reply.status, answer)
}

fn row(node: &Node, of: &str) -> Value {
    let (_, status) = does(node, "GET", "/api/v1/cluster", &Value::Null);
    status["nodes"].as_array().and_then(|all| all.iter().find(|one| one["node"] == of).cloned()).unwrap_or_default()
}

#[test]
fn a_community_is_moved_and_a_node_drained_from_any_node() {
    let cluster = Cluster::new();
    let nodes = cluster.nodes(2);
    meet(&nodes);
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    assert_eq!(cluster.owner("community:2"), "n1");
    let (status, whole) = does(&nodes[1], "GET", "/api/v1/cluster", &Value::Null);
    assert_eq!((status, &whole["here"], &whole["errors"]), (200, &json!("n2"), &json!(0)), "{whole}");
    assert_eq!((&row(&nodes[1], "n1")["state"], &row(&nodes[1], "n1")["claims"]["community"]), (&json!("up"), &json!(1)));

    // Asked at who does not have it, by the name of its channel.
    let (status, moved) = does(&nodes[1], "POST", "/api/v1/cluster/claims/move", &json!({"entity": "local:lobby", "to": "n2"}));
    assert_eq!((status, &moved["moved"]), (200, &json!(2)), "{moved}");
    assert_eq!(cluster.owner("community:2"), "n2");
    for node in &nodes {
        assert_eq!(node.hears("lobby", "!ping"), "pong", "{}", node.id);
    }
    let (_, again) = does(&nodes[0], "POST", "/api/v1/cluster/claims/move", &json!({"entity": "community:2", "to": "n2"}));
    assert_eq!(again["moved"], json!(0));
    for (body, code) in [
        (json!({"entity": "community:99", "to": "n1"}), 404),
        (json!({"entity": "community:2", "to": "nobody"}), 404),
        (json!({"entity": "community:2"}), 400),
    ] {
        assert_eq!(does(&nodes[0], "POST", "/api/v1/cluster/claims/move", &body).0, code, "{body}");
    }
    let (_, history) = does(&nodes[0], "GET", "/api/v1/cluster/history?entity=community:2", &Value::Null);
    assert_eq!(
        (&history["total"], &history["history"][0]["node"], &history["history"][1]["node"]),
        (&json!(2), &json!("n2"), &json!("n1"))
    );

    // Drained it stays up, says that it is not ready, serves nothing, and still answers for everybody.
    assert_eq!(does(&nodes[0], "POST", "/api/v1/cluster/nodes/n2/drain", &Value::Null).0, 200);
    eventually("all is handed over", LIMIT, || row(&nodes[0], "n2")["claims"] == json!({}));
    assert_eq!(row(&nodes[0], "n2")["state"], json!("draining"));
    assert_eq!(get(nodes[1].address(), "/health/ready").unwrap().status, 503);
    assert_eq!(nodes[1].hears("lobby", "!ping"), "pong");
    assert_eq!(cluster.owner("community:2"), "n1");
    let (status, last) = does(&nodes[0], "POST", "/api/v1/cluster/nodes/n1/drain", &Value::Null);
    assert_eq!((status, &last["error"]["code"]), (409, &json!("conflict")), "somebody must be left");
    assert_eq!(does(&nodes[0], "POST", "/api/v1/cluster/claims/move", &json!({"entity": "community:2", "to": "n2"})).0, 404);
    assert_eq!(does(&nodes[0], "POST", "/api/v1/cluster/nodes/n2/undrain", &Value::Null).0, 200);
    assert_eq!((row(&nodes[0], "n2")["state"].clone(), get(nodes[1].address(), "/health/ready").unwrap().status), (json!("up"), 200));
    assert_eq!(does(&nodes[0], "POST", "/api/v1/cluster/claims/move", &json!({"entity": "community:2", "to": "n2"})).0, 200);
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    assert_eq!(cluster.owner("community:2"), "n2");
}

#[test]
fn what_failed_too_often_is_seen_and_cleared() {
    let cluster = Cluster::new();
    let nodes = cluster.nodes(2);
    meet(&nodes);
    cluster.sql("INSERT INTO communities (id, name, created_at) VALUES (100, 'c', 0)");
    cluster.sql("INSERT INTO coordination (entity_id, status, error_message) VALUES ('community:100', 'error', 'it broke')");
    let (_, whole) = does(&nodes[1], "GET", "/api/v1/cluster", &Value::Null);
    assert_eq!((&whole["errors"], &whole["failed"][0]["error"]), (&json!(1), &json!("it broke")), "{whole}");
    let (_, found) = does(&nodes[0], "GET", "/api/v1/cluster/claims?failed=true&search=100", &Value::Null);
    assert_eq!((&found["total"], &found["claims"][0]["node"]), (&json!(1), &json!("")));
    let clear = || does(&nodes[1], "POST", "/api/v1/cluster/claims/clear", &json!({"entity": "community:100"})).0;
    assert_eq!((clear(), clear()), (200, 404));
    eventually("somebody serves it", LIMIT, || !cluster.owner("community:100").is_empty());
}

#[test]
fn the_inspector_shows_all_nodes_and_says_which_does_not_answer() {
    let cluster = Cluster::new();
    let mut nodes = cluster.nodes(2);
    meet(&nodes);
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    let (_, all) = does(&nodes[1], "GET", "/admin/actors", &Value::Null);
    let of = |node: &str| all["actors"].as_array().unwrap().iter().filter(|actor| actor["node"] == node).count();
    assert!(of("n1") > 3 && of("n2") > 3, "{all}");
    assert!(all["actors"].as_array().unwrap().iter().any(|actor| actor["key"] == "local:lobby" && actor["node"] == "n1"), "{all}");
    assert_eq!(all["nodes"].as_array().unwrap().len(), 2);
    let (status, one) = does(&nodes[1], "GET", "/admin/actors/local:lobby", &Value::Null);
    assert_eq!((status, &one["actor"]["node"]), (200, &json!("n1")));
    assert!(one["memory"].is_object(), "{one}");
    let (_, steward) = does(&nodes[1], "GET", "/admin/actors/placement?node=n1", &Value::Null);
    assert_eq!((&steward["actor"]["node"], &steward["memory"]["held"]), (&json!("n1"), &json!(2)), "{steward}");
    assert_eq!(does(&nodes[1], "GET", "/admin/actors/nobody", &Value::Null).0, 404);

    // One that stands still is named; the others answer all the same.
    nodes[0].bot().pause();
    let told = eventually_some("it is told", Duration::from_secs(20), || {
        let (_, all) = does(&nodes[1], "GET", "/admin/actors", &Value::Null);
        all["nodes"].as_array().unwrap().iter().find(|node| node["node"] == "n1" && node["actors"].is_null()).cloned()
    });
    assert!(told["why"].as_str().is_some_and(|why| !why.is_empty()), "{told}");
    nodes[0].bot().resume();
}
