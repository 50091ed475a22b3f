//! String rules from outside: changed by a community's actor, so that every channel has the change at once.

use tokio::sync::oneshot;
use waddlebot_runtime::chat::CommunityId;

use super::Household;
use crate::community;
use crate::community::rules::{Order, Unsaved};
use crate::rules::history::Erased;
use crate::rules::{Rule, Settings};

impl Household {
    /// Stores a rule, a new one under the number 0; gives its number.
    ///
    /// # Errors
    /// When it may not be saved, is not there, or cannot be written now.
    pub async fn save_rule(&self, community: CommunityId, rule: Rule, by: &str) -> Result<i64, Unsaved> {
        self.rules(community, |reply| Order::Save(Box::new(rule), by.to_owned(), reply)).await
    }

    /// Deletes a rule.
    ///
    /// # Errors
    /// When it is not there, or this cannot be written now.
    pub async fn remove_rule(&self, community: CommunityId, id: i64, by: &str) -> Result<(), Unsaved> {
        self.rules(community, |reply| Order::Remove(id, by.to_owned(), reply)).await
    }

    /// Sets whether chat is kept, for how long, and where moderators are told.
    ///
    /// # Errors
    /// When it may not be, or cannot be written now.
    pub async fn set_rules(&self, community: CommunityId, settings: Settings, by: &str) -> Result<(), Unsaved> {
        self.rules(community, |reply| Order::Set(settings, by.to_owned(), reply)).await
    }

    /// Erases kept chat; says how many lines it was.
    ///
    /// # Errors
    /// When it cannot be written now.
    pub async fn erase_chat(&self, community: CommunityId, what: Erased) -> Result<u64, Unsaved> {
        self.rules(community, |reply| Order::Erase(what, reply)).await
    }

    async fn rules<T>(
        &self,
        community: CommunityId,
        order: impl FnOnce(oneshot::Sender<Result<T, Unsaved>>) -> Order,
    ) -> Result<T, Unsaved> {
        let (address, _) = self.community(community).await.map_err(|why| Unsaved::Unavailable(why.to_string()))?;
        let asked = address.ask(|reply| community::Order::Rules(order(reply))).await;
        asked.map_err(|gone| Unsaved::Unavailable(gone.to_string()))?
    }
}
