//! What commands print: to standard output, and an end when nobody reads it any more.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal as _, Write, stdout};

use anyhow::Result;

/// Prints one line, at once.
pub(crate) fn line(text: impl Display) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints a text that ends its own lines.
pub(crate) fn text(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints rows under their heads, each column as wide as it must be.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(|row| row.to_vec()).collect();
    text(&self::rows(&heads.map(str::to_owned), &rows))
}

/// Rows under their heads, each column as wide as it must be.
pub(crate) fn rows(heads: &[String], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<_> = heads.iter().map(|head| head.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let shown = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    std::iter::once(shown(heads)).chain(rows.iter().map(|row| shown(row))).collect()
}

/// A text that came from elsewhere, in one line and without what could steer the terminal or turn the reading direction.
pub(crate) fn plain(text: &str) -> String {
    let steers = |letter: char| letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|letter| if steers(letter) { ' ' } else { letter }).collect()
}

/// Whether a person looks at what is printed.
pub(crate) fn is_seen() -> bool {
    stdout().is_terminal()
}

/// Whether a person types.
pub(crate) fn is_typed() -> bool {
    std::io::stdin().is_terminal()
}

/// Puts colour on words, where there is any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    /// Colour for a person who did not ask for none (NO_COLOR).
    pub(crate) fn wanted() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self(is_seen() && !set("NO_COLOR") && !dumb)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.painted("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.painted("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.painted("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.painted("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.painted("36", text)
    }

    fn painted(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Whether an error is only that nobody reads our output any more (`waddlebot … | head`).
pub(crate) fn nobody_reads(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// An error and its causes in one line; a cause that is told already is not told again.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut whole = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if whole.is_empty() {
            whole = cause;
        } else if !whole.contains(&cause) {
            whole = format!("{whole}: {cause}");
        }
    }
    whole.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn causes_are_told_once_and_in_one_line() {
        let error = anyhow!("the disk\nis full").context("no database: the disk").context("cannot start");
        assert_eq!(told(&error), "cannot start: no database: the disk: the disk is full");
        let twice = anyhow!("the disk is full").context("no database: the disk is full");
        assert_eq!(told(&twice), "no database: the disk is full");
    }

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        assert_eq!(plain("\u{1b}[2Jhi\r\n\u{9b}x"), " [2Jhi   x");
        assert_eq!(plain("a\u{202e}b\u{2028}c"), "a b c");
    }
}
