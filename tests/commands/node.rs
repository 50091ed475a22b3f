//! A running bot that may call loopback, its keys, and the words to make commands and talk.

use std::process::{Command, Output};

use serde_json::{Value, json};
use waddlebot_testbed::Bot;

use crate::target::Target;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

/// Lets the bot call targets on this machine.
pub(crate) const MAY: (&str, &str) = ("ENGINE_ALLOW_HOSTS", "127.0.0.1");

pub(crate) struct Node {
    pub(crate) bot: Bot,
    admin: String,
}

impl Node {
    pub(crate) fn start() -> Self {
        Self::with(&[MAY])
    }

    pub(crate) fn with(environment: &[(&str, &str)]) -> Self {
        let mut bot = Bot::start(PROGRAM, &[], environment);
        bot.wait_healthy();
        let mut node = Self { bot, admin: String::new() };
        node.admin = node.key("admin");
        node
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        Command::new(PROGRAM).args(words).arg("--data").arg(self.bot.data()).output().unwrap()
    }

    pub(crate) fn key(&self, role: &str) -> String {
        let made = self.run(&["key", "create", "--role", role, "--name", role]);
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn ask(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.bot.request(method, path, &[("X-API-Key", key), ("Content-Type", "application/json")], &body);
        (reply.status, serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", reply.body)))
    }

    /// Asks the router as an admin.
    pub(crate) fn does(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask(&self.admin, method, &format!("/router{path}"), body)
    }

    /// Makes a command that a target answers at this path; its number.
    pub(crate) fn teaches(&self, word: &str, target: &Target, path: &str, more: &Value) -> i64 {
        let mut draft = json!({"command": word, "location_url": target.url(path), "type": "webhook"});
        draft.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let (status, made) = self.does("POST", "/commands", &draft);
        assert_eq!(status, 201, "{made}");
        made["command_id"].as_i64().unwrap()
    }

    /// Somebody says something in the lobby; the event's whole answer. An empty `id` is none.
    pub(crate) fn event(&self, text: &str, id: &str) -> Value {
        let mut event = json!({
            "platform": "local", "channel_id": "lobby", "user_id": "bob", "user_name": "bob",
            "message_type": "chatMessage", "message_content": text,
        });
        if !id.is_empty() {
            event["message_id"] = id.into();
        }
        let (status, answer) = self.does("POST", "/events", &event);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The lines that come back to what is said in the lobby.
    pub(crate) fn says(&self, text: &str) -> Vec<String> {
        let say = json!({"user": "bob", "text": text});
        let (_, answer) = self.ask(&self.admin, "POST", "/api/v1/local/lobby/messages", &say);
        let replies = answer["replies"].as_array().unwrap_or_else(|| panic!("{answer}"));
        replies.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }
}
