//! A command as programs write it (spec 01 sections 5 and 14): every field optional, so that one can be changed alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waddlebot_runtime::chat::Role;
use waddlebot_runtime::engine::{EngineKind, Method};
use waddlebot_runtime::event::EventKind;

use super::table::Kept;
use super::{Command, Mode, Refused, Trigger};

/// What stands in the place of a header's value that is not told.
pub const HIDDEN: &str = "(hidden)";

/// What a command begins with, and the `module_type` that this makes it.
pub const TYPES: [(&str, &str); 2] = [("#", "community"), ("!", "local")];

/// What is said about a command; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Draft {
    /// What is typed, with or without its prefix.
    pub command: Option<String>,
    /// `#` or `!`; `#` when nothing says otherwise.
    pub prefix: Option<String>,
    /// The name of the module that answers; the command's own when it is left out.
    #[serde(alias = "module_name", alias = "module")]
    pub module_id: Option<String>,
    /// As whoever made it says.
    pub version: Option<String>,
    /// One line about it.
    pub description: Option<String>,
    /// `webhook`, `container`, `lambda` or `openwhisk`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// An address, or the name of a function or an action.
    pub location_url: Option<String>,
    /// `POST` or `GET`.
    pub method: Option<String>,
    /// More headers. A value `(hidden)` stays as it is.
    pub headers: Option<BTreeMap<String, String>>,
    /// Seconds for one try.
    pub timeout: Option<u32>,
    /// Whether a second call of the same execution id does nothing.
    pub is_idempotent: Option<bool>,
    /// Makes a new key that signs what is sent.
    pub new_signing_key: Option<bool>,
    /// Who may use it.
    pub permission_level: Option<String>,
    /// The rest between two uses in one channel, in seconds.
    pub cooldown_seconds: Option<u32>,
    /// Uses per window and person: `null` for what the house says, 0 for any number.
    #[serde(with = "stated")]
    pub rate_limit: Option<Option<u32>>,
    /// `command`, `event` or `both`.
    pub trigger_type: Option<String>,
    /// The message types that set it off.
    pub event_types: Option<Vec<String>>,
    /// Lower runs first.
    pub priority: Option<i64>,
    /// `sequential` or `parallel`.
    pub execution_mode: Option<String>,
    /// Switched on.
    pub is_active: Option<bool>,
}

/// Tells a `null` that was sent from a field that was not.
mod stated {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::option_option, reason = "not said, said to be nothing, said to be so many")]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u32>>, D::Error> {
        Option::<u32>::deserialize(from).map(Some)
    }

    #[expect(clippy::option_option, clippy::ref_option, reason = "as serde asks for it")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Option<u32>>, to: S) -> Result<S::Ok, S::Error> {
        value.flatten().serialize(to)
    }
}

impl Draft {
    /// A new command.
    ///
    /// # Errors
    /// When its name is missing, or another name is unknown.
    pub fn into_command(self) -> Result<Command, Refused> {
        if self.command.is_none() {
            return Err(Refused::Word);
        }
        let mut command = Command { word: "#".into(), ..Command::default() };
        self.apply(&mut command)?;
        Ok(command)
    }

    /// Changes a command.
    ///
    /// # Errors
    /// When a name is unknown; the command may be half changed then.
    pub fn apply(self, command: &mut Command) -> Result<(), Refused> {
        self.name(command)?;
        if let Some(kind) = self.kind {
            command.engine = EngineKind::parse(&kind).ok_or_else(|| Refused::Engine(short(&kind)))?;
        }
        if let Some(method) = self.method {
            command.method = match method.to_ascii_uppercase().as_str() {
                "POST" => Method::Post,
                "GET" => Method::Get,
                _ => return Err(Refused::Method(short(&method))),
            };
        }
        if let Some(level) = self.permission_level {
            command.role = Role::parse(&level).ok_or_else(|| Refused::Role(short(&level)))?;
        }
        if let Some(trigger) = self.trigger_type {
            command.trigger = Trigger::parse(&trigger).ok_or_else(|| Refused::Trigger(short(&trigger)))?;
        }
        if let Some(mode) = self.execution_mode {
            command.mode = Mode::parse(&mode).ok_or_else(|| Refused::Mode(short(&mode)))?;
        }
        if let Some(names) = self.event_types {
            let kinds = names.iter().map(|name| EventKind::parse_trigger(name).ok_or_else(|| Refused::Event(short(name))));
            command.events = kinds.collect::<Result<_, _>>()?;
            command.events.sort_unstable();
            command.events.dedup();
        } else if command.trigger == Trigger::Command {
            command.events.clear();
        }
        if let Some(headers) = self.headers {
            let kept = |name: String, value: String| {
                let before = command.headers.get(&name).cloned();
                let value = if value == HIDDEN { before.unwrap_or_default() } else { value };
                (name, value)
            };
            command.headers = headers.into_iter().map(|(name, value)| kept(name, value)).collect();
        }
        command.version = self.version.map_or_else(|| std::mem::take(&mut command.version), |version| short(&version));
        command.about = self.description.unwrap_or_else(|| std::mem::take(&mut command.about));
        command.location = self.location_url.map_or_else(|| std::mem::take(&mut command.location), |url| url.trim().to_owned());
        command.timeout = self.timeout.unwrap_or(command.timeout);
        command.idempotent = self.is_idempotent.unwrap_or(command.idempotent);
        command.signing_key += i64::from(self.new_signing_key.unwrap_or(false));
        command.cooldown = self.cooldown_seconds.unwrap_or(command.cooldown);
        command.rate_limit = self.rate_limit.unwrap_or(command.rate_limit);
        command.priority = self.priority.unwrap_or(command.priority);
        command.enabled = self.is_active.unwrap_or(command.enabled);
        Ok(())
    }

