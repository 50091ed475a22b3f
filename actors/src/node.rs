//! The root of this node's supervision tree: opens what lives here, in order, and stops it in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Actor, Address, Ended, Fault, Me};
use waddlebot_runtime::chat::{ChannelKey, CommunityId};
use waddlebot_runtime::journal::Journal;
use waddlebot_runtime::placement::Claims;
use waddlebot_runtime::platform::{Boxed, Platform};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Claim, Store};
use waddlebot_runtime::supervision::Verdict;

use crate::account::{self, Account};
use crate::budget::wallet::Lenders;
use crate::channel::{self, Channel};
use crate::community::{self, Community};

/// What the node is told.
pub enum Order {
    /// Open a channel that is claimed by this node.
    Channel(Box<channel::Seed>, oneshot::Sender<Result<Address<channel::Order>, String>>),
    /// Open a community that is claimed by this node; the open one when there is one.
    Community(Box<community::Seed>, oneshot::Sender<Result<Address<community::Order>, String>>),
    /// The communities that are open here.
    Communities(oneshot::Sender<Vec<(CommunityId, Address<community::Order>)>>),
    /// Open the account of a platform.
    Account(Arc<dyn Platform>, Lenders, oneshot::Sender<Result<Address<account::Order>, String>>),
    /// Open a platform's connection, and open it again whenever it fails.
    Connection(Arc<dyn Connection>),
    /// Close a platform's connection in good order, and do not open it again; answer when it is closed.
    Disconnect(String, oneshot::Sender<()>),
    /// Stop a community and its channels in good order; answer when what they had to do is done.
    Release(CommunityId, oneshot::Sender<()>),
    /// The way to the journal.
    Journal(oneshot::Sender<Journal>),
    /// Every claim is lost: stop channels and communities; answer when they have ended.
    Vacate(oneshot::Sender<()>),
    /// Stop channels, then communities, then accounts, then the journal; answer when all is on disk.
    Stop(oneshot::Sender<()>),
}

/// What a node is opened with.
pub struct Seed {
    /// The store.
    pub store: Store,
    /// Who is told when what acts under a claim fails.
    pub claims: Arc<dyn Claims>,
}

/// A platform's connection that the node keeps open.
pub trait Connection: Send + Sync + 'static {
    /// Its key in the tree.
    fn key(&self) -> String;
    /// Opens its actor as a child of the node; gives the way to stop it.
    fn open<'a>(&'a self, me: &'a Me<Order>) -> Boxed<'a, Result<Stop, Fault>>;
}

/// Stops an actor in good order.
pub type Stop = Box<dyn Fn() -> Boxed<'static, ()> + Send + Sync>;

/// The actor of this node.
pub struct Node {
    claims: Arc<dyn Claims>,
    connections: HashMap<String, (Arc<dyn Connection>, Option<Stop>)>,
    journal: Journal,
    accounts: HashMap<&'static str, Address<account::Order>>,
    communities: HashMap<CommunityId, Address<community::Order>>,
    channels: HashMap<ChannelKey, (CommunityId, Address<channel::Order>)>,
}

impl Actor for Node {
    const KIND: &'static str = "node";
    const BOUND: usize = 100_000;
    type Order = Order;
    type Seed = Seed;

