//! Cuts a long answer into messages that fit the platform, at words where it can. Pure.

use waddlebot_runtime::chat::Text;
use waddlebot_runtime::platform::{Limits, Unit};

/// At most this many messages for one answer; the last one ends in an ellipsis when more was said.
const MOST: usize = 5;

/// The messages that say `text` within `limits`. Line breaks become messages of their own.
#[must_use]
pub fn cut(text: &Text, limits: Limits) -> Vec<Text> {
    if measure(text, limits.unit) <= limits.length && !text.contains(['\n', '\r']) {
        return vec![text.clone()];
    }
    let mut parts: Vec<Text> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut rest = line;
        while !rest.is_empty() {
            if parts.len() == MOST {
                return ended(parts, limits);
            }
            let (head, tail) = split(rest, limits);
            parts.push(Text::from(head.to_owned()));
            rest = tail;
        }
    }
    parts
}

fn ended(mut parts: Vec<Text>, limits: Limits) -> Vec<Text> {
    if let Some(last) = parts.pop() {
        let room = Limits { length: limits.length.saturating_sub(measure("…", limits.unit)).max(1), ..limits };
        parts.push(format!("{}…", split(&last, room).0.trim_end()).into());
    }
    parts
}

/// The first message and what is left. Always takes at least one character.
fn split(text: &str, limits: Limits) -> (&str, &str) {
    let mut end = 0;
    let mut used = 0;
    for (at, letter) in text.char_indices() {
        used += match limits.unit {
            Unit::Bytes => letter.len_utf8(),
            Unit::Characters => 1,
        };
        if used > limits.length && at > 0 {
            break;
        }
        end = at + letter.len_utf8();
    }
    if end == text.len() {
        return (text, "");
    }
    // Between words, unless that would waste more than half of the message.
    let at_word = text[..end].rfind(char::is_whitespace).filter(|at| *at > end / 2);
    let end = if text[end..].starts_with(char::is_whitespace) { end } else { at_word.unwrap_or(end) };
    (text[..end].trim_end(), text[end..].trim_start())
}

fn measure(text: &str, unit: Unit) -> usize {
    match unit {
        Unit::Bytes => text.len(),
        Unit::Characters => text.chars().count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(length: usize, unit: Unit) -> Limits {
        Limits { length, unit, budget: None }
    }

    #[test]
    fn a_long_answer_is_cut_between_words() {
        let parts = cut(&"one two three four".into(), limits(10, Unit::Characters));
        assert_eq!(parts, ["one two", "three four"]);
    }

    #[test]
    fn a_word_longer_than_a_message_is_cut_at_a_character() {
        let parts = cut(&"ääääää".into(), limits(5, Unit::Bytes));
        assert_eq!(parts, ["ää", "ää", "ää"]);
    }

    #[test]
    fn what_is_said_without_end_ends_in_an_ellipsis() {
        let parts = cut(&"word ".repeat(100).into(), limits(10, Unit::Characters));
        assert_eq!(parts.len(), 5);
        assert!(parts[4].ends_with('…') && parts[4].chars().count() <= 10, "{parts:?}");
    }

    #[test]
    fn lines_become_messages() {
        assert_eq!(cut(&"one\r\n\ntwo".into(), limits(100, Unit::Bytes)), ["one", "two"]);
    }

    proptest! {
        #[test]
        fn every_part_fits(text in "\\PC{0,400}", length in 8usize..60, bytes: bool) {
            let limits = limits(length, if bytes { Unit::Bytes } else { Unit::Characters });
            for part in cut(&text.into(), limits) {
                prop_assert!(measure(&part, limits.unit) <= length);
            }
        }
    }
}
