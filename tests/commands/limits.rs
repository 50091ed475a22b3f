//! How often a command may be used, over a restart: also where the house limits nothing else.

use std::process::Command;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, free_port, request};

use crate::node::{MAY, PROGRAM};
use crate::target::Target;

#[test]
fn a_commands_own_limit_outlives_a_restart_where_the_house_has_none() {
    let (folder, target) = (tempfile::tempdir().unwrap(), Target::start());
    let data = folder.path().display().to_string();
    let made = Command::new(PROGRAM).args(["key", "create", "--role", "admin", "--name", "t", "--data", &data]).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let listen = format!("127.0.0.1:{}", free_port());
    let start = || {
        let mut bot = Bot::start(PROGRAM, &["--data", &data, "--listen", &listen], &[MAY, ("ROUTER_DEFAULT_RATE_LIMIT", "0")]);
        bot.wait_healthy();
        bot
    };
    let does = |path: &str, body: Value| -> Value {
        let fields = [("X-API-Key", key.as_str()), ("Content-Type", "application/json")];
        let reply = request(listen.parse().unwrap(), "POST", path, &fields, &body.to_string()).unwrap();
        serde_json::from_str(&reply.body).unwrap()
    };
    let says = |text: &str| {
        let event = json!({"platform": "local", "channel_id": "lobby", "user_id": "bob", "user_name": "bob", "message_content": text});
        does("/router/events", event)["status_code"].as_u64().unwrap()
    };
    let mut bot = start();
    let draft = json!({"command": "#weather", "location_url": target.url("/echo"), "type": "webhook", "rate_limit": 3});
    assert!(does("/router/commands", draft)["command_id"].is_i64());
    assert_eq!((says("#weather a"), says("#weather b")), (200, 200));
    assert!(bot.terminate().success());
    let mut bot = start();
    assert_eq!((says("#weather c"), says("#weather d")), (200, 429));
    assert!((0..70).all(|_| says("!ping") == 200), "nothing else is limited");
    assert!(bot.terminate().success());
}
