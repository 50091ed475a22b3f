//! Cuts what the bot says into pieces that still fit one line after the server has put our name in front.

use std::borrow::Cow;

/// Most bytes of a line with CR-LF (RFC 2812 section 2.3).
const LINE: usize = 512;
/// Fewest bytes of text a piece may be given, whatever the names are.
const LEAST: usize = 32;

/// Bytes left for the text of `:source PRIVMSG target :text\r\n`.
pub fn room(source: usize, command: &str, target: &str) -> usize {
    let around = 1 + source + 1 + command.len() + 1 + target.len() + 2 + 2;
    LINE.saturating_sub(around).max(LEAST)
}

/// Text that cannot leave its line: line breaks and NUL become spaces, CTCP marks go. A copy only where needed.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(['\r', '\n', '\0', '\u{1}']) {
        return Cow::Borrowed(text);
    }
    let letters = text.chars().filter(|letter| *letter != '\u{1}');
    Cow::Owned(letters.map(|letter| if matches!(letter, '\r' | '\n' | '\0') { ' ' } else { letter }).collect())
}

/// The pieces of `text`, each at most `room` bytes, whole characters only, cut at a space where there is one
/// in the later half of the piece. Never an empty piece.
pub fn pieces(text: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_matches(' ');
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if rest.len() <= room {
            return Some(std::mem::take(&mut rest));
        }
        // A room smaller than one character still moves on by that character.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let most = rest.floor_char_boundary(room).max(first);
        let end = match rest[..rest.ceil_char_boundary(most + 1)].rfind(' ') {
            Some(space) if space >= most / 2 && space > 0 => space,
            _ => most,
        };
        let (piece, after) = rest.split_at(end);
        rest = after.trim_start_matches(' ');
        Some(piece.trim_end_matches(' '))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str, room: usize) -> Vec<&str> {
        pieces(text, room).collect()
    }

    #[test]
    fn short_text_is_one_piece_and_blank_text_none() {
        assert_eq!(cut("hello", 10), ["hello"]);
        assert_eq!(cut("   ", 10), Vec::<&str>::new());
    }

    #[test]
    fn it_cuts_at_spaces_where_that_wastes_less_than_half() {
        assert_eq!(cut("one two three", 8), ["one two", "three"]);
        assert_eq!(cut("one two three", 7), ["one two", "three"]);
        assert_eq!(cut("a bcdefghijklmno", 8), ["a bcdefg", "hijklmno"]);
    }

    #[test]
    fn it_never_cuts_a_character() {
        assert_eq!(cut("ääää", 3), ["ä", "ä", "ä", "ä"]);
        assert_eq!(cut("🦆🦆🦆", 9), ["🦆🦆", "🦆"]);
    }

    #[test]
    fn a_line_with_the_name_in_front_is_512_bytes() {
        let (source, target) = ("waddle!~w@some.host.example", "#ducks");
        let room = room(source.len(), "PRIVMSG", target);
        let text = "x".repeat(2000);
        let first = cut(&text, room)[0];
        assert_eq!(format!(":{source} PRIVMSG {target} :{first}\r\n").len(), 512);
    }

    #[test]
    fn line_breaks_and_ctcp_marks_do_not_get_out() {
        assert_eq!(clean("hi\r\nQUIT\0\u{1}DCC SEND\u{1}"), "hi  QUIT DCC SEND");
    }

    proptest! {
        #[test]
        fn nothing_but_spaces_is_lost_and_every_piece_fits(text in "[a-z \u{e4}\u{1f986}]{0,200}", room in 4usize..60) {
            let pieces = cut(&text, room);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= room));
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&pieces.concat()), letters(&text));
        }
    }
}
