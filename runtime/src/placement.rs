//! Who serves what: takes claims for this node, gives them back, hands them over.

mod airing;
pub mod choice;
mod crowded;
mod group;
pub mod ledger;
mod left;
mod near;
pub mod outside;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::gate::Shut;
use crate::membership::{Here, belief};
use crate::platform::Boxed;
use crate::store::{Claim, Identity, Store, StoreError, claims, nodes};

/// Why an entity is not this node's to serve.
#[derive(Debug, thiserror::Error)]
pub enum Unclaimed {
    /// Another node serves it: send it there.
    #[error("{entity} is served by the node {owner}")]
    Elsewhere {
        /// The entity.
        entity: String,
        /// The node that serves it.
        owner: String,
        /// Since which change of owner.
        epoch: i64,
    },
    /// It failed too often: a person must look at it, or the house be started anew.
    #[error("{entity} failed too often and is left alone ({why})")]
    Failed {
        /// The entity.
        entity: String,
        /// What went wrong last.
        why: String,
    },
    /// This node serves as much as it may.
    #[error("this node serves {0} channels and communities already, which is its most (node.max_claims)")]
    Full(usize),
    /// This node may not act now.
    #[error(transparent)]
    Shut(#[from] Shut),
    /// The store is gone.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives claims on entities.
pub trait Claims: Send + Sync + 'static {
    /// The claim on an entity, taken when nobody who lives holds it.
    fn claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Result<Claim, Unclaimed>>;

    /// The same for an entity that is to live beside another, whose claim is held.
    fn claim_beside<'a>(&'a self, entity: &'a str, beside: &'a str) -> Boxed<'a, Result<Claim, Unclaimed>> {
        let _ = beside;
        self.claim(entity)
    }

    /// The stream of an entity that lives beside another is on air, or not any more; how many watch.
    fn airs(&self, entity: &str, beside: &str, is_live: bool, viewers: i64) {
        let _ = (entity, beside, is_live, viewers);
    }

    /// What lives beside an entity, whose claim is held, is heard through this connection: best by the node that holds it.
    fn lives_near(&self, entity: &str, connection: &str) {
        let _ = (entity, connection);
    }

    /// The actor that acted under a claim failed. The third time in a row, or when nobody will open
    /// it again (`last`), the entity is given back as failed.
    fn failed<'a>(&'a self, entity: &'a str, why: &'a str, last: bool) -> Boxed<'a, ()> {
        let _ = (entity, why, last);
        Box::pin(async {})
    }
}

/// How often in a row an entity's actor may fail.
const FAILURES: i64 = 3;
/// How long who wants a claim waits for a frozen node.
const PATIENCE: Duration = Duration::from_secs(5);
/// What taking a claim may take.
const NEED: Duration = Duration::from_millis(200);

/// The claims of this node. Cloning shares them.
#[derive(Clone)]
pub struct Placement(Arc<Inner>);

struct Inner {
    here: Here,
    store: Store,
    clock: Clock,
    most: usize,
    held: DashMap<String, Claim>,
    /// The incarnation that holds them.
    life: AtomicI64,
    /// Who is taking what: two who want the same claim at once must not outrun each other.
    taking: DashMap<String, Arc<Mutex<()>>>,
    /// What lives beside what, as far as it was claimed so.
    beside: DashMap<String, String>,
    /// Epochs that were given away: whatever the rows say, they are never taken up again.
    given: DashMap<String, i64>,
    airing: airing::Airing,
    /// The answer to a statement was lost, or a life is new: the rows may know of claims that are not among those held.
    unsure: AtomicBool,
    learns: AtomicU64,
    /// How much was asked for here, and there was no room.
    turned_away: AtomicUsize,
}

impl Placement {
    /// The claims of this node, `most` at a time.
    #[must_use]
    pub fn new(here: Here, store: Store, clock: Clock, most: usize) -> Self {
        let (held, given, taking, beside) = (DashMap::new(), DashMap::new(), DashMap::new(), DashMap::new());
        Self(Arc::new(Inner {
            here,
            store,
            clock,
            most,
            held,
            life: AtomicI64::new(0),
            taking,
            beside,
            given,
            airing: airing::Airing::default(),
            unsure: AtomicBool::new(true),
            learns: AtomicU64::new(1),
            turned_away: AtomicUsize::new(0),
        }))
    }

    /// What this node holds in its present life.
    #[must_use]
    pub fn held(&self) -> Vec<Claim> {
        let Some(me) = self.0.here.identity() else { return Vec::new() };
        self.0.held.iter().filter(|claim| claim.incarnation == me.incarnation).map(|claim| claim.clone()).collect()
    }

    /// How many claims this node holds.
    #[must_use]
    pub fn load(&self) -> usize {
        self.0.held.len()
    }

