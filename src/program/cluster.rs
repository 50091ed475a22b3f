//! This node among others: asks whether it fits before it joins, opens the doors between nodes, and hands everything over at the end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::net::TcpListener;
use waddlebot_actors::household::Household;
use waddlebot_actors::household::afar::Afar;
use waddlebot_actors::kept::Kept;
use waddlebot_actors::node::Connection;
use waddlebot_actors::overlay::Overlays;
use waddlebot_actors::steward::{self, Steward};
use waddlebot_platforms::local::{self, Local};
use waddlebot_runtime::actor::{Root, World, open_root};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::gateway::Gateway;
use waddlebot_runtime::peers::{self, Peers, Seal, Switchboard};
use waddlebot_runtime::placement::Placement;
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::Store;

use crate::config::Among;

/// How long the doors may take to close.
const CLOSING: Duration = Duration::from_secs(2);

/// The way to the other nodes, before anybody lives here.
pub(super) struct Neighbours {
    peers: Peers,
    listener: TcpListener,
}

/// What the doors lead to.
pub(super) struct Inside {
    pub(super) household: Household,
    pub(super) placement: Placement,
    pub(super) overlays: Overlays,
    pub(super) local: Local,
    pub(super) connections: Vec<Arc<dyn Connection>>,
    /// The platforms behind those connections.
    pub(super) kept: Vec<Arc<Kept>>,
    pub(super) store: Store,
    pub(super) world: World,
}

impl Neighbours {
    /// Takes the port for peers, and asks those that live whether this node fits.
    pub(super) async fn of(among: Among, store: &Store, clock: &Clock) -> Result<Self> {
        let seal = among.papers.as_ref().map_or(Ok(Seal::none()), Seal::of).context("the cluster's certificates are no good")?;
        let listener = super::listen(among.listen).await?;
        let peers = Peers::new(among.name, seal, clock.clone());
        peers
            .knock(&among.seeds, store)
            .await
            .map_err(|(who, why)| anyhow!("this node and the one at {who} do not belong together: {why}"))?;
        Ok(Self { peers, listener })
    }

    /// Opens the doors in both directions.
    pub(super) async fn open(self, inside: Inside) -> Result<Opened> {
        let Inside { household, placement, overlays, local, connections, kept, store, world } = inside;
        let afar = Afar::new(household.clone(), self.peers.clone(), placement.clone());
        kept.iter().for_each(|platform| platform.reach(afar.clone(), placement.clone()));
        household.reach(afar);
        household.show_on(&overlays);
        household.share_budgets();
        tell_of_rooms(&local, household.clone());
        let gateway = Gateway::new(Arc::new(household.at_home()), placement.clone(), Arc::new(household.clone()));
        let seed = peers::Seed { peers: self.peers, listener: self.listener, gateway, store };
        let switchboard = open_root::<Switchboard>("gateway", seed, &world).await.map_err(anyhow::Error::from_boxed)?;
        let seed = steward::Seed { household, placement, overlays, connections };
        let steward = open_root::<Steward>("placement", seed, &world).await.map_err(anyhow::Error::from_boxed)?;
        Ok(Opened { switchboard, steward })
    }
}

/// From now on what is said in a room here is seen in the same room at every node.
fn tell_of_rooms(local: &Local, household: Household) {
    let mut lines = local.lines();
    spawn::task("rooms", async move {
        while let Some(batch) = lines.next().await {
            household.tell_platforms(local::NAME, batch.text.clone()).await;
        }
    });
}

/// The doors between nodes.
pub(super) struct Opened {
    switchboard: Root<peers::Order>,
    pub(super) steward: Root<steward::Order>,
}

impl Opened {
    /// Hands everything to other nodes, as far as there is time.
    pub(super) async fn drain(&self, within: Duration) {
        self.steward.address.ask(|reply| steward::Order::Drain(within, reply)).await.ok();
    }

    /// Closes the doors.
    pub(super) async fn close(self) {
        self.steward.stop(CLOSING).await;
        self.switchboard.stop(CLOSING).await;
    }
}
