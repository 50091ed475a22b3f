//! One line of the bench's table: ours beside a bare loop, and the target.

use std::fmt::Write;

use serde_json::json;

/// What was measured of one thing.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// What, with its unit.
    pub(super) name: String,
    /// What this program needs.
    pub(super) ours: f64,
    /// What a bare loop of the same framework needs, where there is one to compare with.
    pub(super) bare: Option<f64>,
    /// What is wanted.
    pub(super) target: Target,
}

/// What is wanted of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// Ours divided by bare is no more than this.
    Ratio(f64),
    /// Ours divided by bare is no less than this.
    Share(f64),
    /// Ours is no more than this.
    AtMost(f64),
    /// Ours is no less than this.
    AtLeast(f64),
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        self.bare.map(|bare| self.ours / bare)
    }

    fn is_ok(&self) -> bool {
        match self.target {
            Target::Ratio(most) => self.ratio().is_some_and(|ratio| ratio <= most),
            Target::Share(least) => self.ratio().is_some_and(|ratio| ratio >= least),
            Target::AtMost(most) => self.ours <= most,
            Target::AtLeast(least) => self.ours >= least,
        }
    }

    fn verdict(&self) -> &'static str {
        if self.is_ok() { "ok" } else { "miss" }
    }

    /// The row for programs.
    pub(super) fn json(&self) -> serde_json::Value {
        let (of, limit) = match self.target {
            Target::Ratio(most) => ("ratio at most", most),
            Target::Share(least) => ("ratio at least", least),
            Target::AtMost(most) => ("at most", most),
            Target::AtLeast(least) => ("at least", least),
        };
        json!({
            "name": self.name,
            "ours": self.ours,
            "bare": self.bare,
            "ratio": self.ratio(),
            "target": { "kind": of, "value": limit },
            "ok": self.is_ok(),
        })
    }
}

/// All rows, for people.
pub(super) fn table(rows: &[Row]) -> String {
    let wide = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default().max(4);
    let mut text = format!("{:<wide$} {:>10} {:>10} {:>7} {:>10}", "what", "ours", "bare", "ratio", "target");
    for row in rows {
        let target = match row.target {
            Target::Ratio(most) => format!("≤ {most:.2} ×"),
            Target::Share(least) => format!("≥ {least:.2} ×"),
            Target::AtMost(most) => format!("≤ {}", number(most)),
            Target::AtLeast(least) => format!("≥ {}", number(least)),
        };
        let (bare, ratio) = (row.bare.map_or("–".to_owned(), number), row.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.2}")));
        // Writing to a text cannot fail.
        let _ = write!(text, "\n{:<wide$} {:>10} {bare:>10} {ratio:>7} {target:>10}  {}", row.name, number(row.ours), row.verdict());
    }
    text
}

/// Three digits that matter.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 1.0 => format!("{value:.3}"),
        small if small < 10.0 => format!("{value:.2}"),
        small if small < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64, bare: Option<f64>, target: Target) -> Row {
        Row { name: "irc".to_owned(), ours, bare, target }
    }

    #[test]
    fn a_row_is_held_against_its_target() {
        assert!(row(0.15, Some(0.1), Target::Ratio(1.51)).is_ok());
        assert!(!row(0.16, Some(0.1), Target::Ratio(1.5)).is_ok());
        assert!(!row(0.1, None, Target::Ratio(1.5)).is_ok(), "a ratio to nothing is none");
        assert!(row(0.8, Some(1.0), Target::Share(0.7)).is_ok() && !row(0.6, Some(1.0), Target::Share(0.7)).is_ok());
        assert!(row(40.0, None, Target::AtMost(40.0)).is_ok());
        assert!(!row(7999.0, None, Target::AtLeast(8000.0)).is_ok());
    }

    #[test]
    fn the_table_is_read_at_a_glance() {
        let shown = table(&[row(0.121, Some(0.1), Target::Ratio(1.5)), row(41.0, None, Target::AtMost(40.0))]);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["irc", "0.121", "0.100", "1.21", "≤", "1.50", "×", "ok"]);
        assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["irc", "41.0", "–", "–", "≤", "40.0", "miss"]);
    }
}