    /// The claim this node knows that it holds in its present life, without asking anybody.
    #[must_use]
    pub fn held_here(&self, entity: &str) -> Option<Claim> {
        let me = self.0.here.identity()?;
        self.0.held.get(entity).filter(|claim| claim.incarnation == me.incarnation).map(|claim| claim.clone())
    }

    /// Whether a claim is this node's in its present life.
    #[must_use]
    pub fn is_mine(&self, claim: &Claim) -> bool {
        self.0.here.identity().is_some_and(|me| claim.owner == me.node_id && claim.incarnation == me.incarnation)
    }

    /// The claim on an entity: the one that is held, or taken when nobody who lives holds it.
    ///
    /// # Errors
    /// When another node serves it, it failed too often, or this node may serve no more.
    pub async fn claim(&self, entity: &str) -> Result<Claim, Unclaimed> {
        self.claim_beside(entity, "").await
    }

    /// The same for an entity that is to live beside another, or beside none when that is empty.
    ///
    /// # Errors
    /// As [`Placement::claim`].
    pub async fn claim_beside(&self, entity: &str, beside: &str) -> Result<Claim, Unclaimed> {
        let turn = self.0.taking.entry(entity.to_owned()).or_default().clone();
        let claim = {
            let _turn = turn.lock().await;
            self.claim_alone(entity, beside).await
        };
        if claim.is_ok() && !beside.is_empty() {
            self.0.beside.insert(entity.to_owned(), beside.to_owned());
        }
        drop(turn);
        self.0.taking.remove_if(entity, |_, turn| Arc::strong_count(turn) == 1);
        claim
    }

    async fn claim_alone(&self, entity: &str, beside: &str) -> Result<Claim, Unclaimed> {
        let inner = &self.0;
        // Twice: somebody may take it between the look and the take, and then it is known who.
        for _ in 0..2 {
            let me = self.acting().await?;
            let row = claims::holding(&inner.store, entity).await?;
            let given = inner.given.get(entity).map(|epoch| *epoch);
            let (epoch, mut own) = (row.as_ref().map_or(0, |row| row.epoch), false);
            if let Some(row) = row {
                if row.status == "error" {
                    let why = row.error_message.unwrap_or_else(|| "nobody wrote down why".into());
                    return Err(Unclaimed::Failed { entity: entity.to_owned(), why });
                }
                let mine = |claim: &Claim| claim.owner == me.node_id && claim.incarnation == me.incarnation;
                match row.claim {
                    // Given away, but the row does not say so (yet): only a new epoch outruns what is under way.
                    Some(claim) if mine(&claim) && given.is_some_and(|given| claim.epoch <= given) => own = true,
                    Some(claim) if mine(&claim) => return Ok(self.keep(claim)),
                    Some(claim) if row.alive => {
                        self.forget(entity);
                        return Err(Unclaimed::Elsewhere { entity: claim.entity, owner: claim.owner, epoch: claim.epoch });
                    }
                    _ => {}
                }
            }
            if !inner.held.contains_key(entity) && inner.held.len() >= inner.most {
                inner.turned_away.fetch_add(1, Ordering::AcqRel);
                return Err(Unclaimed::Full(inner.most));
            }
            let took = claims::take_one(&inner.store, &me, (entity, beside), epoch, own, inner.clock.now()).await;
            if let Some(claim) = took.inspect_err(|_| self.unsure())? {
                tracing::debug!(entity, epoch = claim.epoch, "claimed");
                return Ok(self.keep(claim));
            }
        }
        Err(StoreError::Lost(format!("the claim on {entity} changes hands, try again")).into())
    }

