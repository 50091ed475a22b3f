//! One line of IRC (RFC 2812, IRCv3 message tags): borrowed pieces in, bytes out.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

/// Most parameters a line has; the last of them takes the rest (RFC 2812 section 2.3.1).
const MOST_PARAMS: usize = 15;

/// A line as it was read: every field is a slice of it, nothing is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What stands between `@` and the first space.
    pub tags: Tags<'a>,
    /// Who says it: a server name or `nick!user@host`; empty where the server left it out.
    pub source: &'a str,
    /// A word or three digits.
    pub command: &'a str,
    params: &'a str,
}

impl<'a> Line<'a> {
    /// Reads one line without its CR-LF; `None` if it has no command.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (tags, rest) = marked(line, b'@');
        let (source, rest) = marked(rest, b':');
        let (command, params) = word(rest);
        (!command.is_empty()).then_some(Self { tags: Tags(tags), source, command, params })
    }

    /// The nick (or server) in front of `!user@host`.
    pub fn nick(&self) -> &'a str {
        match memchr(b'!', self.source.as_bytes()) {
            Some(end) => &self.source[..end],
            None => self.source,
        }
    }

    /// The parameters in order, the trailing one without its colon.
    pub fn params(&self) -> Params<'a> {
        Params { rest: self.params, taken: 0 }
    }

    /// The parameter at `index`, or an empty one.
    pub fn param(&self, index: usize) -> &'a str {
        self.params().nth(index).unwrap_or_default()
    }

    /// The last parameter, which is where servers put words for people.
    pub fn last(&self) -> &'a str {
        self.params().last().unwrap_or_default()
    }
}

/// Splits off a first word that begins with `mark` (returned without it), and the spaces after it.
fn marked(text: &str, mark: u8) -> (&str, &str) {
    if text.as_bytes().first() == Some(&mark) { word(&text[1..]) } else { ("", text) }
}

/// Splits off the first word and the spaces after it.
fn word(text: &str) -> (&str, &str) {
    match memchr(b' ', text.as_bytes()) {
        Some(end) => (&text[..end], text[end..].trim_start_matches(' ')),
        None => (text, ""),
    }
}

/// The parameters of a [`Line`].
#[derive(Clone, Debug)]
pub struct Params<'a> {
    rest: &'a str,
    taken: usize,
}

impl<'a> Iterator for Params<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.taken += 1;
        if let Some(trailing) = self.rest.strip_prefix(':') {
            self.rest = "";
            return Some(trailing);
        }
        if self.taken == MOST_PARAMS {
            return Some(std::mem::take(&mut self.rest));
        }
        let (param, rest) = word(self.rest);
        self.rest = rest;
        Some(param)
    }
}

/// The tags in front of a line, still escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags<'a>(&'a str);

impl<'a> Tags<'a> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Key and escaped value of each tag; the value is empty where there is none.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let text = self.0;
        let mut from = 0;
        memchr_iter(b';', text.as_bytes()).chain([text.len()]).filter_map(move |end| {
            let tag = &text[from..end];
            from = end + 1;
            let (key, value) = match memchr(b'=', tag.as_bytes()) {
                Some(middle) => (&tag[..middle], &tag[middle + 1..]),
                None => (tag, ""),
            };
            (!key.is_empty()).then_some((key, value))
        })
    }

    /// The value of `key`, unescaped. Of a tag given twice the last counts.
    pub fn get(&self, key: &str) -> Option<Cow<'a, str>> {
        self.iter().filter(|(name, _)| *name == key).last().map(|(_, value)| unescape(value))
    }
}

/// A tag's value as its sender meant it; borrowed unless something was escaped.
pub fn unescape(value: &str) -> Cow<'_, str> {
    if memchr(b'\\', value.as_bytes()).is_none() {
        return Cow::Borrowed(value);
    }
    let mut plain = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match rest.next() {
            Some(':') => plain.push(';'),
            Some('s') => plain.push(' '),
            Some('r') => plain.push('\r'),
            Some('n') => plain.push('\n'),
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Cow::Owned(plain)
}

/// Appends `command` with its parameters and CR-LF.
///
/// Whatever the parameters hold, this is one line with that many parameters: CR, LF and NUL become
/// spaces, and a middle parameter (all but the last) loses its spaces and leading colons.
pub fn write(out: &mut impl bytes::BufMut, command: &str, params: &[&str]) {
    out.put_slice(command.as_bytes());
    if let Some((last, middle)) = params.split_last() {
        for param in middle {
            out.put_u8(b' ');
            put_middle(out, param);
        }
        out.put_u8(b' ');
        if last.is_empty() || last.starts_with(':') || last.contains([' ', '\r', '\n', '\0']) {
            out.put_u8(b':');
        }
        put_text(out, last);
    }
    out.put_slice(b"\r\n");
}

/// Appends a message to a channel; the text always stands behind a colon.
pub fn say(out: &mut impl bytes::BufMut, target: &str, text: &str) {
    out.put_slice(b"PRIVMSG ");
    put_middle(out, target);
    out.put_slice(b" :");
    put_text(out, text);
    out.put_slice(b"\r\n");
}

/// Appends text of a last parameter: no byte of it ends the line.
fn put_text(out: &mut impl bytes::BufMut, text: &str) {
    if !text.contains(['\r', '\n', '\0']) {
        return out.put_slice(text.as_bytes());
    }
    for byte in text.bytes() {
        out.put_u8(if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { byte });
    }
}

