//! String rules as other software and the terminal use them: the real program, over HTTP and beside it.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::Bot;

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

/// How long what is written in batches may take.
const PATIENCE: Duration = Duration::from_secs(60);

struct Node {
    bot: Bot,
    admin: String,
}

impl Node {
    fn start() -> Self {
        let mut bot = Bot::start(PROGRAM, &[], &[]);
        bot.wait_healthy();
        let mut node = Self { bot, admin: String::new() };
        node.admin = node.key("admin");
        node
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(PROGRAM).args(words).arg("--data").arg(self.bot.data()).output().unwrap()
    }

    fn key(&self, role: &str) -> String {
        let made = self.run(&["key", "create", "--role", role, "--name", role]);
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    fn ask(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.bot.request(method, path, &[("X-API-Key", key), ("Content-Type", "application/json")], &body);
        (reply.status, serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", reply.body)))
    }

    fn does(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask(&self.admin, method, &format!("/api/v1/router/string-rules{path}"), body)
    }

    fn said(&self, text: &str) -> Value {
        let say = json!({"user": "bob", "text": text});
        self.ask(&self.admin, "POST", "/api/v1/local/lobby/messages", &say).1
    }
}

#[test]
fn a_rule_is_made_found_changed_tried_and_deleted_over_the_api() {
    let node = Node::start();
    let rule = json!({"string": "buy (\\w+)", "match_type": "regex", "action": "warn", "warning_message": "no {1} here"});
    let (status, made) = node.does("POST", "", &rule);
    assert_eq!((status, &made["success"]), (201, &json!(true)));
    let id = &made["rule_id"];
    assert_eq!(node.said("Buy followers!")["replies"], json!(["@bob no followers here"]));
    let (_, one) = node.does("GET", &format!("/{id}"), &Value::Null);
    assert_eq!((&one["created_by"], &one["is_active"], &one["priority"]), (&json!("admin"), &json!(true), &json!(100)));

    let (status, _) = node.does("PUT", &format!("/{id}"), &json!({"is_active": false}));
    assert_eq!((status, &node.said("buy followers")["verdict"]), (200, &json!("chatter")));
    let (_, tried) = node.does("POST", "/test", &json!({"rule_id": id, "lines": ["buy now", "sell now"]}));
    assert_eq!(
        (&tried["matched"], &tried["results"][0]["matched"], &tried["results"][1]["rule_id"]),
        (&json!(1), &json!("buy now"), &Value::Null)
    );
    let (_, found) = node.ask(&node.admin, "GET", "/router/string-rules?search=BUY&entity_id=local:lobby", &Value::Null);
    assert_eq!((&found["total"], &found["rules"][0]["string"]), (&json!(1), &json!("buy (\\w+)")));

    assert_eq!(node.does("DELETE", &format!("/{id}"), &Value::Null).0, 200);
    assert_eq!(node.does("GET", &format!("/{id}"), &Value::Null).0, 404);
    assert_eq!(node.does("DELETE", &format!("/{id}"), &Value::Null).0, 404);
}

#[test]
fn what_may_not_be_saved_is_told_by_a_stable_word() {
    let node = Node::start();
    for (rule, code) in [
        (json!({"action": "warn"}), "pattern_missing"),
        (json!({"string": "x"}), "action_invalid"),
        (json!({"string": "(x", "match_type": "regex", "action": "warn"}), "regex_invalid"),
        (json!({"string": "(\\w{50}){50}", "match_type": "regex", "action": "warn"}), "regex_too_large"),
        (json!({"string": "x", "action": "webhook", "webhook_url": "http://127.0.0.1/"}), "webhook_invalid"),
        (json!({"string": "x", "action": "command", "command_to_execute": "so"}), "command_invalid"),
        (json!({"string": "x", "action": "warn", "surprise": 1}), "bad_request"),
    ] {
        let (status, answer) = node.does("POST", "", &rule);
        assert_eq!((status, answer["error"]["code"].as_str()), (400, Some(code)), "{rule}: {answer}");
    }
    assert_eq!(node.does("POST", "", &json!({"string": "x", "action": "warn", "community_id": 99})).0, 404);
    assert_eq!(node.does("GET", "", &Value::Null).1["total"], 0);
    let (status, _) = node.does("PUT", "/settings?community_id=2", &json!({"keeps_history": true, "history_days": 1000}));
    assert_eq!(status, 400);
}

#[test]
fn only_who_may_reads_or_changes_rules() {
    let node = Node::start();
    let rule = json!({"string": "x", "action": "warn"});
    for (role, reads, changes) in [("trigger", 403, 403), ("user", 403, 403), ("core", 200, 403), ("admin", 200, 201)] {
        let key = node.key(role);
        assert_eq!(node.ask(&key, "GET", "/router/string-rules", &Value::Null).0, reads, "{role}");
        assert_eq!(node.ask(&key, "POST", "/router/string-rules", &rule).0, changes, "{role}");
    }
    assert_eq!(node.ask("wbot_wrong", "GET", "/router/string-rules", &Value::Null).0, 401);
}

#[test]
fn rules_are_tried_in_the_terminal_on_lines_and_on_kept_chat() {
    let node = Node::start();
    node.does("POST", "", &json!({"string": "spam", "match_type": "word", "action": "block"}));
    node.does("PUT", "/settings?community_id=2", &json!({"keeps_history": true}));
    let told = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let tried = node.run(&["rules", "test", "--community", "2", "--text", "some SPAM here", "--text", "spammer"]);
    assert!(tried.status.success());
    assert!(told(&tried).contains("1     block   SPAM     some SPAM here"), "{}", told(&tried));
    assert!(!node.run(&["rules", "test", "--community", "2", "--text", "spammer"]).status.success());
    assert!(told(&node.run(&["rules", "list"])).contains("spam"));

    node.said("plain words");
    node.said("so much spam");
    waddlebot_testbed::eventually("what was said is kept", PATIENCE, || {
        let kept = node.run(&["rules", "test", "--community", "2", "--history", "10"]);
        told(&kept).contains("so much spam") && told(&kept).contains("plain words")
    });
    waddlebot_testbed::eventually("what was blocked is told", PATIENCE, || {
        node.does("GET", "/blocked?community_id=2", &Value::Null).1["messages"][0]["text"] == "so much spam"
    });
    let (_, erased) = node.does("DELETE", "/history?community_id=2&user_id=bob", &Value::Null);
    assert_eq!(erased["erased"], 3);
}
