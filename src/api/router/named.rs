//! The session that an answer names where none was opened for it: the same for the same message, and good for nothing else.

use std::hash::BuildHasher as _;

use foldhash::quality::FixedState;
use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::secret::fresh_bytes;
use waddlebot_runtime::sessions;

/// What makes the two halves of a name differ.
const SEEDS: [u64; 2] = [0x6475_636b, 0x706f_6e64];

/// A message, as its session is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named([u8; 16]);

impl Named {
    /// The message of this id in this channel; each without an id is another one.
    pub(super) fn of(channel: &ChannelKey, id: &str) -> Self {
        if id.is_empty() {
            return Self(fresh_bytes());
        }
        let half = |seed| u128::from(FixedState::with_seed(seed).hash_one((channel.as_str(), id)));
        Self((half(SEEDS[0]) << 64 | half(SEEDS[1])).to_be_bytes())
    }

    /// The id of its session.
    pub(super) fn session(self) -> String {
        sessions::id_of(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_message_has_the_same_name_and_another_has_another() {
        let (here, there) = (ChannelKey::new("local", "", "lobby"), ChannelKey::new("local", "", "lobb"));
        let name = |channel, id| Named::of(channel, id).session();
        // After an upgrade, too: a repeat may come then.
        assert_eq!(name(&here, "m1"), "sess_edb9b2bd3db17b0d2d76e068b0a47a8f");
        let others = [name(&here, "m2"), name(&there, "m1"), name(&there, "ym1"), name(&here, ""), name(&here, "")];
        let all: std::collections::HashSet<_> = others.into_iter().chain([name(&here, "m1")]).collect();
        assert_eq!(all.len(), 6);
    }
}
