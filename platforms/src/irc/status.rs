//! How the connection is doing, for the inspector.

use std::time::Duration;

use serde::Serialize;

use super::trouble::Trouble;

/// A snapshot of one connection. It holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// `host:port`.
    pub server: String,
    /// What the server's network calls itself.
    pub network: String,
    /// What the server calls the bot.
    pub nick: String,
    /// Where the connection stands.
    pub phase: Phase,
    /// The configured channels, and whether the bot is in them.
    pub channels: Vec<(String, bool)>,
    /// How often the bot was welcomed.
    pub welcomes: u64,
    /// Messages of people in these channels.
    pub messages: u64,
    /// Lines dropped because they were too long.
    pub too_long: u64,
    /// Messages that were history told again.
    pub late: u64,
    /// Messages no channel took.
    pub unheard: u64,
    /// What went wrong last.
    pub trouble: Option<String>,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not started, or left.
    #[default]
    Off,
    /// On its way to the server.
    Connecting,
    /// Capabilities, password, nick.
    LoggingIn,
    /// Welcomed.
    Ready,
    /// Waiting before the next try.
    Waiting {
        /// For how long in all.
        pause_ms: u64,
    },
    /// Given up: the settings must change.
    Stopped,
}

impl Status {
    pub(super) fn new(server: String, nick: String, channels: impl Iterator<Item = String>) -> Self {
        Self { server, nick, channels: channels.map(|name| (name, false)).collect(), ..Self::default() }
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        if phase != Phase::Ready {
            self.channels.iter_mut().for_each(|(_, entered)| *entered = false);
        }
    }

    pub(super) fn ready(&mut self, nick: &str, network: &str) {
        self.enter(Phase::Ready);
        nick.clone_into(&mut self.nick);
        network.clone_into(&mut self.network);
        self.welcomes += 1;
    }

    pub(super) fn entered(&mut self, room: usize, entered: bool) {
        self.channels[room].1 = entered;
    }

    pub(super) fn lost(&mut self, why: String, pause: Duration) {
        self.enter(Phase::Waiting { pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) });
        self.trouble = Some(why);
    }

    pub(super) fn stopped(&mut self, trouble: &Trouble) {
        self.enter(Phase::Stopped);
        self.trouble = Some(trouble.to_string());
    }
}
