//! What somebody means: a command, a taught word, a group of commands, or plain chatter. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::RandomState;
use waddlebot_runtime::command::CommandInfo;
use waddlebot_runtime::expansion::expand;
use waddlebot_runtime::module::Expansion;

use crate::community::rules::Ruling;
use crate::seat::Entry;

/// How often a taught word may stand for another taught word.
const DEPTH: usize = 5;

/// Everything a community's chat may type, ready to be looked up.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
    words: HashMap<Box<str>, Target, RandomState>,
    longest: usize,
    shown: Arc<[CommandInfo]>,
    wakes: Vec<Wake>,
    ruling: Ruling,
}

/// One command of a module.
#[derive(Clone, Debug)]
pub struct Row {
    /// As everybody sees it.
    pub info: CommandInfo,
    /// Its place in the module's own table.
    pub index: usize,
    /// Whether the community has its module switched on.
    pub enabled: bool,
}

/// A module that an event wakes.
#[derive(Clone, Copy, Debug)]
pub struct Wake {
    /// Its name.
    pub module: &'static str,
    /// What wakes it.
    pub on: &'static [waddlebot_runtime::event::EventKind],
}

enum Target {
    Command(usize),
    Group(Vec<usize>),
    Taught(Taught),
}

struct Taught {
    module: &'static str,
    text: String,
}

/// What a message turned out to mean.
#[derive(Debug)]
pub enum Resolution<'t> {
    /// Nothing for the bot.
    Chatter,
    /// A command that nobody here knows.
    Unknown {
        /// What was typed, with its prefix.
        word: String,
    },
    /// A command and the words behind it.
    Command {
        /// Which.
        row: &'t Row,
        /// The words behind it.
        rest: String,
        /// The taught words that led here, outermost first.
        taught: Vec<(&'static str, String)>,
    },
    /// A word that only begins commands: `!inventory` alone.
    Group {
        /// The word with its prefix.
        word: String,
        /// The commands it begins.
        rows: Vec<&'t Row>,
    },
    /// Taught words that stand for each other without end.
    TooDeep {
        /// The word that was typed.
        word: String,
    },
}

impl Table {
    /// Builds the table of a community: `enabled` says which modules are on, `taught` what each taught.
    #[must_use]
    pub fn new(modules: &[Entry], enabled: impl Fn(&str) -> bool, taught: &[(&'static str, Expansion)]) -> Self {
        let mut table = Self::default();
        let mut shown = Vec::new();
        for entry in modules {
            let on = enabled(entry.name);
            for (index, info) in (entry.commands)().into_iter().enumerate() {
                if on {
                    shown.push(info);
                }
                table.add(Row { info, index, enabled: on });
            }
            if on && !entry.wakes_on.is_empty() {
                table.wakes.push(Wake { module: entry.name, on: entry.wakes_on });
            }
        }
        for (module, expansion) in taught {
            let word = expansion.word.to_lowercase().into_boxed_str();
            table.longest = table.longest.max(word.split(' ').count());
            table.words.entry(word).or_insert_with(|| Target::Taught(Taught { module, text: expansion.text.clone() }));
        }
        table.shown = shown.into();
        table
    }

    /// The same with a community's string rules.
    #[must_use]
    pub fn ruled_by(self, ruling: &Ruling) -> Self {
        Self { ruling: ruling.clone(), ..self }
    }

    /// The community's string rules.
    #[must_use]
    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    /// Whether a text begins with a command or a taught word; string rules are for the others.
    #[must_use]
    pub fn knows(&self, text: &str) -> bool {
        is_command(text) && self.longest_match(text.trim()).is_some()
    }

    fn add(&mut self, row: Row) {
        let at = self.rows.len();
        for word in std::iter::once(&row.info.word).chain(row.info.aliases) {
            let parts: Vec<_> = word.split(' ').collect();
            self.longest = self.longest.max(parts.len());
            for length in 1..parts.len() {
                let group = format!("!{}", parts[..length].join(" ")).into_boxed_str();
                match self.words.entry(group).or_insert_with(|| Target::Group(Vec::new())) {
                    Target::Group(rows) if !rows.contains(&at) => rows.push(at),
                    _ => {}
                }
            }
            self.words.insert(format!("!{word}").into_boxed_str(), Target::Command(at));
        }
        self.rows.push(row);
    }

    /// The commands that are switched on.
    #[must_use]
    pub fn shown(&self) -> &Arc<[CommandInfo]> {
        &self.shown
    }

    /// The modules that this kind of event wakes, in the order of the list.
    pub fn woken_by(&self, kind: waddlebot_runtime::event::EventKind) -> impl Iterator<Item = &'static str> {
        self.wakes.iter().filter(move |wake| wake.on.contains(&kind)).map(|wake| wake.module)
    }

    /// Finds out what `text`, said by `user`, means.
    #[must_use]
    pub fn resolve(&self, text: &str, user: &str) -> Resolution<'_> {
        if !is_command(text) {
            return Resolution::Chatter;
        }
        let mut text = std::borrow::Cow::Borrowed(text.trim());
        let mut taught = Vec::new();
        loop {
            let Some((target, used)) = self.longest_match(&text) else {
                let word = text.split_whitespace().next().unwrap_or_default().to_owned();
                return if word.starts_with('#') { Resolution::Chatter } else { Resolution::Unknown { word } };
            };
            let rest = text[used..].trim();
            let word = || text[..used].split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
            match target {
                Target::Command(at) => return Resolution::Command { row: &self.rows[*at], rest: rest.to_owned(), taught },
                Target::Group(rows) => return Resolution::Group { word: word(), rows: rows.iter().map(|at| &self.rows[*at]).collect() },
                Target::Taught(_) if taught.len() == DEPTH => {
                    let word = taught.into_iter().next().map_or_else(word, |(_, word)| word);
                    return Resolution::TooDeep { word };
                }
                Target::Taught(meaning) => {
                    let longer = expand(&meaning.text, user, rest);
                    taught.push((meaning.module, word()));
                    if !is_command(&longer) {
                        return Resolution::Unknown { word: taught.swap_remove(0).1 };
                    }
                    text = std::borrow::Cow::Owned(longer.trim().to_owned());
                }
            }
        }
    }

    /// The entry for as many of the first words as one has, and how many bytes they take.
    fn longest_match(&self, text: &str) -> Option<(&Target, usize)> {
        let mut found = None;
        let mut key = String::with_capacity(32);
        let mut at = 0;
        for _ in 0..self.longest {
            let start = at + (text[at..].len() - text[at..].trim_start().len());
            let end = start + text[start..].find(char::is_whitespace).unwrap_or(text.len() - start);
            if start == end {
                break;
            }
            if !key.is_empty() {
                key.push(' ');
            }
            key.extend(text[start..end].chars().flat_map(char::to_lowercase));
            if let Some(target) = self.words.get(key.as_str()) {
                found = Some((target, end));
            } else if found.is_none() {
                break;
            }
            at = end;
        }
        found
    }
}

/// Whether it could be a command at all: the one look plain chatter gets.
#[must_use]
pub fn is_command(text: &str) -> bool {
    match text.as_bytes() {
        [b'!' | b'#', second, ..] => !second.is_ascii_whitespace() && !matches!(second, b'!' | b'#' | b'?' | b'.' | b','),
        [b' ', ..] => text.trim_start().len() < text.len() && is_command(text.trim_start()),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
