//! Collectors outside, which listen to what nobody else listens to: they claim beside the nodes, and lose it when they fall silent.

use std::collections::BTreeMap;
use std::time::Duration;

use super::FAILURES;
use crate::clock::Clock;
use crate::store::claims::outside;
use crate::store::{Identity, LISTENS, Listened, Listening, Store, StoreError, Told, nodes};

/// Before a collector's name stands that it is no node.
const COLLECTOR: &str = "collector:";

/// What collectors claim. Cloning shares it.
#[derive(Clone)]
pub struct Outside {
    store: Store,
    clock: Clock,
}

/// Why a collector is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Nobody of this name ever claimed anything.
    #[error("no collector of this name has claimed anything")]
    Stranger,
    /// It was silent for too long, and others may have what it held.
    #[error("this collector was silent for too long and holds nothing any more; claim again")]
    Gone,
    /// There is nothing of this name to listen to.
    #[error("there is no such entity to listen to")]
    Unknown,
    /// Another collector listens to it, or nobody does.
    #[error("this collector does not hold this entity (any more)")]
    NotHeld,
    /// Not now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Outside {
    /// What collectors claim in this store.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Lets a collector hold up to `most` things of a platform: what it holds already, and what nobody else listens to.
    /// It counts as gone after `silence`. What is new, by name, and all it holds of that platform.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn claim(
        &self,
        name: &str,
        platform: &str,
        most: usize,
        silence: Duration,
    ) -> Result<(Vec<String>, Vec<Listened>), StoreError> {
        let (now, most) = (self.clock.now(), i64::try_from(most).unwrap_or(i64::MAX));
        let silence = i64::try_from(silence.as_millis()).unwrap_or(i64::MAX);
        let me = nodes::joins(&self.store, &format!("{COLLECTOR}{name}"), silence, most, now).await?;
        let before = i64::try_from(outside::held(&self.store, &me).await?.len()).unwrap_or(i64::MAX);
        let room = most.saturating_sub(before);
        let new = if room > 0 { outside::claim(&self.store, &me, platform, room, now).await? } else { Vec::new() };
        let all = outside::held(&self.store, &me).await?;
        nodes::beats(&self.store, &me, i64::try_from(all.len()).unwrap_or(i64::MAX), now).await?;
        Ok((new.into_iter().map(short).collect(), all))
    }

    /// A collector shows that it lives, unless it only looks; what it holds.
    ///
    /// # Errors
    /// When it is not known, or counts as gone.
    pub async fn beats(&self, name: &str, extends: bool) -> Result<Vec<Listened>, Refused> {
        let me = self.living(name).await?;
        let held = outside::held(&self.store, &me).await?;
        let load = i64::try_from(held.len()).unwrap_or(i64::MAX);
        if extends && !nodes::beats(&self.store, &me, load, self.clock.now()).await? {
            return Err(Refused::Gone);
        }
        Ok(held)
    }

    /// A collector gives back these, or all it holds; what it gave back.
    ///
    /// # Errors
    /// When it is not known, or counts as gone.
    pub async fn release(&self, name: &str, entities: Option<&[String]>) -> Result<Vec<String>, Refused> {
        let me = self.living(name).await?;
        Ok(outside::release(&self.store, &me, entities).await?)
    }

    /// A collector gives back what it found offline, and gets as much in its place: both by name, and all it holds.
    ///
    /// # Errors
    /// When it is not known, or counts as gone.
    pub async fn replace_offline(&self, name: &str) -> Result<(Vec<String>, Vec<String>, Vec<Listened>), Refused> {
        let me = self.living(name).await?;
        let held = outside::held(&self.store, &me).await?;
        let mut offline = BTreeMap::<_, i64>::new();
        for one in held.iter().filter(|one| one.status == "offline") {
            *offline.entry(one.place.0.as_str()).or_default() += 1;
        }
        let (mut new, now) = (Vec::new(), self.clock.now());
        // Before the old are given back, so that they are not among the new.
        for (platform, many) in offline {
            new.extend(outside::claim(&self.store, &me, platform, many, now).await?.into_iter().map(short));
        }
        let gone = outside::release_offline(&self.store, &me).await?;
        let all = outside::held(&self.store, &me).await?;
        nodes::beats(&self.store, &me, i64::try_from(all.len()).unwrap_or(i64::MAX), now).await?;
        Ok((gone, new, all))
    }

    /// A collector tells how something it holds fares.
    ///
    /// # Errors
    /// When it is not known, counts as gone, or does not hold it.
    pub async fn tell(&self, name: &str, entity: &str, told: &Told) -> Result<(), Refused> {
        let me = self.living(name).await?;
        match outside::tell(&self.store, &me, entity, told, self.clock.now()).await? {
            true => Ok(()),
            false => Err(self.absent(entity).await?),
        }
    }

    /// A collector failed at something it holds; how often in a row, and whether it is left alone now.
    ///
    /// # Errors
    /// When it is not known, counts as gone, or does not hold it.
    pub async fn fails(&self, name: &str, entity: &str, why: &str) -> Result<(i64, bool), Refused> {
        let me = self.living(name).await?;
        match outside::fails(&self.store, &me, entity, why, FAILURES, self.clock.now()).await? {
            Some(count) => Ok((count, count >= FAILURES)),
            None => Err(self.absent(entity).await?),
        }
    }

    /// Adds what may be listened to: name, platform, server, channel; how many are new.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn populate(&self, places: &[(String, String, String, String)]) -> Result<u64, StoreError> {
        outside::populate(&self.store, places).await
    }

    /// What is listened to, a page of it, and how much there is.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn list(&self, wanted: Listening<'_>) -> Result<(Vec<Listened>, i64), StoreError> {
        let holder = if wanted.claimed_by.is_empty() { String::new() } else { format!("{COLLECTOR}{}", wanted.claimed_by) };
        outside::list(&self.store, Listening { claimed_by: &holder, ..wanted }).await
    }

    /// How much there is of each collector (empty for none) and state, and how much of it is live.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn counts(&self) -> Result<Vec<(String, String, i64, i64)>, StoreError> {
        let counts = outside::counts(&self.store).await?;
        Ok(counts.into_iter().map(|(who, state, many, live)| (plain(&who).to_owned(), state, many, live)).collect())
    }

    async fn living(&self, name: &str) -> Result<Identity, Refused> {
        match nodes::collector(&self.store, &format!("{COLLECTOR}{name}")).await? {
            None => Err(Refused::Stranger),
            Some((me, state)) if state == "outside" => Ok(me),
            Some(_) => Err(Refused::Gone),
        }
    }

    async fn absent(&self, entity: &str) -> Result<Refused, StoreError> {
        Ok(if outside::is_known(&self.store, entity).await? { Refused::NotHeld } else { Refused::Unknown })
    }
}

fn short(entity: String) -> String {
    entity.strip_prefix(LISTENS).map(str::to_owned).unwrap_or(entity)
}

/// A collector's own name.
#[must_use]
pub fn plain(holder: &str) -> &str {
    holder.strip_prefix(COLLECTOR).unwrap_or(holder)
}