    /// Who serves an entity, as the database says: the claim of an owner that lives.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn whose(&self, entity: &str) -> Result<Option<Claim>, StoreError> {
        let row = claims::holding(&self.0.store, entity).await?;
        Ok(row.filter(|row| row.alive).and_then(|row| row.claim))
    }

    /// Takes up to `room` entities that nobody who lives holds; what others are nearer to only if `all`.
    async fn take_some(&self, room: usize, all: bool) -> Result<Vec<Claim>, Unclaimed> {
        let inner = &self.0;
        let me = self.acting().await?;
        let room = room.min(inner.most.saturating_sub(inner.held.len()));
        if room == 0 {
            return Ok(Vec::new());
        }
        let room = i64::try_from(room).unwrap_or(i64::MAX);
        let taken = claims::take_some(&inner.store, &me, room, all, inner.clock.now()).await;
        let mut taken = taken.inspect_err(|_| self.unsure())?;
        taken.sort_by(|(_, one), (_, other)| choice::sooner(one, other));
        Ok(taken.into_iter().map(|(claim, demand)| self.keep_beside(claim, demand.beside)).collect())
    }

    /// How many entities nobody serves that this node might.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn untaken(&self) -> Result<usize, StoreError> {
        let Some(me) = self.0.here.identity() else { return Ok(0) };
        Ok(usize::try_from(claims::untaken(&self.0.store, &me).await?).unwrap_or(0))
    }

    /// How many claims would be this node's fair share of what all living nodes hold, and of so many more.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn fair_share(&self, more: usize) -> Result<usize, StoreError> {
        let (capacity, load) = nodes::totals(&self.0.store).await?;
        Ok(choice::fair_share(usize::try_from(load).unwrap_or(0) + more, self.0.most, usize::try_from(capacity).unwrap_or(0)))
    }

    /// Gives an entity back. Its actor must have ended. `false` when it was not held.
    ///
    /// # Errors
    /// When the store is gone: whether it was given back is not known then, and it counts as given away.
    pub async fn release(&self, entity: &str) -> Result<bool, StoreError> {
        self.release_with(entity, "").await
    }

    /// Hands an entity to another node. Its actor must have ended. The claim as the other node has
    /// it now; `None` when it was not held any more or the other node does not live.
    ///
    /// # Errors
    /// When the store is gone: whether it was handed over is not known then, and it counts as given away.
    pub async fn hand_over(&self, entity: &str, to: &Identity) -> Result<Option<Claim>, StoreError> {
        match self.give(entity) {
            Some(claim) => claims::hand_over(&self.0.store, &claim, to, self.0.clock.now()).await,
            None => Ok(None),
        }
    }

    /// Notes a failure of an entity's actor. Whether the entity was given back as failed.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn fails(&self, entity: &str, why: &str, last: bool) -> Result<bool, StoreError> {
        let Some(claim) = self.held_here(entity) else { return Ok(false) };
        let over = claims::failed(&self.0.store, &claim, why, FAILURES, last, self.0.clock.now()).await?;
        if over {
            self.give(entity);
            tracing::error!(entity, why, "failed too often and is left alone");
        }
        Ok(over)
    }

    /// This node's identity, once it may act.
    async fn acting(&self) -> Result<Identity, Unclaimed> {
        self.0.here.gate().wait(NEED, PATIENCE).await?;
        let me = self.0.here.identity().ok_or(Shut::Surrendered)?;
        if self.0.life.swap(me.incarnation, Ordering::AcqRel) != me.incarnation {
            // What an earlier life held is not held, and what it gave away is out of reach.
            self.0.held.retain(|_, held| held.incarnation == me.incarnation);
            self.0.given.clear();
            self.unsure();
            self.0.beside.clear();
        }
        Ok(me)
    }

    /// Keeps it, and what it goes with when it is handed over.
    fn keep_beside(&self, claim: Claim, beside: String) -> Claim {
        if !beside.is_empty() {
            self.0.beside.insert(claim.entity.clone(), beside);
        }
        self.keep(claim)
    }

    fn keep(&self, claim: Claim) -> Claim {
        let now = self.0.clock.since_boot();
        let before = self.0.held.insert(claim.entity.clone(), claim.clone());
        if before.as_ref() != Some(&claim) {
            belief::holds(now, &claim);
        }
        self.count();
        claim
    }

    fn forget(&self, entity: &str) -> Option<Claim> {
        let held = self.0.held.remove(entity).map(|(_, claim)| claim);
        if let Some(claim) = &held {
            belief::lets_go(self.0.clock.since_boot(), claim);
        }
        self.count();
        held
    }

    /// Holds it no longer, whatever the database will say about it.
    fn give(&self, entity: &str) -> Option<Claim> {
        let claim = self.held_here(entity)?;
        self.0.given.insert(entity.to_owned(), claim.epoch);
        self.forget(entity);
        Some(claim)
    }

    fn count(&self) {
        let held = self.0.held.len();
        self.0.here.holds(held);
        metrics::gauge!("waddlebot_claims_held").set(u32::try_from(held).unwrap_or(u32::MAX));
    }
}

impl fmt::Debug for Placement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Placement({:?}, {} held)", self.0.here, self.0.held.len())
    }
}

impl Claims for Placement {
    fn claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Result<Claim, Unclaimed>> {
        Box::pin(self.claim(entity))
    }

    fn claim_beside<'a>(&'a self, entity: &'a str, beside: &'a str) -> Boxed<'a, Result<Claim, Unclaimed>> {
        Box::pin(self.claim_beside(entity, beside))
    }

    fn airs(&self, entity: &str, beside: &str, is_live: bool, viewers: i64) {
        self.note_airing(entity, beside, is_live, viewers);
    }

    fn lives_near(&self, entity: &str, connection: &str) {
        self.note_near(entity, connection);
    }

    fn failed<'a>(&'a self, entity: &'a str, why: &'a str, last: bool) -> Boxed<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.fails(entity, why, last).await {
                tracing::warn!(entity, %error, "a failure was not noted");
            }
        })
    }
}
