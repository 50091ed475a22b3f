//! What a program elsewhere is sent: the payload of spec 01 section 7, the same on every engine.

use serde_json::{Value, json};
use waddlebot_runtime::command::Words;

use super::{Occasion, What};
use crate::commands::Command;

/// The most words behind a command that are sent one by one; the whole text is sent anyway.
const PARAMETERS: usize = 100;

/// The words behind a command; quotes keep words together.
pub(super) fn parameters(occasion: &Occasion) -> Vec<String> {
    let What::Typed { rest, .. } = &occasion.what else { return Vec::new() };
    let mut words = Words::new(rest);
    std::iter::from_fn(|| words.next()).take(PARAMETERS).collect()
}

/// The payload of one run.
pub(super) fn payload(command: &Command, occasion: &Occasion, execution: &str, session: &str) -> Value {
    let (channel, by) = (&occasion.channel, &occasion.by);
    let raw = match &occasion.what {
        What::Typed { text, .. } => text,
        What::Happened(event) => &event.text,
    };
    let mut payload = json!({
        "command": command.word.trim_start_matches(['!', '#']),
        "prefix": &command.word[..1],
        "parameters": parameters(occasion),
        "user": { "id": by.id, "name": by.name },
        "context": {
            "platform": channel.platform(),
            "server_id": channel.server(),
            "channel_id": channel.channel(),
            "entity_id": channel,
            "message_id": occasion.platform_id,
            "timestamp": occasion.at,
        },
        "raw_message": raw,
        "user_context": { "role": by.role, "community_id": occasion.community },
        "module_name": command.module,
        "session_id": session,
        "execution_id": execution,
        "trigger_type": "command",
    });
    if let What::Happened(event) = &occasion.what {
        payload["trigger_type"] = "event".into();
        payload["user_id"] = json!(by.id);
        payload["entity_id"] = json!(channel);
        payload["message_type"] = event.kind.name().into();
        payload["event_data"] = json!({ "amount": event.amount, "text": event.text });
    }
    payload
}

#[cfg(test)]
mod tests {
    use waddlebot_runtime::chat::{ChannelKey, Role, User};
    use waddlebot_runtime::event::{Event, EventKind};

    use super::*;

    fn occasion(what: What) -> Occasion {
        let by = User { id: "7".into(), name: "Ana".into(), role: Role::Moderator };
        let channel = ChannelKey::new("slack", "ducks", "pond");
        Occasion { channel, community: 2, by, message_id: "slack:ducks:pond|m1".into(), platform_id: "m1".into(), at: 5, what }
    }

    #[test]
    fn a_typed_command_is_sent_with_everything_the_specification_names() {
        let command = Command { word: "#weather".into(), module: "forecast".into(), ..Command::default() };
        let typed = What::Typed { text: "#weather \"New York\" now".into(), rest: "\"New York\" now".into() };
        assert_eq!(
            payload(&command, &occasion(typed), "exec_1", "sess_1"),
            json!({
                "command": "weather", "prefix": "#", "parameters": ["New York", "now"], "user": {"id": "7", "name": "Ana"},
                "context": {"platform": "slack", "server_id": "ducks", "channel_id": "pond", "entity_id": "slack:ducks:pond", "message_id": "m1", "timestamp": 5},
                "raw_message": "#weather \"New York\" now", "user_context": {"role": "moderator", "community_id": 2},
                "module_name": "forecast", "session_id": "sess_1", "execution_id": "exec_1", "trigger_type": "command",
            })
        );
    }

    #[test]
    fn an_event_is_sent_with_its_kind_and_what_it_brought() {
        let by = User { id: "7".into(), name: "Ana".into(), role: Role::Viewer };
        let event = Event { id: "e".into(), kind: EventKind::Raid, by, amount: 12, text: "hi".into() };
        let sent = payload(&Command { word: "#x".into(), ..Command::default() }, &occasion(What::Happened(event)), "exec_1", "");
        assert_eq!(
            (&sent["trigger_type"], &sent["message_type"], &sent["event_data"]["amount"]),
            (&json!("event"), &json!("raid"), &json!(12))
        );
        assert_eq!((&sent["user_id"], &sent["entity_id"]), (&json!("7"), &json!("slack:ducks:pond")));
    }
}
