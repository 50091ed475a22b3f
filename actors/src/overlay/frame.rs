//! What goes over the wire: the JSON of spec 03 section 5, encoded once as a whole WebSocket frame.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::response::Form;

use super::item::{Item, Source};

/// The frame that shows an item; `elapsed` is for how many milliseconds it has been on screen already,
/// `waiting` how many come after it.
#[must_use]
pub fn show(item: &Item, id: &str, seq: i64, elapsed: i64, waiting: usize, now: Millis) -> Bytes {
    let mut message = match item {
        Item::Ticker(ticker) => {
            json!({ "type": "ticker", "text": ticker.text, "duration": ticker.duration, "style": ticker.style, "priority": ticker.priority,
                "waiting": waiting })
        }
        Item::Media(media) => json!({ "type": "media", "media_type": media.media_type, "media_url": media.media_url,
            "media_data": media.media_data, "duration": media.duration }),
        Item::General(panel) => json!({ "type": "general", "content_type": panel.content_type, "content": panel.content,
            "style": panel.style, "form_data": panel.form.as_ref().map(asked), "duration": panel.duration }),
    };
    message["id"] = id.into();
    message["seq"] = seq.into();
    message["elapsed"] = elapsed.into();
    text(&stamped(message, now))
}

/// The first frame on a connection. `page` names the page's version, so that an old one loads itself anew.
#[must_use]
pub(super) fn connected(connection: &str, community: CommunityId, source: Source, page: &str, now: Millis) -> Bytes {
    let message =
        json!({ "type": "connected", "connection_id": connection, "community_id": community, "source_type": source, "page": page });
    text(&stamped(message, now))
}

/// The answer to a page's `ping`.
#[must_use]
pub(super) fn pong(now: Millis) -> Bytes {
    text(&stamped(json!({ "type": "pong" }), now))
}

/// The answer to a page's `status`.
#[must_use]
pub(super) fn status(connection: &str, community: CommunityId, source: Source, since: Millis, now: Millis) -> Bytes {
    let message = json!({ "type": "status", "connection_id": connection, "community_id": community, "source_type": source,
        "connected_at": instant(since), "uptime": (now - since).max(0) / 1000 });
    text(&stamped(message, now))
}

/// Takes everything off the page: the overlay was switched off or cleared.
#[must_use]
pub(super) fn clear(now: Millis) -> Bytes {
    text(&stamped(json!({ "type": "clear" }), now))
}

/// A WebSocket ping.
#[must_use]
pub(super) fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// A WebSocket close with its code and a reason of at most 123 bytes.
#[must_use]
pub(super) fn close(code: u16, reason: &'static str) -> Bytes {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..reason.len().min(123)]);
    frame(CLOSE, &payload)
}

/// A form as the page needs it: where the answers go stays here.
fn asked(form: &Form) -> Value {
    json!({ "title": form.title, "description": form.description, "fields": form.fields })
}

fn stamped(mut message: Value, now: Millis) -> Value {
    message["timestamp"] = instant(now).into();
    message
}

fn instant(millis: Millis) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

fn text(message: &Value) -> Bytes {
    frame(TEXT, message.to_string().as_bytes())
}

/// RFC 6455 section 5.2, from a server: one whole frame, not masked.
fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(payload.len() + 10);
    bytes.push(FIN | opcode);
    let length = payload.len();
    if length < 126 {
        bytes.push(length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        bytes.push(126);
        bytes.extend_from_slice(&length.to_be_bytes());
    } else {
        bytes.push(127);
        bytes.extend_from_slice(&(length as u64).to_be_bytes());
    }
    bytes.extend_from_slice(payload);
    bytes.into()
}

