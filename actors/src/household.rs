//! Brings together what a channel needs to live: its community, both claims, the journal, the way out.

pub mod afar;
mod changes;
mod commands;
pub(crate) mod errands;
mod left;
mod limits;
mod listening;
mod news;
mod operator;
mod residents;
mod responses;
mod roles;
mod rules;

use std::collections::HashSet;
use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use changes::Reported;
use dashmap::DashSet;
use futures_util::future::join;
use metrics::{Counter, counter};
pub use operator::{NotOperated, Operator};
pub use residents::{Asked, Gathered, Resident};
pub use responses::{Arrived, NotTaken};
use waddlebot_runtime::actor::{Address, World};
use waddlebot_runtime::chat::{ChannelKey, CommunityId};
use waddlebot_runtime::directory::{Directory, Opener};
use waddlebot_runtime::intake::{Ear, Ears, Unheard};
use waddlebot_runtime::journal::Journal;
use waddlebot_runtime::membership::Tenants;
pub use waddlebot_runtime::placement::Claims;
use waddlebot_runtime::placement::Unclaimed;
use waddlebot_runtime::platform::{Boxed, Platform, Platforms};
use waddlebot_runtime::store::{Claim, Store};

use crate::budget::wallet::Lenders;
use crate::channel::admit::Rate;
use crate::channel::resolve::Vocabularies;
use crate::channel::{self, LocalEar};
use crate::community;
use crate::delivery::Courier;
use crate::node::{self, community_key};
use crate::outside::Outside;
use crate::overlay::Overlays;
use crate::registry::{self, Home};
use crate::seat::Entry as ModuleEntry;
use afar::Afar;
pub(crate) use left::Seen;

/// What a household is founded on.
pub struct Foundation {
    /// Time and the list of who lives here.
    pub world: World,
    /// The root of the tree.
    pub node: Address<node::Order>,
    /// The store.
    pub store: Store,
    /// The journal.
    pub journal: Journal,
    /// Whom we talk to.
    pub platforms: Platforms,
    /// The way out.
    pub courier: Courier,
    /// The list of modules.
    pub modules: Arc<[ModuleEntry]>,
    /// Claims.
    pub claims: Arc<dyn Claims>,
    /// How long one call of a module may take.
    pub limit: Duration,
    /// How often one person may use one command in one channel.
    pub rate: Rate,
    /// Runs what runs elsewhere.
    pub outside: Outside,
    /// This start of this node: makes ids for messages that have none.
    pub ids: Arc<str>,
}

/// How long a community that goes waits for what it says to go out.
const GRACE: Duration = Duration::from_millis(150);

/// Why a community cannot be had here.
#[derive(Debug, thiserror::Error)]
pub enum Absent {
    /// Another node serves it, or is about to.
    #[error("this community is served by another node")]
    Elsewhere,
    /// It cannot be opened now.
    #[error("{0}")]
    Closed(String),
}

/// Opens channels and communities, and answers for them. Cloning shares it.
#[derive(Clone)]
pub struct Household(Arc<Inner>);

struct Inner {
    on: Foundation,
    channels: Directory<LocalEar>,
    closing: AtomicBool,
    openings: AtomicU64,
    vocabularies: Vocabularies,
    /// Communities that are on their way to another node.
    leaving: DashSet<CommunityId>,
    afar: OnceLock<Afar>,
    overlays: OnceLock<Overlays>,
    lenders: Lenders,
    operator: OnceLock<Operator>,
    /// How often a channel that was looked for was open, and how often not.
    looked: (Counter, Counter),
}

impl Household {
    /// Founds one.
    #[must_use]
    pub fn new(on: Foundation) -> Self {
        Self(Arc::new(Inner {
            on,
            channels: Directory::default(),
            closing: AtomicBool::new(false),
            openings: AtomicU64::new(0),
            vocabularies: Vocabularies::default(),
            leaving: DashSet::new(),
            afar: OnceLock::new(),
            overlays: OnceLock::new(),
            lenders: Lenders::default(),
            operator: OnceLock::new(),
            looked: (counter!("waddlebot_cache_hits_total"), counter!("waddlebot_cache_misses_total")),
        }))
    }

    /// Learns the way to channels that other nodes serve. Without it there are none.
    pub fn reach(&self, afar: Afar) {
        self.0.afar.set(afar).ok();
    }

    /// The channels of this node alone: for what peers bring.
    #[must_use]
    pub fn at_home(&self) -> AtHome {
        AtHome(self.clone())
    }

