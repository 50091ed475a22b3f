//! What somebody means: a command, a taught word, a group of commands, or plain chatter. Pure.

mod vocabulary;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::RandomState;
use waddlebot_runtime::chat::{CommunityId, Text};
use waddlebot_runtime::command::CommandInfo;
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::expansion::expand;
use waddlebot_runtime::module::Expansion;
use waddlebot_runtime::offer::Offer;

use crate::commands::Command;
use crate::community::rules::Ruling;
use crate::seat::Entry;
use vocabulary::Word;
pub use vocabulary::{Row, Vocabularies, Vocabulary};

/// How often a taught word may stand for another taught word.
const DEPTH: usize = 5;

/// Everything a community's chat may type, ready to be looked up.
#[derive(Default)]
pub struct Table {
    vocabulary: Arc<Vocabulary>,
    /// What this community has beside it; goes before it.
    words: HashMap<Box<str>, Target, RandomState>,
    longest: usize,
    offer: Arc<Offer>,
    ruling: Ruling,
    elsewhere: Vec<Elsewhere>,
    /// Whether any command begins with `#`: where none does, a `#tag` is chatter.
    tagged: bool,
    /// Whether any command says itself how often it may be used.
    limits: bool,
    /// Whether what is plain chat sets any command off.
    hears_chat: bool,
}

/// A command that runs elsewhere.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// The command.
    pub command: Arc<Command>,
    /// What its uses are counted under.
    pub counted: Text,
}

enum Target {
    Taught(Taught),
    Elsewhere(Vec<usize>),
}

