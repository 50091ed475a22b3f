//! Commands that run elsewhere, from outside: changed by a community's actor, or for everybody; channels have it at once.

use tokio::sync::oneshot;
use waddlebot_runtime::chat::{ChannelKey, CommunityId};

use super::Household;
use crate::commands::table::{self, Kept, Wanted};
use crate::commands::{Command, MOST, Refused, check};
use crate::community::commands::{Order, Place, Unsaved};
use crate::errand::Errands;
use crate::{community, node, registry};

impl Household {
    /// Runs what runs elsewhere.
    #[must_use]
    pub fn errands(&self) -> &Errands {
        &self.0.on.errands
    }

    /// Stored commands by name: those of one community and everybody's, or all.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn commands(&self, wanted: Wanted<'_>) -> Result<Vec<Kept>, Unsaved> {
        Ok(table::find(self.store(), self.errands().secret(), wanted).await?)
    }

    /// One stored command.
    ///
    /// # Errors
    /// When there is none of this number, or the store is gone.
    pub async fn command(&self, id: i64) -> Result<Kept, Unsaved> {
        table::one(self.store(), self.errands().secret(), id).await?.ok_or(Unsaved::Unknown)
    }

    /// Stores a command, a new one under the number 0; gives its number.
    ///
    /// # Errors
    /// When it may not be saved, is not there, or cannot be written now.
    pub async fn save_command(&self, command: Command, by: &str) -> Result<i64, Unsaved> {
        if !command.is_global() {
            return self.told(command.community, |reply| Order::Save(Box::new(command), by.to_owned(), reply)).await;
        }
        check(&command)?;
        self.errands().may(&command)?;
        let (secret, now) = (self.errands().secret(), self.world().clock.now());
        if command.id == 0 && table::total(self.store(), command.community).await? >= MOST {
            return Err(Refused::Many.into());
        }
        let mut tx = self.store().begin().await?;
        let mut id = command.id;
        if id == 0 {
            id = table::add(&mut tx, secret, &command, by, now).await?;
        } else if !table::change(&mut tx, secret, &command, by, now).await? {
            return Err(Unsaved::Unknown);
        }
        tx.commit().await?;
        self.commands_changed().await;
        Ok(id)
    }

    /// Deletes a command.
    ///
    /// # Errors
    /// When it is not there, or this cannot be written now.
    pub async fn remove_command(&self, id: i64, by: &str) -> Result<Command, Unsaved> {
        let Kept { command, .. } = self.command(id).await?;
        if !command.is_global() {
            self.told(command.community, |reply| Order::Remove(id, by.to_owned(), reply)).await?;
            return Ok(command);
        }
        let mut tx = self.store().begin().await?;
        if !table::remove(&mut tx, command.community, id, by, self.world().clock.now()).await? {
            return Err(Unsaved::Unknown);
        }
        tx.commit().await?;
        self.commands_changed().await;
        Ok(command)
    }

    /// Switches a command on or off in one place: a channel, or a whole community.
    ///
    /// # Errors
    /// When there is no such command or place, or this cannot be written now.
    pub async fn place_command(&self, place: Place, by: &str) -> Result<(), Unsaved> {
        let community = self.community_of_place(&place.place).await?;
        let Kept { command, .. } = self.command(place.command).await?;
        if !command.is_global() && command.community != community {
            return Err(Refused::Place(place.place).into());
        }
        self.told(community, |reply| Order::Place(place, by.to_owned(), reply)).await
    }

    async fn community_of_place(&self, place: &str) -> Result<CommunityId, Unsaved> {
        let unknown = || Unsaved::Refused(Refused::Place(place.chars().take(80).collect()));
        if let Some(id) = place.strip_prefix("community:").and_then(|id| id.parse().ok()) {
            return registry::community(self.store(), id).await?.map(|found| found.id).ok_or_else(unknown);
        }
        let key = ChannelKey::parse(place).ok_or_else(unknown)?;
        registry::community_of(self.store(), &key).await?.ok_or_else(unknown)
    }

    /// Everybody's commands changed: tells every community that is open on this node.
    pub async fn commands_changed(&self) {
        for address in self.0.on.node.ask(node::Order::Communities).await.unwrap_or_default() {
            address.send(community::Order::Commands(Order::Reread)).ok();
        }
    }

    async fn told<T>(
        &self,
        community: CommunityId,
        order: impl FnOnce(oneshot::Sender<Result<T, Unsaved>>) -> Order,
    ) -> Result<T, Unsaved> {
        let (address, _) = self.community(community).await.map_err(|why| Unsaved::Unavailable(why.to_string()))?;
        let asked = address.ask(|reply| community::Order::Commands(order(reply))).await;
        asked.map_err(|gone| Unsaved::Unavailable(gone.to_string()))?
    }
}
