//! What a module answers: the five response actions of spec 01 section 8.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chat::Text;

/// One thing to do, returned by a module and done by delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// A line in the channel that was spoken in.
    Chat(Line),
    /// Scrolling text on the ticker overlay.
    Ticker(Ticker),
    /// A card on the media overlay.
    Media(Media),
    /// A panel on the general overlay.
    General(General),
    /// A form on the general overlay.
    Form(Form),
}

impl Response {
    /// A line for everybody in the channel.
    #[must_use]
    pub fn say(text: impl Into<String>) -> Self {
        Self::Chat(Line { to: None, text: text.into().into() })
    }

    /// A line addressed to one person.
    #[must_use]
    pub fn tell(name: impl Into<Text>, text: impl Into<String>) -> Self {
        Self::Chat(Line { to: Some(name.into()), text: text.into().into() })
    }
}

/// One line of chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The person it is addressed to, as shown in chat.
    pub to: Option<Text>,
    /// What is said. Longer than the platform takes: cut at words by delivery.
    pub text: Text,
}

impl Line {
    /// The line as chat shows it: `@ana …` when it is addressed to somebody.
    #[must_use]
    pub fn shown(&self) -> Text {
        match &self.to {
            Some(name) => format!("@{name} {}", self.text).into(),
            None => self.text.clone(),
        }
    }
}

/// Scrolling text (spec 03 section 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticker {
    /// At most 200 characters are shown.
    pub text: String,
    /// Seconds on screen; default 10.
    #[serde(default = "ten")]
    pub duration: u32,
    /// `urgent`, `info`, `success`, `warning` or `default`.
    #[serde(default = "plain")]
    pub style: String,
    /// 1 is shown first, 10 last; default 5.
    #[serde(default)]
    pub priority: Priority,
}

/// The order in a queue: 1 (highest) to 10, default 5; `high`, `normal`, `low` are 1, 5 and 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priority(pub u8);

impl Priority {
    /// Shown before everything else.
    pub const HIGH: Self = Self(1);
    /// The default.
    pub const NORMAL: Self = Self(5);
    /// Shown when nothing else waits.
    pub const LOW: Self = Self(10);

    /// Reads `high`, `normal`, `low` or a number from 1 to 10.
    #[must_use]
    pub fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(word) => match word.as_str() {
                "high" => Some(Self::HIGH),
                "normal" => Some(Self::NORMAL),
                "low" => Some(Self::LOW),
                _ => None,
            },
            Value::Number(number) => number.as_f64().filter(|n| n.fract() == 0.0 && (1.0..=10.0).contains(n)).map(|n| Self(n as u8)),
            _ => None,
        }
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::NORMAL
    }
}

/// A media card (spec 03 sections 4 and 6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// `music`, `video` or `image`.
    pub media_type: String,
    /// Where the picture or film is; may be empty for music.
    #[serde(default)]
    pub media_url: String,
    /// Title, artist, album, album_art, progress and duration in milliseconds, service, requested_by.
    #[serde(default)]
    pub media_data: Map<String, Value>,
    /// Seconds on screen; default 30.
    #[serde(default = "thirty")]
    pub duration: u32,
}

/// A panel of sanitised HTML or plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct General {
    /// `html`, `announcement` or `alert`.
    #[serde(default = "html")]
    pub content_type: String,
    /// HTML; sanitised before it reaches a page.
    pub content: String,
    /// Seconds on screen; 0 stays until replaced.
    #[serde(default)]
    pub duration: u32,
    /// `type`, `title` and what else the page's styles know.
    #[serde(default)]
    pub style: Map<String, Value>,
}

/// A form shown on the general overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The heading.
    pub title: String,
    /// One paragraph under it.
    #[serde(default)]
    pub description: String,
    /// What is asked.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Where the answers go.
    #[serde(default)]
    pub submit_url: String,
    /// `POST` unless said otherwise.
    #[serde(default)]
    pub submit_method: String,
    /// Called when the form was sent.
    #[serde(default)]
    pub callback_url: String,
}

/// One field of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name in the answer.
    pub name: String,
    /// text, textarea, select, multiselect, radio, checkbox, number, email, url, date, time or hidden.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the page shows beside it.
    #[serde(default)]
    pub label: String,
    /// Whether it must be filled in.
    #[serde(default)]
    pub required: bool,
    /// What can be chosen.
    #[serde(default)]
    pub options: Vec<String>,
}

fn ten() -> u32 {
    10
}

fn thirty() -> u32 {
    30
}

fn plain() -> String {
    "default".into()
}

fn html() -> String {
    "html".into()
}
