//! Limits from outside: what a community says about its commands, and who may begin anew.

use waddlebot_runtime::chat::{ChannelKey, CommunityId};

use super::Household;
use super::changes::Change;
use crate::limits::Setting;

impl Household {
    /// Says how often commands may be used in a community.
    ///
    /// # Errors
    /// When the community cannot be opened or reached, or it cannot be written now.
    pub async fn set_limits(&self, community: CommunityId, settings: Vec<Setting>, by: &str) -> Result<(), String> {
        self.change(community, Change::Limits(settings), by).await?;
        Ok(())
    }

    /// Forgets what was used in a channel: by one person, of one command, or all where they are empty. Says how many counts it was.
    ///
    /// # Errors
    /// When the channel cannot be opened or reached, or it cannot be written now.
    pub async fn forget_uses(&self, channel: &ChannelKey, user: &str, command: &str) -> Result<u64, String> {
        let community = self.home_of(channel).await.map_err(|error| error.to_string())?.community;
        let change = Change::ForgetUses(channel.clone(), user.to_owned(), command.to_owned());
        Ok(self.change(community, change, "").await?.unsigned_abs())
    }
}
