//! Commands that run elsewhere: what a community, or everybody, may type and which program answers it.

pub mod answer;
mod check;
pub mod table;
pub mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{ChannelKey, CommunityId, GLOBAL_COMMUNITY, Role, Text};
use waddlebot_runtime::engine::{EngineKind, Method};
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::offer::Stored;

pub use check::{MOST, Refused, check};

/// One command that runs elsewhere (spec 01 sections 5 to 7).
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// Its number; 0 before it is saved.
    pub id: i64,
    /// Whose it is; [`GLOBAL_COMMUNITY`] for everybody's.
    pub community: CommunityId,
    /// What is typed, prefix included, in lower case: `#weather`.
    pub word: Text,
    /// The name of the module that answers.
    pub module: String,
    /// Its version, as whoever made it says.
    pub version: String,
    /// One line about it.
    pub about: String,
    /// Where it runs and how it is called.
    pub engine: EngineKind,
    /// An address, or the name of a function or an action.
    pub location: String,
    /// How it is sent.
    pub method: Method,
    /// More headers; they may hold keys.
    pub headers: BTreeMap<String, String>,
    /// How long one try may take, in seconds.
    pub timeout: u32,
    /// Whether the other side drops a second call of the same execution id: only then one that a crash
    /// interrupted is called again.
    pub idempotent: bool,
    /// Which key signs what is sent; a higher number is another key.
    pub signing_key: i64,
    /// Who may use it.
    pub role: Role,
    /// The rest between two uses in one channel, in seconds.
    pub cooldown: u32,
    /// Uses per window and person; what the house says when `None`, any number when 0.
    pub rate_limit: Option<u32>,
    /// What sets it off.
    pub trigger: Trigger,
    /// The events that do, where events do.
    pub events: Vec<EventKind>,
    /// Lower runs first.
    pub priority: i64,
    /// Whether it waits for those before it.
    pub mode: Mode,
    /// Switched on.
    pub enabled: bool,
    /// Where it is on or off in spite of that: by channel, or by `community:ID`.
    pub places: BTreeMap<String, bool>,
}

impl Default for Command {
    fn default() -> Self {
        Self {
            id: 0,
            community: 0,
            word: Text::new(),
            module: String::new(),
            version: "1.0".into(),
            about: String::new(),
            engine: EngineKind::Webhook,
            location: String::new(),
            method: Method::Post,
            headers: BTreeMap::new(),
            timeout: 30,
            idempotent: false,
            signing_key: 1,
            role: Role::Viewer,
            cooldown: 0,
            rate_limit: None,
            trigger: Trigger::Command,
            events: Vec::new(),
            priority: 100,
            mode: Mode::Sequential,
            enabled: true,
            places: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and locations may hold keys.
        out.debug_struct("Command").field("id", &self.id).field("word", &self.word).field("module", &self.module).finish_non_exhaustive()
    }
}

impl Command {
    /// Whether every community has it.
    #[must_use]
    pub fn is_global(&self) -> bool {
        self.community == GLOBAL_COMMUNITY
    }

    /// Whether it is on in a channel of a community: the channel's own word counts before the community's.
    #[must_use]
    pub fn is_on(&self, channel: &ChannelKey, community: CommunityId) -> bool {
        let said = self.places.get(channel.as_str()).or_else(|| self.places.get(&place_of(community)));
        // What is switched off for all is off for all.
        self.enabled && said.copied().unwrap_or(true)
    }

    /// As the chat of a community sees it that types this word.
    #[must_use]
    pub fn offered(&self, word: &str, community: CommunityId) -> Stored {
        let on = self.enabled && self.places.get(&place_of(community)).copied().unwrap_or(true);
        let other = |(place, here): &(&String, &bool)| self.enabled && **here != on && !place.starts_with("community:");
        let but = self.places.iter().filter(other).map(|(place, _)| place.clone()).collect();
        Stored {
            word: word.to_owned().into(),
            module: self.module.clone().into(),
            about: self.about.clone().into(),
            role: self.role,
            on,
            but,
        }
    }

    /// Whether somebody may type it.
    #[must_use]
    pub fn is_typed(&self) -> bool {
        matches!(self.trigger, Trigger::Command | Trigger::Both)
    }

    /// Whether this kind of event wakes it.
    #[must_use]
    pub fn wakes_on(&self, kind: EventKind) -> bool {
        matches!(self.trigger, Trigger::Event | Trigger::Both) && self.events.contains(&kind)
    }

    /// The longest a whole run may take, further tries included.
    #[must_use]
    pub fn patience(&self) -> Duration {
        // Three pauses of 1, 2 and 4 s, so that what fails at once is tried four times.
        Duration::from_secs(u64::from(self.timeout) + 8)
    }

    /// Those that run one after the other first, each kind in the order of its priority.
    #[must_use]
    pub fn order(&self) -> (Mode, i64, i64) {
        (self.mode, self.priority, self.id)
    }
}

/// What a community is called among the places of a command.
#[must_use]
pub fn place_of(community: CommunityId) -> String {
    crate::node::community_key(community)
}

/// What sets a command off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// Somebody types it.
    #[default]
    Command,
    /// Something happens.
    Event,
    /// Either.
    Both,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Command, Self::Event, Self::Both];

    /// As stored and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Event => "event",
            Self::Both => "both",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.name() == name)
    }
}

/// How a command runs among others that one message sets off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// After those of a lower priority, before the parallel ones.
    #[default]
    Sequential,
    /// At once with the other parallel ones.
    Parallel,
}

impl Mode {
    /// As stored and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Parallel => "parallel",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sequential, Self::Parallel].into_iter().find(|mode| mode.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channels_own_word_counts_before_its_communitys() {
        let here = ChannelKey::new("local", "", "lobby");
        let mut command = Command::default();
        assert!(command.is_on(&here, 2));
        command.places.insert("community:2".into(), false);
        assert!(!command.is_on(&here, 2) && command.is_on(&here, 3));
        command.places.insert("local:lobby".into(), true);
        assert!(command.is_on(&here, 2));
        command.enabled = false;
        assert!(!command.is_on(&here, 2));
    }
}
