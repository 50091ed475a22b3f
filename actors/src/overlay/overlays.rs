//! The way to every overlay of this node: show something, let a page in, look after the tokens.

mod door;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use dashmap::{DashMap, DashSet};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Address, Fault, Me, Meter, Root, World, open_root};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::placement::Unclaimed;
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::response::{Form, Response};
use waddlebot_runtime::secret::{Secret, random_text};
use waddlebot_runtime::store::{Store, StoreError};

use super::access::{Access, AccessLog};
use super::across::{Handed, Place, Way};
use super::group::Group;
use super::item::{Item, Source};
use super::items::Origin;
use super::relay::{self, Relay};
use super::settings::Settings;
use super::tokens::Tokens;
use super::{Order, Wanted};
use crate::delivery::Screens;
use crate::household::Claims;
use crate::node::community_key;

pub use door::{Arrival, OverlayStats, Refused, Seat, Stats};

/// Where the answers to a form go.
pub trait Forms: Send + Sync + 'static {
    /// Hands them on.
    fn submitted(&self, submission: Submission) -> Boxed<'_, Result<(), String>>;
}

/// A form that was filled in at an overlay.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// Whose overlay.
    pub community: CommunityId,
    /// Which item.
    pub item: String,
    /// The form.
    pub form: Form,
    /// The answers by field name; only fields the form has.
    pub answers: Map<String, Value>,
}

/// What came of showing an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is on screen.
    Showing,
    /// It waits: for those before it, or for a page to connect.
    Waiting,
    /// It was handed in before, and is not shown twice.
    Known,
}

