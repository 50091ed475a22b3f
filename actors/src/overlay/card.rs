//! The words of a media card: the many names callers use for the same thing, made one.

use serde_json::{Map, Value};

use super::html;
use super::item::cut;

/// What a media card can hold.
pub(super) const TYPES: &[&str] = &["music", "video", "image"];

const SERVICES: &[&str] = &["spotify", "youtube", "soundcloud", "apple_music"];

/// `title`, `artist`, `album`, `album_art`, `progress` and `duration` in milliseconds, `playing`, `service`
/// and `requested_by`, from any of the names in spec 03 section 6. What is not known is left out.
pub(super) fn normalised(given: &Map<String, Value>) -> Map<String, Value> {
    let mut card = Map::new();
    let mut keep = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            card.insert(name.into(), value);
        }
    };
    keep("title", first(given, &["title", "track_name", "name"], words));
    keep("artist", first(given, &["artist", "artists"], words));
    keep("album", first(given, &["album"], words));
    keep("album_art", first(given, &["album_art", "thumbnail", "album_art_url", "thumbnail_url"], art));
    keep("progress", first(given, &["progress", "progress_ms"], millis));
    keep("duration", first(given, &["duration", "duration_ms"], millis));
    keep("playing", first(given, &["playing", "is_playing"], |value| value.is_boolean().then(|| value.clone())));
    keep("service", first(given, &["service", "provider"], service));
    keep("requested_by", first(given, &["requested_by"], words));
    card
}

fn first(given: &Map<String, Value>, names: &[&str], read: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
    names.iter().filter_map(|name| given.get(*name)).find_map(read)
}

/// A text, a list of texts, or things with a `name`.
fn words(value: &Value) -> Option<Value> {
    fn read(value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Object(map) => map.get("name").and_then(Value::as_str).map(str::to_owned),
            Value::Array(list) => Some(list.iter().take(20).filter_map(read).collect::<Vec<_>>().join(", ")),
            _ => None,
        }
    }
    read(value).map(|text| cut(&text, 200)).filter(|text| !text.is_empty()).map(Value::from)
}

fn art(value: &Value) -> Option<Value> {
    value.as_str().and_then(html::picture).map(Value::from)
}

fn millis(value: &Value) -> Option<Value> {
    const WEEK: f64 = 7.0 * 86_400_000.0;
    let millis = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))?;
    (0.0..=WEEK).contains(&millis).then(|| Value::from(millis as u64))
}

fn service(value: &Value) -> Option<Value> {
    let name = value.as_str()?.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    let name = if name == "youtube_music" { "youtube" } else { &name };
    SERVICES.contains(&name).then(|| Value::from(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card(given: Value) -> Value {
        Value::Object(normalised(given.as_object().expect("an object")))
    }

    #[test]
    fn every_name_of_the_same_thing_is_understood() {
        let wanted = json!({ "title": "Song", "artist": "A, B", "album": "Disc", "album_art": "https://a/b.png",
            "progress": 1000, "duration": 200_000, "service": "apple_music", "requested_by": "ana" });
        let spotify = json!({ "track_name": "Song", "artists": [{ "name": "A" }, { "name": "B" }], "album": { "name": "Disc" },
            "album_art_url": "https://a/b.png", "progress_ms": 1000, "duration_ms": 200_000, "provider": "Apple Music", "requested_by": "ana" });
        let plain = json!({ "title": "Song", "artist": "A, B", "album": "Disc", "thumbnail": "https://a/b.png",
            "progress": "1000", "duration": 200_000.4, "service": "apple_music", "requested_by": "ana", "evil": "<script>" });
        assert_eq!(card(spotify), wanted);
        assert_eq!(card(plain), wanted);
        assert_eq!(card(wanted.clone()), wanted);
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        assert_eq!(
            card(json!({ "title": 5, "album_art": "javascript:1", "progress": -1, "duration": "x", "service": "radio" })),
            json!({})
        );
    }
}
