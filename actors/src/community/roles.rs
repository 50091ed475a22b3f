//! A community's roles, as its actor keeps them: changed one batch at a time, told to every channel at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Fault, Me};
use waddlebot_runtime::chat::{ChannelKey, Millis, Role};
use waddlebot_runtime::store::StoreError;

use super::Seed;
use crate::registry;
use crate::roles::audit::{self, RoleChange};
use crate::roles::table::{self, Change, Person};
use crate::roles::{Badges, Roles, may_change};

/// What a community is told about its people.
pub enum Order {
    /// Change these roles, on whose word and with which role of theirs. Answers how many were changed: all or none.
    Change(Vec<Change>, String, Role, oneshot::Sender<Result<usize, Unchanged>>),
    /// Somebody goes, with every role they have here; on whose word and with which role of theirs.
    Leave(Person, String, Role, oneshot::Sender<Result<(), Unchanged>>),
    /// What badges count for from now on, on whose word.
    Badges(Badges, String, oneshot::Sender<Result<(), Unchanged>>),
    /// People were seen acting in a channel.
    Seen(Seen),
    /// Write down who was seen.
    Flush,
}

/// Who was seen in a channel since the last time.
#[derive(Debug, Default)]
pub struct Seen {
    /// Those that are new there.
    pub people: Vec<Person>,
    /// The very first one, in a channel that had none.
    pub first: Option<(ChannelKey, Person)>,
}

