//! The program itself: opens the ground, who lives on it and the doors, in order; closes them in reverse.

mod before;
mod cluster;
pub(crate) mod outside;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use waddlebot_actors::channel::admit::Rate;
use waddlebot_actors::delivery::Courier;
use waddlebot_actors::household::{Claims, Foundation, Household, Operator};
use waddlebot_actors::kept::Kept;
use waddlebot_actors::node::{self, Node};
use waddlebot_actors::outside::Outside;
use waddlebot_actors::overlay::Overlays;
use waddlebot_actors::registry;
use waddlebot_actors::steward;
use waddlebot_platforms::collected::Collected;
use waddlebot_platforms::irc::{self, Irc};
use waddlebot_platforms::local::Local;
use waddlebot_runtime::actor::{Address, Fault, Me, World, open_root};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::Ears;
use waddlebot_runtime::keys::Keys;
use waddlebot_runtime::membership::{self, Here, Membership, Tenants};
use waddlebot_runtime::placement::Placement;
use waddlebot_runtime::platform::{Boxed, Platform, Platforms};
use waddlebot_runtime::secret::Secret;
use waddlebot_runtime::sessions::{MemorySessions, RedisSessions, Sessions};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Hold, Place, Store};
use waddlebot_runtime::telemetry::metrics::Metrics;

use crate::api::auth::Door;
use crate::api::health::{Checks, Leaving};
use crate::config::Config;
use crate::forms::Answers;
use crate::hub::links::Links;
use crate::residence::Residence;
use crate::server;
use outside::WayOut;

/// Runs until `closing` is cancelled, then stops in good order.
pub(crate) async fn run(config: Config, closing: CancellationToken) -> Result<()> {
    let clock = Clock::real();
    let metrics = Metrics::install().context("nothing can be counted")?;
    let listener = listen(config.http.listen).await?;
    let hold = match (config.place(), Hold::take(&config.data)) {
        (Place::Sqlite(_), hold) => Some(hold?),
        // Nodes of a cluster may share a folder; who does not have it to itself starts more slowly after a crash.
        (Place::Postgres { .. }, hold) => hold.ok(),
    };
    let store = Store::open(&config.place()).await?;
    store.migrate().await?;
    let home = registry::home(&store, clock.now()).await?;
    registry::add_channel(&store, &Local::key("lobby").expect("a good name"), home.id, clock.now()).await?;

    let here = Here::new(&config.node.id, clock.clone());
    let gate = here.gate().clone();
    let store = store.behind(gate.clone());
    let world = World::new(clock.clone()).behind(gate.clone());
    let neighbours = match config.among(&here)? {
        Some(among) => Some(cluster::Neighbours::of(among, &store, &clock).await?),
        None => None,
    };
    let known = before::known(&config.data, &config.node.id, &store, hold.is_some());
    let membership = config.membership(&here, &store, known);
    let membership = open_root::<Membership>("membership", membership, &world).await.map_err(anyhow::Error::from_boxed)?;
    if hold.is_some() {
        before::note(&config.data, &here);
    }
    let most = usize::try_from(config.node.max_claims).unwrap_or(usize::MAX);
    let placement = Placement::new(here.clone(), store.clone(), clock.clone(), most);
    let (claims, operated): (Arc<dyn Claims>, _) = (Arc::new(placement.clone()), placement.clone());
    let seed = node::Seed { store: store.clone(), claims: claims.clone() };
    let root = open_root::<Node>("node", seed, &world).await.map_err(anyhow::Error::from_boxed)?;
    let journal = root.address.ask(node::Order::Journal).await?.of(here.clone());
    let local = Local::new(clock.clone());
    let irc = config.irc_settings().map(|settings| Irc::new(settings, clock.clone())).transpose()?;
    let kept: Vec<_> = irc.iter().map(|irc| Arc::new(Kept::new(Arc::new(irc.clone()), IRC_CONNECTION))).collect();
    let all = std::iter::once(Arc::new(local.clone()) as Arc<dyn Platform>)
        .chain(kept.iter().map(|platform| platform.clone() as Arc<dyn Platform>));
    let platforms = Platforms::new(all).otherwise(Arc::new(Collected), &[irc::NAME]);
    let secret = Secret::open(&config.data, config.store.secret_key.as_ref().map(|key| key.reveal().as_str()))?;
    let way_out = Arc::new(WayOut::new(config.engines(), clock.clone()));
    let forms = Arc::new(Answers::new(way_out.clone()));
    let overlays = Overlays::new(config.overlay_settings(), store.clone(), secret.clone(), clock.clone(), claims.clone(), forms.clone());
    let opened = overlays.open(&world).await.map_err(anyhow::Error::from_boxed)?;
    let courier = Courier::new(platforms.clone(), Arc::new(overlays.clone()), journal.clone()).behind(gate);
    let sessions = open_sessions(&config, &clock).await?;
    let outside = Outside::new(way_out, sessions.clone(), secret.clone(), clock.clone(), config.outside_limits());
    let household = Household::new(Foundation {
        world: world.clone(),
        node: root.address.clone(),
        store: store.clone(),
        journal,
        platforms,
        courier,
        modules: waddlebot_actors::modules::list().into(),
        claims,
        limit: config.limits.module_time,
        rate: Rate { uses: config.limits.commands as usize, window: config.limits.window },
        outside,
        ids: format!("{}-{}", config.node.id, clock.now()).into(),
    });
    forms.go_to(household.clone());
    household.open_accounts().await.map_err(anyhow::Error::msg)?;
    let ears: Arc<dyn Ears> = Arc::new(household.clone());
    let connections: Vec<_> =
        irc.into_iter().map(|irc| Arc::new(IrcConnection { irc, ears: ears.clone() }) as Arc<dyn node::Connection>).collect();
    let doors = match neighbours {
        Some(neighbours) => {
            let inside = cluster::Inside {
                household: household.clone(),
                placement,
                overlays: overlays.clone(),
                local: local.clone(),
                connections,
                kept,
                store: store.clone(),
                world: world.clone(),
            };
            Some(neighbours.open(inside).await?)
        }
        None => {
            connections.into_iter().for_each(|connection| household.connect(connection));
            None
        }
    };
    let leaving = Leaving::default();
    let going = leaving.clone();
    household.operated_by(Operator {
        node: config.node.id.clone(),
        placement: operated,
        steward: doors.as_ref().map(|doors| doors.steward.address.clone()),
        leaving: Box::new(move |goes| going.set(goes)),
    });
    let steward = doors.as_ref().map(|doors| doors.steward.address.clone());
    let everybody = Everybody { household: household.clone(), overlays: overlays.clone(), steward };
    membership.address.send(membership::Order::Tenants(Arc::new(everybody)))?;
    let resuming = household.clone();
    spawn::task("resume", async move {
        if let Err(error) = resuming.resume().await {
            tracing::error!(%error, "what was left at the last stop cannot be resumed");
        }
    });
    let (tidied, ticking, ended) = (metrics.clone(), clock.clone(), closing.clone());
    spawn::task("tidy metrics", async move {
        while ended.run_until_cancelled(ticking.sleep(TIDY)).await.is_some() {
            tidied.tidy();
        }
    });
    let base_url = config.base_url();
    let sessions_in = if config.redis().is_some() { "redis" } else { "memory" };
    let checks = Checks { household: household.clone(), sessions: sessions.clone(), sessions_in, leaving: leaving.clone() };
    let allowance = config.allowance()?;
    let keys = Keys::new(store.clone(), clock.clone());
    let door = Door::limited(keys, sessions, secret, clock.clone(), base_url.starts_with("https://"), allowance);
    let links = Links::new(store.clone(), clock.clone());
    if !links.anybody_came().await? {
        println!("Log in as the owner, once, within a day: {}", links.make(&base_url).await?);
    }
    let residence = Residence { household: household.clone(), local, overlays, base_url };
    let parts =
        server::Parts { residence, door, links, clock, checks, metrics: (metrics, config.metrics_readers()), origins: config.origins()? };
    let served = CancellationToken::new();
    let (all_over, last) = (served.clone(), leaving.clone());
    let winding_down = spawn::task("drain", async move {
        closing.cancelled().await;
        last.begin();
        if let Some(doors) = &doors {
            doors.drain(config.limits.drain_timeout).await;
        }
        all_over.cancel();
        doors
    });
    server::serve(listener, parts, served, config.limits.drain_timeout).await?;
    household.stop().await;
    if let Ok(Some(doors)) = winding_down.await {
        doors.close().await;
    }
    opened.close().await;
    root.stop(config.limits.drain_timeout).await;
    membership.address.ask(membership::Order::Leave).await.ok();
    membership.stop(config.limits.drain_timeout).await;
    store.close().await;
    drop(hold);
    Ok(())
}

