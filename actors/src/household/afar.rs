//! Channels that another node serves: what is heard for them here is brought there, and what comes of it back.

mod bundle;
mod ear;
mod lending;
mod route;
mod screens;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use dashmap::DashMap;
use waddlebot_runtime::chat::{ChannelKey, Text};
use waddlebot_runtime::gateway::{Answer, Envelope, LinkError, Payload};
use waddlebot_runtime::intake::Ear;
use waddlebot_runtime::peers::Peers;
use waddlebot_runtime::placement::Placement;

use super::Household;
use ear::RemoteEar;

/// How long an errand may take.
const ERRAND: Duration = Duration::from_secs(10);

/// The way to channels and communities that other nodes serve. Cloning shares it.
#[derive(Clone)]
pub struct Afar(Arc<Inner>);

struct Inner {
    household: Household,
    peers: Peers,
    placement: Placement,
    ears: DashMap<ChannelKey, Arc<RemoteEar>>,
    made: AtomicU64,
}

/// Why an errand has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// Nobody has heard of it: try again.
    #[error("{0}")]
    NotBrought(String),
    /// It may have been done.
    #[error("{0}")]
    Unknown(String),
    /// Whoever it was for does not do it.
    #[error("{0}")]
    Refused(String),
}

/// Where an entity is served.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Where {
    /// On this node.
    Here,
    /// By nobody yet, or not any more.
    Nobody,
    /// By another node.
    Node {
        /// Which.
        owner: String,
        /// Under which claim.
        under: String,
        /// Since which change of owner.
        epoch: i64,
    },
}

impl Afar {
    /// The way from this household to others.
    #[must_use]
    pub fn new(household: Household, peers: Peers, placement: Placement) -> Self {
        Self(Arc::new(Inner { household, peers, placement, ears: DashMap::new(), made: AtomicU64::new(0) }))
    }

    /// A channel that another node serves, as a platform sees it.
    pub(super) fn ear(&self, key: &ChannelKey) -> Arc<dyn Ear> {
        let made = || Arc::new(RemoteEar::open(self.clone(), key.clone()));
        let mut entry = self.0.ears.entry(key.clone()).or_insert_with(made);
        if !entry.is_open() {
            *entry = made();
        }
        entry.clone()
    }

    /// The same, if something was brought there lately.
    pub(super) fn known(&self, key: &ChannelKey) -> Option<Arc<dyn Ear>> {
        let ear = self.0.ears.get(key).filter(|ear| ear.is_open())?.clone();
        Some(ear)
    }

    /// Waits until what was heard before for a channel that is served here now has been handed on.
    pub(super) async fn settled(&self, key: &ChannelKey) {
        let closing = self.0.ears.get(key).filter(|ear| !ear.is_open()).map(|ear| ear.clone());
        if let Some(ear) = closing {
            ear.emptied().await;
        }
    }

    fn forget(&self, key: &ChannelKey) {
        self.0.ears.remove_if(key, |_, ear| !ear.is_open());
    }

    /// Has the node that serves an entity do something; its answer.
    ///
    /// # Errors
    /// When nobody else serves it, its node cannot be reached, or refuses.
    pub async fn errand(&self, entity: &str, under: &str, errand: String) -> Result<String, Missed> {
        let served = self.served(under).await.map_err(|error| Missed::NotBrought(error.to_string()))?;
        let Where::Node { owner, under, epoch } = served else {
            return Err(Missed::NotBrought(format!("{entity} is served by no other node now, try again")));
        };
        self.errand_to(&owner, Envelope { entity: entity.to_owned(), under, epoch, id: self.id(), payload: Payload::Errand(errand) }).await
    }

    /// Has a node do something, whatever it serves; its answer.
    ///
    /// # Errors
    /// When it cannot be reached, or refuses.
    pub async fn errand_at(&self, node: &str, errand: String) -> Result<String, Missed> {
        let entity = ChannelKey::new("node", "", node).to_string();
        self.errand_to(node, Envelope { entity, under: String::new(), epoch: 0, id: self.id(), payload: Payload::Errand(errand) }).await
    }

    /// Has every other node do something; those that did not, and why.
    pub async fn errand_everywhere(&self, errand: &str) -> Vec<(String, Missed)> {
        let nodes = self.0.peers.reachable().into_iter().map(|link| link.node);
        let asked = nodes.map(async |node| self.errand_at(&node, errand.to_owned()).await.err().map(|why| (node, why)));
        futures_util::future::join_all(asked).await.into_iter().flatten().collect()
    }

    async fn errand_to(&self, node: &str, envelope: Envelope) -> Result<String, Missed> {
        let link = self.0.peers.link(node).ok_or_else(|| Missed::NotBrought(format!("the node {node} cannot be reached now")))?;
        let brought = link.bring(&envelope).await.map_err(|error| match is_lost(&error) {
            true => Missed::Unknown(error.to_string()),
            false => Missed::NotBrought(error.to_string()),
        })?;
        let not_now = || Missed::NotBrought(format!("the node {node} does not do that now ({:?})", brought.answer));
        let later = brought.outcome.ok_or_else(not_now)?;
        match tokio::time::timeout(ERRAND, later).await {
            Ok(Ok(Answer::Done(answer))) => answer.map_err(Missed::Refused),
            Ok(Ok(other)) => Err(Missed::Unknown(format!("the node {node} answers {other:?}"))),
            Ok(Err(_)) => Err(Missed::Unknown(format!("the connection to the node {node} was lost"))),
            Err(_) => Err(Missed::Unknown(format!("the node {node} did not answer in time"))),
        }
    }

    /// An id unlike any other's: this node, this life, this number.
    fn id(&self) -> String {
        format!("{}.{}", self.0.household.0.on.ids, self.0.made.fetch_add(1, Relaxed))
    }

    fn text_id(&self) -> Text {
        self.id().into()
    }
}

/// Whether a link's failure leaves open whether the envelope arrived.
fn is_lost(error: &LinkError) -> bool {
    matches!(error, LinkError::Silent { .. })
}
