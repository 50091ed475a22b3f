//! What a node believes, told at DEBUG with the boot clock's time: all processes of one machine share that clock, so
//! whoever reads the lines of several nodes can tell whether two ever believed that they may act for the same entity.

use std::time::Duration;

use crate::store::Claim;

/// From `now` on this life may act until `until`, whatever was told before.
pub(super) fn acts(now: Duration, incarnation: i64, until: Duration) {
    tracing::debug!(incarnation, at_ms = now.as_millis(), until_ms = until.as_millis(), "belief: acts");
}

/// From `now` on nothing goes out, until it acts again.
pub(super) fn stands_still(now: Duration) {
    tracing::debug!(at_ms = now.as_millis(), "belief: stands still");
}

/// From `now` on a claim is held.
pub(crate) fn holds(now: Duration, claim: &Claim) {
    tracing::debug!(entity = claim.entity, incarnation = claim.incarnation, epoch = claim.epoch, at_ms = now.as_millis(), "belief: holds");
}

/// From `now` on it is not.
pub(crate) fn lets_go(now: Duration, claim: &Claim) {
    tracing::debug!(
        entity = claim.entity,
        incarnation = claim.incarnation,
        epoch = claim.epoch,
        at_ms = now.as_millis(),
        "belief: lets go"
    );
}
