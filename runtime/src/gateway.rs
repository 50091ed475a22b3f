//! The only door between nodes: takes what a peer brings for a channel, or says who serves it now.

mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

pub use wire::{Answer, Envelope, LARGEST, OLDEST, Payload, VERSION, WireError, agreed};

use crate::chat::ChannelKey;
use crate::intake::{self, Ears, Heard, Unheard};
use crate::placement::Placement;
use crate::platform::Boxed;
use crate::store::Identity;

/// The way to one other node. Nothing that matters depends on it: what must not be lost stands in
/// the inbox before it is brought here.
pub trait PeerLink: Send + Sync + 'static {
    /// The node at the other end, in the life it was reached in.
    fn peer(&self) -> &Identity;

    /// Brings an envelope and waits until it is taken or refused, for a bounded time and only while
    /// the peer gives credit for more. Of two that are brought one after the other, each after the
    /// answer to the one before, the first is heard first.
    fn bring<'a>(&'a self, envelope: &'a Envelope) -> Boxed<'a, Result<Brought, LinkError>>;
}

/// What became of an envelope.
#[derive(Debug)]
pub struct Brought {
    /// At once.
    pub answer: Answer,
    /// What comes of it, when it was taken and somebody waits; an error when the link is lost before.
    pub outcome: Option<oneshot::Receiver<Answer>>,
}

/// Who does what peers ask for besides hearing.
pub trait Errands: Send + Sync + 'static {
    /// Does it for an entity; the answer, or why there is none.
    fn run<'a>(&'a self, entity: &'a str, errand: &'a str) -> Boxed<'a, Result<String, String>>;
}

/// What a peer's envelope is answered: at once, and perhaps later.
pub struct Taking {
    /// At once.
    pub answer: Answer,
    /// What comes of it.
    pub outcome: Option<Boxed<'static, Answer>>,
}

impl From<Answer> for Taking {
    fn from(answer: Answer) -> Self {
        Self { answer, outcome: None }
    }
}

/// How long the opening of a channel is waited for.
const OPENING: Duration = Duration::from_secs(3);
/// How long a busy channel is waited for. Others behind it wait as well; the peer tries again.
const BUSY: Duration = Duration::from_millis(300);

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
    errands: Arc<dyn Errands>,
}

impl Gateway {
    /// The door to these channels and these errands under these claims.
    #[must_use]
    pub fn new(ears: Arc<dyn Ears>, placement: Placement, errands: Arc<dyn Errands>) -> Self {
        Self { ears, placement, errands }
    }

    /// Takes a peer's bytes; whatever they are, there is an answer.
    pub async fn take_bytes(&self, bytes: &[u8]) -> Taking {
        match Envelope::read(bytes) {
            Ok(envelope) => self.take(envelope).await,
            Err(error) => {
                tracing::warn!(%error, "a peer brought what cannot be read");
                Answer::Unsupported { version: VERSION }.into()
            }
        }
    }

    /// Hands an envelope to its channel when this node serves it under the epoch the sender saw.
    pub async fn take(&self, envelope: Envelope) -> Taking {
        let Some(key) = ChannelKey::parse(&envelope.entity) else { return Answer::Unsupported { version: VERSION }.into() };
        match self.refused(&envelope).await {
            Some(answer) => answer.into(),
            None => match tokio::time::timeout(OPENING, self.hand_on(key, envelope.payload)).await {
                Ok(taking) => taking,
                Err(_) => Answer::Busy.into(),
            },
        }
    }

    /// What to answer instead of taking it: the sender knows of an older owner, or of one that this node has not heard of yet.
    async fn refused(&self, envelope: &Envelope) -> Option<Answer> {
        if envelope.under.is_empty() {
            let fits = matches!(envelope.payload, Payload::Errand(_));
            return (!fits).then_some(Answer::Moved { owner: None, epoch: 0 });
        }
        let claim = match self.placement.held_here(&envelope.under) {
            Some(claim) => claim,
            None => match self.placement.whose(&envelope.under).await {
                Ok(Some(claim)) => claim,
                Ok(None) => return Some(Answer::Moved { owner: None, epoch: 0 }),
                Err(_) => return Some(Answer::Busy),
            },
        };
        let fits = self.placement.is_mine(&claim) && claim.epoch == envelope.epoch;
        (!fits).then_some(Answer::Moved { owner: Some(claim.owner), epoch: claim.epoch })
    }

    async fn hand_on(&self, key: ChannelKey, payload: Payload) -> Taking {
        let (sender, outcome) = oneshot::channel();
        let (heard, awaited) = match payload {
            Payload::Said(messages) => (Heard::Said(messages), false),
            Payload::Asked(message) => (Heard::Asked(message, sender), true),
            Payload::Happened(event) => (Heard::Happened(event, Some(sender)), true),
            Payload::Errand(errand) => return self.run(key, errand),
        };
        let ear = match self.ears.channel(&key).await {
            Ok(ear) => ear,
            Err(Unheard::Elsewhere) => return Answer::Moved { owner: None, epoch: 0 }.into(),
            Err(_) => return Answer::Busy.into(),
        };
        if !matches!(tokio::time::timeout(BUSY, intake::hand_on(ear.as_ref(), heard)).await, Ok(Ok(()))) {
            return Answer::Busy.into();
        }
        let later: Boxed<'static, Answer> = Box::pin(async { outcome.await.map_or(Answer::Busy, |outcome| Answer::outcome(&outcome)) });
        Taking { answer: Answer::Taken, outcome: awaited.then_some(later) }
    }

    fn run(&self, key: ChannelKey, errand: String) -> Taking {
        let errands = self.errands.clone();
        let later: Boxed<'static, Answer> = Box::pin(async move { Answer::Done(errands.run(key.as_str(), &errand).await) });
        Taking { answer: Answer::Taken, outcome: Some(later) }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Gateway({:?})", self.placement)
    }
}
