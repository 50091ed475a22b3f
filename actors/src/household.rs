//! Brings together what a channel needs to live: its community, both claims, the journal, the way out.

mod roles;
mod rules;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use waddlebot_runtime::actor::{Address, World};
use waddlebot_runtime::chat::{ChannelKey, CommunityId};
use waddlebot_runtime::directory::{Directory, Opener};
use waddlebot_runtime::intake::{Ear, Ears, Unheard};
use waddlebot_runtime::journal::{Entry, Journal, Waiting};
use waddlebot_runtime::membership::Tenants;
pub use waddlebot_runtime::placement::Claims;
use waddlebot_runtime::placement::Unclaimed;
use waddlebot_runtime::platform::{Boxed, Platform, Platforms};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Claim, Store, StoreError};

use crate::channel::admit::Rate;
use crate::channel::{self, Accepted, LocalEar};
use crate::community::{self, ModuleState};
use crate::delivery::{Courier, Parcel};
use crate::installed;
use crate::node::{self, community_key};
use crate::registry::{self, Home, Registered};
use crate::seat::Entry as ModuleEntry;

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
    /// This start of this node: makes ids for messages that have none.
    pub ids: Arc<str>,
}

/// What the last stop left to be done.
#[derive(Debug, Default)]
pub struct LeftOver {
    undelivered: Vec<Waiting>,
    backlog: Vec<Entry>,
}

/// Opens channels and communities, and answers for them. Cloning shares it.
#[derive(Clone)]
pub struct Household(Arc<Inner>);

struct Inner {
    on: Foundation,
    channels: Directory<LocalEar>,
    closing: AtomicBool,
    openings: AtomicU64,
}

impl Household {
    /// Founds one.
    #[must_use]
    pub fn new(on: Foundation) -> Self {
        Self(Arc::new(Inner { on, channels: Directory::default(), closing: AtomicBool::new(false), openings: AtomicU64::new(0) }))
    }

