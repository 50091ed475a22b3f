//! What an owner that goes in good order leaves to whoever follows it. After a crash there is nothing.

use super::{bound, changed};
use crate::store::{Claim, Store, StoreError, sql};

/// Gives an entity back with a word to the next owner; an empty one is none. `false` when it was held no longer.
pub(crate) async fn release(store: &Store, claim: &Claim, word: &str) -> Result<bool, StoreError> {
    let text = "UPDATE coordination SET claimed_by = NULL, claimed_at = NULL, status = 'available', error_count = 0, \
                left_behind = $5, left_at = $4 \
                WHERE entity_id = $1 AND claimed_by = $2 AND incarnation = $3 AND epoch = $4";
    changed(store, bound(text, claim).bind(word)).await
}

/// The word that the owner just before this claim left.
pub(crate) async fn to(store: &Store, claim: &Claim) -> Result<Option<String>, StoreError> {
    let text = "SELECT left_behind FROM coordination WHERE entity_id = $1 AND left_at = $2 AND left_behind <> ''";
    let row = store.one(sql(text).bind(&claim.entity).bind(claim.epoch - 1)).await?;
    row.map(|row| row.get("left_behind")).transpose()
}
