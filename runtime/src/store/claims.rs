//! The rows that say which node lives and who holds what: the only SQL on them.

/// Asks whether a claim is still held: entity, owner, incarnation, epoch.
macro_rules! held {
    () => {
        "SELECT 1 AS held FROM coordination WHERE entity_id = $1 AND claimed_by = $2 AND incarnation = $3 AND epoch = $4"
    };
}

/// Asks whether a claim is still held.
pub(super) const HELD: &str = held!();

/// The same, and keeps the row as it is until the transaction ends. Not `FOR KEY SHARE`: that would
/// let a take-over pass.
pub(super) const HELD_AND_LOCKED: &str = concat!(held!(), " FOR SHARE");
