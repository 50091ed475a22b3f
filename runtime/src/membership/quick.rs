//! The quick look at a process that is gone: its peers' connection closed, its port refuses, its session's lock is free.
//! Safe because a node that loses its session freezes before anybody may believe that it is gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::watch;

use super::Here;
use crate::clock::Clock;
use crate::store::nodes;
use crate::store::{Identity, Session, Store, StoreError};

/// How often the own session and the suspects are looked at.
const BEAT: Duration = Duration::from_millis(200);
/// How long all signs must have stood: longer than a node takes to notice that its session is lost, and to freeze.
const REST: Duration = Duration::from_millis(1200);

/// Nodes that closed their connection and whose port refuses, with the life they did so in.
pub(crate) type Suspects = Arc<DashMap<String, i64>>;

/// Holds this life's lock, and looks at suspects, until the sender of `watched` is dropped.
pub(super) async fn keep(here: Here, store: Store, clock: Clock, mut watched: watch::Receiver<i64>) {
    let Some(mut session) = store.session() else { return };
    let mut gone: HashMap<Identity, Duration> = HashMap::new();
    loop {
        let incarnation = *watched.borrow_and_update();
        let me = Identity { node_id: here.node_id().to_owned(), incarnation };
        if incarnation > 0 {
            let held = session.holds(&me).await;
            if *watched.borrow() == incarnation {
                here.bind(held);
            }
            if !held {
                gone.clear();
            } else if let Err(error) = look(&here, &store, &clock, &mut session, &mut gone).await {
                tracing::debug!(%error, "a suspect cannot be looked at");
                gone.clear();
            }
        }
        tokio::select! {
            changed = watched.changed() => if changed.is_err() { return },
            () = clock.sleep(BEAT) => {}
        }
    }
}

/// Declares dead who has shown all signs for long enough, while this node's own lease stands.
async fn look(
    here: &Here,
    store: &Store,
    clock: &Clock,
    session: &mut Session,
    gone: &mut HashMap<Identity, Duration>,
) -> Result<(), StoreError> {
    let suspects: Vec<_> =
        here.suspects().iter().map(|suspect| Identity { node_id: suspect.key().clone(), incarnation: *suspect.value() }).collect();
    gone.retain(|who, _| suspects.contains(who));
    for who in suspects {
        if !session.is_free(&who).await? || !here.gate().open(Duration::ZERO) {
            gone.remove(&who);
            continue;
        }
        let since = *gone.entry(who.clone()).or_insert_with(|| clock.since_boot());
        if clock.since_boot().saturating_sub(since) < REST {
            continue;
        }
        let row = nodes::node(store, &who.node_id).await?;
        let Some(seen) = row.filter(|seen| seen.incarnation == who.incarnation && seen.lives()) else {
            here.suspects().remove(&who.node_id);
            // Somebody else was quicker.
            here.mourn();
            continue;
        };
        if nodes::declare_dead(store, &who.node_id, &seen).await? {
            here.mourn();
            metrics::counter!("waddlebot_nodes_declared_dead_total", "how" => "quick").increment(1);
            tracing::warn!(node = who.node_id, incarnation = who.incarnation, "the process of this node is gone; it was declared dead");
        }
    }
    Ok(())
}
