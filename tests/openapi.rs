//! The API's description, held against the program that it describes.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::process::Command;

use serde_json::Value;
use waddlebot_testbed::Bot;

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

/// Each described method and address, under every prefix that it has.
fn addresses(document: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let servers = item["servers"].as_array().cloned().unwrap_or_default();
        let mut prefixes: Vec<_> = servers.iter().map(|server| server["url"].as_str().unwrap().trim_end_matches('/').to_owned()).collect();
        if prefixes.is_empty() {
            prefixes.push(String::new());
        }
        for method in item.as_object().unwrap().keys().filter(|name| *name != "servers") {
            all.extend(prefixes.iter().map(|prefix| (method.to_ascii_uppercase(), format!("{prefix}{path}"))));
        }
    }
    all
}

#[test]
fn what_is_described_is_served_and_what_is_served_is_described() {
    let mut bot = Bot::start(PROGRAM, &[], &[]);
    bot.wait_healthy();
    let served: Value = serde_json::from_str(&bot.get("/openapi.json").body).unwrap();
    let printed: Value = serde_json::from_slice(&Command::new(PROGRAM).arg("openapi").output().unwrap().stdout).unwrap();
    // The node describes the tables that it serves, the command those of its list.
    assert!(served == printed, "a table is missing in src/api/openapi.rs or in src/server.rs");
    let addresses = addresses(&served);
    assert!(addresses.len() > 40, "{addresses:?}");
    for (method, path) in addresses {
        let tried = path.replace(['{', '}'], "");
        let reply = bot.request(&method, &tried, &[], "");
        let open =
            served["paths"].as_object().unwrap().iter().any(|(known, item)| {
                path.ends_with(known.as_str()) && item[method.to_ascii_lowercase()]["security"] == Value::Array(vec![])
            });
        let wanted: &[u16] = if open { &[200] } else { &[401] };
        assert!(wanted.contains(&reply.status), "{method} {path} without a key: {} {}", reply.status, reply.body);
    }
}
