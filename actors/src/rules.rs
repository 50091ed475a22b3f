//! String rules: what chat may not say, or what saying it sets off. The actors ask for every line.

pub mod blocked;
mod captured;
mod check;
mod compiled;
mod fold;
pub mod history;
mod literals;
mod sentence;
pub mod settings;
mod standing;
pub mod table;
pub mod trial;
pub mod wire;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use captured::{Captured, filled};
pub use check::{MOST, Refused, check};
pub use compiled::{Compiled, Match};
pub use sentence::{Act, Sentence, judge};
pub use settings::Settings;

/// One rule of a community (spec 01 section 10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its number; 0 before it is saved.
    pub id: i64,
    /// How the pattern is compared.
    pub kind: Kind,
    /// What is looked for. `*` is everything, whatever the kind.
    pub pattern: String,
    /// Whether `a` and `A` differ.
    pub case_sensitive: bool,
    /// The channels it is for, by their keys; all when empty.
    pub entities: Vec<String>,
    /// What is different in single channels, by their keys.
    pub overrides: BTreeMap<String, Override>,
    /// Lower is asked first. At the same priority one for single channels comes before one for all, then the older one.
    pub priority: i64,
    /// Switched on.
    pub enabled: bool,
    /// What happens when it matches.
    pub action: Action,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            id: 0,
            kind: Kind::default(),
            pattern: String::new(),
            case_sensitive: false,
            entities: Vec::new(),
            overrides: BTreeMap::new(),
            priority: PRIORITY,
            enabled: true,
            action: Action::Warn { message: String::new() },
        }
    }
}

/// The priority of a rule that says none.
pub const PRIORITY: i64 = 100;

impl Rule {
    /// Whether it matches everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.pattern.trim() == "*"
    }

    /// The pattern as it is looked for: what stands around a word or a whole text does not count.
    #[must_use]
    pub fn sought(&self) -> &str {
        match self.kind {
            Kind::Exact | Kind::Word => self.pattern.trim(),
            Kind::Contains | Kind::Regex => &self.pattern,
        }
    }

    /// What happens in this channel when it matches.
    #[must_use]
    pub fn action_in(&self, entity: &str) -> &Action {
        self.overrides.get(entity).and_then(|different| different.action.as_ref()).unwrap_or(&self.action)
    }
}

/// How a pattern is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The whole text, but for white space around it.
    Exact,
    /// Anywhere in the text.
    #[default]
    Contains,
    /// Anywhere, with no letter, digit or `_` beside it that would make another word of it.
    Word,
    /// A regular expression, anywhere in the text.
    Regex,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Contains, Self::Word, Self::Regex];

    /// As stored and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Contains => "contains",
            Self::Word => "word",
            Self::Regex => "regex",
        }
    }

    /// Reads a kind's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What is different about a rule in one channel; what is `None` is as everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// On or off here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Asked earlier or later here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Something else happens here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
}

/// What a match sets off. In every text `{user}`, `{match}`, `{message}` and `{1}` to `{9}` are filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub enum Action {
    /// Tells the person; a usual text when `message` is empty.
    Warn {
        /// What they are told.
        #[serde(default)]
        message: String,
    },
    /// Takes the message away where the platform can, tells the person and the moderators.
    Block {
        /// What the person is told; a usual text when empty.
        #[serde(default)]
        message: String,
        /// For how many seconds they are silenced, where the platform can; 0 is not at all.
        #[serde(default)]
        timeout: u32,
    },
    /// Runs a command, with the rights of who spoke.
    Command {
        /// The command with its `!` or `#`.
        command: String,
        /// What stands behind it; what was matched when `None`.
        #[serde(default)]
        parameters: Option<String>,
    },
    /// Tells another program.
    Webhook {
        /// Where it listens.
        url: String,
    },
}

impl Action {
    /// As stored and on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Warn { .. } => "warn",
            Self::Block { .. } => "block",
            Self::Command { .. } => "command",
            Self::Webhook { .. } => "webhook",
        }
    }
}