/// How often what was measured is sorted.
const TIDY: Duration = Duration::from_secs(5);

/// Takes the port, or says who may have it.
async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        let port = address.port();
        let who = if port < 1024 { "ports below 1024 are root's; or another program uses it" } else { "another program may use the port" };
        format!("cannot listen on {address}: {who}, perhaps another WaddleBot (`ss -ltnp 'sport = :{port}'` says which)")
    })
}

/// Sessions in Redis where there is one, so that nodes share them; else in this process.
async fn open_sessions(config: &Config, clock: &Clock) -> Result<Arc<dyn Sessions>> {
    let ttl = config.store.session_ttl;
    Ok(match config.redis() {
        Some(url) => Arc::new(RedisSessions::connect(url.reveal(), clock.clone(), ttl).await.context("sessions cannot be kept in Redis")?),
        None => Arc::new(MemorySessions::new(clock.clone(), ttl)),
    })
}

/// Everybody who acts under this node's claims.
struct Everybody {
    household: Household,
    overlays: Overlays,
    steward: Option<Address<steward::Order>>,
}

impl Tenants for Everybody {
    fn vacate(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            Tenants::vacate(&self.household).await;
            self.overlays.vacate().await;
            if let Some(steward) = &self.steward {
                steward.ask(steward::Order::Vacate).await.ok();
            }
        })
    }

    fn resume(&self) -> Boxed<'_, ()> {
        Tenants::resume(&self.household)
    }
}

/// The claim that the IRC connection is kept under, and its key in the tree.
const IRC_CONNECTION: &str = "connection:irc";

/// The IRC connection, as the node keeps it.
struct IrcConnection {
    irc: Irc,
    ears: Arc<dyn Ears>,
}

impl node::Connection for IrcConnection {
    fn key(&self) -> String {
        IRC_CONNECTION.into()
    }

    fn open<'a>(&'a self, me: &'a Me<node::Order>) -> Boxed<'a, Result<node::Stop, Fault>> {
        Box::pin(async move {
            let seed = (self.irc.clone(), self.ears.clone());
            let address = me.open::<irc::actor::Connection>(node::Connection::key(self), seed).await?;
            let stop: node::Stop = Box::new(move || {
                let address = address.clone();
                Box::pin(async move { address.stop().await })
            });
            Ok(stop)
        })
    }
}
