//! What scripts count on: the program's commands, its addresses and its environment, as they are from outside.
#![expect(clippy::unwrap_used, reason = "a test may")]

#[path = "program/rig.rs"]
mod rig;

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use rig::{PROGRAM, Rig, replies};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, WebSocket};
use waddlebot_testbed::{Bot, Postgres, Redis, Reply, irc, request};

fn read(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_else(|e| panic!("{} {}: {e}", reply.status, reply.body))
}

#[test]
fn it_runs_where_it_is_told_to_and_ends_in_order_at_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("house.toml"));
    fs::write(&config, "[http]\nmetrics = \"machine\"\n").unwrap();
    let args = ["--data", data.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let mut bot = Bot::start(PROGRAM, &args, &[]);
    bot.wait_healthy();
    let health = bot.get("/health");
    assert_eq!((health.status, &read(&health)["status"]), (200, &"healthy".into()));
    assert_eq!(bot.get("/metrics").status, 200, "the file was read");
    assert!(data.join("waddlebot.db").exists(), "the data is where it was told to be");
    assert_eq!(bot.terminate().code(), Some(0));
}

#[test]
fn a_key_is_one_line_and_good_at_once_beside_a_running_node() {
    let rig = Rig::new(&[]);
    let _bot = rig.start(&[]);
    let printed = rig.runs(&["key", "create", "--role", "admin", "--name", "script"]);
    assert_eq!(printed.lines().count(), 1, "{printed:?}");
    assert!(printed.ends_with('\n'));
    let viewer = rig.runs(&["key", "create", "--role", "user", "--name", "viewer"]);
    let with = |key: &str, path: &str| {
        let fields = [("X-API-Key", key), ("Content-Type", "application/json")];
        let method = if path.ends_with("messages") || path.contains("display") { "POST" } else { "GET" };
        let fields = if key.is_empty() { &fields[1..] } else { &fields[..] };
        request(rig.address(), method, path, fields, if method == "POST" { "{}" } else { "" }).unwrap().status
    };
    for path in ["/api/v1/local/lobby/messages", "/browser/source/display", "/browser/source/admin/tokens", "/admin/actors", "/metrics"] {
        let tried = [with("", path), with("not-a-key", path), with(viewer.trim(), path)];
        assert_eq!(tried, [401, 401, 403], "{path}");
        assert!(![401, 403].contains(&with(printed.trim(), path)), "{path}");
    }
    assert_eq!(with("", "/health"), 200);
    assert_eq!([with("", "/health/detailed"), with(viewer.trim(), "/health/detailed")], [401, 200]);
}

#[test]
fn irc_needs_the_environment_and_nothing_else() {
    let server = irc::Server::ngircd();
    let rig = Rig::new(&[
        ("WADDLEBOT_IRC_SERVER", &server.address().to_string()),
        ("WADDLEBOT_IRC_NICK", "waddle"),
        ("WADDLEBOT_IRC_CHANNELS", "#a,#b"),
        ("WADDLEBOT_IRC_TLS", "false"),
        ("WADDLEBOT_IRC_FLOOD", "off"),
    ]);
    let mut ana = server.person("ana");
    ana.joins("#a");
    ana.joins("#b");
    let mut bot = rig.start(&[]);
    ana.hears("waddle!");
    // Without a flood budget fifty answers come at once; with one they would take a minute and a half.
    for number in 0..50 {
        for channel in ["#a", "#b"] {
            ana.says(channel, &format!("!ping {number}"));
        }
    }
    for channel in ["#a", "#b"] {
        let last = format!("PRIVMSG {channel} :pong 49");
        assert!(ana.has_heard(&last) || ana.hears_within(&last, Duration::from_secs(60)).is_some(), "{last}");
        let answers: Vec<u32> =
            ana.heard().iter().filter_map(|line| line.split_once(&format!("PRIVMSG {channel} :pong "))?.1.parse().ok()).collect();
        assert_eq!(answers, (0..50).collect::<Vec<_>>(), "in order, in {channel}");
    }
    assert_eq!(bot.terminate().code(), Some(0));
    ana.hears("QUIT");
}

#[test]
fn a_local_message_is_answered_with_its_replies_and_a_raid_is_introduced() {
    let rig = Rig::new(&[]);
    let _bot = rig.start(&[]);
    let so = rig.says("lobby", "ana", "!so @ninja", "").unwrap();
    assert_eq!(replies(&so), ["Go check out ninja!"]);
    assert!(so["responses"].as_array().unwrap().len() > 1, "the overlay is told as well: {so}");
    assert_eq!(replies(&rig.says("lobby", "ana", "hello all", "").unwrap()), [""; 0]);
    assert_eq!(replies(&rig.says("a-new-room", "bob", "!ping there", "").unwrap()), ["pong there"], "an unknown room is a new one");

    let raid = json!({ "type": "raid", "user": "frank", "viewers": 12 });
    let raid = rig.asks("POST", "/api/v1/local/lobby/events", &raid).unwrap();
    let said = replies(&read(&raid)).join("\n");
    assert!(raid.status == 200 && said.contains("frank"), "{} {}", raid.status, raid.body);

    let wrong =
        [json!({}), json!({ "user": "ana" }), json!({ "user": "ana", "role": "king", "text": "hi" }), json!({ "user": "", "text": "hi" })];
    for body in wrong {
        assert_eq!(rig.asks("POST", "/api/v1/local/lobby/messages", &body).unwrap().status, 400, "{body}");
    }
    assert_eq!(rig.asks("POST", "/api/v1/local/lobby/events", &json!({ "type": "party", "user": "ana" })).unwrap().status, 400);
}

