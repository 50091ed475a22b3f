//! A platform whose one connection lives on one node: what is to be done there is done by that node.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{ChannelKey, Text, User};
use waddlebot_runtime::placement::Placement;
use waddlebot_runtime::platform::{Boxed, Capabilities, Limits, Measure, Moderation, Outgoing, Platform, PlatformError, Profile};

use crate::household::afar::{Afar, Missed};
use crate::household::errands::Errand;

/// How long the node that keeps the connection is looked for, and the pause between two looks.
const PATIENCE: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(250);

/// The platform, as every node of a cluster sees it.
pub struct Kept {
    platform: Arc<dyn Platform>,
    /// The claim that its connection is kept under.
    key: String,
    way: OnceLock<(Afar, Placement)>,
}

/// What is to be done on a platform, as one node tells another.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    /// Say a line: where, what, its key.
    Say(ChannelKey, Text, Text),
    /// Take a message away: where, whose, which.
    Delete(ChannelKey, User, Text),
    /// Silence somebody: where, whom, for how many milliseconds, why.
    Silence(ChannelKey, User, u64, Text),
}

/// How it went, as the other node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Went {
    Done,
    Refused(String),
    Limited(u64),
    Lost,
    Unknown,
}

impl Kept {
    /// A platform whose connection is kept under this claim.
    #[must_use]
    pub fn new(platform: Arc<dyn Platform>, key: impl Into<String>) -> Self {
        Self { platform, key: key.into(), way: OnceLock::new() }
    }

    /// Learns the way to the node that keeps the connection. Without it that is this one.
    pub fn reach(&self, afar: Afar, placement: Placement) {
        self.way.set((afar, placement)).ok();
    }

    /// The way to the node that keeps the connection, when it is another one.
    fn elsewhere(&self) -> Option<&Afar> {
        let (afar, placement) = self.way.get()?;
        placement.held_here(&self.key).is_none().then_some(afar)
    }

    async fn ask(&self, deed: Deed) -> Result<(), PlatformError> {
        let platform = self.platform.name();
        let channel = deed.channel().clone();
        let errand = serde_json::to_string(&Errand::Platform(deed)).map_err(|_| PlatformError::Lost { platform })?;
        let tries = async {
            loop {
                let Some(afar) = self.elsewhere() else { return Err(PlatformError::Lost { platform }) };
                match afar.errand(&self.key, &self.key, errand.clone()).await {
                    Ok(answer) => {
                        return read(&answer).map_or(Err(PlatformError::Unknown { platform }), |went| went.told(channel.clone(), platform));
                    }
                    Err(Missed::NotBrought(why)) => tracing::debug!(key = self.key, why, "whoever keeps a connection is not reached yet"),
                    Err(Missed::Unknown(_)) => return Err(PlatformError::Unknown { platform }),
                    Err(Missed::Refused(why)) => return Err(PlatformError::Refused { channel: channel.clone(), why }),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(PATIENCE, tries).await.unwrap_or(Err(PlatformError::Lost { platform }))
    }
}

fn read(answer: &str) -> Option<Went> {
    serde_json::from_str(answer).ok()
}

impl Deed {
    /// Where it is to be done.
    pub(crate) fn channel(&self) -> &ChannelKey {
        match self {
            Self::Say(channel, ..) | Self::Delete(channel, ..) | Self::Silence(channel, ..) => channel,
        }
    }

    /// Does it on this node's platform.
    pub(crate) async fn done(self, platform: &dyn Platform) -> Went {
        let done = match self {
            Self::Say(channel, text, key) => platform.send(&Outgoing { channel, text, key }).await,
            Self::Delete(channel, by, message) => {
                platform.moderate(&Moderation { channel, by, measure: Measure::Delete { message } }).await
            }
            Self::Silence(channel, by, millis, why) => {
                let measure = Measure::Timeout { time: Duration::from_millis(millis), why };
                platform.moderate(&Moderation { channel, by, measure }).await
            }
        };
        match done {
            Ok(()) => Went::Done,
            Err(PlatformError::Refused { why, .. }) => Went::Refused(why),
            Err(PlatformError::Limited { wait }) => Went::Limited(millis(wait)),
            Err(PlatformError::Lost { .. }) => Went::Lost,
            Err(PlatformError::Unknown { .. }) => Went::Unknown,
        }
    }
}

impl Went {
    fn told(self, channel: ChannelKey, platform: &'static str) -> Result<(), PlatformError> {
        match self {
            Self::Done => Ok(()),
            Self::Refused(why) => Err(PlatformError::Refused { channel, why }),
            Self::Limited(wait) => Err(PlatformError::Limited { wait: Duration::from_millis(wait) }),
            Self::Lost => Err(PlatformError::Lost { platform }),
            Self::Unknown => Err(PlatformError::Unknown { platform }),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Platform for Kept {
    fn name(&self) -> &'static str {
        self.platform.name()
    }

    fn limits(&self, channel: &ChannelKey) -> Limits {
        self.platform.limits(channel)
    }

    fn capabilities(&self) -> Capabilities {
        self.platform.capabilities()
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn connection(&self, _: &ChannelKey) -> Option<String> {
        Some(self.key.clone())
    }

    fn has_servers(&self, channel: &ChannelKey) -> bool {
        self.platform.has_servers(channel)
    }

    fn send<'a>(&'a self, line: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>> {
        match self.elsewhere() {
            None => self.platform.send(line),
            Some(_) => Box::pin(self.ask(Deed::Say(line.channel.clone(), line.text.clone(), line.key.clone()))),
        }
    }

    fn moderate<'a>(&'a self, moderation: &'a Moderation) -> Boxed<'a, Result<(), PlatformError>> {
        if self.elsewhere().is_none() {
            return self.platform.moderate(moderation);
        }
        let (channel, by) = (moderation.channel.clone(), moderation.by.clone());
        Box::pin(self.ask(match &moderation.measure {
            Measure::Delete { message } => Deed::Delete(channel, by, message.clone()),
            Measure::Timeout { time, why } => Deed::Silence(channel, by, millis(*time), why.clone()),
        }))
    }

    fn profile<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<Option<Profile>, PlatformError>> {
        self.platform.profile(name)
    }
}
