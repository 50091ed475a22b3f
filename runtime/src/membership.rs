//! This node among others: its name, its lease, and what happens when the lease is lost.

pub(crate) mod belief;
mod join;
mod lease;
mod lookout;
mod quick;
#[cfg(test)]
mod simulation;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

pub use join::{Before, JoinError};

use crate::actor::{Actor, Fault, Me};
use crate::clock::Clock;
use crate::gate::Gate;
use crate::platform::Boxed;
use crate::store::{Identity, Member, Store, nodes};
use lease::Renewal;
pub(crate) use quick::Suspects;

/// How a node shows that it lives; the same on all nodes. All times on the boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a node that is not heard of still owns what it holds.
    pub ttl: Duration,
    /// How often it shows that it lives.
    pub renew: Duration,
    /// How long before the end of its lease it stops acting.
    pub guard: Duration,
    /// Whether a process that is seen to be gone is followed before its lease ends.
    pub quick: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(6), renew: Duration::from_millis(1500), guard: Duration::from_secs(1), quick: false }
    }
}

impl Terms {
    /// Until when effects may start after a renewal that was *sent* then.
    fn deadline(&self, sent: Duration) -> Duration {
        (sent + self.ttl).saturating_sub(self.guard)
    }
}

/// Everybody who acts under this node's claims.
pub trait Tenants: Send + Sync + 'static {
    /// The lease is lost, and every claim: stop at once, save nothing, answer when all have ended.
    fn vacate(&self) -> Boxed<'_, ()>;
    /// The node is back in a new life: take up what was accepted and not acted on.
    fn resume(&self) -> Boxed<'_, ()>;
}

/// What everybody on this node may know of its membership. Cloning shares it.
#[derive(Clone)]
pub struct Here(Arc<Inner>);

struct Inner {
    node_id: String,
    /// 0 while the node has no lease.
    incarnation: AtomicI64,
    held: AtomicUsize,
    gate: Gate,
    /// Whether others can see that this process lives, where they look.
    bound: AtomicBool,
    suspects: Suspects,
    /// How many other nodes this one knows to have died.
    deaths: watch::Sender<u64>,
}

impl Here {
    /// A node that has not joined yet.
    #[must_use]
    pub fn new(node_id: impl Into<String>, clock: Clock) -> Self {
        let inner = Inner {
            node_id: node_id.into(),
            incarnation: AtomicI64::new(0),
            held: AtomicUsize::new(0),
            gate: Gate::shut(clock),
            bound: AtomicBool::new(true),
            suspects: Suspects::default(),
            deaths: watch::Sender::default(),
        };
        Self(Arc::new(inner))
    }

    /// The node's name.
    #[must_use]
    pub fn node_id(&self) -> &str {
        &self.0.node_id
    }

    /// The node in its present life; `None` while it has no lease.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let incarnation = self.0.incarnation.load(Ordering::Acquire);
        (incarnation > 0).then(|| Identity { node_id: self.0.node_id.clone(), incarnation })
    }

    /// The gate every effect asks.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// How many claims are held, as the next renewal tells others.
    pub(crate) fn holds(&self, claims: usize) {
        self.0.held.store(claims, Ordering::Relaxed);
    }

    /// Nodes that closed their connection and whose port refuses.
    pub(crate) fn suspects(&self) -> &Suspects {
        &self.0.suspects
    }

    /// Changes whenever another node is known to have died: what it served is nobody's.
    #[must_use]
    pub fn deaths(&self) -> watch::Receiver<u64> {
        self.0.deaths.subscribe()
    }

    fn mourn(&self) {
        self.0.deaths.send_modify(|deaths| *deaths += 1);
    }

    /// Lives as so many-eth, or not: for tests of who asks.
    #[cfg(test)]
    pub(crate) fn lives(&self, incarnation: i64) {
        self.0.incarnation.store(incarnation, Ordering::Release);
    }

    fn born(&self, incarnation: i64, deadline: Duration) {
        let now = self.0.gate.clock().since_boot();
        self.0.incarnation.store(incarnation, Ordering::Release);
        if self.0.bound.load(Ordering::Acquire) {
            belief::acts(now, incarnation, deadline);
            self.0.gate.open_until(deadline);
        }
    }

    /// Notes whether others can see that this process lives. While they cannot, it freezes: they may think it gone.
    fn bind(&self, bound: bool) {
        if self.0.bound.swap(bound, Ordering::AcqRel) && !bound {
            tracing::warn!("the session with the database is lost: nothing more goes out until it stands again");
            self.0.gate.freeze();
            belief::stands_still(self.0.gate.clock().since_boot());
        }
    }

    fn surrender(&self) {
        self.0.incarnation.store(0, Ordering::Release);
        self.0.gate.surrender();
        belief::stands_still(self.0.gate.clock().since_boot());
    }
}