#[test]
fn an_item_that_is_pushed_is_seen_on_its_overlay() {
    let rig = Rig::new(&[]);
    let _bot = rig.start(&[]);
    let communities = read(&rig.asks("GET", "/api/v1/communities", &Value::Null).unwrap());
    let community = &communities["communities"][0];
    assert!(community["id"].is_number() && community["name"].is_string(), "{communities}");

    let made = read(&rig.asks("POST", "/browser/source/admin/tokens", &json!({ "community_id": community["id"] })).unwrap());
    let tokens = made["tokens"].as_array().unwrap();
    let kinds: Vec<_> = tokens.iter().map(|token| token["source_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ticker", "media", "general"]);

    let shown = [
        ("ticker", json!({ "ticker_text": "tea is ready" }), "text", "tea is ready"),
        ("media", json!({ "media_type": "image", "media_url": "https://example.org/a.png" }), "media_url", "https://example.org/a.png"),
        ("general", json!({ "content_type": "html", "content": "<b>hello</b>" }), "content", "<b>hello</b>"),
    ];
    for ((kind, data, field, wanted), token) in shown.into_iter().zip(tokens) {
        let url = token["url"].as_str().unwrap();
        let page = rig.asks("GET", url.strip_prefix(&format!("http://{}", rig.address())).unwrap(), &Value::Null).unwrap();
        assert!(page.status == 200 && page.body.contains("<html"), "{url}");
        let mut socket = open(&rig, &format!("/ws/{}/{kind}", token["token"].as_str().unwrap()));
        assert_eq!(next(&mut socket)["type"], "connected");

        let item = json!({ "session_id": "s1", "community_id": community["id"], "source_type": kind, "display_data": data });
        let pushed = rig.asks("POST", "/browser/source/display", &item).unwrap();
        assert_eq!((pushed.status, &read(&pushed)["session_id"]), (200, &"s1".into()), "{}", pushed.body);
        let frame = next(&mut socket);
        assert!(frame["type"] == kind && frame[field].as_str().unwrap_or_default().contains(wanted), "{frame}");
    }
}

fn open(rig: &Rig, path: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(rig.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    tungstenite::client(format!("ws://{}{path}", rig.address()), stream).unwrap().0
}

/// The next message that is text.
fn next(socket: &mut WebSocket<TcpStream>) -> Value {
    loop {
        if let tungstenite::Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[test]
fn postgresql_and_redis_are_used_when_they_are_named() {
    let (database, redis) = (Postgres::shared().database(), Redis::start());
    let rig = Rig::new(&[("DATABASE_URL", &database), ("REDIS_URL", &redis.url())]);
    let mut bot = rig.start(&[]);
    let health = rig.health();
    let kinds = [&health["dependencies"]["database"]["kind"], &health["dependencies"]["sessions"]["kind"]];
    assert_eq!((kinds, &health["status"]), ([&json!("postgresql"), &json!("redis")], &json!("healthy")));
    assert!(rig.hears("!memories add quote \"To be\" Hamlet").starts_with("Kept as #1"));
    let cookie = rig.log_in();
    assert_eq!(bot.terminate().code(), Some(0));

    let _bot = rig.start(&[]);
    assert!(rig.hears_at_last("!memories list", "quotes").contains("To be"));
    let page = request(rig.address(), "GET", "/chat", &[("Cookie", &cookie)], "").unwrap();
    assert_eq!(page.status, 200, "whoever is logged in stays so over a restart");
    assert!(!std::path::Path::new(&rig.data()).join("waddlebot.db").exists());
}

#[test]
fn the_metrics_please_prometheus_and_move() {
    let rig = Rig::new(&[]);
    let _bot = rig.start(&[]);
    let before = rig.metric("waddlebot_commands_total");
    rig.hears("!ping");
    rig.hears("!memories add quote \"To be\" Hamlet");
    assert_eq!(rig.metric("waddlebot_commands_total"), before + 2.0);
    assert!(rig.metric("waddlebot_live_actors") > 5.0);

    let page = rig.asks("GET", "/metrics", &Value::Null).unwrap();
    assert!(page.head.contains("text/plain; version=0.0.4"), "{}", page.head);
    let mut promtool = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let promtool = promtool.as_mut().expect("promtool is in the Debian package prometheus");
    promtool.stdin.take().unwrap().write_all(page.body.as_bytes()).unwrap();
    let mut faults = String::new();
    std::io::Read::read_to_string(&mut promtool.stderr.take().unwrap(), &mut faults).unwrap();
    assert!(promtool.wait().unwrap().success() && faults.is_empty(), "{faults}\n{}", page.body);
}
