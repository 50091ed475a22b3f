//! Commands that run elsewhere, from outside: written by any node, and every community that has them is told at once.

use waddlebot_runtime::chat::{ChannelKey, CommunityId};

use super::Household;
use crate::commands::table::{self, Kept, Wanted};
use crate::commands::{Command, MOST, Refused, check};
use crate::community::commands::{Order, Place, Unsaved};
use crate::outside::Outside;
use crate::{community, node, registry};

impl Household {
    /// Runs what runs elsewhere.
    #[must_use]
    pub fn outside(&self) -> &Outside {
        &self.0.on.outside
    }

    /// Stored commands by name: those of one community and everybody's, or all.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn commands(&self, wanted: Wanted<'_>) -> Result<Vec<Kept>, Unsaved> {
        Ok(table::find(self.store(), self.outside().secret(), wanted).await?)
    }

    /// How many there are of those that [`Household::commands`] gives, whatever the page.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn count_commands(&self, wanted: Wanted<'_>) -> Result<usize, Unsaved> {
        Ok(table::found(self.store(), wanted).await?)
    }

    /// One stored command.
    ///
    /// # Errors
    /// When there is none of this number, or the store is gone.
    pub async fn command(&self, id: i64) -> Result<Kept, Unsaved> {
        table::one(self.store(), self.outside().secret(), id).await?.ok_or(Unsaved::Unknown)
    }

    /// Stores a command, a new one under the number 0; gives its number.
    ///
    /// # Errors
    /// When it may not be saved, is not there, or cannot be written now.
    pub async fn save_command(&self, command: Command, by: &str) -> Result<i64, Unsaved> {
        check(&command)?;
        self.outside().may(&command)?;
        let (secret, now) = (self.outside().secret(), self.world().clock.now());
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
        self.commands_changed(command.community).await;
        Ok(id)
    }

    /// Deletes a command.
    ///
    /// # Errors
    /// When it is not there, or this cannot be written now.
    pub async fn remove_command(&self, id: i64, by: &str) -> Result<Command, Unsaved> {
        let Kept { command, .. } = self.command(id).await?;
        let mut tx = self.store().begin().await?;
        if !table::remove(&mut tx, command.community, id, by, self.world().clock.now()).await? {
            return Err(Unsaved::Unknown);
        }
        tx.commit().await?;
        self.commands_changed(command.community).await;
        Ok(command)
    }

    /// Switches a command on or off in one place: a channel, or a whole community.
    ///
    /// # Errors
    /// When there is no such command or place, or this cannot be written now.
    pub async fn place_command(&self, Place { command, place, on }: Place, by: &str) -> Result<(), Unsaved> {
        let community = self.community_of_place(&place).await?;
        let Kept { command, .. } = self.command(command).await?;
        if !command.is_global() && command.community != community {
            return Err(Refused::Place(place).into());
        }
        let mut tx = self.store().begin().await?;
        table::place_in(&mut tx, command.id, &place, on, by, self.world().clock.now()).await?;
        tx.commit().await?;
        self.commands_changed(community).await;
        Ok(())
    }

    async fn community_of_place(&self, place: &str) -> Result<CommunityId, Unsaved> {
        let unknown = || Unsaved::Refused(Refused::Place(place.chars().take(80).collect()));
        if let Some(id) = place.strip_prefix("community:").and_then(|id| id.parse().ok()) {
            return registry::community(self.store(), id).await?.map(|found| found.id).ok_or_else(unknown);
        }
        let key = ChannelKey::parse(place).ok_or_else(unknown)?;
        registry::community_of(self.store(), &key).await?.ok_or_else(unknown)
    }

    /// Commands of a community changed, or everybody's: tells whoever has them, here and on every other node.
    async fn commands_changed(&self, community: CommunityId) {
        self.reread_commands(community).await;
        self.tell_nodes_of_commands(community).await;
    }

    /// Has the communities that are open here read their commands anew, and waits until they have told their channels.
    pub(super) async fn reread_commands(&self, community: CommunityId) {
        for (id, address) in self.0.on.node.ask(node::Order::Communities).await.unwrap_or_default() {
            if id == community || community == waddlebot_runtime::chat::GLOBAL_COMMUNITY {
                address.ask(|reply| community::Order::Commands(Order::Reread(reply))).await.ok();
            }
        }
    }
}
