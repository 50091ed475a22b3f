//! Roles and memberships as another program manages them: the real program, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, eventually_some};

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

struct House {
    bot: Bot,
    admin: String,
    trigger: String,
}

impl House {
    fn new() -> Self {
        let mut bot = Bot::start(PROGRAM, &[], &[]);
        bot.wait_healthy();
        let data = bot.data().display().to_string();
        let key = |role: &str| {
            let made = Command::new(PROGRAM).args(["key", "create", "--role", role, "--name", role, "--data", &data]).output().unwrap();
            String::from_utf8(made.stdout).unwrap().trim().to_owned()
        };
        let (admin, trigger) = (key("admin"), key("trigger"));
        Self { bot, admin, trigger }
    }

    fn asks(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.bot.request(method, path, &[("X-API-Key", key), ("Content-Type", "application/json")], &body);
        (reply.status, serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", reply.body)))
    }

    fn admin(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.asks(&self.admin, method, &format!("/router/rbac/{path}"), body)
    }

    /// The outcome code of what somebody says in a channel, with these badges.
    fn says(&self, user: &str, text: &str, badges: &[&str]) -> u64 {
        let event = json!({"platform": "twitch", "server_id": "ducks", "user_id": user, "user_name": user,
            "message_type": "chatMessage", "message_content": text, "metadata": {"badges": badges}});
        let (status, answer) = self.asks(&self.trigger, "POST", "/router/events", &event);
        assert_eq!(status, 200, "{answer}");
        answer["status_code"].as_u64().unwrap()
    }
}

#[test]
fn a_role_given_over_http_counts_with_the_next_message() {
    let house = House::new();
    let add = "!alias add !hey !ping";
    assert_eq!(house.says("7", add, &["subscriber/3"]), 403);
    let gives = |role: Value| {
        let body = json!({"assignments": [{"entity_id": "twitch:ducks", "user_id": "7", "user_name": "Bob", "role": role}]});
        house.admin("POST", "assign_roles_bulk", &body)
    };
    let (status, done) = gives(json!("moderator"));
    assert_eq!((status, &done["changed"]), (200, &json!(1)), "{done}");
    assert_eq!(house.says("7", add, &[]), 200);
    assert_eq!(gives(Value::Null).0, 200);
    assert_eq!(house.says("7", "!alias remove !hey", &[]), 403);
    let (status, badges) = house.admin("PUT", "communities/2/badges", &json!({"subscriber": "moderator"}));
    assert_eq!((status, &badges["subscriber"], &badges["broadcaster"]), (200, &json!("moderator"), &json!("owner")));
    assert_eq!(house.says("7", "!alias remove !hey", &["subscriber/3"]), 200);
}

#[test]
fn many_are_asked_about_at_once_and_answered_in_order() {
    let house = House::new();
    let people: Vec<_> = (0..300).map(|n| json!({"platform": "twitch", "community_id": 2, "user_id": n.to_string()})).collect();
    let assignments = people.iter().enumerate().filter(|(n, _)| n % 3 == 0).map(|(_, one)| {
        let mut one = one.clone();
        one["role"] = json!("admin");
        one
    });
    let (status, done) = house.admin("POST", "assign_roles_bulk", &json!({"assignments": assignments.collect::<Vec<_>>()}));
    assert_eq!((status, &done["changed"]), (200, &json!(100)), "{done}");
    let checks: Vec<_> = people
        .iter()
        .map(|one| {
            let mut one = one.clone();
            one["permission"] = json!("users.ban");
            one
        })
        .collect();
    let (_, answer) = house.admin("POST", "check_permissions_bulk", &json!({"checks": checks}));
    for (n, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&result["allowed"], &result["role"]), (&json!(n % 3 == 0), &json!(if n % 3 == 0 { "admin" } else { "member" })));
    }
    let (_, answer) = house.admin("POST", "get_user_roles_bulk", &json!({"users": people}));
    assert_eq!(answer["results"][3], json!({"platform": "twitch", "user_id": "3", "role": "admin"}));
    let (_, members) = house.admin("GET", "communities/2/members?role=admin&limit=10", &Value::Null);
    assert_eq!((&members["total"], members["members"].as_array().unwrap().len()), (&json!(100), 10));
    let (_, matrix) = house.admin("GET", "permissions", &Value::Null);
    assert!(matrix["permissions"].as_array().unwrap().contains(&json!({"permission": "community.delete", "roles": ["owner"]})), "{matrix}");
}

