//! Roles from outside: changed by a community's actor, so that every channel has the change at once.

use std::collections::BTreeMap;

use tokio::sync::oneshot;
use waddlebot_runtime::chat::{CommunityId, Role};

use super::Household;
use crate::community;
use crate::community::roles::{Order, Unchanged};
use crate::roles::Badges;
use crate::roles::table::{Change, Person};

impl Household {
    /// Gives and takes many roles, each community's all or none; says how it went in each.
    pub async fn assign_roles_bulk(
        &self,
        changes: Vec<(CommunityId, Change)>,
        by: &str,
        role: Role,
    ) -> BTreeMap<CommunityId, Result<usize, Unchanged>> {
        let mut communities: BTreeMap<CommunityId, Vec<Change>> = BTreeMap::new();
        for (community, change) in changes {
            communities.entry(community).or_default().push(change);
        }
        let mut done = BTreeMap::new();
        for (community, changes) in communities {
            done.insert(community, self.change_roles(community, changes, by, role).await);
        }
        done
    }

    /// Gives and takes roles in one community: all or none. `role` is that of who asks.
    ///
    /// # Errors
    /// When who asks may not, a channel is not the community's, or it cannot be written now.
    pub async fn change_roles(&self, community: CommunityId, changes: Vec<Change>, by: &str, role: Role) -> Result<usize, Unchanged> {
        self.ordered(community, |reply| Order::Change(changes, by.to_owned(), role, reply)).await
    }

    /// Ends a membership with every role that goes with it. Nobody leaves the global community.
    ///
    /// # Errors
    /// When who asks may not, they are no member, or it cannot be written now.
    pub async fn remove_member(&self, community: CommunityId, who: Person, by: &str, role: Role) -> Result<(), Unchanged> {
        self.ordered(community, |reply| Order::Leave(who, by.to_owned(), role, reply)).await
    }

    /// Says what badges count for in a community.
    ///
    /// # Errors
    /// When it cannot be written now.
    pub async fn set_badges(&self, community: CommunityId, badges: Badges, by: &str) -> Result<(), Unchanged> {
        self.ordered(community, |reply| Order::Badges(badges, by.to_owned(), reply)).await
    }

    async fn ordered<T>(
        &self,
        community: CommunityId,
        order: impl FnOnce(oneshot::Sender<Result<T, Unchanged>>) -> Order,
    ) -> Result<T, Unchanged> {
        let (address, _) = self.community(community).await.map_err(|why| Unchanged::Unavailable(why.to_string()))?;
        let asked = address.ask(|reply| community::Order::Roles(order(reply))).await;
        asked.map_err(|gone| Unchanged::Unavailable(gone.to_string()))?
    }
}