/// What a page says (spec 03 section 5).
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    /// It is alive.
    Ping {},
    /// It asks for its status.
    Status {},
    /// It shows this item.
    Ack {
        /// The item's id.
        id: String,
    },
    /// Something to count.
    Analytics {
        /// `connection`, `display`, `error` or `interaction`.
        #[serde(default)]
        event_type: String,
        /// What happened.
        #[serde(default)]
        event_data: Value,
    },
    /// Something went wrong there.
    Error {
        /// In the page's words.
        #[serde(default)]
        error: Value,
    },
    /// Somebody filled in a form.
    FormSubmit {
        /// The item's id; empty for the form that shows now.
        #[serde(default)]
        id: String,
        /// The answers by field name.
        form_data: serde_json::Map<String, Value>,
    },
}

impl Said {
    /// Reads a page's message. `None` when it is none of the known ones.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Map;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

    use super::*;

    /// Reads frames with a library that did not write them.
    fn read(bytes: &[u8]) -> Message {
        WebSocket::from_raw_socket(std::io::Cursor::new(bytes.to_vec()), Role::Client, None).read().expect("a frame")
    }

    fn value(bytes: &[u8]) -> Value {
        serde_json::from_str(read(bytes).to_text().expect("text")).expect("JSON")
    }

    fn item(source: Source, data: Value) -> Item {
        Item::read(source, data.as_object().expect("an object")).expect("an item")
    }

    #[test]
    fn each_item_has_the_fields_of_the_protocol() {
        let ticker = item(Source::Ticker, json!({ "ticker_text": "a \"b\" </script>", "priority": 2 }));
        let shown = value(&show(&ticker, "x", 7, 250, 3, 0));
        assert_eq!(
            shown,
            json!({ "type": "ticker", "text": "a \"b\" </script>", "duration": 10, "style": "default", "priority": 2,
                "waiting": 3, "id": "x", "seq": 7, "elapsed": 250, "timestamp": "1970-01-01T00:00:00Z" })
        );
        let media = item(Source::Media, json!({ "media_type": "music", "media_data": { "track_name": "Song" } }));
        let shown = value(&show(&media, "x", 7, 0, 0, 0));
        assert_eq!(
            (&shown["media_type"], &shown["media_data"]["title"], &shown["duration"]),
            (&json!("music"), &json!("Song"), &json!(30))
        );
        let form = json!({ "form_data": { "title": "T", "fields": [], "submit_url": "https://secret" } });
        let shown = value(&show(&item(Source::General, form), "x", 7, 0, 0, 0));
        assert_eq!((&shown["content_type"], &shown["form_data"]["title"]), (&json!("form"), &json!("T")));
        assert!(!shown.to_string().contains("secret"));
    }

    #[test]
    fn a_page_is_understood_and_nonsense_is_not() {
        assert!(matches!(Said::parse(r#"{"type":"ping","timestamp":5}"#), Some(Said::Ping {})));
        assert!(matches!(Said::parse(r#"{"type":"ack","id":"x"}"#), Some(Said::Ack { id }) if id == "x"));
        assert!(matches!(Said::parse(r#"{"type":"status"}"#), Some(Said::Status {})));
        assert!(matches!(Said::parse(r#"{"type":"analytics","event_type":"display"}"#), Some(Said::Analytics { .. })));
        assert!(matches!(Said::parse(r#"{"type":"form_submit","form_data":{"a":1}}"#), Some(Said::FormSubmit { .. })));
        for nonsense in ["", "{}", "[]", r#"{"type":"rm"}"#, r#"{"type":"ack"}"#, "\u{0}"] {
            assert!(Said::parse(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn closing_says_why() {
        let Message::Close(Some(close)) = read(&close(1008, "gone")) else { panic!("a close") };
        assert_eq!((u16::from(close.code), close.reason.as_str()), (1008, "gone"));
    }

    proptest! {
        #[test]
        fn a_frame_of_any_length_is_read_back(length in prop_oneof![0usize..200, 65_000usize..66_000]) {
            let mut style = Map::new();
            style.insert("title".into(), "t".into());
            let text = "x".repeat(length);
            let panel = super::super::item::Panel { content_type: "html".into(), content: text.clone(), style, form: None, duration: 0 };
            let shown = value(&show(&Item::General(panel), "i", 1, 0, 0, 0));
            prop_assert_eq!(shown["content"].as_str(), Some(text.as_str()));
        }
    }
}