#[test]
fn everybody_who_is_seen_belongs_to_the_global_community_for_good() {
    let house = House::new();
    let events: Vec<_> = (0..100)
        .map(|n| {
            json!({"platform": "discord", "server_id": "s1", "user_id": format!("b{n}"), "user_name": format!("Bulk {n}"),
        "message_type": "member_join"})
        })
        .collect();
    let (status, _) = house.asks(&house.trigger, "POST", "/router/events/batch", &json!({"events": events}));
    assert_eq!(status, 200);
    let members =
        || house.admin("GET", "communities/1/members?search=bulk", &Value::Null).1["total"].as_u64().filter(|total| *total == 100);
    eventually_some("a hundred members", Duration::from_secs(60), members);
    let onboard =
        json!({"users": [{"platform": "twitch", "user_id": "new", "user_name": "New"}, {"platform": "discord", "user_id": "b1"}]});
    let (_, onboarded) = house.asks(&house.trigger, "POST", "/api/v1/router/rbac/ensure_users_in_global_community_bulk", &onboard);
    assert_eq!((&onboarded["total"], &onboarded["added"]), (&json!(2), &json!(1)));
    let (status, refused) = house.admin("DELETE", "communities/1/members/discord/b1", &Value::Null);
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("global_community")));
    let raise = json!({"assignments": [{"community_id": 1, "platform": "discord", "user_id": "b1", "role": "owner"}]});
    assert_eq!(house.admin("POST", "assign_roles_bulk", &raise).0, 400);
    let (_, entities) = house.asks(&house.admin, "GET", "/router/entities?platform=discord", &Value::Null);
    assert_eq!(entities["entities"][0]["owner"], json!("b0"));
    let group = json!({"platform": "discord", "server_id": "s1", "community_id": 2, "name": "Discord Server s1"});
    assert_eq!(entities["groups"], json!([group]));
}

#[test]
fn who_may_not_is_refused_and_nonsense_is_explained() {
    let house = House::new();
    let one = json!({"assignments": [{"community_id": 2, "platform": "x", "user_id": "1", "role": "vip"}]});
    assert_eq!(house.asks(&house.trigger, "POST", "/router/rbac/assign_roles_bulk", &one).0, 403);
    for (path, body, code) in [
        ("assign_roles_bulk", json!({"assignments": []}), "bad_batch"),
        ("assign_roles_bulk", json!({"assignments": [{"community_id": 2, "platform": "x", "user_id": "1", "role": "king"}]}), "bad_role"),
        ("assign_roles_bulk", json!({"assignments": [{"community_id": 2, "user_id": "1", "role": "vip"}]}), "missing_field"),
        ("assign_roles_bulk", json!({"assignments": [{"community_id": 99, "platform": "x", "user_id": "1", "role": "vip"}]}), "not_found"),
        ("assign_roles_bulk", json!({"assignments": [{"entity_id": "x:nowhere", "user_id": "1", "role": "vip"}]}), "not_found"),
        ("get_user_roles_bulk", json!({"users": [{"platform": "x", "user_id": "1"}]}), "missing_field"),
        (
            "check_permissions_bulk",
            json!({"checks": [{"community_id": 2, "platform": "x", "user_id": "1", "permission": "fly"}]}),
            "unknown_permission",
        ),
    ] {
        let (status, answer) = house.admin("POST", path, &body);
        assert!(status >= 400 && answer["error"]["code"] == code, "{path} {body}: {status} {answer}");
    }
}
