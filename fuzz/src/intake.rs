//! An event as a collector sends it: taken within the bounds that everybody behind it counts on, or refused in words.

use serde_json::{Map, Value, json};
use waddlebot_runtime::chat::{ChannelKey, User};
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::intake::incoming::{Incoming, LONGEST, MOST, Meaning, Unread};

/// The most letters of a name or an id.
const NAME: usize = 255;

/// Holds what is promised of taking events against this input.
///
/// # Panics
/// When a promise is broken.
pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (key, meaning) = match read(&text) {
        Ok(taken) => taken,
        Err(Unread { code, message }) => {
            assert!(code.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_') && !code.is_empty(), "{code:?}");
            assert!(!message.is_empty() && !message.contains(['\r', '\n']), "{message:?}");
            return;
        }
    };
    assert_eq!(ChannelKey::parse(key.as_str()).as_ref(), Some(&key), "a channel that cannot be named again");
    is_sound(&meaning);
    if matches!(&meaning, Meaning::Said(message) if message.text.chars().count() > LONGEST) {
        return;
    }
    let written = written(&key, &meaning);
    match read(&written.to_string()) {
        Ok(again) => assert_eq!((&again.0, &again.1), (&key, &meaning), "written as {written}"),
        Err(why) => panic!("what was taken is refused when it is written as {written}: {why}"),
    }
}

fn read(text: &str) -> Result<(ChannelKey, Meaning), Unread> {
    Incoming::read(text)?.meaning(7)
}

fn is_sound(meaning: &Meaning) {
    let named = |what: &str, name: &str| {
        let fits = !name.is_empty() && name.trim() == name && name.chars().count() <= NAME && !name.chars().any(char::is_control);
        assert!(fits, "{what} is {name:?}");
    };
    let by = match meaning {
        Meaning::Said(message) => {
            let text = &message.text;
            assert!(!text.is_empty() && text.trim() == &**text && !text.contains(['\r', '\n']), "{text:?}");
            // A command that was sent beside the text stands before it.
            assert!(text.chars().count() <= LONGEST + NAME + 2, "{} letters", text.chars().count());
            &message.by
        }
        Meaning::Happened(event) => {
            assert_eq!(EventKind::parse(event.kind.name()), Some(event.kind));
            assert!((0..=MOST * 100).contains(&event.amount), "{}", event.amount);
            assert!(event.text.chars().count() <= LONGEST);
            &event.by
        }
    };
    named("the id", &by.id);
    named("the name", &by.name);
    if !meaning.id().is_empty() {
        named("the message's id", meaning.id());
    }
}

/// The event as it would be sent again.
fn written(key: &ChannelKey, meaning: &Meaning) -> Value {
    let mut fields = Map::new();
    let mut with = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    with("platform", key.platform().into());
    with("channel_id", key.channel().into());
    if !key.server().is_empty() {
        with("server_id", key.server().into());
    }
    let (Meaning::Said(waddlebot_runtime::chat::ChatMessage { by, .. }) | Meaning::Happened(waddlebot_runtime::event::Event { by, .. })) =
        meaning;
    let User { id, name, role } = by;
    with("user_id", json!(id));
    with("user_name", json!(name));
    with("user_role", role.name().into());
    if !meaning.id().is_empty() {
        with("message_id", meaning.id().into());
    }
    match meaning {
        Meaning::Said(message) => {
            with("message_type", "chatMessage".into());
            with("message_content", json!(message.text));
        }
        Meaning::Happened(event) => {
            with("message_type", event.kind.name().into());
            with("message_content", json!(event.text));
            let cents = matches!(event.kind, EventKind::Donation | EventKind::SuperChat);
            // In whole units where it is a whole number of them, so that no digit is lost.
            with("amount", if cents { json!(event.amount as f64 / 100.0) } else { json!(event.amount) });
        }
    }
    Value::Object(fields)
}