impl fmt::Debug for Here {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Here({:?})", self.identity())
    }
}

/// What a membership is opened with.
pub struct Seed {
    /// What everybody may know.
    pub here: Here,
    /// The node's row.
    pub member: Member,
    /// The store.
    pub store: Store,
    /// How it shows that it lives.
    pub terms: Terms,
    /// What is known of whoever had this name before.
    pub before: Before,
}

/// What a membership is told.
pub enum Order {
    /// Who acts under this node's claims; told when the lease is lost.
    Tenants(Arc<dyn Tenants>),
    /// This incarnation was declared dead by another node.
    Refused(i64),
    /// Come back in a new life.
    Return,
    /// Say that the node goes in good order, and let go of what it holds; nobody acts any more.
    Leave(oneshot::Sender<()>),
}

/// The actor that keeps this node a member.
pub struct Membership {
    seed: Seed,
    tenants: Option<Arc<dyn Tenants>>,
    /// The incarnation the lease's thread renews; 0 for none. Dropped, the thread ends.
    renewed: watch::Sender<i64>,
    last: i64,
    surrenders: u64,
}

/// How long a node waits before it tries again to come back.
const AGAIN: Duration = Duration::from_secs(1);

impl Actor for Membership {
    const KIND: &'static str = "membership";
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, me: &Me<Order>) -> Result<Self, Fault> {
        let incarnation = join::join(&seed, me.clock()).await?;
        let (renewed, watched) = watch::channel(incarnation);
        let address = me.address().clone();
        let renewal = Renewal {
            here: seed.here.clone(),
            store: seed.store.clone(),
            clock: me.clock().clone(),
            terms: seed.terms,
            main: tokio::runtime::Handle::current(),
            alone: seed.store.is_file(),
            refused: Box::new(move |incarnation| _ = address.send(Order::Refused(incarnation))),
        };
        renewal.start(watched)?;
        tracing::info!(node = seed.member.node_id, incarnation, "this node is a member");
        Ok(Self { seed, tenants: None, renewed, last: incarnation, surrenders: 0 })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Tenants(tenants) => self.tenants = Some(tenants),
            Order::Refused(incarnation) if incarnation == self.last && *self.renewed.borrow() == incarnation => {
                self.surrenders += 1;
                metrics::counter!("waddlebot_lease_surrenders_total").increment(1);
                tracing::error!(node = self.seed.member.node_id, incarnation, "this node was declared dead: everything it held is stopped");
                self.renewed.send_replace(0);
                if let Some(tenants) = &self.tenants {
                    tenants.vacate().await;
                }
                self.seed.before = Before::Ended(incarnation);
                self.come_back(me).await;
            }
            Order::Refused(_) => {}
            Order::Return => self.come_back(me).await,
            Order::Leave(reply) => {
                self.leave().await;
                reply.send(()).ok();
            }
        }
        Ok(())
    }

    fn memory(&self) -> Value {
        let left = self.seed.here.gate().left();
        json!({
            "node": self.seed.member.node_id,
            "incarnation": self.seed.here.identity().map(|me| me.incarnation),
            "acts_for_another_ms": left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            "claims_held": self.seed.here.0.held.load(Ordering::Relaxed),
            "surrenders": self.surrenders,
        })
    }
}

impl Membership {
    async fn come_back(&mut self, me: &Me<Order>) {
        match join::join(&self.seed, me.clock()).await {
            Ok(incarnation) => {
                tracing::warn!(node = self.seed.member.node_id, incarnation, "this node is a member again");
                self.last = incarnation;
                self.renewed.send_replace(incarnation);
                if let Some(tenants) = &self.tenants {
                    tenants.resume().await;
                }
            }
            Err(error) => {
                tracing::error!(%error, "this node cannot come back yet");
                me.later(AGAIN, Order::Return);
            }
        }
    }

    async fn leave(&mut self) {
        self.renewed.send_replace(0);
        let Some(identity) = self.seed.here.identity() else { return };
        self.seed.here.surrender();
        if let Err(error) = nodes::leave(&self.seed.store, &identity).await {
            tracing::warn!(%error, "nobody was told that this node goes in good order");
        }
    }
}
