//! The only door between nodes: takes what a peer brings for a channel, or says who serves it now.

mod wire;

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

pub use wire::{Answer, Envelope, LARGEST, Payload, VERSION, WireError};

use crate::chat::ChannelKey;
use crate::intake::{Ears, Heard, Unheard};
use crate::placement::Placement;
use crate::platform::Boxed;
use crate::store::Identity;

/// The way to one other node. Nothing that matters depends on it: what must not be lost stands in
/// the inbox before it is brought here.
pub trait PeerLink: Send + Sync + 'static {
    /// The node at the other end, in the life it was reached in.
    fn peer(&self) -> &Identity;

    /// Brings an envelope and waits for the answer, for a bounded time and only while the peer
    /// gives credit for more.
    fn bring<'a>(&'a self, envelope: &'a Envelope) -> Boxed<'a, Result<Answer, LinkError>>;
}

/// Why a peer did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Too much is on its way to it: slow down.
    #[error("too much is on its way to the node {0} already")]
    Busy(String),
    /// It cannot be reached, or did not answer in time: look up again who serves the channel.
    #[error("the node {node} does not answer ({why})")]
    Silent {
        /// The node.
        node: String,
        /// What was seen.
        why: String,
    },
    /// It said what cannot be read.
    #[error("the node {node} says what cannot be read: {why}")]
    Garbled {
        /// The node.
        node: String,
        /// What was wrong.
        why: WireError,
    },
}

/// This node's door. Cloning shares it.
#[derive(Clone)]
pub struct Gateway {
    ears: Arc<dyn Ears>,
    placement: Placement,
}

impl Gateway {
    /// The door to these channels under these claims.
    #[must_use]
    pub fn new(ears: Arc<dyn Ears>, placement: Placement) -> Self {
        Self { ears, placement }
    }

    /// Answers a peer's bytes with bytes; whatever they are, there is an answer.
    pub async fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        let answer = match Envelope::read(bytes) {
            Ok(envelope) => self.take(envelope).await,
            Err(error) => {
                tracing::warn!(%error, "a peer brought what cannot be read");
                Answer::Unsupported { version: VERSION }
            }
        };
        answer.write()
    }

    /// Hands an envelope to its channel when this node serves it under the epoch the sender saw.
    pub async fn take(&self, envelope: Envelope) -> Answer {
        let Some(key) = ChannelKey::parse(&envelope.entity) else { return Answer::Unsupported { version: VERSION } };
        match self.placement.held_here(&envelope.entity) {
            // The sender knows of an older owner, or of one that this node has not heard of yet.
            Some(claim) if claim.epoch == envelope.epoch => self.hand_on(&key, envelope.payload).await,
            Some(claim) => Answer::Moved { owner: Some(claim.owner), epoch: claim.epoch },
            None => match self.placement.whose(&envelope.entity).await {
                Ok(Some(claim)) if self.placement.is_mine(&claim) && claim.epoch == envelope.epoch => {
                    self.hand_on(&key, envelope.payload).await
                }
                Ok(Some(claim)) => Answer::Moved { owner: Some(claim.owner), epoch: claim.epoch },
                Ok(None) => Answer::Moved { owner: None, epoch: 0 },
                Err(_) => Answer::Busy,
            },
        }
    }

    async fn hand_on(&self, key: &ChannelKey, payload: Payload) -> Answer {
        let ear = match self.ears.channel(key).await {
            Ok(ear) => ear,
            Err(Unheard::Elsewhere) => return Answer::Moved { owner: None, epoch: 0 },
            Err(_) => return Answer::Busy,
        };
        let (sender, outcome) = oneshot::channel();
        let (heard, awaited) = match payload {
            Payload::Said(messages) => (Heard::Said(messages), false),
            Payload::Asked(message) => (Heard::Asked(message, sender), true),
            Payload::Happened(event) => (Heard::Happened(event, Some(sender)), true),
        };
        if ear.hear(heard).is_err() {
            return Answer::Busy;
        }
        match awaited {
            false => Answer::Taken,
            true => outcome.await.map_or(Answer::Busy, |outcome| Answer::outcome(&outcome)),
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Gateway({:?})", self.placement)
    }
}
