//! Turns every tracing event into a line of the one form and hands it to the sinks.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::aaa;
use super::line::{self, Fields};
use super::sinks::Sinks;
use crate::clock::Clock;

/// The layer; one in a program.
pub(super) struct Lines {
    pub(super) clock: Clock,
    pub(super) sinks: Sinks,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut seen = Seen::default();
        event.record(&mut seen);
        let ours = metadata.target() == aaa::TARGET;
        let module = if ours { "waddlebot".to_owned() } else { metadata.target().replace("::", ".") };
        let level = *metadata.level();
        let kind = match seen.kind {
            Some(kind) if ours => kind,
            _ if level == Level::ERROR => "ERROR".to_owned(),
            _ => "SYSTEM".to_owned(),
        };
        let text = line::write(self.clock.now(), name(level), &module, &kind, seen.fields);
        let text = if seen.extras.is_empty() { text } else { with_extras(text, &seen.extras) };
        self.sinks.write(metadata, &text);
    }
}

const fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

/// The further fields stand before the time, which is last.
fn with_extras(text: String, extras: &[(String, String)]) -> String {
    let (head, time) = text.rfind(" time=").map_or((text.as_str(), ""), |at| text.split_at(at));
    let mut whole = head.to_owned();
    for (name, value) in extras {
        line::pair(&mut whole, name, &line::plain(value));
    }
    whole + time
}

#[derive(Default)]
struct Seen {
    fields: Fields,
    kind: Option<String>,
    extras: Vec<(String, String)>,
}

impl Seen {
    fn put(&mut self, field: &Field, value: &dyn fmt::Display) {
        match field.name() {
            "kind" => self.kind = Some(value.to_string()),
            "extras" => {
                let text = value.to_string();
                let pairs = text.split(aaa::RECORD).filter_map(|pair| pair.split_once(aaa::UNIT));
                self.extras = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            }
            name => self.fields.add(name, value),
        }
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, &value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, &value);
    }
}
