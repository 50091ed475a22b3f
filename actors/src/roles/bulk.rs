//! Roles and permissions of many people at once: a handful of statements a batch, never one for each of them.

use std::collections::{BTreeSet, HashMap};

use waddlebot_runtime::chat::{ChannelKey, CommunityId, Millis, Role};
use waddlebot_runtime::store::{Store, StoreError};

use super::table::{self, Person};
use super::{Permission, permits};
use crate::registry;

/// Where a role holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In one channel; a channel that nobody heard of belongs to no community.
    Entity(ChannelKey),
    /// In a whole community.
    Community(CommunityId),
}

/// Somebody somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Their platform.
    pub platform: String,
    /// Their id there.
    pub user: String,
    /// Where.
    pub place: Place,
}

/// The role of each, in the order asked: that of the channel, else that of the community owning it, else what everybody is.
/// What badges say is known in chat only.
///
/// # Errors
/// When the store is gone.
pub async fn get_user_roles_bulk(store: &Store, subjects: &[Subject]) -> Result<Vec<Role>, StoreError> {
    let entities: BTreeSet<&str> = subjects.iter().filter_map(|one| one.entity()).collect();
    let owners = registry::communities_of(store, &entities.iter().copied().collect::<Vec<_>>()).await?;
    let community = |one: &Subject| match &one.place {
        Place::Community(id) => Some(*id),
        Place::Entity(key) => owners.get(key.as_str()).copied(),
    };
    let here: BTreeSet<_> = subjects.iter().filter_map(|one| Some((one.entity()?, one.user.as_str()))).collect();
    let here: HashMap<_, _> = table::in_entities(store, &here.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
    let there: BTreeSet<_> = subjects.iter().filter_map(|one| Some((community(one)?, one.platform.as_str(), one.user.as_str()))).collect();
    let there: HashMap<_, _> = table::in_communities(store, &there.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
    let role = |one: &Subject| {
        let in_entity = one.entity().and_then(|entity| here.get(&(entity.to_owned(), one.user.clone())));
        let in_community = || there.get(&(community(one)?, one.platform.clone(), one.user.clone()));
        in_entity.or_else(in_community).copied().unwrap_or_default()
    };
    Ok(subjects.iter().map(role).collect())
}

/// Whether each may, in the order asked, and the role that decided.
///
/// # Errors
/// When the store is gone.
pub async fn check_permissions_bulk(store: &Store, checks: &[(Subject, Permission)]) -> Result<Vec<(bool, Role)>, StoreError> {
    let subjects: Vec<_> = checks.iter().map(|(subject, _)| subject.clone()).collect();
    let roles = get_user_roles_bulk(store, &subjects).await?;
    Ok(checks.iter().zip(roles).map(|((_, permission), role)| (permits(role, *permission), role)).collect())
}

/// Lets everybody belong to the global community; says how many are new to it.
///
/// # Errors
/// When the store is gone.
pub async fn ensure_users_in_global_community_bulk(store: &Store, people: &[Person], now: Millis) -> Result<u64, StoreError> {
    // The same person under two names is one.
    let mut once: HashMap<(&str, &str), &Person> = HashMap::with_capacity(people.len());
    for who in people {
        once.insert((&who.platform, &who.id), who);
    }
    let mut once: Vec<_> = once.into_values().cloned().collect();
    once.sort();
    let mut tx = store.begin().await?;
    let new = table::join_global(&mut tx, &once, now).await?;
    tx.commit().await?;
    Ok(new)
}

impl Subject {
    fn entity(&self) -> Option<&str> {
        match &self.place {
            Place::Entity(key) => Some(key.as_str()),
            Place::Community(_) => None,
        }
    }
}
