//! The way in: how a platform hands on what it heard, and what comes of it.

pub mod incoming;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::chat::{ChannelKey, ChatMessage, Text};
use crate::event::Event;
use crate::platform::Boxed;
use crate::response::Response;

/// What a channel hears.
#[derive(Debug)]
pub enum Heard {
    /// Things people said, in order; nobody waits for what comes of them.
    Said(Vec<ChatMessage>),
    /// One thing somebody said, whose outcome is awaited.
    Asked(ChatMessage, oneshot::Sender<Arc<Outcome>>),
    /// Something happened; it is durable before it is answered.
    Happened(Event, Option<oneshot::Sender<Arc<Outcome>>>),
}

/// What came of a message or an event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What the bot answered, in order.
    pub responses: Vec<Response>,
    /// What ran, in order.
    pub ran: Vec<Ran>,
    /// How it ended.
    pub verdict: Verdict,
}

/// One module or engine that ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Which.
    pub module: Text,
    /// The command, or the kind of the event.
    pub command: Text,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// How long it took.
    pub execution_time_ms: u64,
    /// The run outside this program, where it was one: what a later answer names.
    #[serde(default)]
    pub execution_id: String,
    /// The session a later answer must name; empty where there is none.
    #[serde(default)]
    pub session_id: String,
    /// The HTTP status of the other side, or what stands for it.
    #[serde(default)]
    pub status_code: Option<u16>,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Plain chatter: nothing to do.
    #[default]
    Chatter,
    /// It ran.
    Done,
    /// No such command.
    Unknown,
    /// The speaker may not.
    Denied,
    /// Too often.
    Limited,
    /// Switched off here.
    Disabled,
    /// It ran and failed.
    Failed,
    /// Heard before: the first answer is given again.
    Duplicate,
    /// The channel cannot be served now.
    Unavailable,
}

/// Why something could not be handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// The channel is claimed by another node and cannot be reached.
    #[error("this channel is served elsewhere")]
    Elsewhere,
    /// Too much waits already: slow down, then repeat.
    #[error("this channel is busy, try again")]
    Busy,
    /// The channel cannot be opened now.
    #[error("this channel cannot be served now")]
    Unavailable,
}

/// Finds the channel's actor, wherever it is, and opens it when need be.
pub trait Ears: Send + Sync + 'static {
    /// The channel, ready to hear. Keep it and use it for every message of that channel.
    fn channel<'a>(&'a self, key: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>>;
}

/// One channel, ready to hear.
pub trait Ear: Send + Sync + 'static {
    /// Hands on what was said. When too much waits it is given back: wait for [`Ear::ready`], then repeat.
    ///
    /// # Errors
    /// [`Unheard::Busy`] or [`Unheard::Unavailable`], with what was not heard.
    fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)>;

    /// Comes true when the channel takes more.
    fn ready(&self) -> Boxed<'_, ()>;

    /// Whether it still takes anything; one that does not is to be asked for anew.
    fn is_open(&self) -> bool {
        true
    }
}

/// Hands on what was said, waiting while the channel is busy: back-pressure for a socket.
///
/// # Errors
/// When the channel is gone; open it anew through [`Ears::channel`].
pub async fn hand_on(ear: &dyn Ear, mut heard: Heard) -> Result<(), (Unheard, Heard)> {
    loop {
        match ear.hear(heard) {
            Err((Unheard::Busy, back)) => {
                ear.ready().await;
                heard = back;
            }
            other => return other,
        }
    }
}

/// Asks and waits for the outcome.
///
/// # Errors
/// When the channel cannot take it now, or ended before it answered.
pub async fn ask(ear: &dyn Ear, message: ChatMessage) -> Result<Arc<Outcome>, Unheard> {
    let (sender, receiver) = oneshot::channel();
    ear.hear(Heard::Asked(message, sender)).map_err(|(why, _)| why)?;
    receiver.await.map_err(|_| Unheard::Unavailable)
}

/// Tells of an event and waits for the outcome; once this returns `Ok`, the event is durable and done.
///
/// # Errors
/// When the channel cannot take it now, or ended before it answered.
pub async fn tell(ear: &dyn Ear, event: Event) -> Result<Arc<Outcome>, Unheard> {
    let (sender, receiver) = oneshot::channel();
    ear.hear(Heard::Happened(event, Some(sender))).map_err(|(why, _)| why)?;
    receiver.await.map_err(|_| Unheard::Unavailable)
}