    /// Opens the accounts of all platforms and lets the courier know them.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn open_accounts(&self) -> Result<(), String> {
        let on = &self.0.on;
        for platform in on.platforms.iter().filter(|platform| !platform.capabilities().inline) {
            let platform: Arc<dyn Platform> = platform.clone();
            let name = platform.name();
            let lenders = self.0.lenders.clone();
            let account = on.node.ask(|reply| node::Order::Account(platform, lenders, reply)).await.map_err(|gone| gone.to_string())??;
            on.courier.account(name, account);
        }
        Ok(())
    }

    /// Keeps a platform's connection open from now on.
    pub fn connect(&self, connection: Arc<dyn node::Connection>) {
        self.0.on.node.send(node::Order::Connection(connection)).ok();
    }

    /// A community's actor, opened when need be.
    ///
    /// # Errors
    /// When there is no such community, or it cannot be claimed or opened here now.
    pub async fn community(&self, id: CommunityId) -> Result<(Address<community::Order>, Claim), Absent> {
        let on = &self.0.on;
        let closed = |why: &dyn std::fmt::Display| Absent::Closed(why.to_string());
        let registered = registry::community(&on.store, id).await.map_err(|error| closed(&error))?;
        let registered = registered.ok_or_else(|| Absent::Closed(format!("there is no community {id}")))?;
        let claim = match on.claims.claim(&community_key(id)).await {
            _ if self.0.leaving.contains(&id) => return Err(Absent::Elsewhere),
            Ok(claim) => claim,
            Err(Unclaimed::Elsewhere { .. }) => return Err(Absent::Elsewhere),
            Err(why) => return Err(closed(&why)),
        };
        let seed = community::Seed {
            registered,
            claim: claim.clone(),
            store: on.store.clone(),
            modules: on.modules.clone(),
            vocabularies: self.0.vocabularies.clone(),
            platforms: on.platforms.clone(),
            courier: on.courier.clone(),
            limit: on.limit,
            outside: on.outside.clone(),
        };
        // A community that nobody needed may be about to close: it is asked to stay, and opened anew when it is gone.
        for _ in 0..3 {
            let asked = on.node.ask(|reply| node::Order::Community(Box::new(seed.clone()), reply)).await;
            let address = asked.map_err(|gone| closed(&gone))?.map_err(Absent::Closed)?;
            if address.ask(community::Order::Stay).await.is_ok() {
                return Ok((address, claim));
            }
        }
        Err(Absent::Closed(format!("community {id} closes as soon as it opens")))
    }

    /// Stops a community and its channels in good order, so that it can be handed to another node. Nobody opens
    /// it here before [`Household::released`]. What its channels still have to say and could not say yet is left to
    /// that node: it does not wait for a platform that takes one line in two seconds.
    pub async fn release(&self, id: CommunityId) {
        self.0.leaving.insert(id);
        let on = &self.0.on;
        // Whoever was about to open one has done so when the node answers.
        let mut released = pin!(on.node.ask(|reply| node::Order::Release(id, reply)));
        let in_time = tokio::select! {
            biased;
            _ = &mut released => true,
            () = on.world.clock.sleep(GRACE) => false,
        };
        let called_back = async {
            if on.courier.call_back(id).await {
                on.journal.flushed().await;
            }
        };
        if in_time {
            called_back.await;
        } else {
            join(called_back, released).await.1.ok();
        }
        self.0.channels.sweep();
    }

    /// The communities whose actors are open here.
    pub async fn open_communities(&self) -> HashSet<CommunityId> {
        let open = self.0.on.node.ask(node::Order::Communities).await.unwrap_or_default();
        open.into_iter().map(|(id, _)| id).collect()
    }

    /// A community that was released has another node, or none.
    pub fn released(&self, id: CommunityId) {
        self.0.on.courier.called_back(id);
        self.0.leaving.remove(&id);
    }

    /// Closes a platform's connection; another node may open it.
    pub async fn disconnect(&self, key: &str) {
        self.0.on.node.ask(|reply| node::Order::Disconnect(key.to_owned(), reply)).await.ok();
    }

    /// The world everybody lives in.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.0.on.world
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.on.journal
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.on.store
    }

    /// Stops channels, communities, accounts and the journal, in this order.
    pub async fn stop(&self) {
        self.0.closing.store(true, Relaxed);
        self.0.on.node.ask(node::Order::Stop).await.ok();
    }

    /// The channel's actor on this node: the open one, or opened now; two who ask at once get the same.
    async fn local(&self, key: &ChannelKey) -> Result<Arc<LocalEar>, Unheard> {
        match self.0.channels.here(key) {
            Some(open) => {
                self.0.looked.0.increment(1);
                Ok(open)
            }
            None if self.0.closing.load(Relaxed) => Err(Unheard::Unavailable),
            None => {
                self.0.looked.1.increment(1);
                self.0.channels.find(key, self).await
            }
        }
    }

    /// Opens a channel: its community first, because both live on one node.
    async fn opened(&self, key: &ChannelKey) -> Result<Address<channel::Order>, Absent> {
        let on = &self.0.on;
        let closed = |why: &dyn std::fmt::Display| Absent::Closed(why.to_string());
        let Home { community, owned } = self.home_of(key).await.map_err(|error| closed(&error))?;
        let (address, community_claim) = self.community(community).await?;
        let claim = match on.claims.claim_beside(key.as_str(), &community_claim.entity).await {
            Ok(claim) => claim,
            Err(Unclaimed::Elsewhere { .. }) => return Err(Absent::Elsewhere),
            Err(why) => return Err(closed(&why)),
        };
        if let Some(connection) = on.platforms.of(key).and_then(|platform| platform.connection(key)) {
            on.claims.lives_near(&community_claim.entity, &connection);
        }
        let seed = channel::Seed {
            key: key.clone(),
            claim,
            community,
            owned,
            address,
            community_claim,
            store: on.store.clone(),
            claims: on.claims.clone(),
            journal: on.journal.clone(),
            courier: on.courier.clone(),
            rate: on.rate,
            outside: on.outside.clone(),
            // A channel counts from one each time it is opened.
            ids: format!("{}.{}", on.ids, self.0.openings.fetch_add(1, Relaxed)).into(),
        };
        let asked = on.node.ask(|reply| node::Order::Channel(Box::new(seed), reply)).await;
        let address = asked.map_err(|gone| closed(&gone))?.map_err(Absent::Closed)?;
        // What was accepted for it by whoever served it before goes first.
        if let Err(error) = self.hands_on(key, &address).await {
            tracing::warn!(channel = %key, %error, "what was left for a channel cannot be seen; it comes later");
        }
        Ok(address)
    }
}

