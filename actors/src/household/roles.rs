//! Roles from outside: changed by a community's actor, so that every channel has the change at once.

use std::collections::BTreeMap;

use waddlebot_runtime::chat::{CommunityId, Role};

use super::Household;
use super::changes::Change as Altered;
use crate::community::roles::Unchanged;
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
        let count = self.change(community, Altered::Roles(changes, role), by).await?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// Ends a membership with every role that goes with it. Nobody leaves the global community.
    ///
    /// # Errors
    /// When who asks may not, they are no member, or it cannot be written now.
    pub async fn remove_member(&self, community: CommunityId, who: Person, by: &str, role: Role) -> Result<(), Unchanged> {
        self.change(community, Altered::RemoveMember(who, role), by).await?;
        Ok(())
    }

    /// Says what badges count for in a community.
    ///
    /// # Errors
    /// When it cannot be written now.
    pub async fn set_badges(&self, community: CommunityId, badges: Badges, by: &str) -> Result<(), Unchanged> {
        self.change(community, Altered::Badges(badges), by).await?;
        Ok(())
    }
}
