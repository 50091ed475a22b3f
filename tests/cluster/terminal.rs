//! Looking after the cluster from a terminal and from the hub: the same deeds by other hands, and by nobody who is no admin.

use std::time::Duration;

use fantoccini::Locator;
use serde_json::{Value, json};
use waddlebot_testbed::{Browser, Deadline, eventually, request};

use crate::rig::{Cluster, LIMIT, Node, meet};

fn says(cluster: &Cluster, at: &Node, args: &[&str]) -> String {
    let url = format!("http://{}", at.address());
    cluster.runs(&[&["cluster", "--url", &url, "--key", &cluster.key], args].concat())
}

fn json_of(cluster: &Cluster, at: &Node, args: &[&str]) -> Value {
    let printed = says(cluster, at, &[args, &["--json"]].concat());
    serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{args:?}: no JSON: {printed}"))
}

#[test]
fn a_terminal_shows_the_cluster_and_moves_a_community() {
    let cluster = Cluster::new();
    let nodes = cluster.nodes(2);
    meet(&nodes);
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    let whole = json_of(&cluster, &nodes[1], &["status"]);
    assert_eq!(
        (&whole["here"], &whole["nodes"][0]["node"], &whole["nodes"][1]["state"]),
        (&json!("n2"), &json!("n1"), &json!("up")),
        "{whole}"
    );
    let shown = says(&cluster, &nodes[1], &["status"]);
    assert!(shown.contains("n2 (here)") && shown.contains("1 channel, 1 community"), "{shown}");
    assert_eq!(json_of(&cluster, &nodes[1], &["move", "local:lobby", "n2"])["moved"], json!(2));
    assert_eq!(cluster.owner("community:2"), "n2");
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    let found = json_of(&cluster, &nodes[0], &["claims", "--search", "lobby", "--node", "n2"]);
    assert_eq!((&found["total"], &found["claims"][0]["epoch"]), (&json!(1), &json!(2)), "{found}");
    let before = json_of(&cluster, &nodes[0], &["history", "local:lobby"]);
    assert_eq!((&before["history"][0]["node"], &before["history"][1]["node"]), (&json!("n2"), &json!("n1")), "{before}");
}

#[test]
fn only_an_admin_looks_after_the_cluster() {
    let cluster = Cluster::new();
    let node = &cluster.nodes(1)[0];
    let document: Value = serde_json::from_str(&node.asks("GET", "/openapi.json", &Value::Null).unwrap().body).unwrap();
    let ours = document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/cluster"));
    let all: Vec<_> = ours
        .flat_map(|(path, it)| {
            let whole = format!("{}{path}", it["servers"][0]["url"].as_str().unwrap());
            let verbs = it.as_object().unwrap().keys().filter(|verb| *verb != "servers");
            verbs.map(move |verb| (verb.to_uppercase(), whole.clone()))
        })
        .collect();
    assert!(all.len() >= 7, "{all:?}");
    let roles = ["trigger", "action", "core", "user"];
    let mut keys: Vec<_> = roles.map(|role| cluster.runs(&["key", "create", "--role", role, "--name", role]).trim().to_owned()).into();
    keys.push(String::new());
    for (verb, path) in &all {
        let path = path.replace("{node}", "n1");
        for key in &keys {
            let fields = [("X-API-Key", key.as_str()), ("Content-Type", "application/json")];
            let fields = if key.is_empty() { &fields[1..] } else { &fields };
            let body = if verb == "GET" { "" } else { r#"{"entity":"community:2","to":"n1"}"# };
            let reply = request(node.address(), verb, &path, fields, body).unwrap();
            assert_eq!(reply.status, if key.is_empty() { 401 } else { 403 }, "{verb} {path}: {}", reply.body);
        }
    }
    assert_eq!(node.asks("GET", "/api/v1/cluster", &Value::Null).unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_of_any_node_moves_a_community_and_drains_a_node_without_script() {
    let cluster = Cluster::new();
    let nodes = cluster.nodes(2);
    meet(&nodes);
    assert_eq!(nodes[0].hears("lobby", "!ping"), "pong");
    cluster.sql(
        "INSERT INTO coordination (entity_id, status, error_message) VALUES ('local:a-room-with-a-very-long-name', 'error', 'it broke')",
    );
    let browser = Browser::start();
    let page = browser.open(1280, 800).await;
    page.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    let link = cluster.runs(&["login"]);
    let link = link.lines().find_map(|line| line.split_once("/login/")).unwrap().1.trim().to_owned();
    let hub = format!("http://{}", nodes[1].address());
    page.goto(&format!("{hub}/login/{link}")).await.unwrap();
    let press = async |what: &str| page.find(Locator::Css(what)).await.unwrap().click().await.unwrap();
    let notice = async |part: &str| {
        let deadline = Deadline::within(LIMIT);
        loop {
            let found = page.find(Locator::Css(".notice")).await;
            let text = if let Ok(found) = found { found.text().await.unwrap_or_default() } else { String::new() };
            if text.contains(part) {
                return;
            }
            assert!(!deadline.passed(), "the hub does not say {part:?} but {text:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    press("main button").await;
    for scheme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        page.devtools("Emulation.setEmulatedMedia", media).await;
        for (width, height) in [(1280, 800), (390, 844)] {
            page.resize(width, height).await;
            page.goto(&format!("{hub}/cluster")).await.unwrap();
            page.keep_picture(&format!("hub-two-nodes-{scheme}-{width}")).await;
            let wide = page.look("document.documentElement.scrollWidth - innerWidth").await;
            assert!(wide.as_i64().unwrap() <= 0, "it is {wide} pixels too wide for {width}");
        }
    }
    page.resize(1280, 800).await;
    page.goto(&format!("{hub}/cluster?find=community:2")).await.unwrap();
    press("[aria-label='Move community:2']").await;
    notice("It is moved").await;
    assert_eq!(cluster.owner("community:2"), "n2");
    press("[aria-label='Have n2 hand everything over']").await;
    notice("hands everything over").await;
    eventually("n1 has it again", LIMIT, || cluster.owner("community:2") == "n1");
    press("[aria-label='Let n2 take part again']").await;
    notice("takes part again").await;
    page.goto(&format!("{hub}/cluster?failed=true")).await.unwrap();
    press("[aria-label='Let local:a-room-with-a-very-long-name be served again']").await;
    notice("may be served again").await;
}
