//! What a platform must offer, and what it declares about itself.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::chat::{ChannelKey, Text, User};

/// A future of an object-safe contract.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Somewhere people talk. An adapter translates, it never decides.
pub trait Platform: Send + Sync + 'static {
    /// The first part of its channels' keys.
    fn name(&self) -> &'static str;

    /// How much it takes in one message in this channel, and how fast.
    fn limits(&self, channel: &ChannelKey) -> Limits;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Whether this channel's platform gathers channels in servers; what happens to a server as a whole names no channel.
    fn has_servers(&self, channel: &ChannelKey) -> bool {
        let _ = channel;
        false
    }

    /// Says one line that fits the limits; never asked where lines leave [inline](Capabilities::inline). The account that
    /// asks waits ten seconds and then holds it for unknown.
    fn send<'a>(&'a self, line: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>>;

    /// Whether one node only speaks to it, whichever asks: then its budget is that node's alone.
    fn is_exclusive(&self) -> bool {
        false
    }

    /// The claim of the one connection that brings what is said in this channel, where only one node may have it open:
    /// the channel is best served by that node.
    fn connection(&self, channel: &ChannelKey) -> Option<String> {
        let _ = channel;
        None
    }

    /// Takes what this platform at another node of the cluster tells of.
    fn learns(&self, news: &str) {
        let _ = news;
    }

    /// Takes a measure against a message or a person; asked only for what [`Platform::capabilities`] declare.
    fn moderate<'a>(&'a self, moderation: &'a Moderation) -> Boxed<'a, Result<(), PlatformError>> {
        let refused = PlatformError::Refused { channel: moderation.channel.clone(), why: "this platform takes no such measure".into() };
        Box::pin(async { Err(refused) })
    }

    /// Looks a person up. `None` when the platform knows no such person or cannot tell.
    fn profile<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<Option<Profile>, PlatformError>> {
        let _ = name;
        Box::pin(async { Ok(None) })
    }
}

/// One line on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub channel: ChannelKey,
    /// What; it fits the platform's limits.
    pub text: Text,
    /// The same key twice is the same line: platforms with [`Capabilities::idempotent`] drop the second.
    pub key: Text,
}

/// A measure against what somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moderation {
    /// Where.
    pub channel: ChannelKey,
    /// Who said it.
    pub by: User,
    /// What is done about it.
    pub measure: Measure,
}

/// What is done about something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The message is taken away, where the platform [`Capabilities::deletes`].
    Delete {
        /// The platform's id of it.
        message: Text,
    },
    /// Who said it is silenced, where the platform has [`Capabilities::timeouts`].
    Timeout {
        /// For how long.
        time: Duration,
        /// Why, for the moderators of the platform.
        why: Text,
    },
}

/// What one message may hold, and how many may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most one message holds, in [`Limits::unit`].
    pub length: usize,
    /// What is counted.
    pub unit: Unit,
    /// The send budget of the account, or `None` where the platform sets none.
    pub budget: Option<Budget>,
}

/// What a platform counts when it says how long a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of UTF-8.
    Bytes,
    /// Unicode scalar values.
    Characters,
}

/// So many at once, then one per interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many may leave at once.
    pub burst: u32,
    /// The time in which one is earned back.
    pub every: Duration,
}

/// What a platform can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The same [`Outgoing::key`] twice is shown once.
    pub idempotent: bool,
    /// A message can be deleted.
    pub deletes: bool,
    /// A person can be silenced for a while.
    pub timeouts: bool,
    /// What is said leaves with the answer to who brought the message: there is nobody to send a line to.
    pub inline: bool,
}

/// Why a platform did not do it, named for what the caller does next.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlatformError {
    /// It will not: do not repeat, tell the log why.
    #[error("{channel} refused the message: {why}")]
    Refused {
        /// Where.
        channel: ChannelKey,
        /// In the platform's words.
        why: String,
    },
    /// Too fast: wait, then repeat.
    #[error("too many messages, wait {} ms", wait.as_millis())]
    Limited {
        /// How long.
        wait: Duration,
    },
    /// The connection is gone before the message left: repeat when it is back.
    #[error("not connected to {platform}")]
    Lost {
        /// Which platform.
        platform: &'static str,
    },
    /// It may or may not have been said: repeat only where the platform is idempotent.
    #[error("{platform} did not say whether it took the message")]
    Unknown {
        /// Which platform.
        platform: &'static str,
    },
}

/// A person as a platform shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// As shown.
    pub name: String,
    /// Their page.
    pub url: Option<String>,
    /// What they streamed last.
    pub game: Option<String>,
    /// Their picture.
    pub avatar: Option<String>,
}

/// Looks people up on the platform a channel belongs to.
pub trait Profiles: Send + Sync + 'static {
    /// `None` when nobody of that name is known or the platform cannot tell.
    fn find<'a>(&'a self, channel: &'a ChannelKey, name: &'a str) -> Boxed<'a, Result<Option<Profile>, PlatformError>>;
}

/// The platforms this node talks to, by name. Cloning shares them.
#[derive(Clone, Default)]
pub struct Platforms {
    named: Arc<HashMap<&'static str, Arc<dyn Platform>>>,
    otherwise: Option<(Arc<dyn Platform>, &'static [&'static str])>,
}

impl Platforms {
    /// The given ones.
    #[must_use]
    pub fn new(platforms: impl IntoIterator<Item = Arc<dyn Platform>>) -> Self {
        Self { named: Arc::new(platforms.into_iter().map(|platform| (platform.name(), platform)).collect()), otherwise: None }
    }

    /// The same, and this one for the channels of every platform that has no name here. Those in `but` are known and
    /// only not connected: what is to be said there waits.
    #[must_use]
    pub fn otherwise(self, platform: Arc<dyn Platform>, but: &'static [&'static str]) -> Self {
        Self { otherwise: Some((platform, but)), ..self }
    }

    /// The one a channel belongs to.
    #[must_use]
    pub fn of(&self, channel: &ChannelKey) -> Option<&Arc<dyn Platform>> {
        let name = channel.platform();
        let other = || self.otherwise.as_ref().filter(|(_, but)| !but.contains(&name)).map(|(platform, _)| platform);
        self.named.get(name).or_else(other)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Platform>> {
        self.named.values().chain(self.otherwise.iter().map(|(platform, _)| platform))
    }
}

impl Profiles for Platforms {
    fn find<'a>(&'a self, channel: &'a ChannelKey, name: &'a str) -> Boxed<'a, Result<Option<Profile>, PlatformError>> {
        match self.of(channel) {
            Some(platform) => platform.profile(name),
            None => Box::pin(async { Ok(None) }),
        }
    }
}
