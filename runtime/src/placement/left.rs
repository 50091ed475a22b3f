//! What an owner that goes in good order tells the next one.

use super::Placement;
use crate::store::claims::left;
use crate::store::{Claim, StoreError};

impl Placement {
    /// Gives an entity back with a word to its next owner, who alone can read it. Its actor must have ended. `false`
    /// when it was not held.
    ///
    /// # Errors
    /// When the store is gone: whether it was given back is not known then, and it counts as given away.
    pub async fn release_with(&self, entity: &str, word: &str) -> Result<bool, StoreError> {
        match self.give(entity) {
            Some(claim) => left::release(&self.0.store, &claim, word).await,
            None => Ok(false),
        }
    }

    /// The word of the owner just before this claim. `None` when there was none, or it did not go in good order.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn word_left(&self, claim: &Claim) -> Result<Option<String>, StoreError> {
        left::to(&self.0.store, claim).await
    }
}
