//! The other nodes of the cluster: found in the database, called by this node's own dialler, let in by its door.

mod call;
mod frame;
mod greeting;
mod guest;
mod link;
mod pen;
mod secure;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use greeting::{Name, Unmet};
pub use link::LinkView;
pub use secure::{BadPapers, Papers, Seal};

use crate::actor::{Actor, Fault, Me};
use crate::clock::Clock;
use crate::gateway::{Gateway, PeerLink};
use crate::store::{Identity, Neighbour, Store, nodes};
use link::Link;

/// How often either side shows that it is there.
const BEAT: Duration = Duration::from_secs(1);
/// Who says nothing for this long is gone.
const SILENCE: Duration = Duration::from_secs(3);
/// How often the table of nodes is read.
const LOOK: Duration = Duration::from_secs(1);
/// How long the database may take for it.
const ANSWER: Duration = Duration::from_secs(2);

/// The ways to the other nodes. Cloning shares them.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    name: Name,
    seal: Seal,
    clock: Clock,
    links: DashMap<String, Arc<Link>>,
    /// Why a node cannot be reached, as it was seen last.
    troubles: DashMap<String, String>,
    /// Who is connected to this node: in which life, and how often while a new connection takes the place of a lost one.
    guests: DashMap<String, (i64, usize)>,
}

impl Peers {
    /// Nobody is known yet.
    #[must_use]
    pub fn new(name: Name, seal: Seal, clock: Clock) -> Self {
        let (links, troubles, guests) = (DashMap::new(), DashMap::new(), DashMap::new());
        Self(Arc::new(Inner { name, seal, clock, links, troubles, guests }))
    }

    /// The way to a node, while there is one.
    #[must_use]
    pub fn link(&self, node: &str) -> Option<Arc<dyn PeerLink>> {
        let link = self.0.links.get(node).filter(|link| link.is_open())?.clone();
        Some(link)
    }

    /// The nodes that can be reached now.
    #[must_use]
    pub fn reachable(&self) -> Vec<LinkView> {
        let mut views: Vec<_> = self.0.links.iter().filter(|link| link.is_open()).map(|link| link.view()).collect();
        views.sort_by(|one, other| one.node.cmp(&other.node));
        views
    }

    /// Whether a node can ask this one something: it is connected to it, whether or not it can be reached from here.
    #[must_use]
    pub fn is_asked_by(&self, node: &str) -> bool {
        self.0.guests.contains_key(node)
    }

    /// Why a node cannot be reached, when it was tried.
    #[must_use]
    pub fn trouble(&self, node: &str) -> Option<String> {
        self.0.troubles.get(node).map(|why| why.clone())
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Peers({})", self.0.links.len())
    }
}

/// What the switchboard is opened with.
pub struct Seed {
    /// The ways to the other nodes.
    pub peers: Peers,
    /// Where peers come in.
    pub listener: TcpListener,
    /// Who takes what they bring.
    pub gateway: Gateway,
    /// Where the table of nodes is.
    pub store: Store,
}

/// What the switchboard is told.
#[derive(Debug)]
pub enum Order {
    /// Look at the table of nodes.
    Look,
}

/// The actor that calls who should be called, and lets in who calls.
pub struct Switchboard {
    peers: Peers,
    store: Store,
    /// Who is called, and how that ends.
    calls: HashMap<(String, i64, String), CancellationToken>,
    closing: CancellationToken,
}

impl Actor for Switchboard {
    const KIND: &'static str = "gateway";
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, me: &Me<Order>) -> Result<Self, Fault> {
        let Seed { peers, listener, gateway, store } = seed;
        let closing = CancellationToken::new();
        call::let_in(peers.clone(), listener, gateway, closing.clone());
        me.address().send(Order::Look)?;
        Ok(Self { peers, store, calls: HashMap::new(), closing })
    }

    async fn handle(&mut self, Order::Look: Order, me: &Me<Order>) -> Result<(), Fault> {
        match tokio::time::timeout(ANSWER, nodes::living(&self.store)).await {
            Ok(Ok(nodes)) => self.call(nodes),
            // Whoever is connected stays so.
            Ok(Err(error)) => tracing::debug!(%error, "the table of nodes cannot be read"),
            Err(_) => tracing::debug!("the table of nodes is not answered for"),
        }
        me.later(LOOK, Order::Look);
        Ok(())
    }

    async fn close(&mut self) {
        self.closing.cancel();
    }

    fn memory(&self) -> Value {
        let troubles: HashMap<_, _> = self.peers.0.troubles.iter().map(|one| (one.key().clone(), one.value().clone())).collect();
        let guests: HashMap<_, _> = self.peers.0.guests.iter().map(|one| (one.key().clone(), one.value().0)).collect();
        json!({ "reachable": self.peers.reachable(), "connected_to_us": guests, "troubles": troubles })
    }
}

impl Switchboard {
    /// Calls who lives and is not called yet; ends the calls of who lives no more.
    fn call(&mut self, nodes: Vec<Neighbour>) {
        let me = self.peers.0.name.here.node_id().to_owned();
        let wanted: Vec<_> = nodes
            .into_iter()
            .filter(|node| node.identity.node_id != me && !node.address.is_empty())
            .map(|node| (node.identity.node_id, node.identity.incarnation, node.address))
            .collect();
        self.calls.retain(|whom, over| {
            let goes_on = wanted.contains(whom);
            if !goes_on {
                over.cancel();
                self.peers.0.troubles.remove(&whom.0);
                self.peers.0.name.here.suspects().remove(&whom.0);
            }
            goes_on
        });
        for whom in wanted {
            self.calls.entry(whom).or_insert_with_key(|(node, incarnation, address)| {
                let over = self.closing.child_token();
                let node = Identity { node_id: node.clone(), incarnation: *incarnation };
                call::keep_calling(self.peers.clone(), node, address.clone(), over.clone());
                over
            });
        }
    }
}