/// Why an item was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// Too many wait already, all at least as important: try later or leave it.
    #[error("the queue of this overlay is full")]
    Full,
    /// Too much is asked of this overlay at once: try again in a moment.
    #[error("the overlay is busy")]
    Busy,
    /// This node may not write for the community now: try again later.
    #[error("the overlay cannot be opened: {0}")]
    Unavailable(String),
    /// Another node keeps it, and there is no way to it.
    #[error("the overlay is kept by the node {owner}")]
    Elsewhere {
        /// The node.
        owner: String,
        /// Since which change of owner.
        epoch: i64,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The overlays of this node. Cloning shares them.
#[derive(Clone)]
pub struct Overlays(Arc<Inner>);

struct Inner {
    settings: Arc<Settings>,
    store: Store,
    clock: Clock,
    tokens: Tokens,
    access: AccessLog,
    claims: Arc<dyn Claims>,
    forms: Arc<dyn Forms>,
    groups: DashMap<(CommunityId, Source), Arc<Group>>,
    relay: Mutex<Option<Address<relay::Order>>>,
    seats: Arc<AtomicUsize>,
    serial: AtomicU64,
    arrivals: DashMap<(IpAddr, Option<(CommunityId, Source)>), (i64, u32)>,
    way: OnceLock<Arc<dyn Way>>,
    /// Communities that are on their way to another node.
    leaving: DashSet<CommunityId>,
}

/// How long a caller waits for an overlay.
const WAIT: Duration = Duration::from_secs(10);

impl Overlays {
    /// The overlays over this store. Nothing happens before [`Overlays::open`].
    #[must_use]
    pub fn new(settings: Settings, store: Store, secret: Secret, clock: Clock, claims: Arc<dyn Claims>, forms: Arc<dyn Forms>) -> Self {
        let tokens = Tokens::new(store.clone(), secret, clock.clone());
        Self(Arc::new(Inner {
            settings: Arc::new(settings),
            store,
            clock,
            tokens,
            access: AccessLog::default(),
            claims,
            forms,
            groups: DashMap::new(),
            relay: Mutex::new(None),
            seats: Arc::default(),
            serial: AtomicU64::new(0),
            arrivals: DashMap::new(),
            way: OnceLock::new(),
            leaving: DashSet::new(),
        }))
    }

    /// Opens the relay as the child of an actor.
    ///
    /// # Errors
    /// When it failed so often that it must rest.
    pub async fn open_under<O: Send + 'static>(&self, me: &Me<O>) -> Result<(), Fault> {
        me.open::<Relay>("overlays", self.clone()).await.map(drop)
    }

    /// Opens the relay on its own, for tests and measurements.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(&self, world: &World) -> Result<Opened, Fault> {
        Ok(Opened(open_root::<Relay>("overlays", self.clone(), world).await?))
    }

    /// Closes every page with 1001, writes down what must be, and ends all overlays of this node.
    pub async fn close(&self) {
        let relay = self.0.relay.lock().clone();
        if let Some(relay) = relay {
            relay.stop().await;
        }
    }

    /// Ends the overlays of a community that this node is about to hand over. None is opened before
    /// [`Overlays::released`]; then its pages look on at who keeps them.
    pub async fn release(&self, community: CommunityId) {
        self.0.leaving.insert(community);
        for group in self.groups().into_iter().filter(|group| group.community == community) {
            if let Some(overlay) = group.overlay() {
                overlay.stop().await;
            }
        }
    }

    /// Ends the overlays of all communities: this node holds none any longer. Pages stay and find them again.
    pub async fn vacate(&self) {
        for group in self.groups() {
            if let Some(overlay) = group.overlay() {
                overlay.stop().await;
            }
        }
    }

    /// Shows an item, whichever node keeps the overlay; answered when it is stored. The same key twice is shown once; an
    /// empty key is always new.
    ///
    /// # Errors
    /// When it was not taken. Except after [`ShowError::Full`] the same key may be tried again.
    pub async fn show(&self, community: CommunityId, item: Item, key: &str, origin: Origin) -> Result<Placed, ShowError> {
        let key = if key.is_empty() { random_text() } else { key.to_owned() };
        match self.overlay(community, item.source()).await {
            Ok(overlay) => Self::show_at(&overlay, item, item_id(&key), origin).await,
            Err(ShowError::Elsewhere { owner, epoch }) if self.way().is_some() => {
                self.show_afar(Place { owner, epoch }, Handed { community, item, key, origin }).await
            }
            Err(error) => Err(error),
        }
    }

    /// Shows an item when this node keeps the overlay.
    pub(super) async fn show_here(&self, community: CommunityId, item: Item, id: String, origin: Origin) -> Result<Placed, ShowError> {
        let overlay = self.overlay(community, item.source()).await?;
        Self::show_at(&overlay, item, id, origin).await
    }

    async fn show_at(overlay: &Address<Order>, item: Item, id: String, origin: Origin) -> Result<Placed, ShowError> {
        let (sender, answer) = oneshot::channel();
        let wanted = Wanted { id, item, origin, reply: Some(sender) };
        if overlay.offer(Order::Show(Box::new(wanted))).is_err() {
            return Err(ShowError::Busy);
        }
        match tokio::time::timeout(WAIT, answer).await {
            Ok(Ok(placed)) => placed,
            Ok(Err(_)) => Err(ShowError::Unavailable("it ended before it answered".into())),
            Err(_) => Err(ShowError::Busy),
        }
    }

    /// Takes everything off an overlay and out of its queue, whichever node keeps it.
    ///
    /// # Errors
    /// When it cannot be opened or reached.
    pub async fn clear(&self, community: CommunityId, source: Source) -> Result<(), ShowError> {
        match self.clear_here(community, source).await {
            Err(ShowError::Elsewhere { owner, epoch }) if self.way().is_some() => {
                self.clear_afar(community, source, Place { owner, epoch }).await
            }
            cleared => cleared,
        }
    }

    pub(super) async fn clear_here(&self, community: CommunityId, source: Source) -> Result<(), ShowError> {
        let overlay = self.overlay(community, source).await?;
        overlay.ask(Order::Clear).await.map_err(|gone| ShowError::Unavailable(gone.to_string()))
    }

    /// The tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// Notes that an overlay page was opened.
    pub fn note_access(&self, access: Access) {
        self.0.access.add(access);
    }

    /// Whether the relay lives.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.relay.lock().is_some()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The actor of an overlay, opened when need be.
    pub(super) async fn overlay(&self, community: CommunityId, source: Source) -> Result<Address<Order>, ShowError> {
        if let Some(open) = self.0.groups.get(&(community, source)).and_then(|group| group.overlay()) {
            return Ok(open);
        }
        let unavailable = ShowError::Unavailable;
        let relay = self.relay().ok_or_else(|| unavailable("the node is starting or stopping".into()))?;
        if self.0.leaving.contains(&community) {
            return Err(unavailable("it is on its way to another node".into()));
        }
        let claim = tokio::time::timeout(WAIT, self.0.claims.claim(&community_key(community))).await;
        let claim = claim.map_err(|_| unavailable("its claim was not answered for".into()))?;
        let claim = claim.map_err(|why| match why {
            Unclaimed::Elsewhere { owner, epoch, .. } => ShowError::Elsewhere { owner, epoch },
            other => unavailable(other.to_string()),
        })?;
        let opened = relay.ask(|reply| relay::Order::Open(community, source, claim, reply)).await;
        opened.map_err(|gone| unavailable(gone.to_string()))?.map_err(unavailable)
    }

    pub(super) fn group(&self, community: CommunityId, source: Source) -> Arc<Group> {
        let group = self.0.groups.entry((community, source));
        group.or_insert_with(|| Group::open(community, source, &self.0.clock, self.0.serial.fetch_add(1, Relaxed))).clone()
    }

    pub(super) fn known_group(&self, community: CommunityId, source: Source) -> Option<Arc<Group>> {
        self.0.groups.get(&(community, source)).map(|group| group.clone())
    }

    pub(super) fn groups(&self) -> Vec<Arc<Group>> {
        self.0.groups.iter().map(|group| group.clone()).collect()
    }

    /// Forgets a group that is over.
    pub(super) fn forget(&self, over: &Arc<Group>) {
        self.0.groups.remove_if(&(over.community, over.source), |_, group| Arc::ptr_eq(group, over));
    }

    pub(super) fn way(&self) -> Option<Arc<dyn Way>> {
        self.0.way.get().cloned()
    }

    pub(super) fn set_way(&self, way: Arc<dyn Way>) {
        self.0.way.set(way).ok();
    }

    pub(super) fn set_leaving(&self, community: CommunityId, leaving: bool) {
        if leaving {
            self.0.leaving.insert(community);
        } else {
            self.0.leaving.remove(&community);
        }
    }

    pub(super) fn relay(&self) -> Option<Address<relay::Order>> {
        self.0.relay.lock().clone()
    }

    pub(super) fn set_relay(&self, relay: Address<relay::Order>) {
        *self.0.relay.lock() = Some(relay);
    }

    pub(super) fn unset_relay(&self, meter: &Arc<Meter>) {
        self.0.relay.lock().take_if(|relay| Arc::ptr_eq(relay.meter(), meter));
    }

    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.0.settings
    }

    pub(super) fn forms(&self) -> &Arc<dyn Forms> {
        &self.0.forms
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Writes the access log; when asked, forgets what is older than it is kept.
    pub(super) async fn write_access(&self, forget: bool) {
        let mut done = match self.0.access.flush(&self.0.store).await {
            Ok(opened) if opened.is_empty() => Ok(()),
            Ok(opened) => self.0.tokens.used(opened).await,
            Err(error) => Err(error),
        };
        if forget && done.is_ok() {
            let kept = i64::try_from(self.0.settings.retention.as_millis()).unwrap_or(i64::MAX);
            done = self.0.access.forget(&self.0.store, self.0.clock.now().saturating_sub(kept)).await;
        }
        if let Err(error) = done {
            tracing::warn!(%error, "who opened overlay pages was not written down");
        }
    }
}

impl Screens for Overlays {
    fn show<'a>(&'a self, community: CommunityId, item: &'a Response, key: &'a str) -> Boxed<'a, Result<(), String>> {
        Box::pin(async move {
            let Some(item) = Item::of(item.clone()) else { return Ok(()) };
            match Overlays::show(self, community, item, key, Origin::default()).await {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

/// A relay that was opened on its own.
pub struct Opened(Root<relay::Order>);

impl Opened {
    /// Closes every page and ends it.
    pub async fn close(self) {
        self.0.stop(WAIT).await;
    }
}

/// What pages and rows call an item: short, the same for the same key, telling nothing about it.
pub(super) fn item_id(key: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(key.as_bytes())[..16])
}
