//! One house over many starts of the real program: the same data and port, each start with its own environment.

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use waddlebot_testbed::{Bot, Reply, eventually_some, free_port, request};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

/// A data folder, a port and an admin's key.
pub(crate) struct Rig {
    folder: TempDir,
    listen: String,
    environment: Vec<(String, String)>,
    key: String,
}

impl Rig {
    /// A new house whose starts all have this environment.
    pub(crate) fn new(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut rig = Self { folder, listen: format!("127.0.0.1:{}", free_port()), environment, key: String::new() };
        rig.key = rig.runs(&["key", "create", "--role", "admin", "--name", "test"]).trim().to_owned();
        rig
    }

    /// Starts the program, with `more` in its environment, and waits until it is healthy.
    pub(crate) fn start(&self, more: &[(&str, &str)]) -> Bot {
        let mut environment: Vec<(&str, &str)> = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        environment.extend(more);
        let mut bot = Bot::start(PROGRAM, &["--data", &self.data(), "--listen", &self.listen], &environment);
        bot.wait_healthy();
        bot
    }

    /// Runs another command of the program on the same data; what it prints.
    pub(crate) fn runs(&self, args: &[&str]) -> String {
        let mut command = Command::new(PROGRAM);
        command.args(args).args(["--data", &self.data()]).env_clear();
        let done = command.envs(self.environment.iter().cloned()).output().expect("the program starts");
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("it prints text")
    }

    /// The data folder.
    pub(crate) fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Where the port is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listen.parse().expect("an address")
    }

    /// Logs the owner in to the hub; the cookie to come back with.
    pub(crate) fn log_in(&self) -> String {
        let printed = self.runs(&["login"]);
        let (_, link) = printed.trim().rsplit_once('/').expect("a link");
        let reply = request(self.address(), "POST", &format!("/login/{link}"), &[], "").expect("the hub answers");
        let cookie = reply.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    /// What `GET /health/detailed` says.
    pub(crate) fn health(&self) -> Value {
        let reply = self.asks("GET", "/health/detailed", &Value::Null).expect("health");
        serde_json::from_str(&reply.body).expect("health is JSON")
    }

    /// Sends a request with the admin's key.
    pub(crate) fn asks(&self, method: &str, path: &str, body: &Value) -> io::Result<Reply> {
        let fields = [("X-API-Key", self.key.as_str()), ("Content-Type", "application/json")];
        request(self.address(), method, path, &fields, &if body.is_null() { String::new() } else { body.to_string() })
    }

    /// Says something in a local room as a moderator. An empty `id` is none.
    pub(crate) fn says(&self, room: &str, user: &str, text: &str, id: &str) -> io::Result<Value> {
        let mut line = json!({ "user": user, "role": "moderator", "text": text });
        if !id.is_empty() {
            line["id"] = id.into();
        }
        let reply = self.asks("POST", &format!("/api/v1/local/{room}/messages"), &line)?;
        let refused = || io::Error::other(format!("{}: {}", reply.status, reply.body));
        if reply.status == 200 { serde_json::from_str(&reply.body).map_err(io::Error::from) } else { Err(refused()) }
    }

    /// The replies to what is said in the lobby, joined.
    pub(crate) fn hears(&self, text: &str) -> String {
        replies(&self.says("lobby", "ana", text, "").expect("the lobby answers")).join(" / ")
    }

    /// Says `text` in the lobby again and again until the replies contain `part`.
    pub(crate) fn hears_at_last(&self, text: &str, part: &str) -> String {
        let mut last = String::new();
        eventually_some(&format!("{part:?} as the answer to {text}"), Duration::from_secs(30), || {
            last = self.hears(text);
            last.contains(part).then(|| last.clone())
        })
    }

    /// The value of a metric of this name, over all its labels; 0 when it was never counted.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let page = self.asks("GET", "/metrics", &Value::Null).expect("metrics");
        assert_eq!(page.status, 200, "{}", page.body);
        let lines = page.body.lines().filter(|line| line.starts_with(name) && line[name.len()..].starts_with([' ', '{']));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

/// The chat lines in an answer of the local API.
pub(crate) fn replies(answer: &Value) -> Vec<String> {
    let lines = answer["replies"].as_array().expect("replies");
    lines.iter().map(|line| line.as_str().expect("a line").to_owned()).collect()
}
