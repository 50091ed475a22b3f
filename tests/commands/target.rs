//! An HTTP target on loopback: answers by the path it is called at, and keeps what it was sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Request {
    /// A header's value; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> String {
        let named =
            |line: &str| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned());
        self.head.lines().find_map(named).unwrap_or_default()
    }
}

/// The target. It ends with the test's process.
pub(crate) struct Target {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Target {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let target = Self { address: listener.local_addr().expect("it is bound"), seen: Arc::default() };
        let (seen, failures) = (target.seen.clone(), Arc::new(AtomicUsize::new(0)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, failures) = (seen.clone(), failures.clone());
                thread::spawn(move || serve(stream, &seen, &failures));
            }
        });
        target
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was sent so far to paths that begin so.
    pub(crate) fn seen(&self, path: &str) -> Vec<Request> {
        let all = self.seen.lock().expect("nobody panicked");
        all.iter().filter(|one| one.head.split(' ').nth(1).is_some_and(|called| called.starts_with(path))).cloned().collect()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Request>>, failures: &AtomicUsize) {
    let Some(request) = read(&mut stream) else { return };
    let path = request.head.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = request.body.clone();
    seen.lock().expect("nobody panicked").push(request);
    let words = body["parameters"].as_array().map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
    let said = words.unwrap_or_default();
    match path.as_str() {
        "/echo" => answer(&mut stream, 200, &json!({"response_action": "chat", "response_data": {"message": format!("echo {said}")}})),
        "/created" => answer(&mut stream, 201, &json!(format!("made {said}"))),
        "/error" => answer(&mut stream, 200, &json!({"success": false, "error_message": "no such city"})),
        "/flaky" if failures.fetch_add(1, SeqCst) == 0 => answer(&mut stream, 503, &Value::Null),
        "/flaky" => answer(&mut stream, 200, &json!("here again")),
        "/down" => answer(&mut stream, 500, &Value::Null),
        "/slow" => {
            hold(&mut stream, Duration::from_millis(700));
            answer(&mut stream, 200, &json!("slow but here"));
        }
        "/hang" => hold(&mut stream, Duration::from_secs(60)),
        "/redirect" => {
            let head = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).ok();
        }
        "/huge" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\nConnection: close\r\n\r\n").ok();
            while stream.write_all(&[b'x'; 65536]).is_ok() {}
        }
        "/screens" => answer(
            &mut stream,
            200,
            &json!({"responses": [
                {"response_action": "ticker", "ticker_text": "breaking"},
                {"response_action": "media", "media_type": "music", "response_data": {"title": "Song", "artist": "Band"}},
                {"response_action": "general", "content": "<b>bold</b>", "content_type": "announcement"},
                {"response_action": "chat", "chat_message": "look at the stream"},
            ]}),
        ),
        // As AWS Lambda and Apache OpenWhisk name their functions.
        "/2015-03-31/functions/waddlebot-slow/invocations" => {
            hold(&mut stream, Duration::from_millis(700));
            answer(&mut stream, 200, &json!({"statusCode": 200, "body": json!({"message": format!("lambda {said}")}).to_string()}));
        }
        "/2015-03-31/functions/waddlebot-stuck/invocations" => hold(&mut stream, Duration::from_secs(60)),
        path if path.starts_with("/api/v1/namespaces/ducks/actions/weather/today") => {
            answer(&mut stream, 200, &json!({"text": format!("whisk {said}")}));
        }
        other => answer(&mut stream, 200, &json!(format!("at {other}"))),
    }
}

/// Keeps a connection open and silent until its time is over or the other side has gone.
fn hold(stream: &mut TcpStream, time: Duration) {
    stream.set_read_timeout(Some(time)).ok();
    stream.read_exact(&mut [0; 1]).ok();
}

fn answer(stream: &mut TcpStream, status: u16, body: &Value) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
    stream.write_all(format!("{head}{text}").as_bytes()).ok();
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut some).ok()?;
        bytes.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Some(Request { head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() });
            }
        }
        if count == 0 {
            return None;
        }
    }
}
