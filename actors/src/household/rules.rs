//! String rules from outside: changed by a community's actor, so that every channel has the change at once.

use waddlebot_runtime::chat::CommunityId;

use super::Household;
use super::changes::Change;
use crate::community::rules::Unsaved;
use crate::rules::history::Erased;
use crate::rules::{Rule, Settings};

impl Household {
    /// Stores a rule, a new one under the number 0; gives its number.
    ///
    /// # Errors
    /// When it may not be saved, is not there, or cannot be written now.
    pub async fn save_rule(&self, community: CommunityId, rule: Rule, by: &str) -> Result<i64, Unsaved> {
        Ok(self.change(community, Change::SaveRule(Box::new(rule)), by).await?)
    }

    /// Deletes a rule.
    ///
    /// # Errors
    /// When it is not there, or this cannot be written now.
    pub async fn remove_rule(&self, community: CommunityId, id: i64, by: &str) -> Result<(), Unsaved> {
        self.change(community, Change::RemoveRule(id), by).await?;
        Ok(())
    }

    /// Sets whether chat is kept, for how long, and where moderators are told.
    ///
    /// # Errors
    /// When it may not be, or cannot be written now.
    pub async fn set_rules(&self, community: CommunityId, settings: Settings, by: &str) -> Result<(), Unsaved> {
        self.change(community, Change::SetRules(settings), by).await?;
        Ok(())
    }

    /// Erases kept chat; says how many lines it was.
    ///
    /// # Errors
    /// When it cannot be written now.
    pub async fn erase_chat(&self, community: CommunityId, what: Erased) -> Result<u64, Unsaved> {
        Ok(self.change(community, Change::EraseChat(what), "").await?.unsigned_abs())
    }
}
