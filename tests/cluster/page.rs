//! An overlay page as a WebSocket client sees it: what it is shown, and what it says.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};
use waddlebot_testbed::{Deadline, eventually_some};

use crate::rig::Node;

/// The community every room belongs to at first.
pub(crate) const HOME: i64 = 2;

/// The token of an overlay, made at a node when need be.
pub(crate) fn token(node: &Node, source: &str) -> String {
    let made = node.asks("POST", "/browser/source/admin/tokens", &json!({ "community_id": HOME })).expect("the node answers");
    let made: Value = serde_json::from_str(&made.body).expect("JSON");
    let mut tokens = made["tokens"].as_array().cloned().unwrap_or_default().into_iter();
    let token = tokens.find(|token| token["source_type"] == source).expect("all three are made");
    token["token"].as_str().expect("a text").to_owned()
}

/// Hands an item to a node; what became of it.
pub(crate) fn display(node: &Node, source: &str, data: &Value) -> String {
    let body = json!({ "session_id": "s1", "community_id": HOME, "source_type": source, "display_data": data });
    let reply = node.asks("POST", "/browser/source/display", &body).expect("the node answers");
    let answer: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    assert_eq!(reply.status, 200, "{}: {}", node.id, reply.body);
    answer["state"].as_str().expect("a state").to_owned()
}

/// A counter of a node; 0 when it was never raised.
pub(crate) fn counted(node: &Node, name: &str) -> u64 {
    let reply = node.asks("GET", "/metrics", &Value::Null).expect("the node answers");
    assert_eq!(reply.status, 200, "{}", reply.body);
    let lines = reply.body.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
}

/// One page.
pub(crate) struct Page(WebSocket<TcpStream>);

impl Page {
    /// Opens a page and waits for its welcome.
    pub(crate) fn open(address: SocketAddr, token: &str, source: &str) -> Self {
        let mut page = Self::knock(address, token, source).expect("it is let in");
        assert_eq!(page.hears()["type"], "connected");
        page
    }

    /// Opens a page, which may be refused.
    pub(crate) fn knock(address: SocketAddr, token: &str, source: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        let (socket, _) = tungstenite::client(format!("ws://{address}/ws/{token}/{source}"), stream).ok()?;
        Some(Self(socket))
    }

    /// The next thing it is told.
    pub(crate) fn hears(&mut self) -> Value {
        self.next().expect("something is heard in time")
    }

    /// The next thing, or the code it was closed with.
    pub(crate) fn next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Ok(Message::Close(why)) => return Err(why.map(|why| why.code.into())),
                Ok(_) => {}
                Err(_) => return Err(None),
            }
        }
    }

    /// Waits until it shows something with this text, and acknowledges it; the frame.
    pub(crate) fn shows(&mut self, text: &str) -> Value {
        let frame = self.sees(text);
        self.says(&json!({ "type": "ack", "id": frame["id"] }));
        frame
    }

    /// The same, and keeps it to itself.
    pub(crate) fn sees(&mut self, text: &str) -> Value {
        let patience = Deadline::within(Duration::from_secs(30));
        while !patience.passed() {
            let frame = self.hears();
            if frame.to_string().contains(text) {
                return frame;
            }
        }
        panic!("{text:?} is never shown");
    }

    pub(crate) fn says(&mut self, what: &Value) {
        self.0.send(Message::text(what.to_string())).expect("it is sent");
    }

    /// Waits for the end; the code.
    pub(crate) fn ends(&mut self) -> Option<u16> {
        eventually_some("the page is closed", Duration::from_secs(60), || self.next().err())
    }
}
