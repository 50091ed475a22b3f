//! One message in slices of its line: who says it, with what role, and whether it is history told again.

use std::borrow::Cow;
use std::time::Duration;

use waddlebot_runtime::chat::{Millis, Role};

use super::server::{Casemapping, Server, Status};
use super::tags::Marks;

/// Age from which on a message is history that a server tells again, and no command in it runs.
const LATE: Millis = 30_000;

/// One message, in slices of its line.
#[derive(Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// Where.
    pub room: usize,
    /// The server's id of the message, or empty.
    pub id: &'a str,
    /// Who: Twitch's number, or the services account in lower case. Where accounts are shown, somebody without
    /// one is `nick!`, so that nobody takes an account's place by its name; elsewhere the nick in lower case.
    pub user: Cow<'a, str>,
    /// As shown in chat.
    pub name: Cow<'a, str>,
    /// By badge or channel status.
    pub role: Role,
    /// What.
    pub text: &'a str,
    /// When, if the server says so.
    pub at: Option<Millis>,
    /// Bits that came with it.
    pub bits: i64,
}

/// See [`Said::user`]. `accounts` is whether this server shows them.
pub fn identity<'a>(marks: &Marks<'a>, accounts: bool, source: &'a str, nick: &'a str, casemapping: Casemapping) -> Cow<'a, str> {
    let name = match (marks.user, marks.account) {
        ("", "") if accounts && source.len() > nick.len() => &source[..=nick.len()],
        ("", "") => nick,
        ("", account) => account,
        (user, _) => return Cow::Borrowed(user),
    };
    if casemapping.is_lower(name) { Cow::Borrowed(name) } else { Cow::Owned(casemapping.lowered(name)) }
}

/// What a status in a channel is worth.
pub fn role(server: &Server, status: Status) -> Role {
    match server.highest(status) {
        None => Role::Viewer,
        Some('~') => Role::Owner,
        Some('&') => Role::Admin,
        Some('@' | '%') => Role::Moderator,
        Some('+') => Role::Vip,
        // A mark of the server's own: worth something only where it stands above the operators.
        Some(_) if server.is_above_operator(status) => Role::Moderator,
        Some(_) => Role::Viewer,
    }
}

/// The words of a message: an action (`/me`) is its text, any other CTCP is not for people.
pub fn spoken(text: &str) -> Option<&str> {
    let Some(ctcp) = text.strip_prefix('\u{1}') else { return Some(text) };
    let words = ctcp.strip_prefix("ACTION ")?;
    Some(words.strip_suffix('\u{1}').unwrap_or(words))
}

/// Tells messages of now from those a server tells again after a join, whatever its clock shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct History {
    /// The smallest difference seen between our clock and the server's times.
    least: Option<Millis>,
}

impl History {
    /// Notes the time of a line that is surely of now.
    pub fn measure(&mut self, at: Millis, now: Duration) {
        self.least = Some(delay(at, now));
    }

    /// Whether a message of that time is history.
    pub fn is_late(&mut self, at: Millis, now: Duration) -> bool {
        let delay = delay(at, now);
        let least = self.least.map_or(delay, |least| least.min(delay));
        self.least = Some(least);
        delay.saturating_sub(least) > LATE
    }
}

/// Milliseconds between a server's time and ours since boot: only differences of it mean anything.
fn delay(at: Millis, now: Duration) -> Millis {
    Millis::try_from(now.as_millis()).unwrap_or(Millis::MAX).saturating_sub(at)
}
