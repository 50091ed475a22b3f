//! Whatever is asked over HTTP, any node answers it: a change is made where the community is served, and counts there at once.

use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{eventually, request_within};

use crate::rig::{Cluster, LIMIT, Node, meet, replies};
use crate::target::Target;

fn does(node: &Node, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let reply = node.asks(method, path, body).expect("the node answers");
    let answer = serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{}: no JSON: {}", node.id, reply.body));
    (reply.status, answer)
}

fn says_as(node: &Node, user: &str, text: &str) -> Value {
    let line = json!({"user": user, "role": "viewer", "text": text});
    does(node, "POST", "/api/v1/local/lobby/messages", &line).1
}

#[test]
fn what_is_changed_at_one_node_counts_at_once_where_the_community_is_served() {
    let (cluster, target) = (Cluster::new(), Target::start());
    let nodes = cluster.nodes(2);
    meet(&nodes);
    let (serving, other) = (&nodes[0], &nodes[1]);
    assert_eq!(serving.hears("lobby", "!ping"), "pong");
    assert_eq!(cluster.owner("community:2"), "n1");

    // A rule, made, changed, read and removed at the other node.
    let rule = json!({"string": "cheap viewers", "action": "warn", "warning_message": "No adverts here"});
    let (status, made) = does(other, "POST", "/router/string-rules", &rule);
    assert_eq!((status, &made["success"]), (201, &json!(true)), "{made}");
    let warned = replies(&says_as(serving, "eve", "buy cheap viewers"));
    assert!(warned.contains("No adverts here"), "{warned}");
    let path = format!("/router/string-rules/{}", made["rule_id"]);
    assert_eq!(does(other, "PUT", &path, &json!({"warning_message": "Stop it"})).0, 200);
    assert!(replies(&says_as(serving, "fay", "buy cheap viewers")).contains("Stop it"));
    for node in &nodes {
        let (_, listed) = does(node, "GET", "/router/string-rules", &Value::Null);
        assert_eq!((&listed["total"], &listed["rules"][0]["warning_message"]), (&json!(1), &json!("Stop it")), "{}: {listed}", node.id);
    }
    let (status, refused) = does(other, "POST", "/router/string-rules", &json!({"string": "(", "match_type": "regex", "action": "warn"}));
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("regex_invalid")), "{refused}");
    assert_eq!(does(other, "DELETE", &path, &Value::Null).0, 200);
    assert_eq!(replies(&says_as(serving, "gus", "buy cheap viewers")), "");
    assert_eq!(does(other, "DELETE", &path, &Value::Null).0, 404);
    let (status, settings) = does(other, "PUT", "/router/string-rules/settings?community_id=2", &json!({"keeps_history": true}));
    assert_eq!(status, 200, "{settings}");

    // A role.
    let add = "!memories add quote \"a line\" somebody";
    assert_eq!(replies(&says_as(serving, "bob", add)).find("Kept"), None);
    let role = json!({"assignments": [{"entity_id": "local:lobby", "user_id": "bob", "user_name": "bob", "role": "moderator"}]});
    let (status, given) = does(other, "POST", "/router/rbac/assign_roles_bulk", &role);
    assert_eq!((status, &given["changed"]), (200, &json!(1)), "{given}");
    assert!(replies(&says_as(serving, "bob", add)).starts_with("Kept as #1"));
    let badges = json!({"vip": "moderator"});
    assert_eq!(does(other, "PUT", "/router/rbac/communities/2/badges", &badges).0, 200);
    for node in &nodes {
        assert_eq!(does(node, "GET", "/router/rbac/communities/2/badges", &Value::Null).1["vip"], json!("moderator"), "{}", node.id);
    }
    let nobody = json!({"assignments": [{"community_id": 77, "platform": "x", "user_id": "1", "role": "vip"}]});
    assert_eq!(does(other, "POST", "/router/rbac/assign_roles_bulk", &nobody).0, 404);

    // A limit, and beginning anew.
    let limit = json!({"limits": [{"command": "!ping", "rate_limit": 2, "window_seconds": 600}]});
    assert_eq!(does(other, "PUT", "/router/rate-limits/communities/2", &limit).0, 200);
    let pings = |node: &Node| (0..3).map(|_| replies(&says_as(node, "carl", "!ping"))).filter(|answer| answer == "pong").count();
    assert_eq!(pings(serving), 2);
    let (status, begun) = does(other, "DELETE", "/router/rate-limits?entity_id=local:lobby&user_id=carl", &Value::Null);
    assert_eq!(status, 200, "{begun}");
    assert_eq!(pings(serving), 2);

    // A command that runs elsewhere, a module, points.
    let command = json!({"command": "#weather", "location_url": target.url("/sun")});
    assert_eq!(does(other, "POST", "/router/commands", &command).1["success"], true);
    assert_eq!(serving.hears("lobby", "#weather"), "at /sun");
    let points = json!({"platform": "local", "user_id": "dan", "username": "dan", "points": 40, "community_id": 2});
    assert_eq!(does(other, "POST", "/api/reputation", &points).0, 200);
    assert_eq!(cluster.sql("SELECT points FROM activity_points WHERE user_id = 'dan'"), "40");
    assert_eq!(cluster.owner("community:2"), "n1", "nothing of this moves it");
}

#[test]
fn a_node_that_lost_its_lease_and_is_back_answers_for_channels_of_others_without_waiting_for_its_former_life() {
    let cluster = Cluster::new();
    let mut nodes = cluster.nodes(2);
    meet(&nodes);
    assert_eq!(nodes[1].hears("lobby", "!ping"), "pong");
    assert_eq!(cluster.owner("community:2"), "n2");
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    let life = || cluster.sql("SELECT incarnation FROM nodes WHERE node_id = 'n1'");
    let before = life();
    nodes[0].bot().pause();
    eventually("n1 is declared dead", LIMIT, || cluster.sql("SELECT state FROM nodes WHERE node_id = 'n1'") != "up");
    nodes[0].bot().resume();
    eventually("n1 lives again, in another life", LIMIT, || life() != before && nodes[0].is_ready() && nodes[0].reaches().len() == 1);
    let line = json!({"user": "bob", "role": "viewer", "text": "!ping"}).to_string();
    let fields = [("X-API-Key", cluster.key.as_str()), ("Content-Type", "application/json")];
    let path = "/api/v1/local/lobby/messages";
    let reply = request_within(Duration::from_secs(10), nodes[0].address(), "POST", path, &fields, &line).expect("it answers in time");
    assert!(reply.body.contains("pong"), "{}", reply.body);
    assert_eq!(cluster.owner("community:2"), "n2");
}