/// What a word was found to be.
enum Found<'t> {
    Own(&'t Target),
    Word(&'t Word),
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
    /// Commands that run elsewhere, in the order in which they run.
    Elsewhere {
        /// Which; one at least.
        commands: Vec<&'t Elsewhere>,
        /// The words behind them.
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
        Self::with(Arc::new(Vocabulary::new(modules, enabled)), taught)
    }

    /// The same where the vocabulary of the modules is made already.
    #[must_use]
    pub fn with(vocabulary: Arc<Vocabulary>, taught: &[(&'static str, Expansion)]) -> Self {
        let (longest, offer, limits) = (vocabulary.longest, vocabulary.offer.clone(), vocabulary.limits);
        let mut table = Self { vocabulary, longest, offer, limits, ..Self::default() };
        for (module, expansion) in taught {
            let word = expansion.word.to_lowercase().into_boxed_str();
            table.longest = table.longest.max(word.split(' ').count());
            if table.vocabulary.word(&word).is_none() {
                table.words.entry(word).or_insert_with(|| Target::Taught(Taught { module, text: expansion.text.clone() }));
            }
        }
        table
    }

    /// The same with a community's string rules.
    #[must_use]
    pub fn ruled_by(self, ruling: &Ruling) -> Self {
        Self { ruling: ruling.clone(), ..self }
    }

    /// The same with commands that run elsewhere. A community's own go before everybody's of the same
    /// word, and one with `!` that is on takes the place of a module's.
    #[must_use]
    pub fn reaching(mut self, commands: &[Arc<Command>], community: CommunityId) -> Self {
        if commands.is_empty() {
            return self;
        }
        let mut words: HashMap<&str, Vec<usize>> = HashMap::new();
        for command in commands {
            let own = |other: &&Arc<Command>| other.word == command.word && !other.is_global() && other.is_typed() == command.is_typed();
            if command.is_global() && commands.iter().any(|other| own(&other)) {
                continue;
            }
            self.hears_chat |= command.enabled && command.wakes_on(EventKind::ChatMessage);
            self.limits |= command.rate_limit.is_some_and(|uses| uses > 0) || command.cooldown > 0;
            let at = self.elsewhere.len();
            let word = command.word.trim_start_matches(['!', '#']);
            let counted =
                if command.module == word { command.word.clone() } else { format!("{} ({})", command.word, command.module).into() };
            self.elsewhere.push(Elsewhere { command: command.clone(), counted });
            let is_there = command.enabled || self.find(&command.word).is_none();
            if command.is_typed() && is_there {
                words.entry(&command.word).or_default().push(at);
            }
        }
        for (word, mut all) in words {
            all.sort_by_key(|at| self.elsewhere[*at].command.order());
            self.longest = self.longest.max(word.split(' ').count());
            self.tagged |= word.starts_with('#');
            self.words.insert(word.into(), Target::Elsewhere(all));
        }
        self.offer = Arc::new(self.offered(community));
        self
    }

    /// What may be typed: not a module's command in whose place another stands.
    fn offered(&self, community: CommunityId) -> Offer {
        let is_replaced = |info: &&CommandInfo| matches!(self.words.get(&*format!("!{}", info.word)), Some(Target::Elsewhere(_)));
        let mut stored = Vec::new();
        for (word, target) in &self.words {
            let Target::Elsewhere(all) = target else { continue };
            stored.extend(all.iter().map(|at| self.elsewhere[*at].command.offered(word, community)));
        }
        // Several of one word stay in the order in which they run.
        stored.sort_by(|a, b| a.word.cmp(&b.word));
        Offer { commands: self.offer.commands.iter().filter(|info| !is_replaced(info)).copied().collect(), stored: stored.into() }
    }

    /// The commands that run elsewhere and are woken by this kind of event, in the order in which they run.
    #[must_use]
    pub fn woken_elsewhere(&self, kind: EventKind) -> Vec<&Elsewhere> {
        let mut woken: Vec<_> = self.elsewhere.iter().filter(|one| one.command.wakes_on(kind)).collect();
        woken.sort_by_key(|one| one.command.order());
        woken
    }

    /// Whether what is plain chat sets any command off.
    #[must_use]
    pub fn hears_chat(&self) -> bool {
        self.hears_chat
    }

    /// Whether any command rests after a use, or says itself how often it may be used.
    #[must_use]
    pub fn limits(&self) -> bool {
        self.limits
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

    /// What chat may type: the modules' commands that are switched on, and those that run elsewhere.
    #[must_use]
    pub fn offer(&self) -> &Arc<Offer> {
        &self.offer
    }

    /// The modules that this kind of event wakes, in the order of the list.
    pub fn woken_by(&self, kind: EventKind) -> impl Iterator<Item = &'static str> {
        self.vocabulary.woken_by(kind)
    }

    /// Finds out what `text`, said by `user`, means.
    #[must_use]
    pub fn resolve(&self, text: &str, user: &str) -> Resolution<'_> {
        if !is_command(text) {
            return Resolution::Chatter;
        }
        let mut text = std::borrow::Cow::Borrowed(text.trim());
        let mut taught: Vec<(&str, String)> = Vec::new();
        loop {
            let Some((target, used)) = self.longest_match(&text) else {
                let word = text.split_whitespace().next().unwrap_or_default().to_owned();
                return match (self.is_tag(&word), taught.is_empty()) {
                    (true, true) => Resolution::Chatter,
                    // Who typed a taught word meant the bot.
                    (true, false) => Resolution::Unknown { word: taught.swap_remove(0).1 },
                    (false, _) => Resolution::Unknown { word },
                };
            };
            let rest = text[used..].trim();
            let word = || text[..used].split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
            match target {
                Found::Word(Word::Command(at)) => {
                    return Resolution::Command { row: self.vocabulary.row(*at), rest: rest.to_owned(), taught };
                }
                Found::Word(Word::Group(rows)) => {
                    return Resolution::Group { word: word(), rows: rows.iter().map(|at| self.vocabulary.row(*at)).collect() };
                }
                Found::Own(Target::Elsewhere(all)) => {
                    let commands = all.iter().map(|at| &self.elsewhere[*at]).collect();
                    return Resolution::Elsewhere { commands, rest: rest.to_owned(), taught };
                }
                Found::Own(Target::Taught(_)) if taught.len() == DEPTH => {
                    let word = taught.into_iter().next().map_or_else(word, |(_, word)| word);
                    return Resolution::TooDeep { word };
                }
                Found::Own(Target::Taught(meaning)) => {
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

    /// What a word is here.
    fn find(&self, word: &str) -> Option<Found<'_>> {
        self.words.get(word).map(Found::Own).or_else(|| self.vocabulary.word(word).map(Found::Word))
    }

    /// Whether a word that no command has is a tag rather than a command that was mistyped.
    fn is_tag(&self, word: &str) -> bool {
        let name = |name: &str| {
            name.starts_with(char::is_alphabetic) && name.chars().all(|letter| letter.is_alphanumeric() || "-_".contains(letter))
        };
        word.strip_prefix('#').is_some_and(|rest| !self.tagged || !name(rest))
    }

    /// The entry for as many of the first words as one has, and how many bytes they take.
    fn longest_match(&self, text: &str) -> Option<(Found<'_>, usize)> {
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
            if let Some(target) = self.find(&key) {
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