/// Appends a parameter that others follow; one with nothing left stands as `*`.
fn put_middle(out: &mut impl bytes::BufMut, param: &str) {
    let mut empty = true;
    for byte in param.trim_start_matches([':', ' ', '\r', '\n', '\0']).bytes() {
        if !matches!(byte, b' ' | b'\r' | b'\n' | 0) {
            out.put_u8(byte);
            empty = false;
        }
    }
    if empty {
        out.put_u8(b'*');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(line: &str) -> Line<'_> {
        Line::parse(line).expect("has a command")
    }

    fn written(command: &str, params: &[&str]) -> String {
        let mut out = Vec::new();
        write(&mut out, command, params);
        String::from_utf8(out).expect("is text")
    }

    /// Appends `@key=value;… ` in front of a line that is written next.
    fn write_tags(out: &mut Vec<u8>, tags: &[(&str, &str)]) {
        for (index, (key, value)) in tags.iter().enumerate() {
            out.push(if index == 0 { b'@' } else { b';' });
            put_middle(out, key);
            out.push(b'=');
            for byte in value.bytes() {
                match byte {
                    b';' => out.extend_from_slice(b"\\:"),
                    b' ' => out.extend_from_slice(b"\\s"),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    0 => {}
                    other => out.push(other),
                }
            }
        }
        if !tags.is_empty() {
            out.push(b' ');
        }
    }

    #[test]
    fn a_plain_message_is_four_slices() {
        let line = parsed(":ana!~a@host.example PRIVMSG #duck :!so  @ninja : now");
        assert_eq!((line.source, line.nick()), ("ana!~a@host.example", "ana"));
        assert_eq!(line.command, "PRIVMSG");
        assert_eq!(line.params().collect::<Vec<_>>(), ["#duck", "!so  @ninja : now"]);
        assert!(line.tags.is_empty());
    }

    #[test]
    fn the_fifteenth_parameter_takes_the_rest_without_a_colon() {
        let line = parsed("X 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 and more");
        assert_eq!(line.params().count(), 15);
        assert_eq!(line.last(), "15 and more");
    }

    #[test]
    fn empty_trailing_is_a_parameter_and_trailing_spaces_are_none() {
        assert_eq!(parsed("TOPIC #a :").params().collect::<Vec<_>>(), ["#a", ""]);
        assert_eq!(parsed("TOPIC #a   ").params().collect::<Vec<_>>(), ["#a"]);
    }

    #[test]
    fn a_line_without_a_command_is_none() {
        for line in ["", " ", "@a=b", "@a=b ", ":x", ":x  ", "@", ":"] {
            assert_eq!(Line::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn tags_are_unescaped_and_the_last_of_two_counts() {
        let line = parsed(r"@a=1;b;+c=x\sy\:\\\r\n\q\;;a=2;=lost PING");
        assert_eq!(line.tags.get("a").as_deref(), Some("2"));
        assert_eq!(line.tags.get("b").as_deref(), Some(""));
        assert_eq!(line.tags.get("+c").as_deref(), Some("x y;\\\r\nq"));
        assert_eq!(line.tags.get("d"), None);
    }

    #[test]
    fn nothing_written_breaks_out_of_its_line() {
        assert_eq!(written("PRIVMSG", &["#a b\r\n", "hi\r\nQUIT :bye\0"]), "PRIVMSG #ab :hi  QUIT :bye \r\n");
        assert_eq!(written("JOIN", &[":", ""]), "JOIN * :\r\n");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            if let Some(line) = Line::parse(&text) {
                let _ = (line.nick(), line.last(), line.tags.get("x"), line.params().count());
                for (_, value) in line.tags.iter() {
                    let _ = unescape(value);
                }
            }
        }

        #[test]
        fn no_line_of_marks_makes_the_parser_panic(text in "[@:;=\\\\ !a\u{e4}]{0,40}") {
            if let Some(line) = Line::parse(&text) {
                prop_assert!(line.params().count() <= MOST_PARAMS);
                let _ = (line.nick(), line.last(), line.tags.get("a"));
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            command in "[A-Z]{1,8}",
            middle in prop::collection::vec("[^ :\r\n\0][^ \r\n\0]{0,8}", 0..13),
            last in "[^\r\n\0]{0,40}",
            tags in prop::collection::vec(("[a-z+/.-]{1,8}", "[^\0]{0,12}"), 0..4),
        ) {
            let params: Vec<&str> = middle.iter().map(String::as_str).chain([last.as_str()]).collect();
            let pairs: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let mut out = Vec::new();
            write_tags(&mut out, &pairs);
            write(&mut out, &command, &params);
            let text = String::from_utf8(out).expect("is text");
            let body = text.strip_suffix("\r\n").expect("ends its line");
            prop_assert!(!body.contains(['\r', '\n', '\0']));
            let line = Line::parse(body).expect("has a command");
            prop_assert_eq!(line.command, &command);
            prop_assert_eq!(line.params().collect::<Vec<_>>(), params);
            let read: Vec<(&str, Cow<'_, str>)> = line.tags.iter().map(|(k, v)| (k, unescape(v))).collect();
            let sent: Vec<(&str, Cow<'_, str>)> = pairs.iter().map(|(k, v)| (*k, Cow::Borrowed(*v))).collect();
            prop_assert_eq!(read, sent);
        }
    }
}
