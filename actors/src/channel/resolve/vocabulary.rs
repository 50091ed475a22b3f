//! What the modules that are on let chat type: made once, and shared by all communities that have the same ones on.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use waddlebot_runtime::command::CommandInfo;
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::offer::Offer;

use crate::seat::Entry;

/// The words of a set of modules.
#[derive(Default)]
pub struct Vocabulary {
    rows: Vec<Row>,
    words: HashMap<Box<str>, Word, RandomState>,
    pub(super) longest: usize,
    pub(super) offer: Arc<Offer>,
    wakes: Vec<Wake>,
    /// Whether any command that is on rests after a use.
    pub(super) limits: bool,
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
struct Wake {
    module: &'static str,
    on: &'static [EventKind],
}

/// What a word is, by places in the rows.
pub(super) enum Word {
    Command(usize),
    Group(Vec<usize>),
}

impl Vocabulary {
    /// The words of these modules; `enabled` says which of them are on.
    #[must_use]
    pub fn new(modules: &[Entry], enabled: impl Fn(&str) -> bool) -> Self {
        let mut made = Self::default();
        let mut shown = Vec::new();
        for entry in modules {
            let on = enabled(entry.name);
            for (index, info) in (entry.commands)().into_iter().enumerate() {
                if on {
                    made.limits |= !info.cooldown.is_zero();
                    shown.push(info);
                }
                made.add(Row { info, index, enabled: on });
            }
            if on && !entry.wakes_on.is_empty() {
                made.wakes.push(Wake { module: entry.name, on: entry.wakes_on });
            }
        }
        made.offer = Arc::new(Offer { commands: shown.into(), ..Offer::default() });
        made
    }

    fn add(&mut self, row: Row) {
        let at = self.rows.len();
        for word in std::iter::once(&row.info.word).chain(row.info.aliases) {
            let parts: Vec<_> = word.split(' ').collect();
            self.longest = self.longest.max(parts.len());
            for length in 1..parts.len() {
                let group = format!("!{}", parts[..length].join(" ")).into_boxed_str();
                match self.words.entry(group).or_insert_with(|| Word::Group(Vec::new())) {
                    Word::Group(rows) if !rows.contains(&at) => rows.push(at),
                    _ => {}
                }
            }
            self.words.insert(format!("!{word}").into_boxed_str(), Word::Command(at));
        }
        self.rows.push(row);
    }

    /// The command at a place.
    pub(super) fn row(&self, at: usize) -> &Row {
        &self.rows[at]
    }

    /// What a word is.
    pub(super) fn word(&self, word: &str) -> Option<&Word> {
        self.words.get(word)
    }

    /// The modules that this kind of event wakes, in the order of the list.
    pub(super) fn woken_by(&self, kind: EventKind) -> impl Iterator<Item = &'static str> {
        self.wakes.iter().filter(move |wake| wake.on.contains(&kind)).map(|wake| wake.module)
    }
}

/// The vocabularies that somebody uses. Cloning shares them.
#[derive(Clone, Default)]
pub struct Vocabularies(Arc<Mutex<HashMap<Box<[&'static str]>, Weak<Vocabulary>>>>);

impl Vocabularies {
    /// The vocabulary of these modules, always the same list: the one that others use already, where they have the same ones on.
    #[must_use]
    pub fn of(&self, modules: &[Entry], enabled: impl Fn(&str) -> bool) -> Arc<Vocabulary> {
        let on: Box<[_]> = modules.iter().map(|entry| entry.name).filter(|name| enabled(name)).collect();
        let mut known = self.0.lock();
        if let Some(used) = known.get(&on).and_then(Weak::upgrade) {
            return used;
        }
        known.retain(|_, vocabulary| vocabulary.strong_count() > 0);
        let made = Arc::new(Vocabulary::new(modules, enabled));
        known.insert(on, Arc::downgrade(&made));
        made
    }
}
