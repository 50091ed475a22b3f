//! What the protocol tells the rest of the bot.

use waddlebot_runtime::event::Event;

use super::login::Step;
use super::said::Said;
use super::trouble::Trouble;

/// What came of a line or of time passing.
#[derive(Debug, PartialEq)]
pub enum Fact<'a> {
    /// The server has welcomed the bot.
    Ready,
    /// The bot is in a room.
    Entered(usize),
    /// The bot is no longer in a room; it will be back.
    Left(usize, Trouble),
    /// Somebody said something in a room.
    Said(Said<'a>),
    /// Something else happened in a room.
    Happened(usize, Event),
    /// Worth a line in the log.
    Noted(Trouble),
    /// The connection is of no use any more; make another.
    Lost(Trouble),
    /// No connection will do with these settings.
    Stop(Trouble),
}

impl From<Step> for Fact<'_> {
    fn from(step: Step) -> Self {
        match step {
            Step::Noted(trouble) => Self::Noted(trouble),
            Step::Lost(trouble) => Self::Lost(trouble),
            Step::Stop(trouble) => Self::Stop(trouble),
        }
    }
}
