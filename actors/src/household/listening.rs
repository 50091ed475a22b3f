//! What collectors outside may listen to: the servers and channels that were activated, in the units they are claimed in.

use std::collections::BTreeMap;

use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::placement::outside::Outside;
use waddlebot_runtime::store::StoreError;

use super::Household;
use crate::collectors;

impl Household {
    /// What collectors claim.
    #[must_use]
    pub fn listeners(&self) -> Outside {
        Outside::new(self.store().clone(), self.world().clock.clone())
    }

    /// Lets collectors claim what was activated of a platform: a channel, or a server with all its channels where the
    /// platform has servers. How many are new.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn populate(&self, platform: &str) -> Result<u64, StoreError> {
        let mut places = BTreeMap::new();
        for one in collectors::servers(self.store(), platform, Some(true)).await? {
            let whole = ChannelKey::new(&one.platform, "", &one.server_id);
            let key = if one.channel.is_empty() { whole.clone() } else { ChannelKey::new(&one.platform, &one.server_id, &one.channel) };
            let has_servers = self.0.on.platforms.of(&key).is_some_and(|platform| platform.has_servers(&key));
            let (key, channel) = if has_servers { (whole, String::new()) } else { (key, one.channel) };
            places.insert(key.to_string(), (one.platform, one.server_id, channel));
        }
        let places: Vec<_> = places.into_iter().map(|(name, (platform, server, channel))| (name, platform, server, channel)).collect();
        self.listeners().populate(&places).await
    }
}
