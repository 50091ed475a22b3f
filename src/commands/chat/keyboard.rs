//! Standard input, line by line, without ever holding more than a line may have.

use std::io::{BufRead, ErrorKind};

use anyhow::{Context, Result};
use tokio::sync::mpsc;

/// The most bytes of a line that are kept; what is longer is told and not sent.
const LONGEST: usize = 16 * 1024;

/// How many lines wait to be sent before reading goes on.
const WAITING: usize = 16;

/// One line, or how long it was when that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Keyed {
    Line(String),
    TooLong(usize),
}

/// Reads standard input to its end. A thread of its own, because such a read cannot be called off.
pub(super) fn lines() -> Result<mpsc::Receiver<Keyed>> {
    let (sender, lines) = mpsc::channel(WAITING);
    let read = move || {
        let mut input = std::io::stdin().lock();
        while let Some(line) = next(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("keyboard".into()).spawn(read).context("no thread to read from")?;
    Ok(lines)
}

/// The next line; nothing at the end, or when nothing can be read any more.
fn next(input: &mut impl BufRead) -> Option<Keyed> {
    let (mut line, mut length) = (Vec::new(), 0);
    loop {
        let part = match input.fill_buf() {
            Ok(part) => part,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        let end = part.iter().position(|byte| *byte == b'\n');
        let taken = &part[..end.unwrap_or(part.len())];
        length += taken.len();
        line.extend_from_slice(&taken[..taken.len().min(LONGEST - line.len())]);
        let (over, used) = (end.is_some() || part.is_empty(), end.map_or(part.len(), |end| end + 1));
        input.consume(used);
        if over {
            break match (length, used) {
                (0, 0) => None,
                _ if length > LONGEST => Some(Keyed::TooLong(length)),
                _ => Some(Keyed::Line(String::from_utf8_lossy(&line).into_owned())),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<Keyed> {
        let mut input = BufReader::with_capacity(7, bytes);
        std::iter::from_fn(|| next(&mut input)).collect()
    }

    #[test]
    fn lines_come_as_they_were_typed_and_the_last_needs_no_end() {
        let line = |text: &str| Keyed::Line(text.into());
        assert_eq!(read(b"one\n\ntwo and three\nfour"), [line("one"), line(""), line("two and three"), line("four")]);
        assert_eq!(read(b""), []);
        assert_eq!(read(b"a\xffb\n"), [line("a\u{fffd}b")]);
    }

    #[test]
    fn a_line_that_is_too_long_is_counted_and_not_kept() {
        let mut bytes = vec![b'x'; 10 << 20];
        bytes.extend_from_slice(b"\nafter");
        assert_eq!(read(&bytes), [Keyed::TooLong(10 << 20), Keyed::Line("after".into())]);
    }
}
