//! How chat names things, people and labels; quotes may be left out where it stays clear.

use waddlebot_runtime::command::{Missing, UserName, Words};

use super::Command;

/// Which things are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Every one.
    All,
    /// Those nobody has.
    Available,
    /// Those somebody has.
    CheckedOut,
}

impl Filter {
    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Available => "available",
            Self::CheckedOut => "checkedout",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word.to_lowercase().as_str() {
            "all" => Some(Self::All),
            "available" | "free" | "in" => Some(Self::Available),
            "checkedout" | "checked_out" | "checked-out" | "out" => Some(Self::CheckedOut),
            _ => None,
        }
    }
}

/// `chess "a fine board" board,game`
pub(super) fn add(words: &mut Words<'_>) -> Result<Command, Missing> {
    let item = words.need("an item")?;
    let description = words.need("a description")?;
    let mut labels = Vec::new();
    if words.as_str().contains(',') {
        labels.extend(words.rest().split(',').map(label));
    } else {
        labels.extend(std::iter::from_fn(|| words.next()).map(|word| label(&word)));
    }
    labels.retain(|label| !label.is_empty());
    let mut once: Vec<String> = Vec::new();
    for label in labels {
        if !once.contains(&label) {
            once.push(label);
        }
    }
    Ok(Command::Add { item, description, labels: once })
}

/// `chess set @bob`: the last word is the person.
pub(super) fn check_out(words: &mut Words<'_>) -> Result<Command, Missing> {
    let mut all = everything(words);
    let holder = if all.len() > 1 { all.pop() } else { None };
    let item = joined(&all, "an item")?;
    Ok(Command::CheckOut { item, to: UserName::parse(&holder.unwrap_or_default())? })
}

/// `chess set`: all words are the item.
pub(super) fn item(words: &mut Words<'_>) -> Result<String, Missing> {
    joined(&everything(words), "an item")
}

/// `checkedout 2`
pub(super) fn list(words: &mut Words<'_>) -> Result<Command, Missing> {
    let mut filter = Filter::All;
    if let Some(found) = words.clone().next().as_deref().and_then(Filter::parse) {
        filter = found;
        words.next();
    } else if !words.is_empty() && words.clone().number("a page").is_err() {
        return Err(Missing::new("the filter is all, available or checkedout"));
    }
    Ok(Command::List { filter, page: crate::listing::page(words)? })
}

/// `chess set add party game`
pub(super) fn labels(words: &mut Words<'_>) -> Result<Command, Missing> {
    let all = everything(words);
    joined(&all, "an item")?;
    let verb = all.iter().skip(1).position(|word| matches!(word.to_lowercase().as_str(), "add" | "remove" | "rm"));
    let at = verb.ok_or_else(|| Missing::new("say whether to add or remove the label"))? + 1;
    let label = label(&joined(&all[at + 1..], "a label")?);
    Ok(Command::Label { item: joined(&all[..at], "an item")?, label, on: all[at].eq_ignore_ascii_case("add") })
}

fn everything(words: &mut Words<'_>) -> Vec<String> {
    std::iter::from_fn(|| words.next()).collect()
}

fn joined(words: &[String], what: &str) -> Result<String, Missing> {
    let text = words.join(" ").trim().to_owned();
    if text.is_empty() { Err(Missing::new(format!("{what} is missing"))) } else { Ok(text) }
}

fn label(text: &str) -> String {
    crate::listing::folded(text.trim().trim_matches('"'))
}
