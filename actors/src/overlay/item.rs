//! What an overlay can show, read from what modules and callers hand in, and brought within bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use waddlebot_runtime::response::{Form, Media, Priority, Response, Ticker};

use super::{card, html};

/// Which of a community's three overlays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Scrolling text.
    Ticker,
    /// A card with music, a film or a picture.
    Media,
    /// Announcements, alerts, forms, HTML.
    General,
}

impl Source {
    /// All of them, as pages and lists show them.
    pub const ALL: [Self; 3] = [Self::Ticker, Self::Media, Self::General];

    /// Its name in URLs, frames and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticker => "ticker",
            Self::Media => "media",
            Self::General => "general",
        }
    }

    /// Reads a name. `None` for an unknown one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }

    /// The size OBS should give the source, in pixels.
    #[must_use]
    pub const fn size(self) -> (u32, u32) {
        match self {
            Self::Ticker => (1920, 100),
            Self::Media => (400, 300),
            Self::General => (1920, 1080),
        }
    }
}

/// One thing to show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    /// Scrolling text.
    Ticker(Ticker),
    /// A media card.
    Media(Media),
    /// A panel: HTML, an announcement, an alert or a form.
    General(Panel),
}

/// What the general overlay shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// `html`, `announcement`, `alert` or `form`.
    pub content_type: String,
    /// Sanitised HTML.
    pub content: String,
    /// `type`, `title`, `accent`.
    pub style: Map<String, Value>,
    /// Asked of who sits at the page.
    pub form: Option<Form>,
    /// Seconds on screen; 0 stays until replaced.
    pub duration: u32,
}

/// What is wrong with a request to show something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadItem {
    /// A field is not there.
    #[error("display_data.{0} is missing")]
    Missing(&'static str),
    /// A field is of no use.
    #[error("display_data.{field} must be {wanted}")]
    Wrong {
        /// Which one.
        field: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

/// The most characters a ticker shows.
pub const TICKER_LENGTH: usize = 200;
/// The most bytes of HTML a panel takes.
pub const CONTENT_LENGTH: usize = 64 * 1024;
const LONGEST: u32 = 86_400;

impl Item {
    /// What a module's answer asks for. `None` when it is a line of chat.
    #[must_use]
    pub fn of(response: Response) -> Option<Self> {
        let item = match response {
            Response::Chat(_) => return None,
            Response::Ticker(ticker) => Self::Ticker(ticker),
            Response::Media(media) => Self::Media(media),
            Response::General(general) => Self::General(Panel {
                content_type: general.content_type,
                content: general.content,
                style: general.style,
                form: None,
                duration: general.duration,
            }),
            Response::Form(form) => Self::General(Panel { content_type: "form".into(), form: Some(form), ..Panel::default() }),
        };
        Some(item.fitted())
    }

    /// Reads the `display_data` of spec 03 section 4.
    ///
    /// # Errors
    /// When what must be there is not, or is of another kind.
    pub fn read(source: Source, data: &Map<String, Value>) -> Result<Self, BadItem> {
        let item = match source {
            Source::Ticker => Self::Ticker(Ticker {
                text: text(data, "ticker_text").or_else(|| text(data, "text")).ok_or(BadItem::Missing("ticker_text"))?,
                duration: seconds(data, "ticker_duration", seconds(data, "duration", 10)?)?,
                style: text(data, "ticker_style").or_else(|| text(data, "style")).unwrap_or_default(),
                priority: match data.get("priority") {
                    None | Some(Value::Null) => Priority::NORMAL,
                    Some(value) => {
                        Priority::parse(value).ok_or(BadItem::Wrong { field: "priority", wanted: "high, normal, low or 1 to 10" })?
                    }
                },
            }),
            Source::Media => {
                let media_url = text(data, "media_url").unwrap_or_default();
                let media_data = object(data, "media_data")?;
                if media_url.is_empty() && media_data.is_empty() {
                    return Err(BadItem::Missing("media_url"));
                }
                let media_type = text(data, "media_type").unwrap_or_else(|| "image".into());
                if !card::TYPES.contains(&media_type.as_str()) {
                    return Err(BadItem::Wrong { field: "media_type", wanted: "music, video or image" });
                }
                Self::Media(Media { media_type, media_url, media_data, duration: seconds(data, "duration", 30)? })
            }
            Source::General => {
                let form = form(data)?;
                let content_type = text(data, "content_type").unwrap_or_else(|| if form.is_some() { "form" } else { "html" }.into());
                if !PANELS.contains(&content_type.as_str()) {
                    return Err(BadItem::Wrong { field: "content_type", wanted: "html, announcement, alert or form" });
                }
                let content = text(data, "content");
                match content_type.as_str() {
                    "form" if form.is_none() => return Err(BadItem::Missing("form_data")),
                    "form" => {}
                    _ if content.is_none() => return Err(BadItem::Missing("content")),
                    _ => {}
                }
                let (content, style) = (content.unwrap_or_default(), object(data, "style")?);
                Self::General(Panel { content_type, content, style, form, duration: seconds(data, "duration", 0)? })
            }
        };
        Ok(item.fitted())
    }

    /// Which overlay shows it.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self {
            Self::Ticker(_) => Source::Ticker,
            Self::Media(_) => Source::Media,
            Self::General(_) => Source::General,
        }
    }

    /// Its place in the queue.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        match self {
            Self::Ticker(ticker) => ticker.priority,
            Self::Media(_) | Self::General(_) => Priority::NORMAL,
        }
    }

    /// How long it is on screen; `None` stays until replaced.
    #[must_use]
    pub fn stays(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Ticker(ticker) => ticker.duration,
            Self::Media(media) => media.duration,
            Self::General(panel) => panel.duration,
        };
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// The form it asks, if it is one.
    #[must_use]
    pub fn form(&self) -> Option<&Form> {
        match self {
            Self::General(panel) => panel.form.as_ref(),
            _ => None,
        }
    }

    /// Within every bound: texts cut, HTML sanitised, unknown styles plain. Doing it twice changes nothing.
    fn fitted(self) -> Self {
        match self {
            Self::Ticker(ticker) => Self::Ticker(Ticker {
                text: cut(&ticker.text, TICKER_LENGTH),
                duration: ticker.duration.clamp(1, 3600),
                style: one_of(&ticker.style, &["urgent", "info", "success", "warning"], "default"),
                priority: Priority(ticker.priority.0.clamp(1, 10)),
            }),
            Self::Media(media) => Self::Media(Media {
                media_type: one_of(&media.media_type, card::TYPES, "music"),
                media_url: html::picture(&media.media_url).unwrap_or_default(),
                media_data: card::normalised(&media.media_data),
                duration: media.duration.clamp(1, LONGEST),
            }),
            Self::General(panel) => Self::General(Panel {
                content_type: one_of(&panel.content_type, PANELS, "html"),
                content: html::clean(&panel.content, CONTENT_LENGTH),
                style: style(&panel.style),
                form: panel.form.map(fitted_form),
                duration: panel.duration.min(LONGEST),
            }),
        }
    }
}

