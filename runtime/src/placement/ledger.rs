//! What an operator looks at and mends: nodes, claims, who held what before, and what failed too often.

use crate::store::claims::shown;
use crate::store::{Held, Known, Shown, Sought, Store, StoreError, nodes};

/// The rows of the cluster. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Ledger(Store);

impl Ledger {
    /// The rows in this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self(store)
    }

    /// Every node and collector that was ever seen, by name.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn nodes(&self) -> Result<Vec<Known>, StoreError> {
        nodes::known(&self.0).await
    }

    /// How many claims of each kind each node holds (an empty name for nobody who lives), and how many failed.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn counts(&self) -> Result<Vec<(String, String, i64, i64)>, StoreError> {
        shown::counts(&self.0).await
    }

    /// Claims by name, a page of them, and how many there are.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn claims(&self, sought: Sought<'_>) -> Result<(Vec<Shown>, i64), StoreError> {
        shown::find(&self.0, sought).await
    }

    /// Who held what, the last first: one entity, or all when it is empty; and how many entries there are.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn history(&self, entity: &str, limit: i64, offset: i64) -> Result<(Vec<Held>, i64), StoreError> {
        shown::history(&self.0, entity, limit, offset).await
    }

    /// Lets something that failed too often be served again. `false` when it was not in error.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn clear(&self, entity: &str) -> Result<bool, StoreError> {
        shown::clear(&self.0, entity).await
    }
}
