//! The router's looks from outside: limits, numbers, and what collectors of the original know. The real program, over HTTP, on both databases.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, Postgres, eventually_some};

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

struct House {
    bot: Bot,
    admin: String,
}

impl House {
    fn new(more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut bot = Bot::start(PROGRAM, more, environment);
        bot.wait_healthy();
        let data = bot.data().display().to_string();
        let mut made = std::process::Command::new(PROGRAM);
        made.args(["key", "create", "--role", "admin", "--name", "collector", "--data", &data]).envs(environment.iter().copied());
        let admin = String::from_utf8(made.output().unwrap().stdout).unwrap().trim().to_owned();
        Self { bot, admin }
    }

    fn asks(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.bot.request(method, path, &[("X-API-Key", &self.admin), ("Content-Type", "application/json")], &body);
        (reply.status, serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", reply.body)))
    }

    fn gets(&self, path: &str) -> Value {
        let (status, answer) = self.asks("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn posts(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.asks("POST", path, body);
        assert!(matches!(status, 200 | 201), "{path}: {status} {answer}");
        answer
    }

    fn says(&self, text: &str) -> Value {
        let event = json!({"platform": "discord", "server_id": "s1", "channel_id": "general", "user_id": "1", "user_name": "Ana",
            "message_type": "chatMessage", "message_content": text});
        self.posts("/router/events", &event)
    }
}

fn on_both(test: impl Fn(House)) {
    test(House::new(&[], &[]));
    let server = Postgres::start();
    test(House::new(&[], &[("DATABASE_URL", &server.database())]));
}

#[test]
fn uses_are_counted_shown_and_forgotten_on_word_of_an_admin() {
    on_both(|house| {
        assert_eq!(house.says("!ping")["status"], "done");
        let limits = json!({"limits": [{"command": "!ping", "rate_limit": 3, "window_seconds": 600}, {"command": "ping", "role": "vip", "rate_limit": 0}]});
        let (status, set) = house.asks("PUT", "/router/rate-limits/communities/2", &limits);
        assert_eq!((status, set["limits"].as_array().unwrap().len()), (200, 2), "{set}");
        assert_eq!([house.says("!ping")["status"].clone(), house.says("!ping")["status"].clone()], ["done", "done"]);
        let refused = house.says("!ping");
        assert_eq!((&refused["status"], &refused["status_code"]), (&json!("limited"), &json!(429)));
        assert!(refused["response"].as_str().unwrap().contains("on cooldown for you, wait 10 minutes"), "{refused}");
        let counted = || {
            let counts = house.gets("/router/rate-limits?entity_id=discord:s1:general&command=ping");
            (counts["rate_limits"][0]["request_count"] == 3).then_some(())
        };
        eventually_some("three uses are written down", Duration::from_secs(60), counted);
        let (status, reset) = house.asks("DELETE", "/router/rate-limits?entity_id=discord:s1:general&user_id=1", &Value::Null);
        assert_eq!((status, &reset["forgotten"]), (200, &json!(1)));
        assert_eq!(house.says("!ping")["status"], "done");
        let (status, wrong) = house.asks(
            "PUT",
            "/router/rate-limits/communities/2",
            &json!({"limits": [{"command": "ping", "rate_limit": 1, "window_seconds": 0}]}),
        );
        assert_eq!((status, &wrong["error"]["code"]), (400, &json!("bad_limit")));
        assert_eq!(house.asks("DELETE", "/router/rate-limits?entity_id=discord:nowhere", &Value::Null).0, 404);
    });
}

#[test]
fn the_routers_numbers_are_those_of_what_happened() {
    let house = House::new(&["--set", "limits.commands=4"], &[]);
    let rule = json!({"string": "spam", "action": "warn", "match_type": "word"});
    house.posts("/router/string-rules", &rule);
    for text in ["!ping", "!ping", "!ping", "!ping", "!ping", "hello", "spam here", "!help nonsense"] {
        house.says(text);
    }
    let numbers = house.gets("/router/metrics");
    let processor = &numbers["processor"];
    for (name, count) in [
        ("commands_processed_total", 5),
        ("commands_successful_total", 4),
        ("commands_failed_total", 1),
        ("rate_limits_hit_total", 1),
        ("string_matches_total", 1),
        ("concurrent_requests_gauge", 1),
    ] {
        assert_eq!(processor[name], count, "{name}: {numbers}");
    }
    assert!(processor["cache_misses_total"].as_u64().unwrap() >= 1 && processor["cache_hits_total"].as_u64().unwrap() >= 7, "{numbers}");
    let recent = &numbers["recent_performance"];
    assert_eq!((&recent["successful"], &recent["failed"], recent["success_rate"].as_f64().unwrap()), (&json!(4), &json!(1), 0.8));
    assert_eq!(
        (&numbers["string_matcher"]["total_rules"], &numbers["string_matcher"]["rules_by_action"]),
        (&json!(1), &json!({"warn": 1}))
    );
    let database = &numbers["database"];
    assert!(database["total_commands"].as_u64().unwrap() > 10 && database["total_entities"].as_u64().unwrap() >= 2, "{numbers}");
    assert!(database["average_query_time_ms"].as_f64().unwrap() > 0.0, "{numbers}");
    let page = house.bot.request("GET", "/metrics", &[("X-API-Key", &house.admin)], "").body;
    for line in [
        "waddlebot_commands_processed_total 5",
        "waddlebot_command_execution_duration_seconds_count 5",
        "waddlebot_rate_limits_hit_total 1",
        "# TYPE waddlebot_database_query_duration_seconds histogram",
    ] {
        assert!(page.contains(line), "{line} is missing:\n{page}");
    }
}

#[test]
fn lists_of_commands_and_rules_come_a_page_at_a_time_and_are_added_up_where_they_are() {
    on_both(|house| {
        assert_eq!(house.says("!ping")["status"], "done");
        let channel = "discord:s1:general";
        for n in 0..5 {
            let mark = if n % 2 == 0 { "#" } else { "!" };
            let command = json!({"command": format!("{mark}weather{n}"), "type": "container", "location_url": "https://weather.example/", "community_id": 1, "is_active": n < 4});
            house.posts("/router/commands", &command);
            let more = if n < 3 { json!([channel]) } else { json!([]) };
            let rule =
                json!({"string": format!("spam{n}"), "enabled_entity_ids": more, "community_id": 2, "is_active": n < 4, "action": "block"});
            house.posts("/router/string-rules", &rule);
        }
        house.posts(
            "/router/string-rules",
            &json!({"string": "x", "enabled_entity_ids": ["local:lobby"], "community_id": 2, "action": "warn"}),
        );
        // A name's letters are told apart, and a part of a name is no name.
        house.posts("/router/string-rules", &json!({"string": "x", "enabled_entity_ids": ["discord:S1:general", "discord:s1:general2"], "community_id": 2, "action": "warn"}));
        let pages = |path: &str, what: &str, name: &str| {
            let (mut found, mut total) = (Vec::new(), Value::Null);
            loop {
                let page = house.gets(&format!("{path}&limit=3&offset={}", found.len()));
                let rows: Vec<_> = page[what].as_array().unwrap().iter().map(|row| row[name].as_str().unwrap().to_owned()).collect();
                assert!(total.is_null() || total == page["total"], "{path}: {page}");
                total = page["total"].clone();
                if rows.is_empty() {
                    break;
                }
                found.extend(rows);
            }
            assert_eq!(total, found.len(), "{path}: {found:?}");
            found
        };
        let all = pages("/router/commands?", "commands", "command");
        assert_eq!(house.gets("/router/commands?limit=1000")["commands"].as_array().unwrap().len(), all.len());
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len(), "{all:?}");
        assert!(all.contains(&"!ping".to_owned()) && all.ends_with(&["#weather4".to_owned()]), "{all:?}");
        assert_eq!(pages("/router/commands?search=WEATHER", "commands", "command").len(), 5);
        assert_eq!(pages("/router/commands?prefix=%23", "commands", "command"), ["#weather0", "#weather2", "#weather4"]);
        assert_eq!(pages("/router/commands?module_type=community&is_active=true", "commands", "command"), ["#weather0", "#weather2"]);
        assert_eq!(pages("/router/commands?module_type=local&search=weather", "commands", "command"), ["!weather1", "!weather3"]);
        for none in
            ["module_type=community&prefix=!", "module_type=other", "prefix=", "prefix=%23&search=nothing", "offset=9223372036854775807"]
        {
            assert_eq!(house.gets(&format!("/router/commands?{none}"))["commands"], json!([]), "{none}");
        }
        assert_eq!(pages("/router/string-rules?search=SPAM", "rules", "string").len(), 5);
        assert_eq!(pages("/router/string-rules?community_id=2", "rules", "string").len(), 7);
        let here = pages(&format!("/router/string-rules?entity_id={channel}"), "rules", "string");
        assert_eq!(here, ["spam0", "spam1", "spam2", "spam3", "spam4"], "those for all channels, too, and no others");
        for bad in ["limit=0", "limit=1001", "offset=-1"] {
            for path in ["commands", "string-rules"] {
                let (status, answer) = house.asks("GET", &format!("/router/{path}?{bad}"), &Value::Null);
                assert_eq!((status, &answer["error"]["code"]), (400, &json!("bad_page")), "{path}?{bad}");
            }
        }
        let numbers = house.gets("/router/metrics");
        let rules = &numbers["string_matcher"];
        assert_eq!((&rules["total_rules"], &rules["active_rules"], &rules["total_matches"]), (&json!(7), &json!(6), &json!(0)));
        assert_eq!(rules["rules_by_action"], json!({"block": 5, "warn": 2}));
        assert_eq!(numbers["database"]["total_commands"], all.len());
    });
}

#[test]
fn a_collector_of_the_original_registers_lives_and_sends() {
    on_both(|house| {
        let registration = json!({"module_name": "discord", "module_version": "1.0.0", "platform": "discord", "endpoint_url": "http://collector/webhook",
            "health_check_url": "http://collector/health", "status": "active", "config": {"supported_events": ["on_message"]}});
        assert_eq!(house.asks("POST", "/api/modules/register", &registration).0, 201);
        let beat = json!({"module_name": "discord", "timestamp": "2026-01-01T00:00:00", "status": "active", "uptime": 12});
        assert_eq!(house.posts("/api/modules/heartbeat", &beat)["success"], true);
        assert_eq!(house.asks("POST", "/api/modules/heartbeat", &json!({"module_name": "nobody"})).0, 404);
        let quick = json!({"module_name": "quick", "platform": "slack", "heartbeat_interval": 1});
        assert_eq!(house.asks("POST", "/api/modules/register", &quick).0, 201);
        let gone = || {
            let all = house.gets("/api/modules");
            assert_eq!((&all["modules"][0]["status"], &all["modules"][0]["report"]["uptime"]), (&json!("active"), &json!(12)));
            (all["modules"][1]["status"] == "gone").then_some(())
        };
        eventually_some("who is silent for two heartbeats is gone", Duration::from_secs(60), gone);

        let activated = house.posts("/api/gateway/activate", &json!({"platform": "discord", "server_id": "s1", "owner": "ana"}));
        assert_eq!(activated["entity_id"], "discord:s1");
        house.posts("/api/gateway/activate", &json!({"platform": "discord", "server_id": "s2", "is_active": false}));
        let servers = house.gets("/api/servers?platform=discord&active=True");
        assert_eq!((&servers["total"], &servers["servers"][0]["owner"]), (&json!(1), &json!("ana")));
        assert_eq!(house.gets("/api/servers?active=false")["servers"][0]["server_id"], "s2");

        let event = json!({"platform": "discord", "server_id": "s1", "channel_id": "general", "user_id": "7", "user_name": "Bob", "message_id": "m1",
            "message_type": "chatMessage", "message_content": "!ping there", "_metadata": {"source_module": "discord", "source_version": "1.0.0"}});
        assert_eq!(house.posts("/api/events", &event)["response"], "pong there");
        assert!(house.gets("/api/servers?platform=discord&active=1")["servers"][0]["last_activity"].is_i64());

        house.posts(
            "/api/reputation",
            &json!({"platform": "discord", "user_id": "9", "username": "Eve", "activity_type": "follow", "points": 10}),
        );
        house.posts("/api/reputation", &json!({"entity_id": "discord:s1:general", "user_id": "9", "points": -3, "community_id": "2"}));
        let context = house.posts("/api/context", &json!({"platform": "discord", "platform_user_id": "9", "username": "Eve"}));
        assert_eq!((&context["data"]["reputation"], &context["data"]["user_name"]), (&json!(7), &json!("Eve")));
        assert_eq!(context["data"]["communities"][0]["community_id"], 1);
        for (path, body) in [
            ("/api/modules/register", json!({"module_name": " "})),
            ("/api/modules/register", json!({"module_name": "x".repeat(501)})),
            ("/api/modules/heartbeat", json!({"module_name": "discord", "log": "x".repeat(20_000)})),
            ("/api/reputation", json!({"platform": "discord", "user_id": "9", "points": 1_000_000})),
            ("/api/servers?active=perhaps", Value::Null),
            ("/api/events", json!({"platform": "discord", "surprise": 1})),
        ] {
            let method = if body.is_null() { "GET" } else { "POST" };
            assert_eq!(house.asks(method, path, &body).0, 400, "{path} {body}");
        }
    });
}

#[test]
fn only_collectors_and_the_house_use_the_collectors_address() {
    let house = House::new(&[], &[]);
    let data = house.bot.data().display().to_string();
    let made =
        std::process::Command::new(PROGRAM).args(["key", "create", "--role", "user", "--name", "u", "--data", &data]).output().unwrap();
    let user = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    for path in ["/api/modules", "/api/servers", "/router/metrics", "/router/rate-limits"] {
        assert_eq!(house.bot.request("GET", path, &[("X-API-Key", &user)], "").status, 403, "{path}");
        assert_eq!(house.bot.request("GET", path, &[], "").status, 401, "{path}");
    }
}
