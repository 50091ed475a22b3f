//! A node that serves as much as it may gives back what is missed least for what is missed most.

use std::sync::atomic::Ordering;

use super::Placement;
use crate::store::{StoreError, claims};

impl Placement {
    /// Whether this node serves as much as it may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.held.len() >= self.0.most
    }

    /// How much waits for room: what is live and nobody serves, and how often something was asked for here since the last
    /// time and turned away.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn waiting_for_room(&self) -> Result<(usize, usize), StoreError> {
        let live = claims::crowded::live_unserved(&self.0.store).await?;
        Ok((usize::try_from(live).unwrap_or(0), self.0.turned_away.swap(0, Ordering::AcqRel)))
    }

    /// Gives entities back, and all that live beside them. Their actors must have ended. How many it were.
    ///
    /// # Errors
    /// When the store is gone: whether they were given back is not known then, and they count as given away.
    pub async fn release_many(&self, leaders: &[String]) -> Result<usize, StoreError> {
        let Some(me) = self.0.here.identity() else { return Ok(0) };
        self.give_groups(leaders);
        let gone = claims::crowded::release_many(&self.0.store, &me, leaders).await?;
        Ok(self.gone(&gone))
    }
}
