//! The program is killed while a command runs elsewhere: called twice only where the target can tell.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, eventually, free_port, request};

use crate::node::{MAY, PROGRAM};
use crate::target::Target;

struct House {
    folder: tempfile::TempDir,
    listen: String,
    key: String,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().display().to_string();
        let made = Command::new(PROGRAM).args(["key", "create", "--role", "admin", "--name", "t", "--data", &data]).output().unwrap();
        let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        Self { folder, listen: format!("127.0.0.1:{}", free_port()), key }
    }

    fn start(&self, kill_at: &str) -> Bot {
        let data = self.folder.path().display().to_string();
        let mut bot = Bot::start(PROGRAM, &["--data", &data, "--listen", &self.listen], &[MAY, ("WADDLEBOT_KILL_AT", kill_at)]);
        bot.wait_healthy();
        bot
    }

    fn does(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
        let fields = [("X-API-Key", self.key.as_str()), ("Content-Type", "application/json")];
        let reply = request(self.listen.parse().unwrap(), method, path, &fields, &body.to_string())?;
        Ok(serde_json::from_str(&reply.body).unwrap_or_default())
    }

    fn said(&self) -> std::io::Result<Value> {
        let event = json!({"platform": "local", "channel_id": "lobby", "user_id": "bob", "user_name": "bob", "message_content": "#weather Rome", "message_id": "m1"});
        self.does("POST", "/router/events", &event)
    }
}

/// Calls of the target, and what the message's sender is told in the end, after a crash at `step`.
fn after_a_crash_at(step: &str, idempotent: bool) -> (usize, Value) {
    let (house, target) = (House::new(), Target::start());
    let mut bot = house.start(step);
    let command = json!({"command": "#weather", "location_url": target.url("/echo"), "is_idempotent": idempotent});
    assert_eq!(house.does("POST", "/router/commands", &command).unwrap()["success"], true);
    house.said().expect_err("nobody is answered by the dead");
    assert_eq!(bot.wait_exit(Duration::from_secs(30)).signal(), Some(9), "it did not die at {step}:\n{}", bot.stderr());
    let _bot = house.start("");
    let mut last = Value::Null;
    eventually("the message is done", Duration::from_secs(30), || {
        last = house.said().unwrap_or_default();
        ["duplicate", "failed"].iter().any(|over| last["status"] == *over)
    });
    (target.seen("/echo").len(), last["response"].clone())
}

#[test]
fn a_crash_before_the_call_loses_nothing() {
    assert_eq!(after_a_crash_at("inbox-committed", false), (1, json!("echo Rome")));
}

#[test]
fn a_crash_around_the_call_calls_again_only_who_can_tell() {
    let unknown = json!("@bob #weather was interrupted, and it is not known what it did");
    assert_eq!(after_a_crash_at("outside-begun", false), (0, unknown.clone()));
    assert_eq!(after_a_crash_at("outside-begun", true), (1, json!("echo Rome")));
    assert_eq!(after_a_crash_at("outside-called", false), (1, unknown));
    assert_eq!(after_a_crash_at("outside-called", true), (2, json!("echo Rome")));
}

#[test]
fn a_repeat_names_the_session_and_the_execution_of_the_first_answer_also_after_a_restart() {
    let (house, target) = (House::new(), Target::start());
    let bot = house.start("");
    house.does("POST", "/router/commands", &json!({"command": "#weather", "location_url": target.url("/created")})).unwrap();
    let whole = |mut answer: Value| {
        let status = answer["status"].take();
        for passing in ["execution_time_ms", "reputation_processed"] {
            answer[passing].take();
        }
        (status, answer)
    };
    let (status, first) = whole(house.said().unwrap());
    assert_eq!((&status, &first["module_results"][0]["status_code"]), (&json!("done"), &json!(201)), "{first}");
    assert_eq!(first["session_id"], target.seen("/created")[0].body["session_id"]);
    let again = (json!("duplicate"), first);
    assert_eq!(whole(house.said().unwrap()), again);
    drop(bot);
    let _bot = house.start("");
    assert_eq!(whole(house.said().unwrap()), again);
    assert_eq!(target.seen("/created").len(), 1);
}

#[test]
fn a_crash_after_the_end_was_written_changes_nothing() {
    assert_eq!(after_a_crash_at("outside-ended", false), (1, json!("echo Rome")));
}
