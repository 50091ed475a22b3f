//! Commands that run elsewhere in a cluster: made at any node, typed at any node, answered later at any node.

use serde_json::{Value, json};
use waddlebot_testbed::eventually;

use crate::rig::{Cluster, LIMIT, Node, meet};
use crate::target::Target;

fn does(node: &Node, method: &str, path: &str, body: &Value) -> Value {
    let reply = node.asks(method, path, body).expect("the node answers");
    serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{}: no JSON: {}", node.id, reply.body))
}

#[test]
fn a_command_made_changed_or_removed_at_one_node_is_so_at_all_when_it_is_answered() {
    let (cluster, target) = (Cluster::new(), Target::start());
    let nodes = cluster.nodes(2);
    meet(&nodes);
    // The first to hear something serves the community.
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    let made = does(&nodes[1], "POST", "/router/commands", &json!({"command": "#weather", "location_url": target.url("/first")}));
    assert_eq!(made["success"], true, "{made}");
    for node in &nodes {
        assert_eq!(node.hears("lobby", "#weather"), "at /first", "{}", node.id);
    }
    let path = format!("/router/commands/{}", made["command_id"]);
    does(&nodes[1], "PUT", &path, &json!({"location_url": target.url("/second")}));
    assert_eq!(nodes[0].hears("lobby", "#weather"), "at /second");
    let everybodys = json!({"command": "#news", "community_id": 1, "location_url": target.url("/news")});
    assert_eq!(does(&nodes[1], "POST", "/router/commands", &everybodys)["success"], true);
    assert_eq!(nodes[0].hears("lobby", "#news"), "at /news");

    let sent = target.seen("/news")[0].clone();
    assert_eq!(sent.header("X-WaddleBot-Source"), "router");
    let later = json!({
        "session_id": sent.body["session_id"], "execution_id": sent.body["execution_id"], "module_name": "news", "success": true,
        "response_action": "chat", "chat_message": "more news later",
    });
    let taken = does(&nodes[1], "POST", "/router/responses", &later);
    assert_eq!(taken["success"], true, "{taken}");
    eventually("the later answer is said", LIMIT, || {
        nodes.iter().any(|node| does(node, "GET", "/api/v1/local/lobby/messages", &Value::Null).to_string().contains("more news later"))
    });
    does(&nodes[1], "DELETE", &path, &Value::Null);
    assert_eq!(nodes[0].hears("lobby", "#weather"), "@ana I know no command #weather. Try !help");
}
