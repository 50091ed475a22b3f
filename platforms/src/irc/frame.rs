//! Bytes of the socket become chunks of whole lines, without a copy and with a bound on memory.

use bytes::BytesMut;
use bytestring::ByteString;
use memchr::{memchr, memrchr};

use super::line::Line;

/// Most bytes of `@tags ` in one line (IRCv3 message tags: 8191 with the `@` and the space).
const TAGS: usize = 8191;
/// Most bytes of the rest of a line with CR-LF (RFC 2812), until the server declares more.
const REST: usize = 512;
/// The most a server may declare.
const MOST_REST: usize = 16 * 1024;

/// Cuts what was read into [`Chunk`]s and drops lines that are too long.
#[derive(Debug)]
pub struct Framer {
    rest: usize,
    skipping: bool,
    dropped: u64,
}

impl Default for Framer {
    fn default() -> Self {
        Self { rest: REST, skipping: false, dropped: 0 }
    }
}

impl Framer {
    /// Lets lines be this many bytes without their tags, CR-LF included; never less than RFC 2812 has.
    pub fn allow(&mut self, rest: usize) {
        self.rest = rest.clamp(REST, MOST_REST);
    }

    /// Another connection begins: nothing is left of the last one but the count.
    pub fn restart(&mut self) {
        (self.rest, self.skipping) = (REST, false);
    }

    /// How many lines were too long and dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes all whole lines out of `buffer`; what stays there is never longer than one line may be.
    pub fn take(&mut self, buffer: &mut BytesMut) -> Option<Chunk> {
        if self.skipping {
            let Some(end) = memchr(b'\n', buffer) else {
                buffer.clear();
                return None;
            };
            let _ = buffer.split_to(end + 1);
            self.skipping = false;
        }
        let whole = memrchr(b'\n', buffer).map_or(0, |end| end + 1);
        let chunk = (whole > 0).then(|| buffer.split_to(whole).freeze());
        if buffer.len() > TAGS + self.rest {
            buffer.clear();
            self.skipping = true;
            self.dropped += 1;
        }
        let bytes = chunk?;
        Some(match ByteString::try_from(bytes.clone()) {
            Ok(text) => Chunk { text, rest: Some(self.rest) },
            Err(_) => self.mended(&bytes),
        })
    }

    /// Counts the lines that were too long within chunks already taken.
    pub fn count(&mut self, dropped: u64) {
        self.dropped += dropped;
    }

    /// A copy in which every byte that is no UTF-8 is U+FFFD. Lines are measured as they were sent.
    fn mended(&mut self, bytes: &[u8]) -> Chunk {
        let mut text = String::with_capacity(bytes.len() + 64);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if fits(line, self.rest) {
                text.push_str(&String::from_utf8_lossy(line));
            } else {
                self.dropped += 1;
            }
        }
        Chunk { text: text.into(), rest: None }
    }
}

/// Whether a line with its end is within the limits.
fn fits(line: &[u8], rest: usize) -> bool {
    if line.len() <= REST {
        return true;
    }
    let tags = match line.first() {
        Some(b'@') => memchr(b' ', line).map_or(line.len(), |end| end + 1),
        _ => 0,
    };
    tags <= TAGS && line.len() - tags <= rest
}

/// Whole lines in one piece of memory, from which texts can be taken without a copy.
#[derive(Debug)]
pub struct Chunk {
    text: ByteString,
    /// The limit still to be checked; none where it already was.
    rest: Option<usize>,
}

impl Chunk {
    /// `part` (a slice of one of this chunk's lines) as a value that may leave.
    pub fn keep(&self, part: &str) -> ByteString {
        self.text.slice_ref(part)
    }

    /// The chunk's lines in order, without those that are too long or have no command.
    pub fn lines(&self) -> Lines<'_> {
        Lines { text: &self.text, rest: self.rest, dropped: 0 }
    }
}

/// The lines of a [`Chunk`].
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    rest: Option<usize>,
    dropped: u64,
}

