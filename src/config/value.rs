//! How a setting is read from a text or a list, and how it is shown as TOML.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tracing::Level;
use waddlebot_runtime::telemetry::Hidden;

/// A value as a layer gave it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// From the environment, a flag or a default: any type, written as text.
    Words(String),
    /// A string in the file.
    Text(String),
    /// A whole number in the file.
    Whole(i64),
    /// A number with a point in the file.
    Number(f64),
    /// `true` or `false` in the file.
    Truth(bool),
    /// A list of strings in the file.
    List(Vec<String>),
}

/// Something a setting can be.
pub(crate) trait Value: Sized {
    /// What may stand there, after "wants".
    const WANTS: &'static str;

    /// Reads it; nothing when it is something else.
    fn read(raw: &Raw) -> Option<Self>;

    /// How `cluster.toml` would say it; nothing when it is not set.
    fn show(&self) -> Option<String>;
}

/// A TOML string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn text(raw: &Raw) -> Option<&str> {
    match raw {
        Raw::Words(text) | Raw::Text(text) => Some(text),
        _ => None,
    }
}

impl Value for String {
    const WANTS: &'static str = "a text";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw).map(str::to_owned)
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Value for Hidden<String> {
    const WANTS: &'static str = "a text";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw).map(|text| Self::new(text.to_owned()))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Value for PathBuf {
    const WANTS: &'static str = "a path";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw).map(Self::from)
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Value for SocketAddr {
    const WANTS: &'static str = "an address and a port, as in 127.0.0.1:8060";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw)?.parse().ok()
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Value for bool {
    const WANTS: &'static str = "true or false";

    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Truth(truth) => Some(*truth),
            Raw::Words(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true),
                "false" | "no" | "off" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! whole_numbers {
    ($($Type:ty: $wants:literal),+) => {$(
        impl Value for $Type {
            const WANTS: &'static str = $wants;

            fn read(raw: &Raw) -> Option<Self> {
                match raw {
                    Raw::Whole(number) => Self::try_from(*number).ok(),
                    Raw::Words(text) => text.parse().ok(),
                    _ => None,
                }
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}

whole_numbers!(u8: "a whole number from 0 to 255", u16: "a whole number from 0 to 65535", u32: "a whole number from 0 to 4294967295");

impl Value for Duration {
    const WANTS: &'static str = "a duration, as in 500ms, 1.5s, 10m or 24h, longer than nothing";

    fn read(raw: &Raw) -> Option<Self> {
        let time = match raw {
            // A bare number is seconds, as the older settings have it.
            Raw::Whole(seconds) => Self::from_secs(u64::try_from(*seconds).ok()?),
            Raw::Number(seconds) => Self::try_from_secs_f64(*seconds).ok()?,
            Raw::Words(text) | Raw::Text(text) => span(text)?,
            _ => return None,
        };
        (!time.is_zero() && time <= super::LONGEST).then_some(time)
    }

    fn show(&self) -> Option<String> {
        let millis = self.as_millis();
        let units = [(3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        let (length, unit) = units.into_iter().find(|(length, _)| millis.is_multiple_of(*length)).unwrap_or((1, "ms"));
        Some(quoted(&format!("{}{unit}", millis / length)))
    }
}

fn span(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? * unit).ok()
}

impl Value for Vec<String> {
    const WANTS: &'static str = "a list of texts";

    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::List(list) => Some(list.clone()),
            Raw::Words(text) => Some(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()),
            _ => None,
        }
    }

    fn show(&self) -> Option<String> {
        let parts: Vec<String> = self.iter().map(|part| quoted(part)).collect();
        Some(format!("[{}]", parts.join(", ")))
    }
}

impl<T: Value> Value for Option<T> {
    const WANTS: &'static str = T::WANTS;

    fn read(raw: &Raw) -> Option<Self> {
        if matches!(raw, Raw::Words(text) | Raw::Text(text) if text.is_empty()) {
            return Some(None);
        }
        T::read(raw).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(Value::show)
    }
}

/// The words a [`Choice`] has.
pub(crate) trait Words {
    /// All of them, in lower case.
    const WORDS: &'static [&'static str];
    /// All of them, for a person.
    const WANTS: &'static str;
}

/// One word of several.
#[derive(Debug, Clone)]
pub(crate) struct Choice<W>(pub(crate) &'static str, PhantomData<W>);

impl<W: Words> Value for Choice<W> {
    const WANTS: &'static str = W::WANTS;

    fn read(raw: &Raw) -> Option<Self> {
        let text = text(raw)?;
        W::WORDS.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| Self(word, PhantomData))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self.0))
    }
}

impl Value for Level {
    const WANTS: &'static str = "error, warning, info, debug or trace";

    fn read(raw: &Raw) -> Option<Self> {
        match text(raw)?.to_ascii_lowercase().as_str() {
            "error" | "critical" => Some(Self::ERROR),
            "warning" | "warn" => Some(Self::WARN),
            "info" => Some(Self::INFO),
            "debug" => Some(Self::DEBUG),
            "trace" => Some(Self::TRACE),
            _ => None,
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(if *self == Self::WARN { "warning".to_owned() } else { self.to_string().to_lowercase() }.as_str()))
    }
}
