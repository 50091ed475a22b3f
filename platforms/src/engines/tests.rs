//! Engines against real sockets: what is sent, what is refused, and what a hostile target gets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use waddlebot_runtime::engine::{Method, Purpose, Target};
use waddlebot_runtime::secret::hexadecimal;
use waddlebot_runtime::spawn;

use super::*;

/// A target that answers each connection with the next of `answers`, the last one for ever.
struct Server {
    address: SocketAddr,
    seen: mpsc::UnboundedReceiver<String>,
}

async fn server(answers: &'static [&'static str]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, seen) = mpsc::unbounded_channel();
    spawn::task("target", async move {
        for turn in 0.. {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let request = request(&mut stream).await;
            if sender.send(request).is_err() {
                return;
            }
            let answer = answers[turn.min(answers.len() - 1)];
            if answer == "endless" {
                spawn::task("endless", endless(stream));
            } else if answer != "hang" {
                stream.write_all(answer.as_bytes()).await.ok();
            } else {
                // Kept open, silent.
                spawn::task("hang", async move { stream.read(&mut [0; 1]).await.map(drop) });
            }
        }
    });
    Server { address, seen }
}

async fn endless(mut stream: TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok();
    while stream.write_all(&[b'x'; 65536]).await.is_ok() {}
}

async fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut some = [0; 4096];
    loop {
        let count = stream.read(&mut some).await.unwrap_or(0);
        text.extend_from_slice(&some[..count]);
        let shown = String::from_utf8_lossy(&text).to_string();
        let Some((head, body)) = shown.split_once("\r\n\r\n") else {
            if count == 0 {
                return shown;
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if body.len() >= length || count == 0 {
            return shown;
        }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"text\":\"done\"}";
const BROKEN: &str = "HTTP/1.1 503 Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn engines(allowed: &[&str], clock: &Clock) -> Engines {
    let outward = Outward::new(allowed.iter().map(|host| (*host).to_owned())).unwrap();
    Engines::new(outward, None, None, clock.clone())
}

fn job(location: String) -> Job {
    let target = Target {
        engine: EngineKind::Webhook,
        location,
        method: Method::Post,
        headers: BTreeMap::from([("X-Team".to_owned(), "ducks".to_owned()), ("X-WaddleBot-Source".to_owned(), "liar".to_owned())]),
        timeout: Duration::from_secs(5),
        secret: Some("hush".to_owned()),
        purpose: Purpose::Command,
    };
    Job { target, execution_id: "e1".into(), payload: json!({"command": "weather", "parameters": ["Rome"]}) }
}

fn at(server: &Server) -> Job {
    job(format!("http://{}/hook?a=1", server.address))
}

#[tokio::test]
async fn a_webhook_gets_the_payload_signed_and_its_answer_comes_back() {
    let mut server = server(&[OK]).await;
    let reply = engines(&["127.0.0.1"], &Clock::turned()).run(&at(&server)).await.unwrap();
    assert_eq!((reply.status, reply.body, reply.tries), (200, json!({"text": "done"}), 1));
    let request = server.seen.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /hook?a=1 http/1.1"), "{head}");
    assert_eq!(body, r#"{"command":"weather","parameters":["Rome"]}"#);
    for line in ["user-agent: waddlebot-router/1.0", "x-team: ducks", "x-waddlebot-source: router", "x-waddlebot-execution-id: e1"] {
        assert!(head.contains(line), "{line} in {head}");
    }
    assert!(!head.contains("liar"));
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let signed = sha256(&format!("{}.{body}", field("x-waddlebot-timestamp: ")));
    assert_eq!(field("x-waddlebot-signature: "), signed);
}

/// The signature as the documents describe it, worked out once more by another road.
fn sha256(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|at| b"hush".get(at).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([pad(0x36), text.as_bytes().to_vec()].concat());
    hexadecimal("sha256=", &Sha256::digest([pad(0x5c), inner.to_vec()].concat()))
}

#[tokio::test]
async fn a_get_carries_the_payload_as_its_query() {
    let mut server = server(&[OK]).await;
    let mut job = at(&server);
    job.target.method = Method::Get;
    engines(&["127.0.0.1"], &Clock::turned()).run(&job).await.unwrap();
    let request = server.seen.recv().await.unwrap();
    assert!(request.starts_with("GET /hook?a=1&command=weather&parameters=%5B%22Rome%22%5D HTTP/1.1"), "{request}");
}

#[tokio::test]
async fn a_target_that_is_down_is_tried_again_after_one_two_and_four_seconds() {
    let mut server = server(&[BROKEN, BROKEN, OK]).await;
    let clock = Clock::turned();
    let (engines, job) = (engines(&["127.0.0.1"], &clock), at(&server));
    let run = spawn::task("run", async move { engines.run(&job).await });
    for pause in [0, 1, 2] {
        if pause > 0 {
            // The pause begins a little after the answer: turn until the next try is there.
            while server.seen.is_empty() {
                clock.turn(Duration::from_millis(100));
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        server.seen.recv().await.unwrap();
    }
    assert_eq!(run.await.unwrap().unwrap().tries, 3);
}

#[tokio::test]
async fn no_private_address_is_called_however_it_is_written() {
    let engines = engines(&[], &Clock::turned());
    let inside = "http://127.0.0.1/ http://localhost:9/ http://[::1]/ http://169.254.169.254/latest/meta-data http://10.0.0.1/ http://192.168.1.1/ \
        http://2130706433/ http://0x7f.1/ http://0/ http://[::ffff:127.0.0.1]/ http://[fe80::1]/ http://[fd00::1]/ http://100.64.0.1/ \
        http://[64:ff9b::7f00:1]/ http://[2002:7f00:1::]/ ftp://example.org/ file:///etc/passwd http://a:b@example.org/ nonsense";
    for location in inside.split_whitespace() {
        let error = engines.run(&job(location.to_owned())).await.unwrap_err();
        assert!(matches!(error, EngineError::Forbidden(_)), "{location}: {error}");
    }
    for outside in ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"] {
        assert!(outward::is_public(outside.parse().unwrap()), "{outside}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut server =
        server(&["HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]).await;
    let error = engines(&["127.0.0.1"], &Clock::turned()).run(&at(&server)).await.unwrap_err();
    assert_eq!(error, EngineError::Status(302));
    assert!(server.seen.recv().await.is_some());
}

#[tokio::test]
async fn a_target_that_hangs_or_lies_or_never_ends_costs_no_more_than_its_time() {
    let clock = Clock::turned();
    let endless = server(&["endless"]).await;
    assert_eq!(engines(&["127.0.0.1"], &clock).run(&at(&endless)).await.unwrap_err(), EngineError::TooLong(outward::LONGEST));

    let outward = Outward::new(["127.0.0.1".to_owned()]).unwrap();
    let liar = server(&["HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort"]).await;
    let error = webhook::run(&outward, &at(&liar), 0).await.unwrap_err();
    assert!(matches!(error, EngineError::Unreachable(_)), "{error}");

    let hanging = server(&["hang"]).await;
    let mut job = at(&hanging);
    job.target.timeout = Duration::from_millis(50);
    assert_eq!(webhook::run(&outward, &job, 0).await.unwrap_err(), EngineError::Timeout(Duration::from_millis(50)));
}

#[tokio::test]
async fn a_target_that_fails_again_and_again_is_left_alone_for_a_while() {
    let server = server(&["HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"]).await;
    let clock = Clock::turned();
    let breakers = Breakers::new(clock.clone());
    let breaker = breakers.of(&at(&server).target);
    for _ in 0..5 {
        breaker.admit().unwrap();
        breaker.note(Some(&EngineError::Status(500)));
    }
    assert!(matches!(breaker.admit(), Err(EngineError::Resting(_))));
    assert!(breakers.of(&job("http://elsewhere.example/".into()).target).admit().is_ok(), "others are not meant");
    clock.turn(Duration::from_secs(30));
    breaker.admit().expect("one is let through");
    assert!(breaker.admit().is_err(), "and only one");
    breaker.note(None);
    breaker.admit().expect("it is back");
}
