//! Makes room on a node that serves as much as it may: what is idle is given back for what is live, or asked for here.

use waddlebot_runtime::store::StoreError;

use super::Steward;
use crate::node::community_of;

/// How many are given back in one look.
const AT_ONCE: usize = 50;

impl Steward {
    /// Gives back as many communities in which nobody is active as there is that waits for room; none where there is room.
    /// How much of the room is for who was turned away, and asks again.
    pub(super) async fn makes_room(&mut self) -> Result<usize, StoreError> {
        let placement = self.seed.placement.clone();
        if !placement.is_full() {
            return Ok(0);
        }
        let (live, asked) = placement.waiting_for_room().await?;
        let waiting = (live + asked).min(AT_ONCE);
        if waiting == 0 {
            return Ok(0);
        }
        let open = self.seed.household.open_communities().await;
        let is_idle = |entity: &String| community_of(entity).is_some_and(|id| !open.contains(&id));
        let leaders = placement.leaders().await?.into_iter().filter(|leader| !leader.is_live).map(|leader| leader.claim.entity);
        let idle: Vec<_> = leaders.filter(is_idle).take(waiting).collect();
        let ids: Vec<_> = idle.iter().filter_map(|entity| community_of(entity)).collect();
        self.end_many(&ids).await;
        let gone = placement.release_many(&idle).await;
        self.ended_many(&ids);
        tracing::info!(live, asked, given_back = gone?, "this node serves as much as it may, and made room");
        Ok(asked.min(waiting))
    }
}
