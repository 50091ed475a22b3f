//! Overlays across nodes: how what one node says about them reaches another.

use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::gateway::{Envelope, Payload};
use waddlebot_runtime::platform::Boxed;

use super::{Afar, Missed};
use crate::household::Household;
use crate::household::errands::Errand;
use crate::node::community_key;
use crate::overlay::Overlays;
use crate::overlay::across::{Place, Way, Word};

fn written(word: Word) -> Result<String, Missed> {
    serde_json::to_string(&Errand::Overlay(word)).map_err(|error| Missed::Refused(error.to_string()))
}

impl Way for Afar {
    fn me(&self) -> String {
        self.0.placement.here().node_id().to_owned()
    }

    fn reaches(&self, node: &str) -> bool {
        self.0.peers.link(node).is_some()
    }

    fn to_owner<'a>(&'a self, community: CommunityId, at: &'a Place, word: Word) -> Boxed<'a, Result<String, Missed>> {
        Box::pin(async move {
            let under = community_key(community);
            let payload = Payload::Errand(written(word)?);
            self.errand_to(&at.owner, Envelope { entity: under.clone(), under, epoch: at.epoch, id: self.id(), payload }).await
        })
    }

    fn to_node<'a>(&'a self, node: &'a str, word: Word) -> Boxed<'a, Result<String, Missed>> {
        Box::pin(async move { self.errand_at(node, written(word)?).await })
    }

    fn to_all(&self, word: Word) -> Boxed<'_, Vec<(String, Missed)>> {
        Box::pin(async move {
            match written(word) {
                Ok(errand) => self.errand_everywhere(&errand).await,
                Err(_) => Vec::new(),
            }
        })
    }
}

impl Household {
    /// Learns of this node's overlays, so that other nodes reach them, and they other nodes.
    pub fn show_on(&self, overlays: &Overlays) {
        let Some(afar) = self.0.afar.get() else { return };
        if self.0.overlays.set(overlays.clone()).is_ok() {
            overlays.reach(std::sync::Arc::new(afar.clone()));
        }
    }

    /// Does what another node asks about overlays.
    pub(in crate::household) async fn heard_of_overlays(&self, word: Word) -> Result<String, String> {
        match self.0.overlays.get() {
            Some(overlays) => overlays.hear(word).await,
            None => Err("this node has no overlays yet".into()),
        }
    }
}
