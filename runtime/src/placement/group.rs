//! What goes together from node to node: an entity and all that live beside it.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::{Placement, Unclaimed};
use crate::membership::Here;
use crate::store::{Claim, Identity, Leader, Neighbour, StoreError, claims, nodes};

/// With every so many times that a node learns, it reads all it holds, as a net.
const ALL: u64 = 60;

impl Placement {
    /// Hands entities and all that live beside them to another node. Their actors must have ended. How many went; none
    /// when the other node does not live.
    ///
    /// # Errors
    /// When the store is gone: whether they were handed over is not known then, and they count as given away.
    pub async fn hand_over_many(&self, leaders: &[String], to: &Identity) -> Result<usize, StoreError> {
        let Some(me) = self.0.here.identity() else { return Ok(0) };
        self.give_groups(leaders);
        let gone = claims::stroke::hand_over_many(&self.0.store, &me, leaders, to, self.0.clock.now()).await?;
        Ok(self.gone(&gone))
    }

    /// Holds entities no more, nor what it knows to live beside them.
    pub(super) fn give_groups(&self, leaders: &[String]) {
        let going: HashSet<_> = leaders.iter().collect();
        let beside: Vec<_> =
            self.0.beside.iter().filter(|beside| going.contains(beside.value())).map(|beside| beside.key().clone()).collect();
        for entity in leaders.iter().chain(&beside) {
            self.give(entity);
        }
    }

    /// Forgets what the rows say went; what it did not know that it lives there went as well. How many it were.
    pub(super) fn gone(&self, claims: &[Claim]) -> usize {
        for claim in claims {
            self.0.beside.remove(&claim.entity);
            self.give(&claim.entity);
        }
        claims.len()
    }

    /// What this node holds that lives beside nothing else, those that are missed least first.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn leaders(&self) -> Result<Vec<Leader>, StoreError> {
        match self.0.here.identity() {
            Some(me) => claims::near::leaders(&self.0.store, &me).await,
            None => Ok(Vec::new()),
        }
    }

    /// Learns of claims that were handed to this node; those it did not know of. It looks at what was handed over since
    /// the last time; at all this node holds only now and then, and when the answer to a statement was lost.
    ///
    /// # Errors
    /// When this node may not act, or the store is gone.
    pub async fn learn(&self) -> Result<Vec<Claim>, Unclaimed> {
        let me = self.acting().await?;
        let all = self.0.unsure.swap(false, Ordering::AcqRel) || self.0.learns.fetch_add(1, Ordering::Relaxed).is_multiple_of(ALL);
        let read = if all { claims::of(&self.0.store, &me).await } else { claims::handed(&self.0.store, &me).await };
        let rows = read.inspect_err(|_| self.unsure())?;
        let given = |claim: &Claim| self.0.given.get(&claim.entity).is_some_and(|given| claim.epoch <= *given);
        let unknown = rows.into_iter().filter(|(claim, _)| !given(claim) && self.held_here(&claim.entity).is_none());
        Ok(unknown.map(|(claim, beside)| self.keep_beside(claim, beside)).collect())
    }

    /// The living nodes, as the database has them.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn nodes(&self) -> Result<Vec<Neighbour>, StoreError> {
        nodes::living(&self.0.store).await
    }

    /// This node, as others know it.
    #[must_use]
    pub fn here(&self) -> &Here {
        &self.0.here
    }

    /// Tells everybody that this node is about to go: it takes nothing more.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn drains(&self) -> Result<(), StoreError> {
        if let Some(me) = self.0.here.identity() {
            nodes::drains(&self.0.store, &me).await?;
        }
        Ok(())
    }

    /// Tells everybody that this node stays after all. `false` when it was not about to go.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn stays(&self) -> Result<bool, StoreError> {
        match self.0.here.identity() {
            Some(me) => nodes::stays(&self.0.store, &me).await,
            None => Ok(false),
        }
    }

    /// Notes that the rows may say that this node holds something it does not know of.
    pub(super) fn unsure(&self) {
        self.0.unsure.store(true, Ordering::Release);
    }
}
