//! One spelling for letters that differ only in case, letter by letter, and what belongs to a word.

use std::sync::LazyLock;

/// The letters that are looked up: those of the scripts with case that most people write.
const TABLED: usize = 0x600;

/// The one spelling of all cases of a letter: Unicode's simple case folding, one letter to one letter.
pub(super) fn fold(letter: char) -> char {
    static TABLE: LazyLock<[char; TABLED]> = LazyLock::new(|| {
        let letters = (0..).map(|at: u32| char::from_u32(at).map_or('\0', computed));
        let mut table = ['\0'; TABLED];
        table.iter_mut().zip(letters).for_each(|(place, letter)| *place = letter);
        table
    });
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    match letter {
        // Scripts without case, and pictures: most of what is not looked up.
        '\u{2E80}'..='\u{A63F}' | '\u{AC00}'..='\u{FAFF}' | '\u{1F000}'..='\u{3FFFF}' => letter,
        _ => TABLE.get(letter as usize).copied().unwrap_or_else(|| computed(letter)),
    }
}

fn computed(letter: char) -> char {
    match letter {
        // Folded alike although no case of each other by themselves.
        '\u{1FD3}' => '\u{0390}',
        '\u{1FE3}' => '\u{03B0}',
        '\u{FB05}' => '\u{FB06}',
        // No case of i.
        '\u{0130}' | '\u{0131}' => letter,
        _ => {
            let upper = only(letter, letter.to_uppercase());
            only(upper, upper.to_lowercase())
        }
    }
}

/// The letter that `cases` is, or `letter` where it is several.
fn only(letter: char, mut cases: impl Iterator<Item = char>) -> char {
    match (cases.next(), cases.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
}

/// A text in the one spelling.
pub(super) fn folded(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// Whether a letter belongs to a word: what regular expressions call `\w`.
pub(super) fn is_word(letter: char) -> bool {
    if letter.is_ascii() { letter.is_ascii_alphanumeric() || letter == '_' } else { regex_syntax::is_word_character(letter) }
}

/// Whether nothing beside `text[start..end]` makes another word of it.
pub(super) fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back().is_some_and(is_word);
    let after = text[end..].chars().next().is_some_and(is_word);
    let first = text[start..end].chars().next().is_some_and(is_word);
    let last = text[start..end].chars().next_back().is_some_and(is_word);
    !(before && first || after && last)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

    use super::*;

    #[test]
    fn letters_fold_alike_exactly_when_regular_expressions_say_that_only_case_differs() {
        // What is no letter to the one may be newer than its tables.
        let all = (0..0x20000).filter_map(char::from_u32).filter(|letter| is_word(*letter));
        let mut groups: HashMap<char, Vec<char>> = HashMap::new();
        for letter in all.clone() {
            groups.entry(fold(letter)).or_default().push(letter);
        }
        for letter in all {
            let group = &groups[&fold(letter)];
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(letter, letter)]);
            class.case_fold_simple();
            let cases: Vec<char> = class.iter().flat_map(|range| range.start()..=range.end()).collect();
            assert_eq!(*group, cases, "{letter:?} U+{:04X}", u32::from(letter));
        }
    }

    #[test]
    fn a_word_ends_where_no_letter_goes_on() {
        for (text, start, end, alone) in [
            ("a bad word", 2, 5, true),
            ("abadword", 1, 4, false),
            ("bad_", 0, 3, false),
            ("ünbad", 3, 6, false),
            ("so c++!", 3, 6, true),
            ("c++x", 0, 3, true),
            ("xc++", 1, 4, false),
        ] {
            assert_eq!(stands_alone(text, start, end), alone, "{text}");
        }
    }
}
