//! Limits from outside: what a community says about its commands, and who may begin anew.

use waddlebot_runtime::chat::{ChannelKey, CommunityId};

use super::Household;
use crate::limits::Setting;
use crate::{channel, community};

impl Household {
    /// Says how often commands may be used in a community.
    ///
    /// # Errors
    /// When the community cannot be opened, or it cannot be written now.
    pub async fn set_limits(&self, community: CommunityId, settings: Vec<Setting>, by: &str) -> Result<(), String> {
        let (address, _) = self.community(community).await.map_err(|why| why.to_string())?;
        let asked = address.ask(|reply| community::Order::Limits(community::limits::Order::Set(settings, by.to_owned(), reply))).await;
        asked.map_err(|gone| gone.to_string())?
    }

    /// Forgets what was used in a channel: by one person, of one command, or all where they are empty. Says how many counts it was.
    ///
    /// # Errors
    /// When the channel cannot be opened, or it cannot be written now.
    pub async fn forget_uses(&self, channel: &ChannelKey, user: &str, command: &str) -> Result<u64, String> {
        let open = self.local(channel).await.map_err(|why| why.to_string())?;
        let order = |reply| channel::Order::Forget { user: user.to_owned(), command: command.to_owned(), reply };
        open.0.ask(order).await.map_err(|gone| gone.to_string())?
    }
}
