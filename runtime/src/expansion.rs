//! Fills the variables of a text somebody wrote: what an alias stands for, a shout-out in one's own words.

use std::borrow::Cow;

use crate::command::{Words, closing, is_quote};

/// The most characters an expansion has; what is longer is cut, so that aliases of aliases cannot swell.
pub const LONGEST: usize = 2_000;

/// Puts the caller and their words into an alias: `{user}`, `{args}` or `{all_args}` (everything as it
/// was typed), `{arg1}`, `{arg2}` … (word by word, quotes keep words together; empty when not given).
/// Any other `{word}` stays. Inside the template's quotes a value cannot end the quotation.
///
/// Pure; the channel limits how deep aliases of aliases go.
#[must_use]
pub fn expand(template: &str, user: &str, args: &str) -> String {
    let args = args.trim();
    let mut words = Words::new(args);
    let each: Vec<_> = std::iter::from_fn(|| words.next()).collect();
    let value = |name: &str| match name {
        "user" => Some(Cow::Borrowed(user)),
        "args" | "all_args" => Some(Cow::Borrowed(args)),
        _ => {
            let at: usize = name.strip_prefix("arg")?.parse().ok()?;
            Some(Cow::Borrowed(each.get(at.checked_sub(1)?).map_or("", String::as_str)))
        }
    };
    filled(template, value, true)
}

/// Puts values into the `{names}` of a text. What `value` does not know stays as it is, and what a
/// value itself holds is not looked at again.
#[must_use]
pub fn fill<'v>(template: &str, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
    filled(template, value, false)
}

fn filled<'v>(template: &str, value: impl Fn(&str) -> Option<Cow<'v, str>>, quoting: bool) -> String {
    let mut out = Cut { text: String::with_capacity(template.len()), left: LONGEST };
    let mut quote: Option<&'static [char]> = None;
    let mut starts_word = true;
    let mut at = 0;
    while let Some(letter) = template[at..].chars().next() {
        if let Some((name, end)) = name_at(&template[at..])
            && let Some(value) = value(name)
        {
            for letter in value.chars() {
                if quoting && quote.is_some() && (letter == '\\' || is_quote(letter)) {
                    out.push('\\');
                }
                out.push(letter);
            }
            at += end;
            starts_word = false;
            continue;
        }
        out.push(letter);
        at += letter.len_utf8();
        match quote {
            Some(ends) if letter == '\\' => at += out.push_next(&template[at..], |next| next == '\\' || ends.contains(&next)),
            Some(ends) if ends.contains(&letter) => quote = None,
            Some(_) => {}
            None if starts_word => quote = closing(letter),
            None => {}
        }
        starts_word = quote.is_none() && letter.is_whitespace();
    }
    out.text
}

/// The name in braces a text begins with, and where it goes on behind them.
fn name_at(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix('{')?;
    let end = inside.bytes().position(|byte| !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'))?;
    (end > 0 && inside.as_bytes()[end] == b'}').then(|| (&inside[..end], end + 2))
}

struct Cut {
    text: String,
    left: usize,
}

impl Cut {
    fn push(&mut self, letter: char) {
        if self.left > 0 {
            self.left -= 1;
            self.text.push(letter);
        }
    }

    fn push_next(&mut self, rest: &str, taken: impl Fn(char) -> bool) -> usize {
        match rest.chars().next().filter(|&next| taken(next)) {
            Some(next) => {
                self.push(next);
                next.len_utf8()
            }
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_filled_in() {
        assert_eq!(
            expand("!so {arg1} {arg2} {arg3}|{args}|{all_args}|{user}", "ana", " ninja  chess "),
            "!so ninja chess |ninja  chess|ninja  chess|ana"
        );
        assert_eq!(expand("!so {arg1}", "ana", "\"two words\" x"), "!so two words");
        assert_eq!(expand("!so {arg12}", "ana", ""), "!so ");
    }

    #[test]
    fn what_is_no_variable_stays() {
        for text in ["!x {", "!x {}", "!x {User}", "!x {arg0}", "!x {argument}", "!x {user", "!x {{user", "ü{ö}"] {
            assert_eq!(expand(text, "ana", "b"), text);
        }
        assert_eq!(expand("{{user}}", "ana", ""), "{ana}");
    }

    #[test]
    fn a_value_is_not_expanded_again() {
        assert_eq!(expand("!ping {args}", "ana", "{user} {args}"), "!ping {user} {args}");
        assert_eq!(fill("{username} plays {game}", |name| (name == "username").then_some("{game}".into())), "{game} plays {game}");
    }

    #[test]
    fn a_value_cannot_leave_the_quotes_it_stands_in() {
        let line = expand(r#"!memories add quote "{args}" {user}"#, "ana", r#"so" admin \"#);
        let mut words = Words::new(&line);
        let read: Vec<_> = std::iter::from_fn(|| words.next()).collect();
        assert_eq!(read, ["!memories", "add", "quote", r#"so" admin \"#, "ana"]);
    }

    #[test]
    fn an_expansion_cannot_swell() {
        let template = "{args}".repeat(80);
        assert_eq!(expand(&template, "ana", &"é".repeat(400)).chars().count(), LONGEST);
    }
}
