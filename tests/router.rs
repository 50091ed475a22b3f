//! The router's address as a collector uses it: the real program, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, Reply};

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

struct Collector {
    bot: Bot,
    key: String,
}

impl Collector {
    fn with(role: &str) -> Self {
        Self::where_set(role, &[])
    }

    fn where_set(role: &str, settings: &[&str]) -> Self {
        let mut bot = Bot::start(PROGRAM, settings, &[]);
        bot.wait_healthy();
        let data = bot.data().display().to_string();
        let made = Command::new(PROGRAM).args(["key", "create", "--role", role, "--name", "collector", "--data", &data]).output().unwrap();
        let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        Self { bot, key }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        let fields = [("X-API-Key", self.key.as_str()), ("Content-Type", "application/json")];
        self.bot.request(method, path, &fields, body)
    }

    fn event(&self, event: &Value) -> (u16, Value) {
        read(&self.ask("POST", "/router/events", &event.to_string()))
    }
}

fn read(reply: &Reply) -> (u16, Value) {
    (reply.status, serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", reply.body)))
}

fn said(text: &str, id: &str) -> Value {
    json!({
        "platform": "twitch", "server_id": "ducks", "user_id": "1", "user_name": "Ana", "user_role": "moderator",
        "message_type": "chatMessage", "message_content": text, "message_id": id,
    })
}

#[test]
fn a_collectors_events_are_answered_with_what_came_of_them() {
    let collector = Collector::with("trigger");
    let (status, answer) = collector.event(&said("hello all", "1"));
    assert_eq!((status, &answer["status"], &answer["success"]), (200, &json!("chatter"), &json!(true)));
    assert!(answer["session_id"].as_str().unwrap().starts_with("sess_"));
    let (_, answer) = collector.event(&said("!ping hello", "2"));
    assert_eq!((&answer["response"], &answer["command"], &answer["status_code"]), (&json!("pong hello"), &json!("ping"), &json!(200)));
    assert_eq!(answer["module_results"][0]["module"], "basics");
    let (_, answer) = collector.event(&said("!nonsense", "3"));
    assert_eq!((&answer["status_code"], &answer["success"]), (&json!(404), &json!(false)));
    assert_eq!((&answer["event_modules_executed"], &answer["module_results"]), (&json!(0), &json!([])));
    let raid =
        json!({"platform": "twitch", "server_id": "ducks", "user_id": "7", "user_name": "Frank", "message_type": "raid", "viewers": 12});
    assert_eq!(collector.event(&raid).1["event_modules_executed"], 1);
    let (_, entities) = read(&collector.ask("GET", "/api/v1/router/entities?platform=twitch", ""));
    assert_eq!((&entities["total"], &entities["entities"][0]["entity_id"]), (&json!(1), &json!("twitch:ducks")));
}

#[test]
fn the_same_message_id_again_gets_the_first_answer_and_has_one_effect() {
    let collector = Collector::with("trigger");
    let first = collector.event(&said("!memories add quote \"to be\" hamlet", "q1")).1;
    let second = collector.event(&said("!memories add quote \"to be\" hamlet", "q1")).1;
    assert_eq!(first["status_code"], 200, "{first}");
    assert_eq!(first["responses"], second["responses"]);
    assert_eq!(second["status"], "duplicate");
    assert_eq!(second["session_id"], first["session_id"], "it names no session that nobody uses");
    let third = collector.event(&said("!memories add quote \"not to be\" hamlet", "q2")).1;
    assert!(third["response"].as_str().unwrap().contains('2'), "{third}");
    // A rest between two uses, and a rule that blocks, are no reason to answer otherwise.
    let fields = ["response", "success", "status_code", "session_id", "execution_id", "responses", "module_results", "command"];
    let told = |answer: &Value| fields.map(|name| answer[name].clone());
    for (text, id) in [("!so ninja", "s1"), ("!so again", "s2"), ("!ping one", "p1"), ("!nothing", "n1"), ("hello", "h1")] {
        let first = collector.event(&said(text, id)).1;
        assert_eq!(told(&collector.event(&said(text, id)).1), told(&first), "{text}");
    }
    assert_eq!(collector.event(&said("!ping two", "p1")).1["response"], "pong one");
    let twice = json!({"events": [said("!ping b", "b1"), said("!ping b", "b1"), said("!ping b", "b2"), said("!ping b", "")]});
    let batch = read(&collector.ask("POST", "/router/events/batch", &twice.to_string())).1;
    let names: Vec<_> = batch["results"].as_array().unwrap().iter().map(|one| one["session_id"].clone()).collect();
    assert_eq!(names[0], names[1]);
    assert!(names[1] != names[2] && names[2] != names[3] && names[1] != names[3], "{names:?}");
}

#[test]
fn a_batch_is_answered_in_its_order_and_one_bad_event_harms_no_other() {
    let collector = Collector::with("trigger");
    let mut events: Vec<_> = (0..40).map(|n| said(&format!("!ping {n}"), &format!("b{n}"))).collect();
    for (n, event) in events.iter_mut().enumerate() {
        event["server_id"] = json!(format!("room{}", n % 7));
        event["user_id"] = json!(n.to_string());
    }
    events[5] = json!({"platform": "twitch"});
    let (status, answer) = read(&collector.ask("POST", "/api/v1/router/events/batch", &json!({"events": events}).to_string()));
    assert_eq!((status, &answer["total_count"], &answer["failed_count"]), (200, &json!(40), &json!(1)));
    for (n, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        if n == 5 {
            assert_eq!(result["error"]["code"], "bad_request");
        } else {
            assert_eq!(result["response"], format!("pong {n}"), "{result}");
        }
    }
    let many: Vec<_> = (0..101).map(|n| said("hi", &n.to_string())).collect();
    let (status, answer) = read(&collector.ask("POST", "/router/events/batch", &json!({"events": many}).to_string()));
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("bad_batch")));
}