    /// Takes over the name, its prefix and the module's name.
    fn name(&self, command: &mut Command) -> Result<(), Refused> {
        let typed = self.command.as_deref().map(|typed| typed.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase());
        let bare = typed.as_deref().unwrap_or(&command.word).trim_start_matches(['!', '#']).to_owned();
        let prefix = match (self.prefix.as_deref(), typed.as_deref()) {
            (Some(prefix @ ("#" | "!")), _) => prefix,
            (Some(_), _) => return Err(Refused::Word),
            (None, Some(typed)) if typed.starts_with(['!', '#']) => &typed[..1],
            _ => &command.word[..1],
        };
        command.word = format!("{prefix}{bare}").into();
        match &self.module_id {
            Some(module) => command.module = module.trim().to_owned(),
            None if command.module.is_empty() => {
                let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
                command.module = bare.chars().map(plain).collect();
            }
            None => {}
        }
        Ok(())
    }
}

fn short(name: &str) -> String {
    name.chars().take(40).collect()
}

/// A stored command as programs read it; the values of its headers are told to nobody.
#[must_use]
pub fn shown(kept: &Kept) -> Value {
    let command = &kept.command;
    let typed_here = command.word.starts_with('#');
    json!({
        "id": command.id,
        "command_id": command.id,
        "community_id": command.community,
        "is_global": command.is_global(),
        "command": command.word,
        "prefix": &command.word[..1],
        "description": command.about,
        "usage": command.word,
        "module": command.module,
        "module_id": command.module,
        "module_type": TYPES[usize::from(!typed_here)].1,
        "version": command.version,
        "location": if typed_here { "community" } else { "internal" },
        "type": command.engine,
        "location_url": command.location,
        "method": command.method,
        "headers": command.headers.keys().map(|name| (name.as_str(), HIDDEN)).collect::<BTreeMap<_, _>>(),
        "timeout": command.timeout,
        "is_idempotent": command.idempotent,
        "permission_level": command.role,
        "cooldown_seconds": command.cooldown,
        "rate_limit": command.rate_limit,
        "trigger_type": command.trigger,
        "event_types": command.events,
        "priority": command.priority,
        "execution_mode": command.mode,
        "is_active": command.enabled,
        "places": command.places,
        "aliases": [],
        "usage_count": kept.uses,
        "last_used": kept.last_used,
        "created_by": kept.created_by,
        "created_at": kept.created_at,
        "updated_by": kept.updated_by,
        "updated_at": kept.updated_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(value: Value) -> Draft {
        serde_json::from_value(value).expect("a draft")
    }

    #[test]
    fn a_draft_changes_what_it_names_and_nothing_else() {
        let made = json!({"command": "Weather", "location_url": "https://a.example/", "headers": {"X-Key": "secret"}, "rate_limit": 5});
        let mut command = draft(made).into_command().expect("a command");
        assert_eq!((command.word.as_ref() as &str, command.module.as_str(), command.rate_limit), ("#weather", "weather", Some(5)));
        draft(json!({"headers": {"X-Key": HIDDEN, "X-More": "1"}, "timeout": 5})).apply(&mut command).expect("known names");
        assert_eq!((command.headers["X-Key"].as_str(), command.timeout, command.rate_limit), ("secret", 5, Some(5)));
        draft(json!({"prefix": "!", "rate_limit": null, "new_signing_key": true})).apply(&mut command).expect("known names");
        assert_eq!((command.word.as_ref() as &str, command.rate_limit, command.signing_key), ("!weather", None, 2));
        draft(json!({"trigger_type": "both", "event_types": ["raid", "sub"]})).apply(&mut command).expect("known names");
        assert_eq!(command.events, [EventKind::Subscription, EventKind::Raid]);
        draft(json!({"trigger_type": "command"})).apply(&mut command).expect("known names");
        assert!(command.events.is_empty());
    }

    #[test]
    fn what_is_missing_or_unknown_is_told() {
        let refused = |value: Value| draft(value).into_command().map(drop).map_err(|why| why.code());
        assert_eq!(refused(json!({})), Err("command_invalid"));
        assert_eq!(refused(json!({"command": "x", "type": "ftp"})), Err("type_invalid"));
        assert_eq!(refused(json!({"command": "x", "event_types": ["chat_massage"]})), Err("event_types_invalid"));
        assert_eq!(refused(json!({"command": "x", "permission_level": "king"})), Err("permission_level_invalid"));
        assert!(serde_json::from_value::<Draft>(json!({"comand": "x"})).is_err());
    }
}
