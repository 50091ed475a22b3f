//! Who did what, whether they might, and how it went: the typed way to write AUTH, AUTHZ, AUDIT, ERROR and SYSTEM lines.

use std::fmt;
use std::time::Duration;

use tracing::Level;

use super::line;

/// The target by which the layer knows these events.
pub(crate) const TARGET: &str = "waddlebot::aaa";

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It could not be done.
    Failure,
    /// It was not allowed.
    Denied,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Denied => "DENIED",
        }
    }
}

/// Somebody's action: created, read, changed, deleted, run.
pub fn audit(action: &str) -> Entry {
    Entry::new("AUDIT", Level::INFO, action)
}

/// Somebody logged in or out, or could not; a token was refreshed.
pub fn authn(action: &str) -> Entry {
    Entry::new("AUTH", Level::INFO, action)
}

/// Whether somebody may.
pub fn authz(action: &str) -> Entry {
    Entry::new("AUTHZ", Level::INFO, action)
}

/// Something failed.
pub fn error(action: &str) -> Entry {
    Entry::new("ERROR", Level::ERROR, action)
}

/// Something of the program's own: start, stop, health.
pub fn system(action: &str) -> Entry {
    Entry::new("SYSTEM", Level::INFO, action)
}

/// A line in the making; [`Entry::log`] writes it. Below the log's level it holds nothing and formats nothing.
#[must_use = "nothing is written before `log`"]
#[derive(Debug)]
pub struct Entry {
    kind: &'static str,
    level: Level,
    parts: Option<Box<Parts>>,
}

#[derive(Debug, Default)]
struct Parts {
    action: String,
    community: String,
    user: String,
    result: &'static str,
    message: String,
    extras: Vec<(&'static str, String)>,
    time: String,
}

impl Entry {
    fn new(kind: &'static str, level: Level, action: &str) -> Self {
        let wanted = if level == Level::ERROR {
            tracing::enabled!(target: TARGET, Level::ERROR)
        } else {
            tracing::enabled!(target: TARGET, Level::INFO)
        };
        let parts = wanted.then(|| Box::new(Parts { action: action.to_owned(), ..Parts::default() }));
        Self { kind, level, parts }
    }

    /// In which community.
    pub fn community(self, community: impl fmt::Display) -> Self {
        self.change(|parts| parts.community = community.to_string())
    }

    /// By whom.
    pub fn user(self, user: impl fmt::Display) -> Self {
        self.change(|parts| parts.user = user.to_string())
    }

    /// How it went.
    pub fn result(self, outcome: Outcome) -> Self {
        self.change(|parts| parts.result = outcome.name())
    }

    /// In words, for a person.
    pub fn message(self, message: impl fmt::Display) -> Self {
        self.change(|parts| parts.message = message.to_string())
    }

    /// A further field. The value behind a secret's name is not even kept.
    pub fn with(self, name: &'static str, value: impl fmt::Display) -> Self {
        self.change(|parts| {
            let value = if line::is_secret(name) { "(hidden)".to_owned() } else { value.to_string() };
            parts.extras.push((name, value));
        })
    }

    /// How long it took.
    pub fn took(self, time: Duration) -> Self {
        self.change(|parts| parts.time = format!("{}ms", time.as_millis()))
    }

    /// Writes the line.
    pub fn log(self) {
        let Some(parts) = self.parts else { return };
        // The names of tracing's fields are fixed, so further ones travel together.
        let extras = Extras(&parts.extras).to_string();
        macro_rules! write {
            ($level:expr) => {
                tracing::event!(
                    target: TARGET,
                    $level,
                    kind = self.kind,
                    community = parts.community,
                    user = parts.user,
                    action = parts.action,
                    result = parts.result,
                    extras,
                    time = parts.time,
                    "{}",
                    parts.message
                )
            };
        }
        if self.level == Level::ERROR { write!(Level::ERROR) } else { write!(Level::INFO) }
    }

    fn change(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        if let Some(parts) = &mut self.parts {
            change(parts);
        }
        self
    }
}

/// Names and values, each ended by a character that no value may hold.
struct Extras<'a>(&'a [(&'static str, String)]);

/// Ends a name.
pub(crate) const UNIT: char = '\u{1f}';
/// Ends a value.
pub(crate) const RECORD: char = '\u{1e}';

impl fmt::Display for Extras<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.0 {
            write!(out, "{name}{UNIT}{}{RECORD}", value.replace([UNIT, RECORD], ""))?;
        }
        Ok(())
    }
}
