//! What other nodes say about overlays is done here, and what only another node can do is asked of it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::oneshot;
use waddlebot_runtime::chat::CommunityId;

use super::super::Order;
use super::super::group::{Deed, Group};
use super::super::item::Source;
use super::super::overlays::{Overlays, Placed, ShowError, item_id};
use super::super::relay;
use super::super::tokens::Grant;
use super::{Call, Far, Frames, Handed, Heard, Place, Taken, Way, Went, Word};
use crate::household::afar::Missed;

/// How often an owner is looked for, and the pause between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);
/// How long an actor may take to hear a call.
const HEARS: Duration = Duration::from_secs(4);
/// How long other nodes may take to close the pages of a token.
const REVOKES: Duration = Duration::from_secs(3);

impl Overlays {
    /// Learns the way to overlays that other nodes keep. Without it there are none.
    pub(crate) fn reach(&self, way: Arc<dyn Way>) {
        self.tokens().doubt();
        self.set_way(way);
    }

    /// Does what another node asks for; the answer, or why there is none.
    pub(crate) async fn hear(&self, word: Word) -> Result<String, String> {
        match word {
            Word::Call(call) => written(&self.called(call).await?),
            Word::Frames(frames) => written(&self.frames(frames)),
            Word::Revoked(community, source, floor) => {
                self.tokens().forget_before(Grant { community, source, generation: floor }, floor);
                self.close_before(community, source, floor);
                written(&())
            }
            Word::Show(handed) => {
                let Handed { community, item, key, origin } = *handed;
                let shown = self.show_here(community, item, item_id(&key), origin).await;
                written(&Went::of(&shown))
            }
            Word::Clear(community, source) => written(&self.clear_here(community, source).await.map_err(|error| error.to_string())?),
        }
    }

    async fn called(&self, call: Call) -> Result<Heard, String> {
        let busy = || "the overlay is busy".to_owned();
        let overlay = self.overlay(call.community, call.source).await.map_err(|error| error.to_string())?;
        let (sender, heard) = oneshot::channel();
        overlay.offer(Order::Called(Box::new(call), sender)).map_err(|_| busy())?;
        tokio::time::timeout(HEARS, heard).await.map_err(|_| busy())?.map_err(|_| "the overlay ended".to_owned())
    }

    fn frames(&self, frames: Frames) -> Taken {
        let group = self.known_group(frames.community, frames.source);
        match group.as_ref().and_then(|group| Some((group, group.far()?))) {
            Some((group, far)) => far.frames(group, frames),
            None => Taken::Unwanted,
        }
    }

    /// Looks on at an overlay that another node keeps, for the pages of this one.
    pub(in crate::overlay) fn look_on(&self, group: &Arc<Group>, owner: String, epoch: i64) {
        let Some(way) = self.way() else { return };
        group.set_far(|| Far::open(self, group, way, Place { owner, epoch })).want();
    }

    /// Has the owner show an item.
    pub(in crate::overlay) async fn show_afar(&self, place: Place, handed: Handed) -> Result<Placed, ShowError> {
        let community = handed.community;
        let (item, key, origin) = (handed.item.clone(), item_id(&handed.key), handed.origin.clone());
        let source = handed.item.source();
        let asked = self.asked(community, source, place, Word::Show(Box::new(handed))).await;
        match asked {
            Ok(answer) => serde_json::from_str::<Went>(&answer).map_err(|error| ShowError::Unavailable(error.to_string()))?.told(),
            // It became this node's meanwhile.
            Err(ShowError::Elsewhere { .. }) => self.show_here(community, item, key, origin).await,
            Err(other) => Err(other),
        }
    }

    /// Has the owner take everything off.
    pub(in crate::overlay) async fn clear_afar(&self, community: CommunityId, source: Source, place: Place) -> Result<(), ShowError> {
        match self.asked(community, source, place, Word::Clear(community, source)).await {
            Ok(_) => Ok(()),
            Err(ShowError::Elsewhere { .. }) => self.clear_here(community, source).await,
            Err(other) => Err(other),
        }
    }

    /// Asks the owner, and who becomes it meanwhile. `Elsewhere` when that is this node. What is asked may be asked twice.
    async fn asked(&self, community: CommunityId, source: Source, mut place: Place, word: Word) -> Result<String, ShowError> {
        let mut last = String::new();
        for tried in 0..TRIES {
            if tried > 0 {
                self.clock().sleep(PAUSE).await;
                match self.overlay(community, source).await {
                    Ok(_) => return Err(ShowError::Elsewhere { owner: String::new(), epoch: 0 }),
                    Err(ShowError::Elsewhere { owner, epoch }) => place = Place { owner, epoch },
                    Err(other) => {
                        last = other.to_string();
                        continue;
                    }
                }
            }
            let Some(way) = self.way() else { break };
            match way.to_owner(community, &place, word.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Missed::NotBrought(why) | Missed::Unknown(why) | Missed::Refused(why)) => last = why,
            }
        }
        Err(ShowError::Unavailable(last))
    }

    /// Has every other node close the pages that came with older tokens. One that is not reached sees it in the table.
    pub(in crate::overlay) async fn tell_of_revoked(&self, community: CommunityId, source: Source, floor: i64) {
        let Some(way) = self.way() else { return };
        let told = tokio::time::timeout(REVOKES, way.to_all(Word::Revoked(community, source, floor))).await;
        for (node, why) in told.unwrap_or_default() {
            tracing::warn!(node, %why, community, source = source.name(), "a node was not told of a revoked token: it looks in the table");
        }
    }

    /// Closes the pages whose tokens are no longer good, whoever revoked them.
    pub(in crate::overlay) async fn check_tokens(&self) {
        if self.way().is_none() {
            return;
        }
        let looked_at: Vec<_> = self.groups().iter().filter(|group| group.pages() > 0).map(|group| group.community).collect();
        match self.tokens().floors(&looked_at).await {
            Ok(floors) => {
                for floor in floors {
                    self.tokens().forget_before(floor, floor.generation);
                    self.close_before(floor.community, floor.source, floor.generation);
                }
            }
            Err(error) => tracing::warn!(%error, "it could not be seen which overlay tokens are still good"),
        }
    }

    pub(in crate::overlay) fn close_before(&self, community: CommunityId, source: Source, floor: i64) {
        if let Some(group) = self.known_group(community, source) {
            group.add(Deed::Revoke(floor));
        }
    }

    /// A community is served by this node no longer, or by another one: its pages find it there.
    pub fn released(&self, community: CommunityId) {
        self.set_leaving(community, false);
        self.mend();
    }

    /// Opens what pages wait for.
    pub(in crate::overlay) fn mend(&self) {
        if let Some(relay) = self.relay() {
            relay.send(relay::Order::Mend).ok();
        }
    }
}

fn written<T: Serialize>(answer: &T) -> Result<String, String> {
    serde_json::to_string(answer).map_err(|error| error.to_string())
}
