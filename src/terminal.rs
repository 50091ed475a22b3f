//! What commands print: to standard output, and an end when nobody reads it any more.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};

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
    let mut widths = heads.map(|head| head.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let shown = |cells: &[String; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut whole = shown(&heads.map(str::to_owned)) + "\n";
    for row in rows {
        whole += &shown(row);
        whole.push('\n');
    }
    text(&whole)
}

/// A text that came from elsewhere, without what could steer the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
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
    }
}
