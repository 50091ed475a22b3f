//! What a program elsewhere answers: the five response actions of spec 01 section 8, both generations' spellings.

use serde_json::{Map, Value};
use waddlebot_runtime::response::{Field, Form, General, Media, Priority, Response, Ticker};

use crate::listing::short;

/// The most responses of one answer.
const RESPONSES: usize = 10;
/// The most characters of a line of chat; delivery cuts it into what the platform takes.
const CHAT: usize = 2000;
/// The most characters of a heading, a label or a name.
const NAME: usize = 200;
/// The most characters of a paragraph, an address or an error.
const PARAGRAPH: usize = 2000;
/// The most bytes of a panel's HTML.
const CONTENT: usize = 64 * 1024;
/// The most fields of a form, and choices of a field.
const FIELDS: usize = 50;
/// The kinds of fields.
const KINDS: [&str; 12] =
    ["text", "textarea", "select", "multiselect", "radio", "checkbox", "number", "email", "url", "date", "time", "hidden"];

/// What somebody answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// What is to be done.
    pub responses: Vec<Response>,
    /// What went wrong there, in its own words.
    pub error: Option<String>,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// A field is not there, or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field is of no use.
    #[error("{0} is {1}")]
    Wrong(&'static str, &'static str),
    /// No such action.
    #[error("there is no response_action {0:?}: chat, media, ticker, general and form are known")]
    Action(String),
    /// Too much at once.
    #[error("an answer has at most {RESPONSES} responses")]
    Many,
}

/// Reads what came back at once: one response, several of them, plain text, or nothing.
///
/// # Errors
/// When a response lacks what its action needs.
pub fn read(body: &Value) -> Result<Answer, Unread> {
    match body {
        Value::Null | Value::Bool(_) => Ok(Answer::default()),
        Value::String(text) => Ok(said(text)),
        Value::Number(number) => Ok(said(&number.to_string())),
        Value::Array(all) if all.len() > RESPONSES => Err(Unread::Many),
        Value::Array(all) => {
            let mut whole = Answer::default();
            for one in all {
                let Answer { responses, error } = read(one)?;
                whole.responses.extend(responses);
                whole.error = whole.error.or(error);
            }
            if whole.responses.len() > RESPONSES { Err(Unread::Many) } else { Ok(whole) }
        }
        Value::Object(fields) => object(fields),
    }
}

fn object(fields: &Map<String, Value>) -> Result<Answer, Unread> {
    // A function behind a gateway wraps what it says.
    if let (Some(_), Some(inner)) = (fields.get("statusCode"), fields.get("body")) {
        let parsed = inner.as_str().and_then(|text| serde_json::from_str(text).ok());
        return read(parsed.as_ref().unwrap_or(inner));
    }
    if let Some(several @ Value::Array(_)) = fields.get("responses") {
        return read(several);
    }
    let error = failure(fields);
    if action_of(fields).is_some() {
        return match action(fields) {
            Ok(response) => Ok(Answer { responses: vec![response], error }),
            // Who failed need not say anything else.
            Err(_) if error.is_some() => Ok(Answer { responses: Vec::new(), error }),
            Err(why) => Err(why),
        };
    }
    // Older programs answer with a text under one of these names.
    let plain = ["chat_message", "response", "message", "text", "content"].iter().find_map(|name| fields.get(*name)?.as_str());
    let responses = plain.filter(|_| error.is_none()).map_or_else(Vec::new, |text| said(text).responses);
    Ok(Answer { responses, error })
}

/// Why a program says that it failed; `None` when it did not.
#[must_use]
pub fn failure(fields: &Map<String, Value>) -> Option<String> {
    let told = fields.get("error_message").or_else(|| fields.get("error")).and_then(Value::as_str).filter(|text| !text.is_empty());
    let failed = fields.get("success").map_or(told.is_some(), |success| *success == Value::Bool(false));
    failed.then(|| line(told.unwrap_or("it says that it failed"), NAME))
}

