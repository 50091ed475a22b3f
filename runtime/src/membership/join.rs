//! Takes the node's name: at once where whoever had it is known to be gone, else after watching for a whole lease.

use std::time::Duration;

use super::Seed;
use crate::clock::Clock;
use crate::store::{StoreError, nodes};

/// What is known of whoever had this node's name before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing: its row must be watched.
    Unknown,
    /// This incarnation has ended: it was this process, or held the lock that this process holds now.
    Ended(i64),
    /// Whoever it was has ended: the database belongs to this process alone.
    Alone,
}

/// Why a node cannot become a member.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Another process lives under this name.
    #[error("another process runs as node {node_id:?} on this database: stop it, or give this one a name of its own (node.id or NODE_ID)")]
    Taken {
        /// The name.
        node_id: String,
    },
    /// The store is gone.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often a row is looked at while it is watched.
const LOOK: Duration = Duration::from_millis(500);
/// How much longer than the lease it is watched.
const MARGIN: Duration = Duration::from_millis(500);

/// Registers a new incarnation and opens the gate; gives the incarnation.
pub(super) async fn join(seed: &Seed, clock: &Clock) -> Result<i64, JoinError> {
    let taken = || JoinError::Taken { node_id: seed.member.node_id.clone() };
    let mut first = nodes::node(&seed.store, &seed.member.node_id).await?;
    let mut since = clock.since_boot();
    loop {
        let gone = match (&first, seed.before) {
            (None, _) | (_, Before::Alone) => true,
            (Some(seen), Before::Ended(incarnation)) if seen.incarnation == incarnation => true,
            (Some(seen), _) => !seen.lives() || clock.since_boot() >= since + seed.terms.ttl + MARGIN,
        };
        if gone {
            let sent = clock.since_boot();
            if let Some(incarnation) = nodes::register(&seed.store, &seed.member, first.as_ref(), clock.now()).await? {
                seed.here.born(incarnation, seed.terms.deadline(sent));
                return Ok(incarnation);
            }
        } else {
            if since == clock.since_boot() {
                tracing::info!(node = seed.member.node_id, "waits until it is sure that whoever had this name is gone");
            }
            clock.sleep(LOOK).await;
        }
        let now = nodes::node(&seed.store, &seed.member.node_id).await?;
        if now != first {
            // It renewed, or somebody else was faster.
            if now.as_ref().is_some_and(nodes::Seen::lives) {
                return Err(taken());
            }
            (first, since) = (now, clock.since_boot());
        }
    }
}