    async fn open(Seed { store, claims }: Seed, me: &Me<Order>) -> Result<Self, Fault> {
        let journal = Journal::start(me, store).await?;
        Ok(Self {
            claims,
            connections: HashMap::new(),
            journal,
            accounts: HashMap::new(),
            communities: HashMap::new(),
            channels: HashMap::new(),
        })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Channel(seed, reply) => drop(reply.send(self.channel(*seed, me).await)),
            Order::Community(seed, reply) => drop(reply.send(self.community(*seed, me).await)),
            Order::Communities(reply) => drop(reply.send(self.communities.iter().map(|(id, address)| (*id, address.clone())).collect())),
            Order::Account(platform, lenders, reply) => drop(reply.send(self.account(platform, lenders, me).await)),
            Order::Connection(connection) => self.connect(connection, me).await,
            Order::Disconnect(key, reply) => self.disconnect(key, reply),
            Order::Release(community, reply) => self.release(community, reply),
            Order::Journal(reply) => drop(reply.send(self.journal.clone())),
            Order::Vacate(reply) => {
                self.vacate().await;
                reply.send(()).ok();
            }
            Order::Stop(reply) => {
                self.stop().await;
                reply.send(()).ok();
            }
        }
        Ok(())
    }

    async fn ended(&mut self, child: Ended, me: &Me<Order>) -> Result<(), Fault> {
        // By their names, for there may be many.
        let channel = ChannelKey::parse(&child.key).filter(|key| self.channels.contains_key(key));
        let community = community_of(&child.key).filter(|id| self.communities.contains_key(id));
        let claimed = channel.is_some() || community.is_some();
        // One of the same key may have been opened since.
        if let Some(key) = channel
            && self.channels.get(&key).is_some_and(|(_, channel)| !channel.is_open())
        {
            self.channels.remove(&key);
        }
        if let Some(id) = community
            && self.communities.get(&id).is_some_and(|community| !community.is_open())
        {
            self.communities.remove(&id);
        }
        self.accounts.retain(|_, account| account.meter().key() != child.key);
        if let Some((connection, stop)) = self.connections.get_mut(&child.key) {
            *stop = None;
            if let (Some(_), Verdict::Again { after }) = (&child.failure, child.verdict) {
                me.later(after, Order::Connection(connection.clone()));
            }
        }
        if let Some(why) = child.failure {
            if claimed {
                self.failed(child.key.clone(), why.clone(), child.verdict == Verdict::GiveUp);
            }
            me.address().meter().fault(format!("{}: {why}", child.key));
            metrics::counter!("waddlebot_actor_failures_total").increment(1);
            if child.key == self.journal.key() {
                return Err(format!("the journal has ended: {why}").into());
            }
        }
        Ok(())
    }

    fn memory(&self) -> Value {
        json!({ "connections": self.connections.len(), "accounts": self.accounts.len(), "communities": self.communities.len(), "channels": self.channels.len() })
    }
}

impl Node {
    async fn channel(&mut self, seed: channel::Seed, me: &Me<Order>) -> Result<Address<channel::Order>, String> {
        let key = seed.key.clone();
        match self.channels.get(&key) {
            Some((_, open)) if open.is_open() && !is_older(open, &seed.claim) => return Ok(open.clone()),
            Some((_, older)) if older.is_open() => ended_in_time("channel", std::iter::once(older.stop())).await,
            Some((_, closing)) => closing.drain().await,
            None => {}
        }
        let community = seed.community;
        let opened = me.open::<Channel>(key.to_string(), seed).await.map_err(|fault| fault.to_string())?;
        self.channels.insert(key, (community, opened.clone()));
        Ok(opened)
    }

    async fn community(&mut self, seed: community::Seed, me: &Me<Order>) -> Result<Address<community::Order>, String> {
        let id = seed.registered.id;
        match self.communities.get(&id) {
            Some(open) if open.is_open() && !is_older(open, &seed.claim) => return Ok(open.clone()),
            Some(older) if older.is_open() => {
                tracing::warn!(community = id, "it was opened under a claim that was lost, and is opened anew");
                let channels =
                    self.channels.extract_if(|_, (of, _)| *of == id).map(|(_, (_, channel))| async move { channel.stop().await });
                ended_in_time("channels", channels).await;
                ended_in_time("community", std::iter::once(older.stop())).await;
            }
            Some(closing) => closing.drain().await,
            None => {}
        }
        let opened = me.open::<Community>(community_key(id), seed).await.map_err(|fault| fault.to_string())?;
        self.communities.insert(id, opened.clone());
        Ok(opened)
    }

    async fn account(&mut self, platform: Arc<dyn Platform>, lenders: Lenders, me: &Me<Order>) -> Result<Address<account::Order>, String> {
        let name = platform.name();
        if let Some(open) = self.accounts.get(name) {
            return Ok(open.clone());
        }
        let opened = me.open::<Account>(format!("account:{name}"), (platform, lenders)).await.map_err(|fault| fault.to_string())?;
        self.accounts.insert(name, opened.clone());
        Ok(opened)
    }