impl Lines<'_> {
    /// How many lines were too long so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            let end = memchr(b'\n', self.text.as_bytes())?;
            let (whole, rest) = self.text.split_at(end + 1);
            self.text = rest;
            if self.rest.is_some_and(|limit| !fits(whole.as_bytes(), limit)) {
                self.dropped += 1;
                continue;
            }
            let line = whole[..end].trim_end_matches('\r');
            if let Some(line) = Line::parse(line) {
                return Some(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `pieces` one read at a time; the commands and last parameters that came out, and the drops.
    fn fed(pieces: &[&[u8]]) -> (Vec<(String, String)>, u64) {
        let (mut framer, mut buffer, mut out) = (Framer::default(), BytesMut::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            if let Some(chunk) = framer.take(&mut buffer) {
                let mut lines = chunk.lines();
                for line in &mut lines {
                    out.push((line.command.to_owned(), line.last().to_owned()));
                }
                let dropped = lines.dropped();
                framer.count(dropped);
            }
            assert!(buffer.len() <= TAGS + REST, "holds {} bytes", buffer.len());
        }
        (out, framer.dropped())
    }

    fn owned(command: &str, last: &str) -> (String, String) {
        (command.to_owned(), last.to_owned())
    }

    #[test]
    fn lines_cut_anywhere_arrive_whole() {
        let (lines, dropped) = fed(&[b"PING :a\r\nPI", b"NG :\xc3", b"\xa4", b"b\r", b"\n\r\n\nX y\n"]);
        assert_eq!(lines, [owned("PING", "a"), owned("PING", "äb"), owned("X", "y")]);
        assert_eq!(dropped, 0);
    }

    #[test]
    fn a_line_of_ten_megabytes_is_dropped_in_constant_memory() {
        let (mut framer, mut buffer) = (Framer::default(), BytesMut::with_capacity(16 * 1024));
        let piece = [b'a'; 8 * 1024];
        for _ in 0..1280 {
            buffer.extend_from_slice(&piece);
            assert!(framer.take(&mut buffer).is_none());
            assert!(buffer.capacity() <= 64 * 1024, "grew to {}", buffer.capacity());
        }
        buffer.extend_from_slice(b"tail\r\nPING :after\r\n");
        let chunk = framer.take(&mut buffer).expect("a line after it");
        assert_eq!(chunk.lines().map(|line| line.last()).collect::<Vec<_>>(), ["after"]);
        assert_eq!(framer.dropped(), 1);
    }

    #[test]
    fn too_long_a_rest_or_tags_drop_the_line_alone() {
        let long = format!("PRIVMSG #a :{}\r\n", "x".repeat(512));
        let tags = format!("@{} PING :tags\r\n", "t".repeat(TAGS));
        let fits = format!("@{} PING :fits\r\n", "t".repeat(TAGS - 2));
        let (lines, dropped) = fed(&[long.as_bytes(), b"PING :1\r\n", tags.as_bytes(), fits.as_bytes()]);
        assert_eq!(lines, [owned("PING", "1"), owned("PING", "fits")]);
        assert_eq!(dropped, 2);
    }

    #[test]
    fn a_server_may_declare_longer_lines() {
        let (mut framer, mut buffer) = (Framer::default(), BytesMut::new());
        framer.allow(2048);
        buffer.extend_from_slice(format!("X :{}\r\n", "ä".repeat(900)).as_bytes());
        let chunk = framer.take(&mut buffer).expect("a chunk");
        assert_eq!(chunk.lines().count(), 1);
    }

    #[test]
    fn bytes_that_are_no_text_become_marks_and_spare_their_neighbours() {
        let (lines, _) = fed(&[b"PING :a\r\nPRIVMSG #c :\xff!ping\xc3\r\nPING :b\r\n"]);
        assert_eq!(lines, [owned("PING", "a"), owned("PRIVMSG", "\u{fffd}!ping\u{fffd}"), owned("PING", "b")]);
    }

    #[test]
    fn a_kept_text_is_a_slice_of_what_was_read() {
        let (mut framer, mut buffer) = (Framer::default(), BytesMut::from(&b":a!b@c PRIVMSG #d :hello\r\n"[..]));
        let chunk = framer.take(&mut buffer).expect("a chunk");
        let line = chunk.lines().next().expect("a line");
        let kept = chunk.keep(line.last());
        assert_eq!(kept.as_ptr(), line.last().as_ptr());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..30)) {
            fed(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }

        #[test]
        fn where_it_is_cut_makes_no_difference(
            lines in prop::collection::vec("[ -~\u{e4}]{0,60}", 1..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let all: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len())).chain([0, all.len()]).collect();
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &all[pair[0]..pair[1]]).collect();
            prop_assert_eq!(fed(&pieces), fed(&[&all]));
        }
    }
}
