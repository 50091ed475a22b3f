//! How many outside run at once: of the whole node, of one community, and how many may wait.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use waddlebot_runtime::chat::CommunityId;

use super::Limits;

/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many may wait for each that runs.
const WAITING: usize = 10;
/// So many communities are remembered before those that run nothing are forgotten.
const REMEMBERED: usize = 10_000;

/// The room for outside.
pub(super) struct Room {
    all: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    communities: DashMap<CommunityId, Arc<Semaphore>>,
    of_community: usize,
    patience: Duration,
}

/// A place in the room, until it is dropped.
pub(super) struct Place {
    _community: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new(limits: Limits) -> Self {
        let at_once = limits.at_once.max(1);
        let waiting = Arc::new(Semaphore::new(at_once * WAITING));
        let (all, of_community) = (Arc::new(Semaphore::new(at_once)), limits.of_community.max(1));
        Self { all, waiting, communities: DashMap::new(), of_community, patience: PATIENCE }
    }

    /// A place, waited for a while; `None` when there is none.
    pub(super) async fn enter(&self, community: CommunityId) -> Option<Place> {
        let _queue = self.waiting.clone().try_acquire_owned().ok()?;
        if self.communities.len() >= REMEMBERED {
            self.communities.retain(|_, own| own.available_permits() < self.of_community);
        }
        let own = self.communities.entry(community).or_insert_with(|| Arc::new(Semaphore::new(self.of_community))).clone();
        let all = self.all.clone();
        let both = async {
            // The community's own first: a busy one does not hold places it cannot use.
            let community = own.acquire_owned().await.ok()?;
            Some(Place { _community: community, _all: all.acquire_owned().await.ok()? })
        };
        tokio::time::timeout(self.patience, both).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_community_waits_for_itself_and_leaves_room_for_others() {
        let room = Room { patience: Duration::from_millis(20), ..Room::new(Limits { at_once: 3, of_community: 2 }) };
        let (first, _second) = (room.enter(1).await.expect("room"), room.enter(1).await.expect("room"));
        assert!(room.enter(1).await.is_none(), "nobody left in time");
        let _other = room.enter(2).await.expect("another community has room");
        assert!(room.enter(3).await.is_none(), "the node is full");
        drop(first);
        assert!(room.enter(3).await.is_some());
    }
}