#[test]
fn the_router_refuses_who_may_not_and_says_what_is_wrong() {
    let user = Collector::with("user");
    assert_eq!(user.event(&said("!ping", "1")).0, 403);
    assert_eq!(user.bot.request("POST", "/router/events", &[("Content-Type", "application/json")], "{}").status, 401);
    let (status, commands) = read(&user.ask("GET", "/router/commands?prefix=!", ""));
    assert_eq!(status, 200);
    assert!(commands["commands"].as_array().unwrap().iter().any(|command| command["command"] == "!ping"));
    let (status, answer) = read(&user.ask("GET", "/router/commands?colour=red", ""));
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("bad_query")));
    assert_eq!(user.ask("GET", "/router/commands?entity_id=twitch:nobody", "").status, 404);
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let mut bot = Bot::start(PROGRAM, &["--set", "limits.api_people=3", "--set", "http.cors_origins=https://tools.example"], &[]);
    bot.wait_healthy();
    let data = bot.data().display().to_string();
    let made = Command::new(PROGRAM).args(["key", "create", "--role", "user", "--name", "ana", "--data", &data]).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let ask = || bot.request("GET", "/router/commands", &[("X-API-Key", &key), ("Origin", "https://tools.example")], "");
    let first = ask();
    let head = first.head.to_lowercase();
    assert!(head.contains("x-ratelimit-limit: 3") && head.contains("x-ratelimit-remaining: 2"), "{head}");
    assert!(head.contains("access-control-allow-origin: https://tools.example"), "{head}");
    assert_eq!([ask().status, ask().status], [200, 200]);
    let over = ask();
    assert_eq!(over.status, 429);
    assert!(over.head.to_lowercase().contains("retry-after: "), "{}", over.head);
    let foreign = bot.request("GET", "/router/commands", &[("X-API-Key", &key), ("Origin", "https://evil.example")], "");
    assert!(!foreign.head.to_lowercase().contains("access-control-allow-origin"), "{}", foreign.head);
}

#[test]
fn pages_of_a_named_origin_may_call_with_a_key_and_never_with_a_cookie() {
    let origin = "https://tools.example";
    let collector = Collector::where_set("user", &["--set", &format!("http.cors_origins={origin}")]);
    let asks = |method: &str, more: &[(&str, &str)]| {
        let fields: Vec<_> = [("Origin", origin), ("Cookie", "session=sess_00000000000000000000000000000000")]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        collector.bot.request(method, "/router/commands", &fields, "")
    };
    let before = asks("OPTIONS", &[("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "x-api-key, cookie")]);
    let (with, without) = (asks("GET", &[("X-API-Key", &collector.key)]), asks("GET", &[]));
    assert_eq!((before.status, with.status, without.status), (200, 200, 401));
    for reply in [&before, &with, &without] {
        let head = reply.head.to_lowercase();
        assert!(head.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{head}");
        assert!(!head.contains("access-control-allow-credentials"), "a browser would hand a page what a cookie opens: {head}");
    }
    let allowed = before.head.to_lowercase();
    let allowed = allowed.lines().find_map(|line| line.strip_prefix("access-control-allow-headers: ")).unwrap();
    assert!(allowed.contains("x-api-key") && allowed.contains("authorization") && !allowed.contains("cookie"), "{allowed}");
}

#[test]
fn a_service_has_limits_of_its_own_for_each_group() {
    let collector = Collector::where_set("trigger", &["--set", "limits.api=router trigger 2, house 0/1"]);
    let ask = |path: &str| {
        let reply = collector.ask("GET", path, "");
        let limit = reply.head.to_lowercase().lines().find_map(|line| line.strip_prefix("x-ratelimit-limit: ").map(str::to_owned));
        (reply.status, limit.unwrap_or_default())
    };
    let [few, many] = ["2", "600000"].map(str::to_owned);
    assert_eq!([ask("/router/entities"), ask("/api/v1/router/commands")], [(200, few.clone()), (200, few.clone())]);
    assert_eq!(ask("/router/entities"), (429, few));
    assert_eq!(ask("/router/coordination/stats"), (200, many), "another service");
    assert_eq!([ask("/health/detailed"), ask("/health/detailed")], [(200, "1".into()), (429, "1".into())]);
    let mut wrong = Bot::start(PROGRAM, &["--set", "limits.api=kitchen 5"], &[]);
    assert!(!wrong.wait_exit(Duration::from_secs(60)).success());
    assert!(wrong.stderr().contains("limits.api"), "{}", wrong.stderr());
}

#[test]
fn the_router_tells_how_it_is() {
    let collector = Collector::with("trigger");
    for path in ["/router/health", "/api/v1/router/health"] {
        let (status, health) = read(&collector.bot.request("GET", path, &[], ""));
        assert_eq!((status, &health["status"], &health["processor"]["success_rate"]), (200, &json!("healthy"), &json!(1.0)), "{health}");
        assert!(health["timestamp"].is_i64() && health["dependencies"]["database"] == "healthy", "{health}");
        let detailed = format!("{path}/detailed");
        assert_eq!((collector.bot.request("GET", &detailed, &[], "").status, collector.ask("GET", &detailed, "").status), (401, 200));
    }
}
