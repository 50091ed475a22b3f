//! Fits many things into one line of chat: a page of them, and how to see the next.

use waddlebot_runtime::command::{Missing, Words};

/// How many entries one line of chat shows.
pub(crate) const PER_PAGE: i64 = 10;

/// Which part of a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    number: i64,
    of: i64,
    total: i64,
    size: i64,
}

impl Page {
    /// The page somebody asked for, or the nearest there is.
    pub(crate) fn of(asked: Option<i64>, total: i64) -> Self {
        Self::sized(asked, total, PER_PAGE)
    }

    /// The same for entries of which a line holds `size`.
    pub(crate) fn sized(asked: Option<i64>, total: i64, size: i64) -> Self {
        let of = ((total + size - 1) / size).max(1);
        Self { number: asked.unwrap_or(1).clamp(1, of), of, total, size }
    }

    /// How many entries stand before it.
    pub(crate) fn skipped(self) -> i64 {
        (self.number - 1) * self.size
    }

    /// `Heading (12): a · b (page 1 of 2, next: !inventory list 2)`. `again` is what was typed, without the page.
    pub(crate) fn shown(self, heading: &str, entries: &[String], again: &str) -> String {
        let Self { number, of, total, .. } = self;
        let entries = entries.join(" · ");
        match (of, number == of) {
            (1, _) => format!("{heading} ({total}): {entries}"),
            (_, true) => format!("{heading} ({total}): {entries} (page {number} of {of})"),
            (_, false) => format!("{heading} ({total}): {entries} (page {number} of {of}, next: {again} {})", number + 1),
        }
    }
}

/// The page somebody asks for, if they do.
pub(crate) fn page(words: &mut Words<'_>) -> Result<Option<i64>, Missing> {
    if words.is_empty() { Ok(None) } else { words.number("the page").map(Some) }
}

/// A text of at most `most` characters; what is left out is shown by `…`.
pub(crate) fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let end = text.char_indices().nth(most.saturating_sub(1)).map_or(0, |(at, _)| at);
            format!("{}…", text[..end].trim_end())
        }
    }
}

/// What is compared when case and spaces do not matter, on either database.
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    if folded.is_ascii() {
        folded.make_ascii_lowercase();
        return folded;
    }
    folded.to_lowercase()
}

/// A pattern for `LIKE … ESCAPE '!'` that finds a folded text anywhere in a folded column.
pub(crate) fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in folded(text).chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_how_to_see_the_next() {
        let entries = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(Page::of(None, 2).shown("Items", &entries, "!list"), "Items (2): a · b");
        assert_eq!(Page::of(Some(1), 12).shown("Items", &entries, "!list"), "Items (12): a · b (page 1 of 2, next: !list 2)");
        assert_eq!(Page::of(Some(99), 12).shown("Items", &entries, "!list"), "Items (12): a · b (page 2 of 2)");
        assert_eq!((Page::of(Some(-3), 0).skipped(), Page::of(Some(2), 12).skipped()), (0, 10));
    }

    #[test]
    fn a_short_text_counts_characters() {
        assert_eq!(short("Ünïcödé", 7), "Ünïcödé");
        assert_eq!(short("Ünïcödé!", 7), "Ünïcöd…");
    }

    #[test]
    fn a_pattern_takes_wildcards_as_letters() {
        assert_eq!(anywhere(" 100%  Ä_! "), "%100!% ä!_!!%");
    }
}