/// The name of the action, in either spelling.
#[must_use]
pub fn action_of(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("response_action").or_else(|| fields.get("action")).and_then(Value::as_str)
}

/// Reads one response.
///
/// # Errors
/// When it lacks what its action needs.
pub fn action(fields: &Map<String, Value>) -> Result<Response, Unread> {
    let none = Map::new();
    let data = fields.get("response_data").and_then(Value::as_object).unwrap_or(&none);
    let from = Reader { fields, data };
    match action_of(fields).ok_or(Unread::Missing("response_action"))? {
        "chat" => {
            let text = from.text(&["chat_message"], &["message", "chat_message", "text"]).ok_or(Unread::Missing("chat_message"))?;
            said(text).responses.pop().ok_or(Unread::Missing("chat_message"))
        }
        "ticker" => ticker(&from).map(Response::Ticker),
        "media" => media(&from).map(Response::Media),
        // Older programs send a form as a panel of its own kind.
        "general" if from.text(&["content_type"], &["content_type"]) == Some("form") => form(&from).map(Response::Form),
        "general" => general(&from).map(Response::General),
        "form" => form(&from).map(Response::Form),
        other => Err(Unread::Action(line(other, 40))),
    }
}

/// The fields of an answer, and those of its `response_data`.
struct Reader<'a> {
    fields: &'a Map<String, Value>,
    data: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    /// The first of these that is there: `outer` beside the action, `inner` in the data.
    fn value(&self, outer: &[&str], inner: &[&str]) -> Option<&'a Value> {
        let outer = outer.iter().filter_map(|name| self.fields.get(*name));
        let mut all = outer.chain(inner.iter().filter_map(|name| self.data.get(*name)));
        all.find(|value| !value.is_null())
    }

    fn text(&self, outer: &[&str], inner: &[&str]) -> Option<&'a str> {
        self.value(outer, inner).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    fn seconds(&self, name: &'static str, inner: &[&str], usual: u32) -> Result<u32, Unread> {
        match self.value(&[name], inner) {
            None => Ok(usual),
            Some(value) => {
                let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|seconds| (0.0..=86_400.0).contains(seconds));
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was found to be in range just now")]
                seconds.map(|seconds| seconds.round() as u32).ok_or(Unread::Wrong(name, "no number of seconds up to a day"))
            }
        }
    }

    fn address(&self, name: &'static str, inner: &[&str]) -> Result<String, Unread> {
        let text = self.text(&[name], inner).unwrap_or_default();
        let web = text.is_empty() || text.starts_with("https://") || text.starts_with("http://");
        if web && text.len() <= PARAGRAPH { Ok(text.to_owned()) } else { Err(Unread::Wrong(name, "no web address")) }
    }
}

fn said(text: &str) -> Answer {
    let text = line(text, CHAT);
    let responses = if text.is_empty() { Vec::new() } else { vec![Response::say(text)] };
    Answer { responses, error: None }
}

/// A text in one line, without what controls a terminal.
fn line(text: &str, most: usize) -> String {
    let words: Vec<_> = text.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty()).collect();
    short(&words.join(" "), most)
}

fn ticker(from: &Reader<'_>) -> Result<Ticker, Unread> {
    let text = from.text(&["ticker_text"], &["text", "ticker_text"]).ok_or(Unread::Missing("ticker_text"))?;
    let style = from.text(&["ticker_style"], &["style"]).unwrap_or("default");
    Ok(Ticker {
        text: line(text, PARAGRAPH),
        duration: from.seconds("ticker_duration", &["duration", "ticker_duration"], 10)?,
        style: line(style, NAME),
        priority: match from.value(&["priority"], &["priority"]) {
            None => Priority::NORMAL,
            Some(value) => Priority::parse(value).ok_or(Unread::Wrong("priority", "none of high, normal, low and 1 to 10"))?,
        },
    })
}

