//! The API's description, held against the program that it describes.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::path::{Path, PathBuf};
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

/// Where `cargo xtask install` puts it.
fn schemathesis() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pinned = fs::read_to_string(root.join("xtask/python.txt")).unwrap();
    let version = pinned.lines().find_map(|line| line.strip_prefix("schemathesis==")).unwrap();
    let program = root.join(format!("target/tools/schemathesis-{version}/bin/schemathesis"));
    assert!(program.exists(), "schemathesis is missing: run `cargo xtask install`");
    program
}

#[test]
fn schemathesis_finds_nothing() {
    let mut bot = Bot::start(PROGRAM, &["--set", "limits.api_services=0"], &[]);
    bot.wait_healthy();
    let data = bot.data().display().to_string();
    let made = Command::new(PROGRAM).args(["key", "create", "--role", "admin", "--name", "fuzz", "--data", &data]).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("xtask/schemathesis.toml");
    let mut fuzz = Command::new(schemathesis());
    fuzz.arg("--config-file").arg(config).arg("run").arg(format!("http://{}/openapi.json", bot.address()));
    fuzz.args(["--no-color", "--header", &format!("X-API-Key: {}", key.trim())]).current_dir(bot.data());
    let done = fuzz.output().unwrap();
    // It shows bodies of any length.
    let told = String::from_utf8_lossy(&done.stdout);
    let told = told.lines().map(|line| line.chars().take(1000).collect::<String>()).collect::<Vec<_>>().join("\n");
    assert!(done.status.success(), "{told}\n{}", String::from_utf8_lossy(&done.stderr));
    // What was tried, for who reads the log of a run.
    println!("{}", told.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
    assert_eq!(bot.terminate().code(), Some(0), "and the node is as well as before");
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
