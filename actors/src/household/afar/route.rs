//! Which node serves an entity, as the database says.

use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::store::StoreError;

use super::super::Household;
use super::{Afar, Where};
use crate::node::community_key;
use crate::registry::{self, Home};

impl Household {
    /// The claim that a channel is served under: that of its community, so that both live on one node.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn claim_of(&self, key: &ChannelKey) -> Result<String, StoreError> {
        Ok(community_key(self.home_of(key).await?.community))
    }

    /// Where a channel belongs. One that is new goes where its server's other channels are, else to the first community.
    pub(in super::super) async fn home_of(&self, key: &ChannelKey) -> Result<Home, StoreError> {
        let on = &self.0.on;
        if let Some(home) = registry::home_of(&on.store, key).await? {
            return Ok(home);
        }
        let now = on.world.clock.now();
        let mut community = registry::home(&on.store, now).await?.id;
        if on.platforms.of(key).is_some_and(|platform| platform.has_servers(key)) {
            let (platform, server) = (key.platform(), key.server());
            if server.is_empty() {
                community = registry::add_group(&on.store, platform, &key.channel(), community, now).await?.community;
            } else if let Some(group) = registry::group(&on.store, platform, &server).await? {
                community = group.community;
            }
        }
        let community = registry::add_channel(&on.store, key, community, now).await?;
        Ok(Home { community, owned: false })
    }
}

impl Afar {
    /// Where a channel is served.
    pub(super) async fn serving(&self, key: &ChannelKey) -> Result<Where, StoreError> {
        let under = self.0.household.claim_of(key).await?;
        self.served(&under).await
    }

    /// Where what stands under a claim is served.
    pub(super) async fn served(&self, under: &str) -> Result<Where, StoreError> {
        if self.0.placement.held_here(under).is_some() {
            return Ok(Where::Here);
        }
        Ok(match self.0.placement.whose(under).await? {
            Some(claim) if self.0.placement.is_mine(&claim) => Where::Here,
            Some(claim) => Where::Node { owner: claim.owner, under: under.to_owned(), epoch: claim.epoch },
            None => Where::Nobody,
        })
    }
}