    async fn connect(&mut self, connection: Arc<dyn Connection>, me: &Me<Order>) {
        let stop = match connection.open(me).await {
            Ok(stop) => Some(stop),
            Err(error) => {
                tracing::error!(connection = connection.key(), %error, "a connection cannot be opened");
                None
            }
        };
        self.connections.insert(connection.key(), (connection, stop));
    }

    /// Beside the node, which goes on meanwhile: a good-bye takes its time.
    fn disconnect(&mut self, key: String, reply: oneshot::Sender<()>) {
        let stop = self.connections.remove(&key).and_then(|(_, stop)| stop);
        spawn::task("disconnect", async move {
            if let Some(stop) = stop
                && tokio::time::timeout(Duration::from_secs(6), stop()).await.is_err()
            {
                tracing::warn!(connection = key, "did not stop in time");
            }
            reply.send(()).ok();
        });
    }

    /// Channels first, so that what was heard is answered; beside the node, which opens others meanwhile.
    fn release(&mut self, community: CommunityId, reply: oneshot::Sender<()>) {
        let channels: Vec<_> = self.channels.extract_if(|_, (of, _)| *of == community).map(|(_, (_, channel))| channel).collect();
        let itself = self.communities.remove(&community);
        let journal = self.journal.clone();
        spawn::task("release", async move {
            ended_in_time("channels", channels.iter().map(|channel| channel.drain())).await;
            ended_in_time("community", itself.iter().map(|community| community.drain())).await;
            journal.flushed().await;
            reply.send(()).ok();
        });
    }

    /// Notes the failure of what acts under a claim; the node goes on meanwhile.
    fn failed(&self, entity: String, why: String, last: bool) {
        let claims = self.claims.clone();
        spawn::task("failed", async move { claims.failed(&entity, &why, last).await });
    }

    /// What acts under claims ends; the gate lets nothing out that it still has to say.
    async fn vacate(&mut self) {
        let channels = self.channels.drain().map(|(_, (_, channel))| async move { channel.stop().await });
        ended_in_time("channels", channels).await;
        let communities = self.communities.drain().map(|(_, community)| async move { community.stop().await });
        ended_in_time("communities", communities).await;
    }

    /// Channels first, so that what was heard is answered; connections after what they still have to say.
    async fn stop(&mut self) {
        for (key, (_, channel)) in self.channels.drain() {
            if tokio::time::timeout(Duration::from_secs(10), channel.drain()).await.is_err() {
                tracing::warn!(channel = %key, "did not stop in time");
            }
        }
        for (id, community) in self.communities.drain() {
            if tokio::time::timeout(Duration::from_secs(10), community.drain()).await.is_err() {
                tracing::warn!(community = id, "did not stop in time");
            }
        }
        for (_, account) in self.accounts.drain() {
            tokio::time::timeout(LAST_WORDS, account.drain()).await.ok();
        }
        for (_, (connection, stop)) in self.connections.drain() {
            let Some(stop) = stop else { continue };
            if tokio::time::timeout(Duration::from_secs(6), stop()).await.is_err() {
                tracing::warn!(connection = connection.key(), "did not stop in time");
            }
        }
        self.journal.close().await;
    }
}

/// How long an account goes on at the end. What must be said was waited for with its channel, or is in the outbox.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Whether it was opened under an older claim than this: who opened it had that from before everything was stopped.
fn is_older<O: Send + 'static>(open: &Address<O>, claim: &Claim) -> bool {
    open.meter().epoch() < claim.epoch
}

/// Waits for all of them together, for no longer than ten seconds.
async fn ended_in_time<F: Future<Output = ()>>(whose: &str, ending: impl Iterator<Item = F>) {
    if tokio::time::timeout(Duration::from_secs(10), join_all(ending)).await.is_err() {
        tracing::warn!(whose, "did not stop in time");
    }
}

/// A community's key, in the tree of actors and among the claims.
#[must_use]
pub fn community_key(id: CommunityId) -> String {
    format!("community:{id}")
}

/// The community of a key.
pub(crate) fn community_of(key: &str) -> Option<CommunityId> {
    key.strip_prefix("community:")?.parse().ok()
}