const PANELS: &[&str] = &["html", "announcement", "alert", "form"];
const MOODS: &[&str] = &["announcement", "alert", "success", "warning", "info", "form", "shoutout", "default"];
const FIELDS: &[&str] =
    &["text", "textarea", "select", "multiselect", "radio", "checkbox", "number", "email", "url", "date", "time", "hidden", "password"];

fn style(given: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    if let Some(mood) = text(given, "type") {
        kept.insert("type".into(), one_of(&mood, MOODS, "default").into());
    }
    if let Some(title) = text(given, "title").map(|title| cut(&title, 120)).filter(|title| !title.is_empty()) {
        kept.insert("title".into(), title.into());
    }
    if let Some(accent) = text(given, "accent").filter(|accent| is_colour(accent)) {
        kept.insert("accent".into(), accent.into());
    }
    kept
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| matches!(hex.len(), 3 | 6) && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn fitted_form(mut form: Form) -> Form {
    form.title = cut(&form.title, 120);
    form.description = cut(&form.description, 1000);
    form.fields.truncate(40);
    for field in &mut form.fields {
        field.name = cut(&field.name, 80);
        field.label = cut(&field.label, 200);
        field.kind = one_of(&field.kind, FIELDS, "text");
        field.options.truncate(100);
        field.options.iter_mut().for_each(|option| *option = cut(option, 200));
    }
    form
}

fn form(data: &Map<String, Value>) -> Result<Option<Form>, BadItem> {
    const WANTED: BadItem = BadItem::Wrong { field: "form_data", wanted: "an object with title, description and fields" };
    let Some(given) = data.get("form_data").filter(|value| !value.is_null()) else { return Ok(None) };
    let mut given = given.as_object().ok_or(WANTED)?.clone();
    given.entry("title").or_insert_with(|| "".into());
    Form::deserialize(Value::Object(given)).map(Some).map_err(|_| WANTED)
}

fn text(data: &Map<String, Value>, field: &str) -> Option<String> {
    data.get(field).and_then(Value::as_str).map(str::to_owned)
}

fn object(data: &Map<String, Value>, field: &'static str) -> Result<Map<String, Value>, BadItem> {
    match data.get(field) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(_) => Err(BadItem::Wrong { field, wanted: "an object" }),
    }
}

fn seconds(data: &Map<String, Value>, field: &'static str, otherwise: u32) -> Result<u32, BadItem> {
    let wrong = BadItem::Wrong { field, wanted: "a number of seconds, 0 to 86400" };
    match data.get(field) {
        None | Some(Value::Null) => Ok(otherwise),
        Some(value) => {
            let seconds = value.as_f64().filter(|seconds| (0.0..=f64::from(LONGEST)).contains(seconds)).ok_or(wrong)?;
            Ok(seconds.ceil() as u32)
        }
    }
}

