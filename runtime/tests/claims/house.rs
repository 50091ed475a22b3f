//! Nodes for the suite: each with its own lease, all on one clock that is turned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use waddlebot_runtime::actor::{Address, Fault, Root, World, open_root};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::membership::{self, Before, Here, Membership, Tenants, Terms};
use waddlebot_runtime::placement::Placement;
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::store::{Identity, Member, Store, sql};

/// A node with its lease.
pub(crate) struct House {
    pub(crate) here: Here,
    pub(crate) placement: Placement,
    pub(crate) store: Store,
    pub(crate) membership: Address<membership::Order>,
    pub(crate) tenants: Arc<Counted>,
    root: Option<Root<membership::Order>>,
}

/// Tenants who count how often they were sent away and called back.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) vacated: AtomicUsize,
    pub(crate) resumed: AtomicUsize,
}

impl Tenants for Counted {
    fn vacate(&self) -> Boxed<'_, ()> {
        self.vacated.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    }

    fn resume(&self) -> Boxed<'_, ()> {
        self.resumed.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    }
}

impl House {
    pub(crate) async fn open(name: &str, store: &Store, clock: &Clock) -> Self {
        Self::joined(name, store, clock, Before::Unknown, 1000).await.expect("the node joins")
    }

    pub(crate) async fn joined(name: &str, store: &Store, clock: &Clock, before: Before, most: usize) -> Result<Self, Fault> {
        let here = Here::new(name, clock.clone());
        let member = Member { node_id: name.into(), capacity: 1000, ..Member::default() };
        let seed = membership::Seed { here: here.clone(), member, store: store.clone(), terms: Terms::default(), before };
        let root = open_root::<Membership>("membership", seed, &World::new(clock.clone())).await?;
        let tenants = Arc::new(Counted::default());
        root.address.send(membership::Order::Tenants(tenants.clone())).expect("the membership lives");
        let placement = Placement::new(here.clone(), store.clone(), clock.clone(), most);
        Ok(Self { here, placement, store: store.clone(), membership: root.address.clone(), tenants, root: Some(root) })
    }

    pub(crate) fn identity(&self) -> Identity {
        self.here.identity().expect("the node is a member")
    }

    /// Goes in good order.
    pub(crate) async fn leave(&mut self) {
        self.membership.ask(membership::Order::Leave).await.expect("the membership answers");
        self.root.take().expect("once").stop(Duration::from_secs(5)).await;
    }

    /// Ends as a killed process does: nobody is told.
    pub(crate) async fn die(&mut self) {
        self.root.take().expect("once").stop(Duration::from_secs(5)).await;
    }
}

/// Declares a node dead, as another one would after watching it.
pub(crate) async fn declared_dead(store: &Store, node: &str) {
    let mut tx = store.begin().await.expect("a transaction");
    let text = "UPDATE nodes SET state = 'dead' WHERE node_id = $1 AND state = 'up'";
    assert_eq!(tx.run(sql(text).bind(node)).await.expect("an update"), 1);
    tx.commit().await.expect("a commit");
}

/// How much of its lease a node must have left for time to be turned fast.
const PLENTY: Duration = Duration::from_secs(3);

/// Lets some time pass for nodes that live: fast while all of them have plenty of their leases left, else more slowly than
/// real time does, so that on the busiest machine no renewal is outrun by the clock.
pub(crate) async fn pass(clock: &Clock, houses: &[&House]) {
    let left = houses.iter().filter_map(|house| house.here.gate().left()).min().unwrap_or_default();
    let (turned, real) = match left {
        Duration::ZERO => (20, 5),
        left if left < PLENTY => (5, 10),
        _ => (50, 2),
    };
    clock.turn(Duration::from_millis(turned));
    tokio::time::sleep(Duration::from_millis(real)).await;
}

/// Turns the clock until something is true and all these nodes may act for a while: from then on it stands still.
pub(crate) async fn pass_until(what: &str, clock: &Clock, houses: &[&House], mut is: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !(is().await && houses.iter().all(|house| house.here.gate().open(Duration::from_secs(2)))) {
            pass(clock, houses).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"));
}

/// After how much real time waiting is an error.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits for something that must become true soon, in real time.
pub(crate) async fn soon(what: &str, mut is: impl FnMut() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"));
}
