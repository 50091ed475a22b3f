//! What chat may type in a community: the commands of its modules, and those it stored itself.

use std::sync::Arc;

use crate::chat::{ChannelKey, Role, Text};
use crate::command::CommandInfo;

/// What a community's chat may type now.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The commands of the modules that are switched on.
    pub commands: Arc<[CommandInfo]>,
    /// Those the community or the house stored, by word; they run elsewhere.
    pub stored: Arc<[Stored]>,
}

/// A stored command as everybody sees it.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// What is typed, prefix included, in lower case: `#weather`, `#weather tomorrow`.
    pub word: Text,
    /// The module that answers it.
    pub module: Text,
    /// One line about it; may be empty.
    pub about: Text,
    /// Who may use it.
    pub role: Role,
    /// Whether it is on in the community.
    pub on: bool,
    /// The channels where it is the other way round.
    pub but: Vec<String>,
}

impl Stored {
    /// Whether it is on in this channel.
    #[must_use]
    pub fn is_on(&self, channel: &ChannelKey) -> bool {
        self.on != self.but.iter().any(|other| other == channel.as_str())
    }

    /// The word typed first: `#weather` for `#weather tomorrow`.
    #[must_use]
    pub fn first_word(&self) -> &str {
        self.word.split(' ').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_may_differ_from_its_community() {
        let (lobby, other) = (ChannelKey::new("local", "", "lobby"), ChannelKey::new("local", "", "other"));
        let mut stored = Stored { on: true, but: vec![lobby.to_string()], ..Stored::default() };
        assert!(!stored.is_on(&lobby) && stored.is_on(&other));
        stored.on = false;
        assert!(stored.is_on(&lobby) && !stored.is_on(&other));
    }
}
