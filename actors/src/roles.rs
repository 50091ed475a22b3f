//! Who may do what: permissions, what platforms' badges count for, and the role a person has in a channel. Pure.

pub mod audit;
pub mod bulk;
pub mod table;

use std::collections::HashMap;

use foldhash::quality::RandomState;
use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::Role;

/// What may be permitted (spec 01 section 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the name it has in PERMISSIONS")]
pub enum Permission {
    ChatSend,
    ChatDelete,
    CommandsBasic,
    CommandsModerate,
    CommandsAdmin,
    ReputationView,
    ReputationManage,
    UsersTimeout,
    UsersKick,
    UsersWarn,
    UsersBan,
    CommunityAddUser,
    CommunityAddEntity,
    CommunityRemoveUser,
    CommunityManageRoles,
    CommunityManageSettings,
    CommunityInstallModules,
    CommunityDelete,
}

/// Each permission, its name, and the lowest role that has it; `None` is given to nobody.
pub const PERMISSIONS: [(Permission, &str, Option<Role>); 18] = [
    (Permission::ChatSend, "chat.send", Some(Role::Viewer)),
    (Permission::ChatDelete, "chat.delete", None),
    (Permission::CommandsBasic, "commands.basic", Some(Role::Viewer)),
    (Permission::CommandsModerate, "commands.moderate", Some(Role::Moderator)),
    (Permission::CommandsAdmin, "commands.admin", Some(Role::Admin)),
    (Permission::ReputationView, "reputation.view", Some(Role::Viewer)),
    (Permission::ReputationManage, "reputation.manage", Some(Role::Admin)),
    (Permission::UsersTimeout, "users.timeout", Some(Role::Moderator)),
    (Permission::UsersKick, "users.kick", Some(Role::Moderator)),
    (Permission::UsersWarn, "users.warn", Some(Role::Moderator)),
    (Permission::UsersBan, "users.ban", Some(Role::Admin)),
    (Permission::CommunityAddUser, "community.add_user", Some(Role::Moderator)),
    (Permission::CommunityAddEntity, "community.add_entity", Some(Role::Moderator)),
    (Permission::CommunityRemoveUser, "community.remove_user", Some(Role::Admin)),
    (Permission::CommunityManageRoles, "community.manage_roles", Some(Role::Admin)),
    (Permission::CommunityManageSettings, "community.manage_settings", Some(Role::Admin)),
    (Permission::CommunityInstallModules, "community.install_modules", Some(Role::Admin)),
    (Permission::CommunityDelete, "community.delete", Some(Role::Owner)),
];

impl Permission {
    /// Reads a name of [`PERMISSIONS`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        PERMISSIONS.iter().find(|(_, known, _)| *known == name).map(|(permission, ..)| *permission)
    }

    /// Its name in [`PERMISSIONS`].
    #[must_use]
    pub fn name(self) -> &'static str {
        PERMISSIONS.iter().find(|(known, ..)| *known == self).map_or("", |(_, name, _)| name)
    }
}

/// Whether a role has a permission.
#[must_use]
pub fn permits(role: Role, permission: Permission) -> bool {
    PERMISSIONS.iter().any(|(known, _, lowest)| *known == permission && lowest.is_some_and(|lowest| role >= lowest))
}

/// Whether somebody of the role `by` may turn `before` into `after`: only among those below themselves, and an owner all.
#[must_use]
pub fn may_change(by: Role, before: Role, after: Role) -> bool {
    by == Role::Owner || (permits(by, Permission::CommunityManageRoles) && before < by && after < by)
}

/// What each badge of a platform counts for in a community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badges([Role; 6]);

impl Default for Badges {
    fn default() -> Self {
        Self([Role::Viewer, Role::Viewer, Role::Vip, Role::Moderator, Role::Admin, Role::Owner])
    }
}

impl Badges {
    /// The badges that can be set, strongest last: subscriber, vip, moderator, admin, owner (the broadcaster's).
    pub const ALL: [Role; 5] = [Role::Subscriber, Role::Vip, Role::Moderator, Role::Admin, Role::Owner];

    /// What a badge counts for.
    #[must_use]
    pub fn role(&self, badge: Role) -> Role {
        self.0[badge as usize]
    }

    /// Lets a badge count for a role; what everybody has, and a subscriber as a rank, cannot be set.
    pub fn set(&mut self, badge: Role, role: Role) {
        if badge != Role::Viewer && role != Role::Subscriber {
            self.0[badge as usize] = role;
        }
    }
}

/// The role of each of these people, by their id on the platform.
type People = HashMap<String, Role, RandomState>;

/// Everybody in a community who is more, or expressly less, than a viewer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roles {
    /// What badges count for.
    pub badges: Badges,
    community: HashMap<String, People, RandomState>,
    entities: HashMap<String, People, RandomState>,
}

impl Roles {
    /// The role of a person in a channel: the one they have in that channel; else the higher of what their badge
    /// counts for and what they are in the community; else what everybody is in the global community.
    #[must_use]
    pub fn of(&self, entity: &str, platform: &str, user: &str, badge: Role) -> Role {
        let here = self.entities.get(entity).and_then(|people| people.get(user));
        here.copied().unwrap_or_else(|| self.badges.role(badge).max(self.in_community(platform, user)))
    }

    /// What a person is in the community.
    #[must_use]
    pub fn in_community(&self, platform: &str, user: &str) -> Role {
        self.community.get(platform).and_then(|people| people.get(user)).copied().unwrap_or_default()
    }

    /// What a person was made in a channel.
    #[must_use]
    pub fn in_entity(&self, entity: &str, user: &str) -> Option<Role> {
        self.entities.get(entity).and_then(|people| people.get(user)).copied()
    }

    /// Sets what somebody is in the community. A viewer takes no room.
    pub fn set(&mut self, platform: &str, user: &str, role: Option<Role>) {
        put(&mut self.community, platform, user, role.filter(|role| *role != Role::Viewer));
    }

    /// Sets what somebody is in one channel.
    pub fn set_in(&mut self, entity: &str, user: &str, role: Option<Role>) {
        put(&mut self.entities, entity, user, role);
    }

    /// How many people have a role of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.community.values().chain(self.entities.values()).map(HashMap::len).sum()
    }

    /// Whether nobody has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn put(all: &mut HashMap<String, People, RandomState>, group: &str, user: &str, role: Option<Role>) {
    match role {
        Some(role) => drop(all.entry(group.to_owned()).or_default().insert(user.to_owned(), role)),
        None => {
            if let Some(people) = all.get_mut(group) {
                people.remove(user);
                if people.is_empty() {
                    all.remove(group);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
