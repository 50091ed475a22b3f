//! One event as a collector sends it, and what it means: somebody said something, or something happened.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chat::{ChannelKey, ChatMessage, Millis, Role, Text, User};
use crate::event::{Event, EventKind};

/// The most characters of a message.
pub const LONGEST: usize = 5000;
/// The largest amount of anything: in cents it is still exact.
pub const MOST: i64 = 10_000_000_000;
/// The most characters of what is told of a refusal.
const TOLD: usize = 500;
/// The most characters of a name or an id.
const NAME: usize = 255;

/// An event in the fields of spec 01 section 4.1; both generations' names are understood.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incoming {
    platform: String,
    #[serde(default)]
    server_id: Option<String>,
    #[serde(default)]
    channel_id: Option<String>,
    user_id: String,
    #[serde(alias = "username")]
    user_name: String,
    #[serde(default, alias = "message")]
    message_content: Option<String>,
    #[serde(default)]
    message_type: Option<String>,
    #[serde(default, alias = "id")]
    message_id: Option<String>,
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    user_role: Option<String>,
    #[serde(default)]
    bits: Option<f64>,
    #[serde(default)]
    minutes: Option<f64>,
    #[serde(default)]
    amount: Option<f64>,
    #[serde(default)]
    viewers: Option<f64>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unread {
    /// One word for programs; stable.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl Unread {
    /// A refusal in one line of bounded length, whatever of what was sent the message repeats.
    #[must_use]
    pub fn new(code: &'static str, message: impl AsRef<str>) -> Self {
        let letters = message.as_ref().chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        Self { code, message: letters.take(TOLD).collect() }
    }
}

/// What an event is.
#[derive(Debug, PartialEq)]
pub enum Meaning {
    /// Somebody said it.
    Said(ChatMessage),
    /// It happened.
    Happened(Event),
}

impl Meaning {
    /// The message's id; empty where it has none.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Said(message) => &message.id,
            Self::Happened(event) => &event.id,
        }
    }
}

impl Incoming {
    /// Reads one from its text.
    ///
    /// # Errors
    /// When it is no JSON, or has a field that is unknown or of another kind.
    pub fn read(text: &str) -> Result<Self, Unread> {
        serde_json::from_str(text).map_err(|error| Unread::new("bad_request", error.to_string()))
    }

    /// Where it happened, and what it is.
    ///
    /// # Errors
    /// With the first thing that is missing, or out of its bounds.
    pub fn meaning(self, now: Millis) -> Result<(ChannelKey, Meaning), Unread> {
        let key = self.channel()?;
        self.sound()?;
        let by = self.user()?;
        if let Some(word) = &self.command {
            bounded("command", word)?;
        }
        let kind = self.message_type.as_deref().map(str::trim).filter(|kind| !kind.is_empty());
        let id: Text = match self.message_id {
            Some(ref id) => bounded("message_id", id)?.to_owned().into(),
            None => Text::new(),
        };
        match kind {
            None if self.command.is_none() && self.message_content.is_none() => Err(missing("message_type")),
            None | Some("chatMessage") => Ok((key, Meaning::Said(ChatMessage { id, by, text: self.spoken(false)?, at: now }))),
            Some("slashCommand") => Ok((key, Meaning::Said(ChatMessage { id, by, text: self.spoken(true)?, at: now }))),
            Some(name) => {
                let Some(kind) = EventKind::parse(name) else {
                    let shown: String = name.chars().take(40).collect();
                    return Err(Unread::new("unknown_message_type", format!("there is no message type {shown:?}")));
                };
                let amount = self.amount(kind)?;
                let text = self.message_content.unwrap_or_default();
                fits("message_content", &text)?;
                Ok((key, Meaning::Happened(Event { id, kind, by, amount, text: text.into() })))
            }
        }
    }