impl Tenants for Household {
    fn vacate(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            self.0.on.node.ask(node::Order::Vacate).await.ok();
            self.0.channels.sweep();
        })
    }

    fn resume(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.resume().await {
                tracing::error!(%error, "what was left before the lease was lost cannot be resumed");
            }
        })
    }
}

impl Opener<LocalEar> for Household {
    fn open<'a>(&'a self, key: &'a ChannelKey) -> Boxed<'a, Result<LocalEar, Unheard>> {
        Box::pin(async move {
            match self.opened(key).await {
                Ok(address) => Ok(LocalEar(address)),
                Err(Absent::Elsewhere) => Err(Unheard::Elsewhere),
                Err(Absent::Closed(why)) => {
                    tracing::error!(channel = %key, why, "a channel cannot be opened");
                    Err(Unheard::Unavailable)
                }
            }
        })
    }
}

impl Ears for Household {
    fn channel<'a>(&'a self, key: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>> {
        // Where it is open here, which it nearly always is, nothing is waited for.
        if self.0.afar.get().is_none()
            && let Some(open) = self.0.channels.here(key)
        {
            self.0.looked.0.increment(1);
            return Box::pin(ready(Ok(open as Arc<dyn Ear>)));
        }
        Box::pin(async move {
            let Some(afar) = self.0.afar.get() else { return self.local(key).await.map(|ear| ear as Arc<dyn Ear>) };
            afar.settled(key).await;
            if self.0.channels.here(key).is_none()
                && let Some(ear) = afar.known(key)
            {
                return Ok(ear);
            }
            match self.local(key).await {
                Ok(ear) => Ok(ear as Arc<dyn Ear>),
                Err(Unheard::Elsewhere) => Ok(afar.ear(key)),
                Err(why) => Err(why),
            }
        })
    }
}

/// The channels of this node, without those that others serve.
pub struct AtHome(Household);

impl Ears for AtHome {
    fn channel<'a>(&'a self, key: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>> {
        Box::pin(async move { self.0.local(key).await.map(|ear| ear as Arc<dyn Ear>) })
    }
}