fn one_of(word: &str, known: &[&str], otherwise: &str) -> String {
    if known.contains(&word) { word } else { otherwise }.to_owned()
}

/// At most `length` characters on one line, cut where no character is torn from its accents or joiners.
#[must_use]
pub fn cut(text: &str, length: usize) -> String {
    let flat: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let flat = flat.trim();
    if flat.chars().count() <= length {
        return flat.to_owned();
    }
    let letters: Vec<char> = flat.chars().take(length).collect();
    let mut end = length.saturating_sub(1);
    while end > 0 && (clings(letters[end]) || letters[end - 1] == JOINER) {
        end -= 1;
    }
    let mut kept: String = letters[..end].iter().collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

const JOINER: char = '\u{200D}';

fn clings(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5BD}' | '\u{64B}'..='\u{65F}' | '\u{93C}'..='\u{94D}'
        | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}' | JOINER | '\u{20D0}'..='\u{20FF}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}' | '\u{E0100}'..='\u{E01EF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(source: Source, data: Value) -> Result<Item, BadItem> {
        Item::read(source, data.as_object().expect("an object"))
    }

    #[test]
    fn a_ticker_is_read_with_its_defaults() {
        let Ok(Item::Ticker(ticker)) = read(Source::Ticker, json!({ "ticker_text": "hello" })) else { panic!("a ticker") };
        assert_eq!((ticker.text.as_str(), ticker.duration, ticker.style.as_str(), ticker.priority.0), ("hello", 10, "default", 5));
        let Ok(Item::Ticker(ticker)) = read(Source::Ticker, json!({ "ticker_text": "a", "ticker_style": "urgent", "priority": "high" }))
        else {
            panic!("a ticker")
        };
        assert_eq!((ticker.style.as_str(), ticker.priority.0), ("urgent", 1));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert_eq!(read(Source::Ticker, json!({})).unwrap_err().to_string(), "display_data.ticker_text is missing");
        assert_eq!(read(Source::General, json!({})).unwrap_err(), BadItem::Missing("content"));
        assert_eq!(read(Source::General, json!({ "content_type": "form" })).unwrap_err(), BadItem::Missing("form_data"));
        assert_eq!(read(Source::Media, json!({})).unwrap_err(), BadItem::Missing("media_url"));
        assert!(matches!(
            read(Source::Ticker, json!({ "ticker_text": "a", "priority": 11 })),
            Err(BadItem::Wrong { field: "priority", .. })
        ));
        assert!(matches!(
            read(Source::Ticker, json!({ "ticker_text": "a", "ticker_duration": "long" })),
            Err(BadItem::Wrong { field: "ticker_duration", .. })
        ));
        assert!(matches!(read(Source::Media, json!({ "media_url": "https://a/b", "media_type": "smell" })), Err(BadItem::Wrong { .. })));
        assert!(matches!(read(Source::General, json!({ "content": "a", "content_type": "x" })), Err(BadItem::Wrong { .. })));
    }

    #[test]
    fn a_long_ticker_is_cut_where_no_character_is_torn() {
        let family = "👩‍👩‍👧";
        let text = format!("{}{family}{family}", "a".repeat(195));
        let cut = cut(&text, TICKER_LENGTH);
        assert!(cut.chars().count() <= TICKER_LENGTH);
        assert_eq!(cut, format!("{}…", "a".repeat(195)));
    }

    #[test]
    fn a_form_keeps_its_address_in_the_house() {
        let data = json!({ "form_data": { "title": "Names", "fields": [{ "name": "n", "type": "weird", "label": "Name" }], "submit_url": "https://a/b" } });
        let Ok(Item::General(panel)) = read(Source::General, data) else { panic!("a form") };
        let form = panel.form.expect("a form");
        assert_eq!((panel.content_type.as_str(), form.fields[0].kind.as_str(), form.submit_url.as_str()), ("form", "text", "https://a/b"));
    }

    proptest! {
        #[test]
        fn cutting_never_exceeds_the_length_and_never_changes_what_fits(text in "\\PC{0,300}", length in 1usize..250) {
            let once = cut(&text, length);
            prop_assert!(once.chars().count() <= length);
            prop_assert_eq!(cut(&once, length), once.clone());
        }

        #[test]
        fn whatever_is_handed_in_is_refused_or_fits(content in "\\PC{0,200}", kind in "[a-z]{0,12}", seconds in any::<i64>()) {
            for source in Source::ALL {
                let data = json!({ "content": content, "ticker_text": content, "media_url": content, "content_type": kind, "duration": seconds });
                if let Ok(item) = read(source, data) {
                    prop_assert_eq!(item.clone().fitted(), item);
                }
            }
        }
    }
}
