//! Channels that an outside collector listens to: what is answered there goes back with the event it answers.

use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::platform::{Boxed, Capabilities, Limits, Outgoing, Platform, PlatformError, Unit};

/// The platform's name, as the account's and the inspector's.
pub const NAME: &str = "collected";
/// The most characters of one line; the collector cuts further to what its platform takes.
const LONGEST: usize = 2000;
/// Platforms whose channels stand in servers.
const SERVERS: [&str; 3] = ["discord", "slack", "teams"];

/// Stands for every platform that this node has no connection to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Collected;

impl Platform for Collected {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self, _: &ChannelKey) -> Limits {
        Limits { length: LONGEST, unit: Unit::Characters, budget: None }
    }

    fn capabilities(&self) -> Capabilities {
        // Asked again with the same message id, the same answer goes back: nothing can be said twice.
        Capabilities { idempotent: true, inline: true, ..Capabilities::default() }
    }

    fn has_servers(&self, channel: &ChannelKey) -> bool {
        SERVERS.contains(&channel.platform())
    }

    /// The collector has the line in the answer to its request; nothing else leaves.
    fn send<'a>(&'a self, _: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>> {
        Box::pin(async { Ok(()) })
    }
}
