//! One log line: `[time] LEVEL module:version EVENT_TYPE community=… user=… action=… result=… message key=value time=…ms`.

use std::fmt::{self, Write as _};

use jiff::Timestamp;

use crate::chat::Millis;

/// The most bytes of one value; the rest is cut, so that nobody fills the log by what they say.
const LONGEST: usize = 2048;

/// The fields that stand first, in this order.
const FIRST: [&str; 4] = ["community", "user", "action", "result"];

/// Parts of a name whose value is never written.
const SECRET: [&str; 7] = ["token", "secret", "password", "authorization", "cookie", "api_key", "credential"];

/// The fields of a line, in the order they were given.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    message: String,
    named: Vec<(&'static str, String)>,
}

impl Fields {
    /// Adds a field; a value that is empty, and one that is a secret, is not written.
    pub(crate) fn add(&mut self, name: &'static str, value: &dyn fmt::Display) {
        if name == "message" {
            self.message = plain(value);
            return;
        }
        let text = if is_secret(name) { "(hidden)".to_owned() } else { plain(value) };
        if !text.is_empty() {
            self.named.push((name, text));
        }
    }

    /// The value of a field, taken out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.named.iter().position(|(known, _)| *known == name)?;
        Some(self.named.remove(at).1)
    }
}

/// Writes the line, without a break at its end.
pub(crate) fn write(now: Millis, level: &str, module: &str, kind: &str, mut fields: Fields) -> String {
    let mut line = String::with_capacity(160);
    let time = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let version = env!("CARGO_PKG_VERSION");
    let _ = write!(line, "[{}] {level} {module}:{version} {kind}", time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
    for name in FIRST {
        if let Some(value) = fields.take(name) {
            pair(&mut line, name, &value);
        }
    }
    if !fields.message.is_empty() {
        let _ = write!(line, " {}", fields.message);
    }
    let time = fields.take("time");
    for (name, value) in &fields.named {
        pair(&mut line, name, value);
    }
    if let Some(time) = time {
        pair(&mut line, "time", &time);
    }
    line
}

pub(crate) fn pair(line: &mut String, name: &str, value: &str) {
    let simple = !value.contains([' ', '"', '=', '\\']);
    let _ = if simple {
        write!(line, " {name}={value}")
    } else {
        write!(line, " {name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    };
}

/// Whether the value behind this name must not be written.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "code" || name == "key" || SECRET.iter().any(|part| name.contains(part))
}

/// The text without line breaks and control characters, bounded in length.
pub(crate) fn plain(value: &dyn fmt::Display) -> String {
    let mut kept = Kept(String::new());
    // It fails when the text is long enough, which is no failure.
    let _ = write!(kept, "{value}");
    kept.0
}

struct Kept(String);

impl fmt::Write for Kept {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            // Line and paragraph separators and direction marks forge lines as well as a line break does.
            if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
                continue;
            }
            if self.0.len() + letter.len_utf8() > LONGEST {
                return Err(fmt::Error);
            }
            self.0.push(letter);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: &[(&'static str, &str)]) -> String {
        let mut all = Fields::default();
        for (name, value) in fields {
            all.add(name, value);
        }
        write(1_767_225_600_123, "INFO", "waddlebot", "AUDIT", all)
    }

    const HEAD: &str = concat!("[2026-01-01T00:00:00.123Z] INFO waddlebot:", env!("CARGO_PKG_VERSION"), " AUDIT");

    #[test]
    fn the_fields_stand_in_their_order_and_those_without_value_are_left_out() {
        let given = [("time", "5ms"), ("b", "2"), ("result", "SUCCESS"), ("message", "all well"), ("user", ""), ("community", "7")];
        assert_eq!(line(&given), format!("{HEAD} community=7 result=SUCCESS all well b=2 time=5ms"));
    }

    #[test]
    fn nobody_forges_a_line() {
        let forged = line(&[("user", "ana\r\n[2026] INFO x:1 AUTH"), ("message", "a\nb\u{2028}c"), ("x", "say \"hi\"")]);
        assert_eq!(forged, format!("{HEAD} user=\"ana[2026] INFO x:1 AUTH\" abc x=\"say \\\"hi\\\"\""));
    }

    #[test]
    fn secrets_are_not_written_and_values_are_bounded() {
        let given = [("access_token", "t"), ("Authorization", "b"), ("code", "c"), ("password", "p"), ("status_code", "200")];
        let hidden = "access_token=(hidden) Authorization=(hidden) code=(hidden) password=(hidden) status_code=200";
        assert_eq!(line(&given), format!("{HEAD} {hidden}"));
        assert!(line(&[("x", &"é".repeat(1 << 20))]).len() < 2200);
    }
}
