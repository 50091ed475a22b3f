//! A chat log as a test writes it, line by line, and how what came is compared with it.

use std::time::Duration;

use serde_json::Value;
use waddlebot_runtime::chat::Role;
use waddlebot_runtime::event::EventKind;

/// What happens.
#[derive(Debug)]
pub(super) enum Step {
    /// The log begins.
    Begin,
    Say {
        name: String,
        role: Role,
        text: String,
    },
    Happen {
        kind: EventKind,
        name: String,
        amount: i64,
    },
    /// The line before is heard once more, with the same id.
    Again,
    Pass(Duration),
    /// The house is closed, and opened again after this time.
    Sleep(Duration),
    Restart,
    Setting(String, Value),
    /// The community gets a string rule.
    Rule(Value),
}

/// A step with its line, and all that must come of it.
#[derive(Debug)]
pub(super) struct Line {
    number: usize,
    written: String,
    pub(super) step: Step,
    pub(super) expected: Vec<Expected>,
}

/// One thing that must come.
#[derive(Debug)]
pub(super) enum Expected {
    /// `bot: …`, or `bot to ana: …` as chat shows it.
    Said(String),
    /// `overlay: …`: the pieces that must be in it.
    Shown(Vec<String>),
}

/// Reads a log. Blank lines say nothing.
pub(super) fn read(log: &str) -> Vec<Line> {
    let begin = Line { number: 0, written: "the beginning".into(), step: Step::Begin, expected: Vec::new() };
    let mut lines = vec![begin];
    for (at, written) in log.lines().enumerate() {
        let written = written.trim();
        if written.is_empty() {
            continue;
        }
        match expected(written) {
            Some(expected) => lines.last_mut().expect("the log begins").expected.push(expected),
            None => {
                let step = step(written).unwrap_or_else(|| panic!("line {}: this is no line of a log: {written}", at + 1));
                lines.push(Line { number: at + 1, written: written.to_owned(), step, expected: Vec::new() });
            }
        }
    }
    lines
}

fn expected(line: &str) -> Option<Expected> {
    let (who, text) = line.split_once(':')?;
    let text = text.trim().to_owned();
    match who {
        "bot" => Some(Expected::Said(text)),
        "platform deletes" | "platform silences" => Some(Expected::Said(format!("{who} {text}"))),
        "overlay" => Some(Expected::Shown(text.split(',').map(|piece| piece.trim().to_owned()).collect())),
        _ => who.strip_prefix("bot to ").map(|name| Expected::Said(format!("@{name} {text}"))),
    }
}

fn step(line: &str) -> Option<Step> {
    if let Some(order) = line.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return match order {
            "restart" => Some(Step::Restart),
            "heard again" => Some(Step::Again),
            _ if order.starts_with("rule ") => serde_json::from_str(&order["rule ".len()..]).ok().map(Step::Rule),
            _ if order.starts_with("setting ") => {
                let (key, value) = order["setting ".len()..].split_once(':')?;
                let value = value.trim();
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                Some(Step::Setting(key.trim().to_owned(), value))
            }
            _ => {
                let (order, asleep) = order.strip_suffix(" asleep").map_or((order, false), |order| (order, true));
                let time = order.strip_suffix(" pass").or_else(|| order.strip_suffix(" passes"))?;
                let days: jiff::SpanRelativeTo<'_> = jiff::SpanRelativeTo::days_are_24_hours();
                let time: jiff::Span = time.parse().ok()?;
                let time = time.to_duration(days).ok()?;
                let time = time.try_into().ok()?;
                Some(if asleep { Step::Sleep(time) } else { Step::Pass(time) })
            }
        };
    }
    let (who, text) = line.split_once(':')?;
    let text = text.trim();
    if let Some((name, role)) = who.strip_suffix(')').and_then(|who| who.split_once('(')) {
        return Some(Step::Say { name: name.to_owned(), role: Role::parse(role)?, text: text.to_owned() });
    }
    let kind = EventKind::parse(who)?;
    let (name, amount) = match text.split_once(" with ") {
        Some((name, amount)) => (name, amount.split(' ').next()?.parse().ok()?),
        None => (text, 0),
    };
    Some(Step::Happen { kind, name: name.to_owned(), amount })
}

impl Line {
    /// Every expected thing came, in this order in chat and in this order on the overlays, and nothing else did.
    pub(super) fn compare(&self, came: &[String]) {
        let wrong = |why: &str| -> ! {
            let expected: Vec<_> = self.expected.iter().map(Expected::written).collect();
            panic!(
                "line {}: {}\n  {why}\n  expected:\n    {}\n  came:\n    {}\n",
                self.number,
                self.written,
                expected.join("\n    "),
                came.join("\n    ")
            )
        };
        let (shown, said): (Vec<_>, Vec<_>) = came.iter().partition(|line| line.starts_with(OVERLAY));
        let (mut shown, mut said) = (shown.into_iter(), said.into_iter());
        for expected in &self.expected {
            let fits = match expected {
                Expected::Said(text) => said.next().is_some_and(|line| fits(text, line)),
                Expected::Shown(pieces) => shown.next().is_some_and(|item| pieces.iter().all(|piece| item.contains(piece.as_str()))),
            };
            if !fits {
                wrong("this did not come as expected");
            }
        }
        if said.next().is_some() || shown.next().is_some() {
            wrong("more came than expected");
        }
    }
}

/// What stands before an overlay item among the things that came.
pub(super) const OVERLAY: &str = "overlay: ";

impl Expected {
    fn written(&self) -> String {
        match self {
            Self::Said(text) => text.clone(),
            Self::Shown(pieces) => format!("{OVERLAY}{}", pieces.join(", ")),
        }
    }
}

/// Whether a line is what the log says, where `…` stands for any text.
pub(super) fn fits(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(piece) = last.replace(piece) {
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => rest.ends_with(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stand_for_any_text() {
        for (pattern, line) in [("a", "a"), ("a…", "abc"), ("…c", "abc"), ("a…c", "abc"), ("a…b…", "a b"), ("…", ""), ("a…b…c", "a1b2c")]
        {
            assert!(fits(pattern, line), "{pattern} {line}");
        }
        for (pattern, line) in [("a", "ab"), ("a", "ba"), ("a…c", "ab"), ("ab…b", "ab"), ("a…b…c", "acb")] {
            assert!(!fits(pattern, line), "{pattern} {line}");
        }
    }

    #[test]
    fn a_log_is_read_line_by_line() {
        let lines =
            read("ana(mod): !so a: b\n\n bot to ana: no\n(1 minute passes)\n(90 seconds pass)\nraid: ninja with 12 viewers\nsub: bob");
        let steps: Vec<_> = lines.iter().map(|line| format!("{:?}", line.step)).collect();
        assert_eq!(
            steps,
            [
                "Begin",
                "Say { name: \"ana\", role: Moderator, text: \"!so a: b\" }",
                "Pass(60s)",
                "Pass(90s)",
                "Happen { kind: Raid, name: \"ninja\", amount: 12 }",
                "Happen { kind: Subscription, name: \"bob\", amount: 0 }",
            ]
        );
        assert!(matches!(&lines[1].expected[..], [Expected::Said(text)] if text == "@ana no"));
    }

    #[test]
    #[should_panic(expected = "line 2: this is no line of a log: nonsense")]
    fn what_is_no_line_of_a_log_is_refused() {
        read("bob(viewer): hi\nnonsense");
    }

    #[test]
    #[should_panic(expected = "more came than expected")]
    fn nothing_may_come_that_is_not_in_the_log() {
        read("bob(viewer): hi")[1].compare(&["hello".to_owned()]);
    }
}
