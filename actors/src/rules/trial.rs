//! What rules would have matched: lines are shown to them, and nothing is done.

use serde::Serialize;

use super::{Compiled, Refused, Rule};

/// The most lines of one trial.
pub const LINES: usize = 1000;

/// A line to try rules on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The channel it was said in; empty for one that no rule names.
    pub entity: String,
    /// What was said.
    pub text: String,
}

/// What would have matched a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// What was said.
    pub line: String,
    /// Where.
    pub entity_id: String,
    /// The rule; `None` when none matched, 0 for one that is not saved.
    pub rule_id: Option<i64>,
    /// What it would have done.
    pub action: Option<&'static str>,
    /// The part of the line that it matched.
    pub matched: Option<String>,
}

/// Tries rules on lines, in the order of the lines. Compiles where it holds up nobody.
///
/// # Errors
/// When there are too many rules or one cannot be read.
pub async fn tried(rules: Vec<Rule>, lines: Vec<Line>) -> Result<Vec<Tried>, Refused> {
    let done = tokio::task::spawn_blocking(move || {
        let compiled = Compiled::new(&rules)?;
        Ok(lines.into_iter().take(LINES).map(|line| one(&compiled, line)).collect())
    });
    done.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// A rule by itself, as if it were on, wherever the line was said.
#[must_use]
pub fn alone(rule: Rule) -> Rule {
    Rule { enabled: true, entities: Vec::new(), overrides: std::collections::BTreeMap::new(), ..rule }
}

fn one(compiled: &Compiled, Line { entity, text }: Line) -> Tried {
    let found = compiled.first_match(&text, &entity);
    let (rule_id, action) = (found.as_ref().map(|found| found.rule.id), found.as_ref().map(|found| found.action.name()));
    let matched = found.map(|found| found.captured.text.to_owned());
    Tried { line: text, entity_id: entity, rule_id, action, matched }
}
