//! A running bot with a key, and the words to push items, talk and look at its overlays.

use std::process::Command;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, Browser, Window};

/// A running bot, and who may ask it.
pub(crate) struct Stage {
    pub(crate) bot: Bot,
    key: String,
    pub(crate) home: i64,
}

impl Stage {
    /// Starts the bot with nothing configured.
    pub(crate) fn open() -> Self {
        let mut bot = Bot::start(env!("CARGO_BIN_EXE_waddlebot"), &[], &[("ENGINE_ALLOW_HOSTS", "127.0.0.1")]);
        bot.wait_healthy();
        let made = Command::new(env!("CARGO_BIN_EXE_waddlebot"))
            .args(["key", "create", "--role", "admin", "--name", "test", "--data", bot.data().to_str().unwrap()])
            .output()
            .unwrap();
        let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut stage = Self { bot, key, home: 0 };
        let (_, communities) = stage.ask("GET", "/api/v1/communities", &json!(null));
        stage.home = communities["communities"].as_array().unwrap().iter().filter_map(|one| one["id"].as_i64()).max().unwrap();
        stage
    }

    /// One request with the key; the status and the answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.bot.request(method, path, &[("X-API-Key", &self.key), ("Content-Type", "application/json")], &text);
        (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::Null))
    }

    /// One request that must be answered with 200.
    pub(crate) fn get(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// The secret address of an overlay, made when need be.
    pub(crate) fn address(&self, source: &str) -> String {
        self.token(source)["url"].as_str().unwrap().to_owned()
    }

    /// The token of an overlay, as the API shows it.
    pub(crate) fn token(&self, source: &str) -> Value {
        let made = self.get("POST", "/browser/source/admin/tokens", &json!({ "community_id": self.home }));
        made["tokens"].as_array().unwrap().iter().find(|token| token["source_type"] == source).unwrap().clone()
    }

    /// Pushes one item; the status and what became of it.
    pub(crate) fn push(&self, source: &str, data: Value) -> (u16, Value) {
        let body = json!({ "session_id": "s1", "community_id": self.home, "source_type": source, "display_data": data });
        self.ask("POST", "/browser/source/display", &body)
    }

    /// Pushes one item that must be taken; whether it is `showing` or `waiting`.
    pub(crate) fn show(&self, source: &str, data: Value) -> String {
        let (status, answer) = self.push(source, data);
        assert_eq!(status, 200, "{answer}");
        answer["state"].as_str().unwrap().to_owned()
    }

    /// Says something in the lobby; what was answered there.
    pub(crate) fn say(&self, user: &str, role: &str, text: &str) -> Vec<String> {
        let answer = self.get("POST", "/api/v1/local/lobby/messages", &json!({ "user": user, "role": role, "text": text }));
        answer["replies"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// Lets something happen in the lobby; what was answered there.
    pub(crate) fn happen(&self, event: &Value) -> Vec<String> {
        let answer = self.get("POST", "/api/v1/local/lobby/events", event);
        answer["replies"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// What the actor of an overlay remembers.
    pub(crate) fn memory(&self, source: &str) -> Value {
        let (_, answer) = self.ask("GET", &format!("/admin/actors/overlay%2F{}%2F{source}", self.home), &json!(null));
        answer["memory"].clone()
    }

    /// Opens an overlay's page and waits until it is connected.
    pub(crate) async fn page(&self, browser: &Browser, source: &str, width: u32, height: u32) -> Window {
        let page = browser.open(width, height).await;
        page.goto(&self.address(source)).await.unwrap();
        self.wait_pages(source, 1);
        page
    }

    /// Waits until so many pages of an overlay are connected.
    pub(crate) fn wait_pages(&self, source: &str, count: usize) {
        waddlebot_testbed::eventually(&format!("{count} pages are connected"), std::time::Duration::from_secs(60), || {
            let stats = self.ask("GET", "/browser/source/stats", &json!(null)).1;
            let overlays = stats["overlays"].as_array().cloned().unwrap_or_default();
            let mine = overlays.iter().find(|one| one["source_type"] == source && one["community_id"] == self.home);
            mine.map_or(0, |one| one["pages"].as_u64().unwrap_or(0)) == count as u64
        });
    }

    /// Waits until a page has acknowledged what an overlay shows.
    pub(crate) fn wait_acknowledged(&self, source: &str) {
        waddlebot_testbed::eventually("a page acknowledges", std::time::Duration::from_secs(60), || {
            let memory = self.memory(source);
            memory["showing"].is_string() && memory["acknowledged"] == true
        });
    }
}

/// What the page shows now, in its own words; the newest when one fades into the next.
pub(crate) const SHOWN: &str =
    "(() => { const on = [...document.querySelectorAll('.on')]; return on.length ? on[on.length - 1].innerText : ''; })()";

/// True once everything that moves in has arrived; what moves for ever does not count.
pub(crate) const SETTLED: &str = "[...document.querySelectorAll('.on')].every(e => getComputedStyle(e).opacity === '1') \
     && document.getAnimations().filter(a => a.animationName).every(a => a.effect.getTiming().iterations === Infinity)";