    /// Opens the accounts of all platforms and lets the courier know them.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn open_accounts(&self) -> Result<(), String> {
        let on = &self.0.on;
        for platform in on.platforms.iter() {
            let platform: Arc<dyn Platform> = platform.clone();
            let name = platform.name();
            let account = on.node.ask(|reply| node::Order::Account(platform, reply)).await.map_err(|gone| gone.to_string())??;
            on.courier.account(name, account);
        }
        Ok(())
    }

    /// What the last stop left: read it before anybody is heard, then [`Household::resume`].
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn left_over(&self) -> Result<LeftOver, StoreError> {
        let on = &self.0.on;
        let idempotent = |entity: &str| ChannelKey::parse(entity).is_some_and(|key| on.courier.is_idempotent(&key));
        Ok(LeftOver { undelivered: on.journal.undelivered(idempotent).await?, backlog: on.journal.backlog().await? })
    }

    /// Sends what should have gone out, does what was accepted before the last stop, wakes who waits for an alarm.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn resume(&self, left: LeftOver) -> Result<(), StoreError> {
        let on = &self.0.on;
        for waiting in left.undelivered {
            let (Some(channel), Ok(response)) = (ChannelKey::parse(&waiting.entity), serde_json::from_str::<Response>(&waiting.body))
            else {
                tracing::error!(id = waiting.id, "a line of the outbox cannot be read and stays there");
                continue;
            };
            let parcel = Parcel { id: Some(waiting.id), response };
            let on_its_way = on.courier.hand_over(&channel, waiting.community, vec![parcel]).await;
            // A platform that is not connected yet must not hold up the others.
            let courier = on.courier.clone();
            spawn::task("left over", async move { courier.settle(on_its_way).await });
        }
        for Entry { message_id, entity, body } in left.backlog {
            let (Some(key), Ok(accepted)) = (ChannelKey::parse(&entity), serde_json::from_str::<Accepted>(&body)) else {
                tracing::error!(message_id, "an entry of the inbox cannot be read and stays there");
                continue;
            };
            match self.local(&key).await {
                Ok(ear) => drop(ear.0.send(channel::Order::Again(accepted))),
                Err(why) => tracing::error!(message_id, %why, "an entry of the inbox cannot be done now"),
            }
        }
        for community in installed::with_alarms(&on.store).await? {
            if let Err(why) = self.community(community).await {
                tracing::error!(community, why, "a community with an alarm cannot be opened");
            }
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
    /// When there is no such community, or it cannot be claimed or opened now.
    pub async fn community(&self, id: CommunityId) -> Result<(Address<community::Order>, Claim), String> {
        let on = &self.0.on;
        let registered = registry::community(&on.store, id).await.map_err(|error| error.to_string())?;
        let registered = registered.ok_or_else(|| format!("there is no community {id}"))?;
        let claim = on.claims.claim(&community_key(id)).await.map_err(|why| why.to_string())?;
        let seed = community::Seed {
            registered,
            claim: claim.clone(),
            store: on.store.clone(),
            modules: on.modules.clone(),
            platforms: on.platforms.clone(),
            courier: on.courier.clone(),
            limit: on.limit,
        };
        // A community that nobody needed may be about to close: it is asked to stay, and opened anew when it is gone.
        for _ in 0..3 {
            let asked = on.node.ask(|reply| node::Order::Community(Box::new(seed.clone()), reply)).await;
            let address = asked.map_err(|gone| gone.to_string())??;
            if address.ask(community::Order::Stay).await.is_ok() {
                return Ok((address, claim));
            }
        }
        Err(format!("community {id} closes as soon as it opens"))
    }

    /// All communities.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn communities(&self) -> Result<Vec<Registered>, StoreError> {
        registry::communities(&self.0.on.store).await
    }

    /// A community's modules, on or off.
    ///
    /// # Errors
    /// When the community cannot be opened.
    pub async fn modules(&self, id: CommunityId) -> Result<Vec<ModuleState>, String> {
        let (address, _) = self.community(id).await?;
        address.ask(community::Order::Modules).await.map_err(|gone| gone.to_string())
    }

    /// Switches a module on or off, at once and for good.
    ///
    /// # Errors
    /// When there is no such module, or the change cannot be written.
    pub async fn switch(&self, id: CommunityId, module: &str, on: bool) -> Result<(), String> {
        let (address, _) = self.community(id).await?;
        address.ask(|reply| community::Order::Switch(module.to_owned(), on, reply)).await.map_err(|gone| gone.to_string())?
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
            Some(open) => Ok(open),
            None if self.0.closing.load(Relaxed) => Err(Unheard::Unavailable),
            None => self.0.channels.find(key, self).await,
        }
    }

    /// Where a channel belongs. One that is new goes where its server's other channels are, else to the first community.
    async fn home_of(&self, key: &ChannelKey) -> Result<Home, StoreError> {
        let on = &self.0.on;
        if let Some(home) = registry::home_of(&on.store, key).await? {
            return Ok(home);
        }
        let now = on.world.clock.now();
        let mut community = registry::home(&on.store, now).await?.id;
        if on.platforms.of(key).is_some_and(|platform| platform.has_servers(key)) {
            let (platform, server) = (key.platform(), key.server());
            if server.is_empty() {
                community = registry::add_group(&on.store, platform, &key.channel(), community, now).await?.community;
            } else if let Some(group) = registry::group(&on.store, platform, &server).await? {
                community = group.community;
            }
        }
        let community = registry::add_channel(&on.store, key, community, now).await?;
        Ok(Home { community, owned: false })
    }

    async fn opened(&self, key: &ChannelKey, claim: Claim) -> Result<Address<channel::Order>, String> {
        let on = &self.0.on;
        let Home { community, owned } = self.home_of(key).await.map_err(|error| error.to_string())?;
        let (address, community_claim) = self.community(community).await?;
        let seed = channel::Seed {
            key: key.clone(),
            claim,
            community,
            owned,
            address,
            community_claim,
            journal: on.journal.clone(),
            courier: on.courier.clone(),
            rate: on.rate,
            // A channel counts from one each time it is opened.
            ids: format!("{}.{}", on.ids, self.0.openings.fetch_add(1, Relaxed)).into(),
        };
        on.node.ask(|reply| node::Order::Channel(Box::new(seed), reply)).await.map_err(|gone| gone.to_string())?
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
            let resumed = async { self.resume(self.left_over().await?).await };
            if let Err(error) = resumed.await {
                tracing::error!(%error, "what was left before the lease was lost cannot be resumed");
            }
        })
    }
}

impl Opener<LocalEar> for Household {
    fn open<'a>(&'a self, key: &'a ChannelKey) -> Boxed<'a, Result<LocalEar, Unheard>> {
        Box::pin(async move {
            let opened = match self.0.on.claims.claim(key.as_str()).await {
                Ok(claim) => self.opened(key, claim).await,
                Err(Unclaimed::Elsewhere { .. }) => return Err(Unheard::Elsewhere),
                Err(why) => Err(why.to_string()),
            };
            opened.map(LocalEar).map_err(|why| {
                tracing::error!(channel = %key, why, "a channel cannot be opened");
                Unheard::Unavailable
            })
        })
    }
}

impl Ears for Household {
    fn channel<'a>(&'a self, key: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>> {
        Box::pin(async move { self.local(key).await.map(|ear| ear as Arc<dyn Ear>) })
    }
}