    /// A platform without servers names its channel in either field.
    fn channel(&self) -> Result<ChannelKey, Unread> {
        let first = self.platform.bytes().next().is_some_and(|letter| letter.is_ascii_lowercase());
        let rest =
            self.platform.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, b'-' | b'_'));
        if !first || !rest || self.platform.len() > 32 {
            return Err(Unread::new("bad_platform", "a platform is a word in lower case of at most 32 letters"));
        }
        let part = |name, value: &Option<String>| match value.as_deref() {
            None => Ok(None),
            Some(value) if value.chars().all(|letter| letter == ' ') && value.len() <= NAME => Ok(None),
            Some(value) => bounded(name, value).map(|value| Some(value.to_owned())),
        };
        let key = match (part("server_id", &self.server_id)?, part("channel_id", &self.channel_id)?) {
            (Some(server), Some(channel)) => ChannelKey::new(&self.platform, &server, &channel),
            (Some(channel), None) | (None, Some(channel)) => ChannelKey::new(&self.platform, "", &channel),
            (None, None) => return Err(missing("server_id")),
        };
        // A longer one could not be read from its text, wherever it is named again.
        if key.as_str().len() > ChannelKey::LONGEST {
            return Err(Unread::new("bad_field", "server_id and channel_id are too long together"));
        }
        Ok(key)
    }

    fn user(&self) -> Result<User, Unread> {
        let role = match self.user_role.as_deref() {
            Some(word) => Role::parse(word).ok_or_else(|| {
                let shown: String = word.chars().take(40).collect();
                Unread::new("bad_role", format!("there is no role {shown:?}: owner, admin, moderator, vip and member are known"))
            })?,
            None => self.badges(),
        };
        let id = bounded("user_id", &self.user_id)?.to_owned().into();
        let name = bounded("user_name", &self.user_name)?;
        let name = if name.starts_with('@') {
            bounded("user_name", name.trim_start_matches(|letter: char| letter == '@' || letter.is_whitespace()))?
        } else {
            name
        };
        Ok(User { id, name: name.to_owned().into(), role })
    }

    /// The highest role that the platform's badges stand for.
    fn badges(&self) -> Role {
        let badges = self.metadata.as_ref().and_then(|metadata| metadata.get("badges")).and_then(Value::as_array);
        let names = badges.into_iter().flatten().filter_map(Value::as_str);
        names.filter_map(|badge| Role::parse(badge.split('/').next().unwrap_or(badge))).max().unwrap_or_default()
    }

    /// What was said; a platform's own command is written as the chat writes it.
    fn spoken(&self, slash: bool) -> Result<Text, Unread> {
        let said = self.message_content.as_deref().unwrap_or_default();
        fits("message_content", said)?;
        let said = said.trim();
        let text = match self.command.as_deref().map(|word| word.trim().trim_start_matches(['/', '!'])) {
            Some(word) if !word.is_empty() && said.trim_start_matches('!').split_whitespace().next() != Some(word) => {
                let prefix = if word.starts_with('#') { "" } else { "!" };
                format!("{prefix}{word} {said}").trim_end().to_owned()
            }
            _ if slash && !said.is_empty() && !said.starts_with(['!', '#']) => format!("!{}", said.trim_start_matches('/')),
            _ => said.to_owned(),
        };
        if text.is_empty() {
            return Err(missing("message_content"));
        }
        Ok(if text.contains(['\r', '\n']) { text.replace(['\r', '\n'], " ").into() } else { text.into() })
    }

    /// An amount that cannot be is refused, also where it means nothing.
    fn sound(&self) -> Result<(), Unread> {
        let of = |name: &str| self.metadata.as_ref().and_then(|metadata| metadata.get(name)).and_then(Value::as_f64);
        let told = [self.bits, self.minutes, self.amount, self.viewers, of("bits"), of("minutes"), of("amount"), of("viewers")];
        if told.into_iter().flatten().all(|value| (0.0..=MOST as f64).contains(&value)) {
            return Ok(());
        }
        Err(Unread::new("bad_amount", format!("an amount is a number from 0 to {MOST}")))
    }

    fn amount(&self, kind: EventKind) -> Result<i64, Unread> {
        let of = |name: &str| self.metadata.as_ref().and_then(|metadata| metadata.get(name)).and_then(Value::as_f64);
        let value = match kind {
            EventKind::Cheer => self.bits.or(self.amount).or_else(|| of("bits")),
            EventKind::VoiceTime => self.minutes.or(self.amount).or_else(|| of("minutes")),
            // In cents.
            EventKind::Donation | EventKind::SuperChat => self.amount.or_else(|| of("amount")).map(|amount| amount * 100.0),
            EventKind::Raid | EventKind::Host => self.viewers.or(self.amount).or_else(|| of("viewers")),
            _ => self.amount.or_else(|| of("amount")),
        };
        let value = value.unwrap_or_default().round();
        #[expect(clippy::cast_possible_truncation, reason = "it was found to be whole and small just now")]
        Ok(value as i64)
    }
}

fn bounded<'a>(name: &str, value: &'a str) -> Result<&'a str, Unread> {
    let trimmed = value.trim();
    if trimmed.is_empty() || value.chars().count() > NAME || value.chars().any(char::is_control) {
        return Err(Unread::new("bad_field", format!("{name} has 1 to {NAME} characters without line breaks")));
    }
    Ok(trimmed)
}

fn fits(name: &str, text: &str) -> Result<(), Unread> {
    if text.len() > LONGEST && text.chars().count() > LONGEST {
        return Err(Unread::new("too_long", format!("{name} has at most {LONGEST} characters")));
    }
    Ok(())
}

fn missing(name: &str) -> Unread {
    Unread::new("missing_field", format!("{name} is missing"))
}

#[cfg(test)]
mod tests;