fn media(from: &Reader<'_>) -> Result<Media, Unread> {
    let kind = from.text(&["media_type"], &["media_type", "type"]).ok_or(Unread::Missing("media_type"))?;
    if !["music", "video", "image"].contains(&kind) {
        return Err(Unread::Wrong("media_type", "none of music, video and image"));
    }
    let media_url = from.address("media_url", &["media_url", "url"])?;
    if media_url.is_empty() && kind != "music" {
        return Err(Unread::Missing("media_url"));
    }
    let mut media_data: Map<String, Value> = Map::new();
    for name in ["title", "artist", "album", "album_art", "progress", "duration", "service", "requested_by"] {
        if let Some(value) = from.data.get(name).filter(|value| value.is_string() || value.is_number()) {
            media_data.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(art) = from.text(&[], &["album_art", "album_art_url", "thumbnail_url"]) {
        media_data.insert("album_art".into(), art.into());
    }
    Ok(Media { media_type: kind.to_owned(), media_url, media_data, duration: from.seconds("media_duration", &["display_duration"], 30)? })
}

fn general(from: &Reader<'_>) -> Result<General, Unread> {
    let content = from.text(&["content"], &["content"]).ok_or(Unread::Missing("content"))?;
    if content.len() > CONTENT {
        return Err(Unread::Wrong("content", "longer than 64 KiB"));
    }
    let content_type = from.text(&["content_type"], &["content_type"]).unwrap_or("html");
    if !["html", "announcement", "alert"].contains(&content_type) {
        return Err(Unread::Wrong("content_type", "none of html, announcement, alert and form"));
    }
    let style = from.value(&["style"], &["style"]).and_then(Value::as_object).cloned().unwrap_or_default();
    let duration = from.seconds("duration", &["duration"], 10)?;
    Ok(General { content_type: content_type.to_owned(), content: content.to_owned(), duration, style })
}

fn form(from: &Reader<'_>) -> Result<Form, Unread> {
    let title = from.text(&["form_title"], &["form_title", "title"]).ok_or(Unread::Missing("form_title"))?;
    let asked = from.value(&["form_fields"], &["form_fields", "fields"]).and_then(Value::as_array).ok_or(Unread::Missing("form_fields"))?;
    if asked.is_empty() || asked.len() > FIELDS {
        return Err(Unread::Wrong("form_fields", "no list of 1 to 50 fields"));
    }
    let method = from.text(&["form_submit_method"], &["form_submit_method", "submit_method"]).unwrap_or("POST").to_ascii_uppercase();
    if !["POST", "PUT", "PATCH"].contains(&method.as_str()) {
        return Err(Unread::Wrong("form_submit_method", "none of POST, PUT and PATCH"));
    }
    Ok(Form {
        title: line(title, NAME),
        description: line(from.text(&["form_description"], &["form_description", "description"]).unwrap_or_default(), PARAGRAPH),
        fields: asked.iter().map(field).collect::<Result<_, _>>()?,
        submit_url: from.address("form_submit_url", &["form_submit_url", "submit_url"])?,
        submit_method: method,
        callback_url: from.address("form_callback_url", &["form_callback_url", "callback_url"])?,
    })
}

fn field(value: &Value) -> Result<Field, Unread> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let (name, kind) = (line(text("name"), NAME), text("type"));
    if name.is_empty() {
        return Err(Unread::Missing("the name of a form's field"));
    }
    let kind = if kind.is_empty() { "text" } else { kind };
    if !KINDS.contains(&kind) {
        return Err(Unread::Wrong("the type of a form's field", "none that is known"));
    }
    let choices = value.get("options").and_then(Value::as_array).into_iter().flatten().take(FIELDS);
    // An option is a text, or a value with a label.
    let choice = |option: &Value| option.as_str().or_else(|| option.get("value")?.as_str()).map(|text| line(text, NAME));
    Ok(Field {
        label: Some(line(text("label"), NAME)).filter(|label| !label.is_empty()).unwrap_or_else(|| name.clone()),
        name,
        kind: kind.to_owned(),
        required: value.get("required").and_then(Value::as_bool).unwrap_or(false),
        options: choices.filter_map(choice).collect(),
    })
}

#[cfg(test)]
mod tests;
