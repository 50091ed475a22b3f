//! `examples/cluster/`: its three configurations, as they stand there, are a cluster.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, Postgres, Redis, eventually, free_port, request};

use crate::rig::{LIMIT, program, replies};

const EXAMPLE: &str = "examples/cluster";

#[test]
fn the_three_configurations_of_the_example_are_a_cluster_as_its_page_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE);
    let page = fs::read_to_string(folder.join("README.md")).unwrap();
    let (server, redis) = (Postgres::shared().database(), Redis::start());
    let ports: Vec<_> = [8070, 8071, 8080, 8081, 8090, 8091].map(|port: u16| (port, free_port())).into();
    let mut changes: Vec<_> = ports.iter().map(|(port, free)| (format!("127.0.0.1:{port}"), format!("127.0.0.1:{free}"))).collect();
    // As its page says: where the database is, and here where Redis is.
    changes.push(("postgres://waddlebot@127.0.0.1/waddlebot".to_owned(), server));
    changes.push(("redis://127.0.0.1:6379".to_owned(), redis.url()));
    let place = tempfile::tempdir().unwrap();
    let mut bots: Vec<_> = ["n1", "n2", "n3"]
        .map(|name| {
            let line = format!("waddlebot run --config {EXAMPLE}/{name}.toml --data ./{name}");
            assert!(page.contains(&line), "the page does not say {line}");
            let text = fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
            let adapted = changes.iter().fold(text.clone(), |text, (before, after)| text.replace(before, after));
            let listens = adapted.lines().rfind(|line| line.starts_with("listen = ")).unwrap().split('"').nth(1).unwrap().to_owned();
            let file = place.path().join(format!("{name}.toml")).display().to_string();
            fs::write(&file, adapted).unwrap();
            let data = place.path().join(name).display().to_string();
            Bot::start(&program(), &["--config", &file, "--data", &data, "--listen", &listens], &[])
        })
        .into();
    for bot in &mut bots {
        bot.wait_healthy();
    }
    let addresses: Vec<SocketAddr> = [0, 2, 4].map(|at| format!("127.0.0.1:{}", ports[at].1).parse().unwrap()).into();
    for (port, _) in ports.iter().step_by(2) {
        assert!(page.contains(&format!("<http://127.0.0.1:{port}>")), "the page does not name the hub at {port}");
    }
    let key = key(place.path());
    let fields = [("X-API-Key", key.as_str()), ("Content-Type", "application/json")];
    let asks = |at: usize, method: &str, path: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = request(addresses[at], method, path, &fields, &body).ok()?;
        serde_json::from_str::<Value>(&reply.body).ok()
    };
    let up = |at: usize| {
        let whole = asks(at, "GET", "/api/v1/cluster", &Value::Null).unwrap_or_default();
        whole["nodes"].as_array().map_or(0, |nodes| nodes.iter().filter(|node| node["state"] == "up").count())
    };
    eventually("each sees three that are up", LIMIT, || (0..3).all(|at| up(at) == 3));
    let says = |at: usize| {
        let line = json!({"user": "ana", "role": "moderator", "text": "!ping"});
        asks(at, "POST", "/api/v1/local/lobby/messages", &line).map(|answer| replies(&answer)).unwrap_or_default()
    };
    for at in 0..3 {
        assert_eq!(says(at), "pong", "in the lobby of n{}", at + 1);
    }
    // The first row of its table: kill the one that answers.
    let whole = asks(0, "GET", "/api/v1/cluster/claims", &Value::Null).unwrap();
    let owner = whole["claims"][0]["node"].as_str().unwrap().to_owned();
    let killed = ["n1", "n2", "n3"].iter().position(|name| *name == owner).unwrap();
    bots[killed].kill_9();
    eventually("another one answers", LIMIT, || says((killed + 1) % 3) == "pong");
}

/// An admin's key, made as somebody beside the nodes would.
fn key(place: &Path) -> String {
    let (file, data) = (place.join("n1.toml").display().to_string(), place.join("commands").display().to_string());
    let args = ["key", "create", "--role", "admin", "--name", "test", "--config", &file, "--data", &data];
    let made = waddlebot_testbed::run(&program(), &args, &[], b"");
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    made.stdout.trim().to_owned()
}
