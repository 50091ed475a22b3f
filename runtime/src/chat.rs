//! What a person said, who they are, and where: the words every layer shares.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Text that shares its bytes with the chunk it was read from: cloning copies no letters.
pub type Text = bytestring::ByteString;

/// Milliseconds since 1970-01-01 UTC. Only shown and stored; no deadline is decided by it.
pub type Millis = i64;

/// A community's number. 1 is reserved for `waddlebot-global`.
pub type CommunityId = i64;

/// The global community that everybody belongs to (spec 01 section 12).
pub const GLOBAL_COMMUNITY: CommunityId = 1;

/// The one canonical name of a channel: `platform:server:channel`, or `platform:channel` where the
/// platform has no servers (spec 01 section 2). A `:` or `%` inside a part is percent-encoded.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelKey(Arc<str>);

impl ChannelKey {
    /// The most bytes of a name that [`ChannelKey::parse`] reads.
    pub const LONGEST: usize = 1024;

    /// Names a channel. An empty `server` means that the platform has none.
    #[must_use]
    pub fn new(platform: &str, server: &str, channel: &str) -> Self {
        let mut key = String::with_capacity(platform.len() + server.len() + channel.len() + 2);
        escape(platform, &mut key);
        if !server.is_empty() {
            key.push(':');
            escape(server, &mut key);
        }
        key.push(':');
        escape(channel, &mut key);
        Self(key.into())
    }

    /// Reads a canonical name back. `None` unless it has two or three non-empty parts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(':').collect();
        let whole = matches!(parts.len(), 2 | 3) && parts.iter().all(|part| !part.is_empty());
        (whole && text.len() <= Self::LONGEST).then(|| Self(text.into()))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The platform's name.
    #[must_use]
    pub fn platform(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The server, or an empty text where the platform has none.
    #[must_use]
    pub fn server(&self) -> String {
        let mut parts = self.0.split(':').skip(1);
        match (parts.next(), parts.next()) {
            (Some(server), Some(_)) => unescaped(server),
            _ => String::new(),
        }
    }

    /// The channel's own name on its platform.
    #[must_use]
    pub fn channel(&self) -> String {
        unescaped(self.0.rsplit(':').next().unwrap_or_default())
    }
}

impl fmt::Display for ChannelKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ChannelKey({})", self.0)
    }
}

fn escape(part: &str, out: &mut String) {
    let mut rest = part;
    while let Some(at) = rest.find([':', '%']) {
        out.push_str(&rest[..at]);
        out.push_str(if rest.as_bytes()[at] == b':' { "%3A" } else { "%25" });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

fn unescaped(part: &str) -> String {
    part.replace("%3A", ":").replace("%25", "%")
}

/// What somebody may do in a community, weakest first (spec 01 section 12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Role {
    /// Anybody in chat.
    #[default]
    #[serde(alias = "member", alias = "user", alias = "everyone")]
    Viewer,
    /// Pays for the channel. A badge, no rank: counts as a viewer unless the community says otherwise.
    #[serde(alias = "sub")]
    Subscriber,
    /// Honoured by the broadcaster.
    Vip,
    /// Keeps order in chat.
    #[serde(alias = "mod")]
    Moderator,
    /// Runs the community beside its owner.
    Admin,
    /// The community is theirs.
    #[serde(alias = "broadcaster")]
    Owner,
}

impl Role {
    /// What a person may be in a community, weakest first.
    pub const RANKS: [Self; 5] = [Self::Viewer, Self::Vip, Self::Moderator, Self::Admin, Self::Owner];

    /// Reads a role's name, the spec's synonyms included. `None` for an unknown one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "viewer" | "member" | "user" | "everyone" => Self::Viewer,
            "subscriber" | "sub" | "founder" => Self::Subscriber,
            "vip" => Self::Vip,
            "moderator" | "mod" => Self::Moderator,
            "admin" => Self::Admin,
            "owner" | "broadcaster" => Self::Owner,
            _ => return None,
        })
    }

    /// The role's name as stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Subscriber => "subscriber",
            Self::Vip => "vip",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Who spoke, as the platform tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Stable on the platform; the name where the platform has no ids.
    pub id: Text,
    /// As shown in chat.
    pub name: Text,
    /// What the platform's badges say they may do here.
    #[serde(default)]
    pub role: Role,
}

/// One thing a person said in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// The platform's id of the message; empty where it has none.
    pub id: Text,
    /// Who said it.
    pub by: User,
    /// What they said.
    pub text: Text,
    /// When, by the platform's word or the node's clock.
    pub at: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_key_gives_its_parts_back() {
        let key = ChannelKey::new("irc", "irc.example:6697", "#ducks");
        assert_eq!(key.as_str(), "irc:irc.example%3A6697:#ducks");
        assert_eq!((key.platform(), key.server().as_str(), key.channel().as_str()), ("irc", "irc.example:6697", "#ducks"));
        let odd = ChannelKey::new("x", "100%3A", ":%:");
        assert_eq!((odd.as_str(), odd.server().as_str(), odd.channel().as_str()), ("x:100%253A:%3A%25%3A", "100%3A", ":%:"));
        let local = ChannelKey::new("local", "", "lobby");
        assert_eq!((local.server().as_str(), local.channel().as_str()), ("", "lobby"));
    }

    #[test]
    fn an_incomplete_channel_key_is_refused() {
        for text in ["", "local", "local:", ":x", "a:b:c:d"] {
            assert!(ChannelKey::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn roles_stand_in_the_order_of_the_specification() {
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Moderator);
        assert!(Role::Moderator > Role::Vip && Role::Vip > Role::Viewer);
        assert_eq!(Role::parse("Broadcaster"), Some(Role::Owner));
    }
}
