//! Collectors outside share out what they listen to: the real program, over HTTP, on both databases.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, Deadline, Postgres, eventually, eventually_some};

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

struct House {
    bot: Bot,
    admin: String,
}

impl House {
    fn new(environment: &[(&str, &str)]) -> Self {
        let mut bot = Bot::start(PROGRAM, &[], environment);
        bot.wait_healthy();
        let data = bot.data().display().to_string();
        let mut made = std::process::Command::new(PROGRAM);
        made.args(["key", "create", "--role", "trigger", "--name", "collector", "--data", &data]).envs(environment.iter().copied());
        let admin = String::from_utf8(made.output().unwrap().stdout).unwrap().trim().to_owned();
        Self { bot, admin }
    }

    fn asks(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.bot.request(method, path, &[("X-API-Key", &self.admin), ("Content-Type", "application/json")], &body);
        (reply.status, serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", reply.body)))
    }

    fn does(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.asks("POST", &format!("/router/coordination/{path}"), body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn refused(&self, path: &str, body: &Value) -> (u16, String) {
        let (status, answer) = self.asks("POST", &format!("/api/v1/router/coordination/{path}"), body);
        (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
    }

    /// So many channels of a platform that were activated and may be claimed.
    fn with_channels(&self, many: usize) {
        for n in 0..many {
            let (status, _) = self.asks("POST", "/api/gateway/activate", &json!({"platform": "tube", "server_id": format!("c{n}")}));
            assert_eq!(status, 200);
        }
        let wanted = json!({"platform": "tube"});
        assert_eq!(self.does("populate", &wanted)["entities_added"], json!(many));
        assert_eq!(self.does("populate", &wanted)["entities_added"], json!(0), "what is there already is not new");
    }
}

fn on_both(test: impl Fn(House)) {
    test(House::new(&[]));
    let server = Postgres::start();
    test(House::new(&[("DATABASE_URL", &server.database())]));
}

fn names(answer: &Value, list: &str) -> Vec<String> {
    answer[list].as_array().unwrap().iter().map(|one| one["entity_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn two_collectors_share_what_there_is_and_never_hold_the_same() {
    on_both(|house| {
        house.with_channels(7);
        let claims = |name: &str, most: i64| house.does("claim", &json!({"platform": "tube", "container_id": name, "max_claims": most}));
        let one = claims("one", 4);
        assert_eq!((&one["claimed_count"], names(&one, "claimed_entities").len()), (&json!(4), 4));
        assert!(one["claimed_entities"].as_array().unwrap().iter().all(|entity| entity["epoch"] == 1), "{one}");
        let two = claims("two", 5);
        assert_eq!(two["claimed_count"], json!(3));
        assert!(names(&two, "claimed_entities").iter().all(|name| !names(&one, "claimed_entities").contains(name)));
        let again = claims("one", 4);
        assert_eq!((&again["claimed_count"], &again["held_count"]), (&json!(0), &json!(4)), "it holds as many as it may");

        // What one gives back the other may have, at the next epoch.
        let given = names(&one, "claimed_entities")[0].clone();
        let gone = house.does("release", &json!({"container_id": "one", "entity_ids": [given]}));
        assert_eq!(gone["released_entities"], json!([given]));
        let got = claims("two", 5);
        assert_eq!((names(&got, "claimed_entities"), &got["claimed_entities"][0]["epoch"]), (vec![given.clone()], &json!(2)));
        let own = json!({"container_id": "one", "entity_id": given, "is_live": true});
        assert_eq!(house.refused("status", &own), (409, "not_held".into()));

        // Live comes first, and a channel found offline is exchanged.
        let mine = names(&house.does("heartbeat", &json!({"container_id": "one"})), "entities");
        assert_eq!(mine.len(), 3);
        let tell = |entity: &str, live: bool| {
            house.does(
                "status",
                &json!({"container_id": "one", "entity_id": entity, "is_live": live, "viewer_count": 9, "metadata": {"a": 1}}),
            )
        };
        tell(&mine[0], true);
        tell(&mine[1], false);
        let (_, live) = house.asks("GET", "/router/coordination/entities?is_live=true&claimed_by=one", &Value::Null);
        let row = &live["entities"][0];
        assert_eq!(
            (&row["entity_id"], &row["status"], &row["viewer_count"], &row["metadata"]),
            (&json!(mine[0]), &json!("live"), &json!(9), &json!({"a": 1}))
        );
        house.does("release", &json!({"container_id": "two", "entity_ids": [given]}));
        let exchanged = house.does("release-offline", &json!({"container_id": "one"}));
        assert_eq!((&exchanged["released_entities"], names(&exchanged, "claimed_entities")), (&json!([mine[1]]), vec![given.clone()]));
        let (_, stats) = house.asks("GET", "/router/coordination/stats", &Value::Null);
        assert_eq!(
            stats,
            json!({"total": 7, "claimed": 6, "available": 1, "live": 1, "offline": 0, "error": 0, "containers": {"one": 3, "two": 3}})
        );

        // Three failures in a row and nobody may have it.
        let fails = || {
            house.does(
                "error",
                &json!({"container_id": "two", "entity_id": names(&two, "claimed_entities")[0], "error_message": "401\u{0}"}),
            )
        };
        assert_eq!(fails()["error_count"], json!(1));
        let active = json!({"container_id": "two", "entity_id": names(&two, "claimed_entities")[0], "has_activity": true});
        house.does("status", &active);
        assert_eq!((fails()["error_count"].clone(), fails()["status"].clone()), (json!(1), json!("claimed")));
        assert_eq!(fails()["status"], json!("error"));
        let (_, errors) = house.asks("GET", "/router/coordination/entities?status=error", &Value::Null);
        assert_eq!((&errors["total"], &errors["entities"][0]["error_message"]), (&json!(1), &json!("401")));
        assert_eq!(claims("two", 50)["claimed_count"], json!(1), "what is left, without what failed");
        assert_eq!(house.does("release", &json!({"container_id": "one"}))["released_count"], json!(3));
    });
}

#[test]
fn who_falls_silent_loses_what_it_held_to_who_asks() {
    on_both(|house| {
        house.with_channels(2);
        let claim = |name: &str| house.does("claim", &json!({"platform": "tube", "container_id": name, "heartbeat_interval": 3}));
        assert_eq!(claim("one")["claimed_count"], json!(2));
        // While it shows that it lives, longer than it may be silent, nobody else gets it.
        let long = Deadline::within(Duration::from_secs(8));
        eventually("it has lived for a while", Duration::from_secs(60), || {
            assert_eq!(house.does("checkin", &json!({"container_id": "one"}))["success"], json!(true));
            assert_eq!(house.does("claim", &json!({"platform": "tube", "container_id": "two"}))["claimed_count"], json!(0));
            long.passed()
        });
        let got = eventually_some("the other gets both", Duration::from_secs(60), || {
            let got = house.does("claim", &json!({"platform": "tube", "container_id": "two"}));
            (got["claimed_count"] == json!(2)).then_some(got)
        });
        assert!(got["claimed_entities"].as_array().unwrap().iter().all(|entity| entity["epoch"] == 2), "{got}");
        assert_eq!(house.refused("heartbeat", &json!({"container_id": "one"})), (409, "collector_gone".into()));
        let stale = json!({"container_id": "one", "entity_id": "tube:c0", "is_live": true});
        assert_eq!(house.refused("status", &stale), (409, "collector_gone".into()));
        assert_eq!(claim("one")["claimed_count"], json!(0), "it is back, and finds all taken");
        assert_eq!(house.does("heartbeat", &json!({"container_id": "one"}))["claimed_count"], json!(0));
        // The nodes leave alone what collectors listen to, and serve its channel all the same.
        let event = json!({"platform": "tube", "channel_id": "c0", "user_id": "1", "user_name": "Ana",
            "message_type": "chatMessage", "message_content": "!ping"});
        let (status, said) = house.asks("POST", "/router/events", &event);
        assert_eq!((status, &said["success"]), (200, &json!(true)), "{said}");
        assert_eq!(house.does("heartbeat", &json!({"container_id": "two"}))["claimed_count"], json!(2));
    });
}

#[test]
fn nonsense_and_strangers_are_told_so() {
    let house = House::new(&[]);
    house.with_channels(1);
    assert_eq!(house.refused("heartbeat", &json!({"container_id": "nobody"})), (404, "not_found".into()));
    assert_eq!(house.refused("claim", &json!({"platform": "tube"})), (400, "bad_request".into()));
    for (body, code) in [
        (json!({"platform": "tube", "container_id": " "}), "missing_field"),
        (json!({"platform": "tube", "container_id": "a\nb"}), "bad_field"),
        (json!({"platform": "tube", "container_id": "a", "max_claims": -1}), "bad_claims"),
        (json!({"platform": "tube", "container_id": "a", "max_claims": 1e300}), "bad_request"),
        (json!({"platform": "tube", "container_id": "a", "heartbeat_interval": 0}), "bad_interval"),
    ] {
        assert_eq!(house.refused("claim", &body), (400, code.into()), "{body}");
    }
    house.does("claim", &json!({"platform": "nowhere", "container_id": "a"}));
    let status = |body: Value| house.refused("status", &body);
    assert_eq!(status(json!({"container_id": "a", "entity_id": "tube:none"})).0, 404);
    assert_eq!(status(json!({"container_id": "a", "entity_id": "tube:c0"})).0, 409);
    assert_eq!(status(json!({"container_id": "a", "entity_id": "tube:c0", "viewer_count": -5})).0, 400);
    assert_eq!(house.asks("GET", "/router/coordination/entities?status=strange", &Value::Null).0, 400);
}
