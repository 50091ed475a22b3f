//! The lease: renewed on a thread of its own, so that a wedged runtime neither stops it in silence nor looks alive.

use std::io;
use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

use super::lookout::Lookout;
use super::{Here, Terms, quick};
use crate::clock::Clock;
use crate::spawn;
use crate::store::{Identity, Store, StoreError, nodes};

/// How long the database may take for a renewal.
const ANSWER: Duration = Duration::from_secs(1);
/// How long the main runtime may take for a task that does nothing.
const CANARY: Duration = Duration::from_secs(1);

/// How much longer than its lease a node must be silent.
const MARGIN: Duration = Duration::from_millis(500);

/// What the thread needs.
pub(super) struct Renewal {
    pub(super) here: Here,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) terms: Terms,
    pub(super) main: Handle,
    /// Whether the database belongs to this node alone, so that there are no others.
    pub(super) alone: bool,
    pub(super) refused: Box<dyn Fn(i64) + Send>,
}

/// What came of one renewal.
#[derive(Debug)]
pub(super) enum Renewed {
    /// Effects may start until then.
    Until(Duration),
    /// The incarnation was declared dead.
    Refused,
    Failed(StoreError),
    /// The main runtime stands still.
    Wedged,
}

impl Renewal {
    /// Starts the thread; it ends when the sender of `watched` is dropped.
    pub(super) fn start(self, watched: watch::Receiver<i64>) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        spawn::thread("lease", move || {
            runtime.block_on(async move {
                let quick = self.terms.quick.then(|| {
                    let store = self.store.apart();
                    quick::keep(self.here.clone(), store, self.clock.clone(), watched.clone())
                });
                // On one thread: between a look at the session and what follows from it nothing opens the gate.
                tokio::join!(self.keep(watched), OptionFuture::from(quick));
            });
        })
        .map(drop)
    }

    async fn keep(mut self, mut watched: watch::Receiver<i64>) {
        self.store = self.store.apart();
        let (mut well, mut watch) = (true, Lookout::default());
        loop {
            let incarnation = *watched.borrow_and_update();
            let rest = self.rest(well);
            tokio::select! {
                // First: a life that is over is not shown to live once more.
                biased;
                changed = watched.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                () = self.clock.sleep(rest), if incarnation > 0 => {}
            }
            let renewed = self.renew(Identity { node_id: self.here.node_id().to_owned(), incarnation }).await;
            if *watched.borrow() != incarnation {
                continue;
            }
            well = self.judge(renewed, incarnation, well);
            self.looks_around(well, &mut watch).await;
        }
    }

    /// Watches the others while all is well here; who was not well itself cannot say who else was.
    pub(super) async fn looks_around(&self, well: bool, watch: &mut Lookout) {
        if !well {
            watch.forget();
        } else if let Err(error) = self.watch_others(watch).await {
            tracing::warn!(%error, "the other nodes cannot be seen");
            watch.forget();
        }
    }

    /// Declares dead who did not renew for a whole lease; only between this node's own renewals, so
    /// that a database that is gone for all kills nobody.
    async fn watch_others(&self, watch: &mut Lookout) -> Result<(), StoreError> {
        let others = nodes::others(&self.store, self.here.node_id()).await?;
        // A file has one node, which holds its lock; who else stands there is a collector.
        let watched = others.into_iter().filter(|(_, _, silence)| *silence > 0 || !self.alone);
        let patience = |silence: i64| match u64::try_from(silence) {
            Ok(millis @ 1..) => Duration::from_millis(millis),
            _ => self.terms.ttl + MARGIN,
        };
        let watched = watched.map(|(node, seen, silence)| (node, seen, patience(silence))).collect();
        for (node, seen) in watch.look(watched, self.clock.since_boot()) {
            if nodes::declare_dead(&self.store, &node, &seen).await? {
                self.here.mourn();
                metrics::counter!("waddlebot_nodes_declared_dead_total", "how" => "silent").increment(1);
                tracing::warn!(node, incarnation = seen.incarnation, "this node is silent and was declared dead");
            }
        }
        Ok(())
    }

    /// Lets the gate know; says whether all is well.
    pub(super) fn judge(&self, renewed: Renewed, incarnation: i64, well: bool) -> bool {
        match renewed {
            Renewed::Until(deadline) => {
                self.here.born(incarnation, deadline);
                if !well {
                    tracing::info!("the lease is renewed again");
                }
                return true;
            }
            Renewed::Refused => {
                self.here.surrender();
                (self.refused)(incarnation);
            }
            Renewed::Failed(error) => {
                metrics::counter!("waddlebot_lease_failures_total").increment(1);
                if well {
                    tracing::warn!(%error, "the lease was not renewed; nothing more goes out when it ends");
                }
            }
            Renewed::Wedged => tracing::error!("the lease is not renewed: the runtime stands still"),
        }
        false
    }

    async fn renew(&self, me: Identity) -> Renewed {
        let canary = spawn::task_on(&self.main, "canary", async {});
        if tokio::time::timeout(CANARY, canary).await.is_err() {
            return Renewed::Wedged;
        }
        // Counted from here: whatever the database takes to answer belongs to the lease.
        let sent = self.clock.since_boot();
        let answer = tokio::time::timeout(ANSWER, self.asks(&me)).await;
        let late = || Err(StoreError::Lost(format!("it did not answer within {} s", ANSWER.as_secs())));
        self.means(sent, answer.unwrap_or_else(|_| late()))
    }

    /// Asks for another stretch of the lease.
    pub(super) async fn asks(&self, me: &Identity) -> Result<bool, StoreError> {
        let load = i64::try_from(self.here.0.held.load(std::sync::atomic::Ordering::Relaxed)).unwrap_or(i64::MAX);
        nodes::renew(&self.store, me, load, self.clock.now()).await
    }

    /// What the answer to a renewal means that was sent then.
    pub(super) fn means(&self, sent: Duration, answer: Result<bool, StoreError>) -> Renewed {
        match answer {
            Ok(true) => Renewed::Until(self.terms.deadline(sent)),
            Ok(false) => Renewed::Refused,
            Err(error) => Renewed::Failed(error),
        }
    }

    /// How long until the next renewal.
    pub(super) fn rest(&self, well: bool) -> Duration {
        if well { self.terms.renew } else { self.terms.renew / 3 }
    }
}