/// Why roles were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Unchanged {
    /// Who asked may not do that to this person.
    #[error("a role of {0}'s may not be changed by somebody of the role {1}")]
    Denied(String, Role),
    /// They do not belong to the community.
    #[error("they are no member of this community")]
    Unknown,
    /// A channel that is not this community's.
    #[error("{0} is no channel of this community")]
    Elsewhere(String),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for Unchanged {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Who was seen is written after this long.
const BATCH: Duration = Duration::from_secs(2);
/// So many are remembered as written down; then all are written again.
const REMEMBERED: usize = 50_000;
/// More than this many do not wait for a store that is slow; the next who speak are noted then.
const WAITING: usize = 100_000;

/// The roles of one community, and who was seen in it.
#[derive(Default)]
pub(super) struct Keeper {
    roles: Arc<Roles>,
    waiting: HashMap<(String, String), Person>,
    first: Vec<(ChannelKey, Person)>,
    known: std::collections::HashSet<(String, String)>,
    seen_at: Millis,
    armed: bool,
}

impl Keeper {
    pub(super) async fn open(seed: &Seed) -> Result<Self, Fault> {
        Ok(Self { roles: Arc::new(table::load(&seed.store, seed.registered.id).await?), ..Self::default() })
    }

    /// The roles as channels get them.
    pub(super) fn roles(&self) -> &Arc<Roles> {
        &self.roles
    }

    /// Does what was ordered; says whether channels must be told.
    pub(super) async fn handle(&mut self, order: Order, seed: &Seed, me: &Me<super::Order>) -> bool {
        let now = me.clock().now();
        match order {
            Order::Change(changes, by, role, reply) => told(self.change(changes, (&by, role), seed, now).await, reply),
            Order::Leave(who, by, role, reply) => told(self.leave(&who, (&by, role), seed, now).await, reply),
            Order::Badges(badges, _, reply) => told(self.badges(badges, seed).await, reply),
            Order::Seen(seen) => {
                self.saw(seen);
                self.seen_at = now;
                if !(self.armed || self.waiting.is_empty() && self.first.is_empty()) {
                    self.armed = true;
                    me.later(BATCH, super::Order::Roles(Order::Flush));
                }
                false
            }
            Order::Flush => {
                self.armed = false;
                self.flush(seed).await;
                false
            }
        }
    }

    async fn change(&mut self, changes: Vec<Change>, by: (&str, Role), seed: &Seed, now: Millis) -> Result<usize, Unchanged> {
        let count = changes.len();
        // Of two about the same the later one holds.
        let mut once: HashMap<(Option<String>, String, String), Change> = HashMap::with_capacity(count);
        for one in changes {
            once.insert((one.entity.clone(), one.who.platform.clone(), one.who.id.clone()), one);
        }
        let once: Vec<_> = once.into_values().collect();
        let entities: Vec<_> = once.iter().filter_map(|one| one.entity.as_deref()).collect();
        let owners = registry::communities_of(&seed.store, &entities).await?;
        let mut roles = (*self.roles).clone();
        let mut audited = Vec::new();
        for one in &once {
            let Person { platform, id, .. } = &one.who;
            let before = match &one.entity {
                Some(entity) if owners.get(entity) != Some(&seed.registered.id) => return Err(Unchanged::Elsewhere(entity.clone())),
                Some(entity) => roles.in_entity(entity, id).unwrap_or_default().max(roles.in_community(platform, id)),
                None => roles.in_community(platform, id),
            };
            if !may_change(by.1, before, one.role.unwrap_or_default()) {
                return Err(Unchanged::Denied(if one.who.name.is_empty() { id.clone() } else { one.who.name.clone() }, by.1));
            }
            let given = match &one.entity {
                Some(entity) => roles.in_entity(entity, id),
                // Who was given none is a member like any other.
                None => Some(before),
            };
            let after = if one.entity.is_none() { Some(one.role.unwrap_or_default()) } else { one.role };
            if given != after {
                let (who, entity) = (one.who.clone(), one.entity.clone());
                audited.push(RoleChange { who, entity, before: given, after, left: false, by: by.0.to_owned(), at: now });
            }
            match &one.entity {
                Some(entity) => roles.set_in(entity, id, one.role),
                None => roles.set(platform, id, one.role),
            }
        }
        let mut tx = seed.store.begin_fenced(&seed.claim).await?;
        table::change(&mut tx, seed.registered.id, &once, (by.0, now)).await?;
        audit::record(&mut tx, seed.registered.id, &audited, now).await?;
        tx.into_inner().commit().await?;
        self.roles = Arc::new(roles);
        Ok(count)
    }

    async fn leave(&mut self, who: &Person, by: (&str, Role), seed: &Seed, now: Millis) -> Result<(), Unchanged> {
        let before = self.roles.in_community(&who.platform, &who.id);
        if !may_change(by.1, before, Role::Viewer) {
            return Err(Unchanged::Denied(who.id.clone(), by.1));
        }
        let mut tx = seed.store.begin_fenced(&seed.claim).await?;
        let belonged = table::leave(&mut tx, seed.registered.id, &who.platform, &who.id).await?;
        if belonged {
            let gone =
                RoleChange { who: who.clone(), entity: None, before: Some(before), after: None, left: true, by: by.0.into(), at: now };
            audit::record(&mut tx, seed.registered.id, &[gone], now).await?;
        }
        tx.into_inner().commit().await?;
        self.roles = Arc::new(table::load(&seed.store, seed.registered.id).await?);
        if belonged { Ok(()) } else { Err(Unchanged::Unknown) }
    }

    async fn badges(&mut self, badges: Badges, seed: &Seed) -> Result<(), Unchanged> {
        let mut tx = seed.store.begin_fenced(&seed.claim).await?;
        table::set_badges(&mut tx, seed.registered.id, &badges).await?;
        tx.into_inner().commit().await?;
        Arc::make_mut(&mut self.roles).badges = badges;
        Ok(())
    }

    fn saw(&mut self, seen: Seen) {
        self.first.extend(seen.first);
        for who in seen.people {
            let key = (who.platform.clone(), who.id.clone());
            if self.waiting.len() < WAITING && !self.known.contains(&key) {
                self.waiting.insert(key, who);
            }
        }
    }

    /// Writes down who was seen: everybody belongs to the global community from then on.
    pub(super) async fn flush(&mut self, seed: &Seed) {
        if self.waiting.is_empty() && self.first.is_empty() {
            return;
        }
        let mut people: Vec<_> = self.waiting.values().cloned().collect();
        // Two nodes that write the same people at once take them in one order.
        people.sort();
        let written = async {
            let mut tx = seed.store.begin().await?;
            table::join_global(&mut tx, &people, self.seen_at).await?;
            for (channel, who) in &self.first {
                registry::set_owner(&mut tx, channel.as_str(), (&who.id, &who.name)).await?;
            }
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(community = seed.registered.id, %error, people = people.len(), "who was seen was not written down");
            return;
        }
        if self.known.len() + self.waiting.len() > REMEMBERED {
            self.known.clear();
        }
        self.known.extend(self.waiting.drain().map(|(key, _)| key));
        self.first.clear();
    }
}

fn told<T>(done: Result<T, Unchanged>, reply: oneshot::Sender<Result<T, Unchanged>>) -> bool {
    let changed = done.is_ok();
    reply.send(done).ok();
    changed
}

#[cfg(test)]
mod tests;
