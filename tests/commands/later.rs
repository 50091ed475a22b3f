//! Answers that come later: held against their session, shown where they belong, told once; in Redis as in this process.

use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Redis, eventually};

use crate::node::{MAY, Node};
use crate::target::Target;

/// Runs a command; the session and the execution that a later answer names.
fn called(node: &Node, target: &Target, text: &str, id: &str) -> (String, String) {
    let answer = node.event(text, id);
    assert_eq!(answer["status"], "done", "{answer}");
    let body = target.seen("/echo").last().unwrap().body.clone();
    let part = |name: &str| body[name].as_str().unwrap().to_owned();
    assert_eq!((&answer["session_id"], &answer["module_results"][0]["execution_id"]), (&body["session_id"], &body["execution_id"]));
    (part("session_id"), part("execution_id"))
}

/// The lines of the lobby, as the API shows them.
fn lobby(node: &Node, key: &str) -> String {
    node.ask(key, "GET", "/api/v1/local/lobby/messages", &Value::Null).1.to_string()
}

fn answers_later(node: &Node) {
    let (target, key, admin) = (Target::start(), node.key("action"), node.key("admin"));
    node.teaches("#weather", &target, "/echo", &json!({}));
    let (session, execution) = called(node, &target, "#weather Rome", "m1");
    let answer = |fields: Value| {
        let mut body =
            json!({"session_id": session, "execution_id": execution, "module_name": "weather", "success": true, "response_action": "chat"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let (status, told) = node.ask(&key, "POST", "/router/responses", &body);
        (status, told["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let fine = (201, String::new());
    assert_eq!(answer(json!({"chat_message": "it rains in Rome"})), fine);
    eventually("the answer is said", Duration::from_secs(30), || lobby(node, &admin).contains("it rains in Rome"));
    assert_eq!(answer(json!({"response_data": {"message": "and stops"}})), fine);
    assert_eq!(answer(json!({"response_action": "ticker", "ticker_text": "rain"})), fine);
    assert_eq!(answer(json!({"response_action": "form", "form_title": "F", "form_fields": [{"name": "a"}]})), fine);
    assert_eq!(answer(json!({"success": false, "error_message": "no more rain"})), fine);
    eventually("the failure is told", Duration::from_secs(30), || lobby(node, &admin).contains("@bob no more rain"));

    assert_eq!(answer(json!({"response_action": "dance"})), (400, "unknown_action".into()));
    assert_eq!(answer(json!({"chat_message": ""})), (400, "missing_field".into()));
    assert_eq!(answer(json!({"success": null, "chat_message": "x"})), (400, "missing_field".into()));
    assert_eq!(answer(json!({"execution_id": "exec_nothing", "chat_message": "x"})), (404, "unknown_execution".into()));
    let ended = "sess_00000000000000000000000000000000";
    assert_eq!(answer(json!({"session_id": ended, "chat_message": "x"})), (404, "unknown_session".into()));
    let elsewhere =
        json!({"platform": "twitch", "channel_id": "pond", "user_id": "1", "user_name": "eve", "message_content": "#weather x"});
    let foreign = node.does("POST", "/events", &elsewhere).1["session_id"].clone();
    assert_eq!(answer(json!({"session_id": foreign, "chat_message": "x"})), (403, "foreign_session".into()));

    let (status, all) = node.does("GET", &format!("/responses/{execution}"), &Value::Null);
    assert_eq!(
        (status, &all["total"], &all["responses"][3]["ticker_text"], &all["status"]),
        (200, &json!(6), &json!("rain"), &json!("success"))
    );
    assert_eq!((&all["responses"][0]["chat_message"], &all["responses"][0]["module_name"]), (&json!("echo Rome"), &json!("weather")));
    assert_eq!(node.does("GET", "/responses/exec_nothing", &Value::Null).0, 404);
    let lately = |query: &str| node.does("GET", &format!("/responses/recent{query}"), &Value::Null).1["total"].clone();
    assert_eq!(
        (lately(""), lately("?response_action=chat"), lately("?response_action=chat&success_only=true")),
        (json!(7), json!(5), json!(4)),
        "what was answered at once is among them"
    );
    assert_eq!((lately("?module_name=other"), lately("?limit=1")), (json!(0), json!(1)));
}

#[test]
fn later_answers_are_taken_with_sessions_in_this_process() {
    answers_later(&Node::start());
}

#[test]
fn later_answers_are_taken_with_sessions_in_redis() {
    let redis = Redis::start();
    answers_later(&Node::with(&[MAY, ("REDIS_URL", &redis.url())]));
}

#[test]
fn the_same_later_answer_twice_is_delivered_once() {
    let (node, target) = (Node::start(), Target::start());
    node.teaches("#weather", &target, "/echo", &json!({}));
    let (session, execution) = called(&node, &target, "#weather Rome", "m1");
    let body = json!({"session_id": session, "execution_id": execution, "module_name": "w", "success": true, "response_action": "chat", "chat_message": "only once"});
    let admin = node.key("admin");
    let send = || {
        let fields = [("X-API-Key", admin.as_str()), ("Content-Type", "application/json"), ("Idempotency-Key", "k1")];
        let reply = node.bot.request("POST", "/router/responses", &fields, &body.to_string());
        serde_json::from_str::<Value>(&reply.body).unwrap()["response_id"].clone()
    };
    assert_eq!(send(), send());
    eventually("it is said", Duration::from_secs(30), || lobby(&node, &admin).contains("only once"));
    assert_eq!(lobby(&node, &admin).matches("only once").count(), 1);
    assert_eq!(node.does("GET", &format!("/responses/{execution}"), &Value::Null).1["total"], 2, "at once, and later");
}

#[test]
fn only_who_may_answers_or_reads_answers() {
    let node = Node::start();
    for (role, posts, reads, lately) in
        [("trigger", 403, 404, 403), ("action", 400, 404, 403), ("core", 400, 404, 200), ("user", 403, 403, 403)]
    {
        let key = node.key(role);
        assert_eq!(node.ask(&key, "POST", "/router/responses", &json!({})).0, posts, "{role}");
        assert_eq!(node.ask(&key, "GET", "/router/responses/exec_x", &Value::Null).0, reads, "{role}");
        assert_eq!(node.ask(&key, "GET", "/router/responses/recent", &Value::Null).0, lately, "{role}");
    }
}
