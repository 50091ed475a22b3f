//! What nobody well-meaning sends: each is refused cleanly, and the node lives on.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Bot, Deadline, Reply, eventually, eventually_some, passes, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");
const ROOM: &str = "/api/v1/local/lobby/messages";

struct House {
    bot: Bot,
    key: String,
}

impl House {
    fn open() -> Self {
        Self::with(&[])
    }

    fn with(environment: &[(&str, &str)]) -> Self {
        let mut bot = Bot::start(PROGRAM, &[], environment);
        bot.wait_healthy();
        let data = bot.data().display().to_string();
        let made = run(PROGRAM, &["key", "create", "--role", "admin", "--name", "test", "--data", &data], &[], b"");
        Self { bot, key: made.stdout.trim().to_owned() }
    }

    fn asks(&self, method: &str, path: &str, body: &str) -> Reply {
        self.bot.request(method, path, &[("X-API-Key", &self.key), ("Content-Type", "application/json")], body)
    }

    fn says(&self, text: &str) -> Reply {
        self.asks("POST", ROOM, &json!({ "user": "ana", "role": "moderator", "text": text }).to_string())
    }

    fn lines(&self, query: &str) -> Value {
        let reply = self.asks("GET", &format!("{ROOM}{query}"), "");
        assert_eq!(reply.status, 200, "{}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    /// Writes all of it, also when the other side answers before it has read it all; returns what came back.
    fn sends(&self, parts: &[&[u8]]) -> String {
        let mut stream = TcpStream::connect(self.bot.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        for part in parts {
            match stream.write_all(part) {
                Ok(()) => {}
                Err(error) if [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind()) => break,
                Err(error) => panic!("the node neither reads nor refuses: {error}"),
            }
        }
        read_to_end(&mut stream)
    }

    /// The node is as well as ever.
    #[track_caller]
    fn lives(&self) {
        let reply = self.says("!ping still there?");
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(reply.body.contains("pong still there?"), "{}", reply.body);
    }
}

/// Until the other side closes; what it sent before a reset counts.
fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut some = [0; 4096];
    let deadline = Deadline::within(Duration::from_secs(60));
    loop {
        match stream.read(&mut some) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&some[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("the node keeps the connection: {error}; it sent {}", String::from_utf8_lossy(&bytes)),
        }
        assert!(!deadline.passed(), "the node talks without end");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_body_of_ten_megabytes_is_too_large_whatever_it_says_of_itself() {
    let house = House::open();
    let text = "x".repeat(10 << 20);
    let body = json!({ "user": "ana", "text": text }).to_string();
    let head =
        format!("POST {ROOM} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {}\r\nContent-Type: application/json\r\n", house.key);
    let told = format!("{head}Content-Length: {}\r\n\r\n", body.len());
    // Who still writes while the other side closes may lose the answer to the reset.
    let refused = |answer: &str| answer.is_empty() || answer.starts_with("HTTP/1.1 413 ");
    let answer = house.sends(&[told.as_bytes(), body.as_bytes()]);
    assert!(refused(&answer), "{answer}");
    // Barely too much fits into the buffers between, so the answer arrives.
    let barely = json!({ "user": "ana", "text": "x".repeat(256 * 1024) }).to_string();
    assert_eq!(house.asks("POST", ROOM, &barely).status, 413);
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
    let answer = house.sends(&[chunked.as_bytes(), body.as_bytes(), b"\r\n0\r\n\r\n"]);
    assert!(refused(&answer), "{answer}");
    house.lives();
    assert_eq!(house.lines("")["lines"].as_array().unwrap().len(), 2, "none of it was said");
}

#[test]
fn a_line_that_is_too_long_or_no_line_is_refused_with_its_reason() {
    let house = House::open();
    for text in ["", "   ", &"x".repeat(2001)] {
        let reply = house.says(text);
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert!(reply.body.contains("1 to 2000 characters"), "{}", reply.body);
    }
    for body in ["", "{", "[]", "{\"user\":7}", "{\"user\":\"ana\",\"role\":\"king\",\"text\":\"hi\"}"] {
        let status = house.asks("POST", ROOM, body).status;
        assert!((400..=422).contains(&status), "{body}: {status}");
    }
    house.lives();
}

#[test]
fn a_head_of_a_megabyte_is_refused() {
    let house = House::open();
    let line = format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20));
    let answer = house.sends(&[line.as_bytes()]);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    house.lives();
}

#[test]
fn a_frame_larger_than_a_page_may_send_closes_the_socket() {
    let house = House::open();
    let communities: Value = serde_json::from_str(&house.asks("GET", "/api/v1/communities", "").body).unwrap();
    let wanted = json!({ "community_id": communities["communities"][0]["id"] }).to_string();
    let tokens: Value = serde_json::from_str(&house.asks("POST", "/browser/source/admin/tokens", &wanted).body).unwrap();
    let token = tokens["tokens"][0].clone();
    let (secret, source) = (token["token"].as_str().unwrap(), token["source_type"].as_str().unwrap());
    let hello = format!(
        "GET /ws/{secret}/{source} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    // A masked text frame that says it has ten megabytes, and begins to bring them.
    let mut frame = vec![0x81, 0xff];
    frame.extend_from_slice(&(10_u64 << 20).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&[b'x'; 1 << 20]);
    let answer = house.sends(&[hello.as_bytes(), &frame]);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 101 "), "{answer}");
    house.lives();
}

#[test]
fn a_room_is_read_along_from_any_line_on() {
    let house = House::open();
    assert_eq!(house.lines("?after=0&wait=1"), json!({ "lines": [], "last": 0 }), "nothing was said yet");
    house.says("!ping");
    // The answer is known a little before the room shows it.
    let all = eventually_some("both lines", Duration::from_secs(30), || {
        let all = house.lines("");
        (all["lines"].as_array().unwrap().len() == 2).then_some(all)
    });
    let shown: Vec<_> = all["lines"].as_array().unwrap().iter().map(|line| (line["id"].as_u64().unwrap(), &line["kind"])).collect();
    let [(first, person), (second, bot)] = shown[..] else { panic!("{all}") };
    assert_eq!((person, bot, first < second), (&json!("person"), &json!("bot"), true));
    assert_eq!((&all["last"], &all["lines"][0]["name"], &all["lines"][1]["text"]), (&json!(second), &json!("ana"), &json!("pong")));
    assert_eq!(house.lines(&format!("?after={first}"))["lines"].as_array().unwrap().len(), 1);
    assert_eq!(house.lines(&format!("?after={second}")), json!({ "lines": [], "last": second }));
    let ahead = house.lines(&format!("?after={}", second + 1_000_000));
    assert_eq!(ahead["lines"].as_array().unwrap().len(), 2, "who read before the clock was put back begins anew");

    std::thread::scope(|scope| {
        // Whether it is said before or while the reader waits makes no difference.
        let reader = scope.spawn(|| house.lines(&format!("?after={second}&wait=8")));
        house.asks("POST", "/api/v1/local/lobby/events", "{\"type\":\"follow\",\"user\":\"bob\"}");
        let news = reader.join().unwrap();
        assert_eq!((&news["lines"][0]["kind"], &news["lines"][0]["text"]), (&json!("event"), &json!("follow: bob")));
    });

    assert_eq!(house.asks("GET", &format!("{ROOM}?after=-1"), "").status, 400);
    assert_eq!(house.asks("GET", "/api/v1/local/no%20room/messages", "").status, 404);
    assert_eq!(house.bot.get(ROOM).status, 401);
}

#[test]
fn a_stop_is_orderly_also_while_somebody_waits_for_lines() {
    let mut house = House::open();
    let mut waiting = TcpStream::connect(house.bot.address()).unwrap();
    waiting.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let question = format!("GET {ROOM}?after=0&wait=20 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {}\r\n\r\n", house.key);
    waiting.write_all(question.as_bytes()).unwrap();
    house.bot.get("/health");
    let asked = Deadline::within(Duration::from_secs(15));
    assert_eq!(house.bot.terminate().code(), Some(0), "{}", house.bot.stderr());
    assert!(!asked.passed(), "it waited for who waited for lines");
    let answer = read_to_end(&mut waiting);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn who_sends_a_letter_at_a_time_does_not_keep_a_node_from_stopping() {
    let mut house = House::with(&[("WADDLEBOT_LIMITS_DRAIN_TIMEOUT", "2s")]);
    let mut slow = TcpStream::connect(house.bot.address()).unwrap();
    let key = &house.key;
    let head =
        format!("POST {ROOM} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{{");
    slow.write_all(head.as_bytes()).unwrap();
    eventually("the request has begun", Duration::from_secs(30), || {
        house.asks("GET", "/metrics", "").body.contains("waddlebot_concurrent_requests 2")
    });
    let sends = std::thread::spawn(move || {
        while slow.write_all(b" ").is_ok() {
            passes(Duration::from_secs(1));
        }
    });
    // Killed, and so no success, when it takes as long as the letters.
    assert_eq!(house.bot.terminate().code(), Some(0), "{}", house.bot.stderr());
    assert!(house.bot.stdout().contains("not over"), "{}", house.bot.stdout());
    sends.join().unwrap();
}

#[test]
fn who_begins_and_falls_silent_does_not_keep_the_connection() {
    let house = House::open();
    let begin = |text: &str| {
        let mut stream = TcpStream::connect(house.bot.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let mut head = begin("GET /health HTTP/1.1\r\nHost: x");
    let mut second = begin("GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x");
    let key = &house.key;
    let body =
        format!("POST {ROOM} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{{");
    let mut body = begin(&body);
    // All come to an end by themselves, long before the read's own limit.
    read_to_end(&mut head);
    assert!(read_to_end(&mut second).starts_with("HTTP/1.1 200 "));
    assert!(read_to_end(&mut body).starts_with("HTTP/1.1 400 "));
    house.lives();
}
