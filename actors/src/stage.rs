//! A whole house in a test: real store, real channels, communities and hosts; only the platform writes down what it is told.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use waddlebot_runtime::actor::{Root, World, open_root};
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, CommunityId, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::engine::Engine;
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::{self, Ears, Outcome};
use waddlebot_runtime::membership::{self, Before, Here, Membership, Terms};
use waddlebot_runtime::placement::{Placement, Unclaimed};
use waddlebot_runtime::platform::{
    Boxed, Budget, Capabilities, Limits, Measure, Moderation, Outgoing, Platform, PlatformError, Platforms, Profile, Unit,
};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::secret::Secret;
use waddlebot_runtime::sessions::{MemorySessions, TTL};
use waddlebot_runtime::store::{Claim, Member, Place, Store, sql};

use crate::channel::admit::Rate;
use crate::delivery::{Courier, Screens};
use crate::household::{Claims, Foundation, Household};
use crate::node::{self, Node};
use crate::outside::{self, Outside};
use crate::seat::Entry;

/// How long one call of a module may take where nobody says how long, in real time: on a busy machine as well.
const LIMIT: Duration = Duration::from_secs(60);

/// What the stage's secrets are derived from.
const SECRET: &str = "a stage keeps no secret from anybody";

/// A house with one platform called `stage`, and one called `inline` whose lines leave with the answer.
pub struct Stage {
    /// Opens channels and communities.
    pub household: Household,
    /// The clock, to be turned.
    pub clock: Clock,
    /// What the platform and the overlays were told.
    pub seen: Seen,
    root: Root<node::Order>,
    membership: Option<Root<membership::Order>>,
    store: Store,
}

/// What left the house, in order. Cloning shares it.
#[derive(Clone, Default)]
pub struct Seen {
    lines: Arc<Mutex<Vec<Outgoing>>>,
    items: Arc<Mutex<Vec<Response>>>,
    profiles: Arc<Mutex<Vec<Profile>>>,
    budget: Arc<Mutex<Option<Budget>>>,
}

impl Stage {
    /// Opens a house with these modules on a store at this place.
    ///
    /// # Panics
    /// When anything cannot be opened: this is a test.
    pub async fn open(modules: &[Entry], place: &Place, clock: Clock) -> Self {
        Self::with_limit(modules, place, clock, LIMIT).await
    }

    /// As [`Stage::open`], with a time limit for one call of a module.
    ///
    /// # Panics
    /// When anything cannot be opened.
    pub async fn with_limit(modules: &[Entry], place: &Place, clock: Clock, limit: Duration) -> Self {
        let store = Store::open(place).await.expect("the store opens");
        store.migrate().await.expect("the tables are made");
        let claims = Arc::new(Everything(store.clone()));
        Self::founded(modules, store, World::new(clock), claims, limit, None, None).await
    }

    /// As [`Stage::open`], with an engine for commands that run elsewhere.
    ///
    /// # Panics
    /// When anything cannot be opened.
    pub async fn reaching(modules: &[Entry], place: &Place, clock: Clock, engine: Arc<dyn Engine>) -> Self {
        let store = Store::open(place).await.expect("the store opens");
        store.migrate().await.expect("the tables are made");
        let claims = Arc::new(Everything(store.clone()));
        Self::founded(modules, store, World::new(clock), claims, LIMIT, None, Some(engine)).await
    }

    /// As [`Stage::open`], on a node that renews its lease and takes real claims.
    ///
    /// # Panics
    /// When anything cannot be opened.
    pub async fn leased(modules: &[Entry], place: &Place, clock: Clock) -> Self {
        let store = Store::open(place).await.expect("the store opens");
        store.migrate().await.expect("the tables are made");
        let here = Here::new("stage", clock.clone());
        let member = Member { node_id: "stage".into(), ..Member::default() };
        let seed = membership::Seed { here: here.clone(), member, store: store.clone(), terms: Terms::default(), before: Before::Unknown };
        let store = store.behind(here.gate().clone());
        let world = World::new(clock.clone()).behind(here.gate().clone());
        let membership = open_root::<Membership>("membership", seed, &world).await.expect("the node joins");
        let claims = Arc::new(Placement::new(here, store.clone(), clock, 1000));
        Self::founded(modules, store, world, claims, LIMIT, Some(membership), None).await
    }

    async fn founded(
        modules: &[Entry],
        store: Store,
        world: World,
        claims: Arc<dyn Claims>,
        limit: Duration,
        membership: Option<Root<membership::Order>>,
        engine: Option<Arc<dyn Engine>>,
    ) -> Self {
        let clock = world.clock.clone();
        let seed = node::Seed { store: store.clone(), claims: claims.clone() };
        let root = open_root::<Node>("node", seed, &world).await.expect("the node opens");
        let journal = root.address.ask(node::Order::Journal).await.expect("a journal");
        let seen = Seen::default();
        let platforms = Platforms::new([Arc::new(seen.clone()) as Arc<dyn Platform>, Arc::new(Inline)]);
        let courier = Courier::new(platforms.clone(), Arc::new(seen.clone()), journal.clone()).behind(world.gate.clone());
        #[expect(clippy::disallowed_methods, reason = "each opening makes ids unlike those of the one before")]
        let ids = format!("t{}", rand::random::<u64>()).into();
        let secret = Secret::open(std::path::Path::new("."), Some(SECRET)).expect("it is long enough");
        let outside = match engine {
            Some(engine) => {
                let sessions = Arc::new(MemorySessions::new(clock.clone(), TTL));
                Outside::new(engine, sessions, secret, clock.clone(), outside::Limits::default())
            }
            None => Outside::none(clock.clone()),
        };
        let household = Household::new(Foundation {
            world,
            node: root.address.clone(),
            store: store.clone(),
            journal,
            platforms,
            courier,
            modules: modules.into(),
            claims,
            limit,
            outside,
            rate: Rate::default(),
            ids,
        });
        if let Some(membership) = &membership {
            let tenants = membership::Order::Tenants(Arc::new(household.clone()));
            membership.address.send(tenants).expect("the membership lives");
        }
        household.open_accounts().await.expect("the account opens");
        household.resume().await.expect("what was left is resumed");
        Self { household, clock, seen, root, membership, store }
    }

    /// Somebody says something in a channel; what came of it.
    ///
    /// # Panics
    /// When the channel cannot take it.
    pub async fn say(&self, channel: &str, name: &str, role: Role, text: &str, id: &str) -> Outcome {
        let ear = self.household.channel(&key(channel)).await.expect("the channel opens");
        let message = ChatMessage { id: id.into(), by: user(name, role), text: text.into(), at: self.clock.now() };
        Arc::unwrap_or_clone(intake::ask(ear.as_ref(), message).await.expect("the channel answers"))
    }

    /// Something happens in a channel; what came of it.
    ///
    /// # Panics
    /// When the channel cannot take it.
    pub async fn happen(&self, channel: &str, kind: EventKind, name: &str, amount: i64, id: &str) -> Outcome {
        let ear = self.household.channel(&key(channel)).await.expect("the channel opens");
        let event = Event { id: id.into(), kind, by: user(name, Role::Viewer), amount, text: "".into() };
        Arc::unwrap_or_clone(intake::tell(ear.as_ref(), event).await.expect("the channel answers"))
    }

    /// Stops everything in good order.
    pub async fn close(self) {
        self.household.stop().await;
        self.root.stop(Duration::from_secs(10)).await;
        if let Some(membership) = self.membership {
            membership.address.ask(membership::Order::Leave).await.expect("the membership answers");
            membership.stop(Duration::from_secs(10)).await;
        }
        self.store.close().await;
    }
}

impl Seen {
    /// What was said since the last look, with the channel's own name.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, String)> {
        self.lines.lock().drain(..).map(|line| (line.channel.channel(), line.text.to_string())).collect()
    }

    /// What was shown on overlays since the last look.
    #[must_use]
    pub fn items(&self) -> Vec<Response> {
        self.items.lock().drain(..).collect()
    }

    /// From now on the platform takes no more than this.
    pub fn takes(&self, budget: Option<Budget>) {
        *self.budget.lock() = budget;
    }

    /// Lets the platform know somebody.
    pub fn knows(&self, profile: Profile) {
        self.profiles.lock().push(profile);
    }
}

impl Platform for Seen {
    fn name(&self) -> &'static str {
        "stage"
    }

    fn limits(&self, _: &ChannelKey) -> Limits {
        Limits { length: 2000, unit: Unit::Characters, budget: *self.budget.lock() }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { idempotent: true, deletes: true, timeouts: true, ..Capabilities::default() }
    }

    fn has_servers(&self, channel: &ChannelKey) -> bool {
        !channel.server().is_empty() || channel.channel().starts_with("server-")
    }

    fn send<'a>(&'a self, line: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>> {
        let mut lines = self.lines.lock();
        if line.key.is_empty() || !lines.iter().any(|said| said.key == line.key) {
            lines.push(line.clone());
        }
        Box::pin(async { Ok(()) })
    }

    fn moderate<'a>(&'a self, moderation: &'a Moderation) -> Boxed<'a, Result<(), PlatformError>> {
        let text = match &moderation.measure {
            Measure::Delete { message } => format!("platform deletes {message}"),
            Measure::Timeout { time, why } => format!("platform silences {} {} {why}", moderation.by.name, time.as_secs()),
        };
        self.lines.lock().push(Outgoing { channel: moderation.channel.clone(), text: text.into(), key: "".into() });
        Box::pin(async { Ok(()) })
    }

    fn profile<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<Option<Profile>, PlatformError>> {
        let found = self.profiles.lock().iter().find(|profile| profile.name.eq_ignore_ascii_case(name)).cloned();
        Box::pin(async { Ok(found) })
    }
}

struct Inline;

impl Platform for Inline {
    fn name(&self) -> &'static str {
        "inline"
    }

    fn limits(&self, _: &ChannelKey) -> Limits {
        Limits { length: 2000, unit: Unit::Characters, budget: None }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { idempotent: true, inline: true, ..Capabilities::default() }
    }

    fn send<'a>(&'a self, _: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>> {
        unreachable!("nobody sends where lines leave with the answer")
    }
}

impl Screens for Seen {
    fn show<'a>(&'a self, _: CommunityId, item: &'a Response, _: &'a str) -> Boxed<'a, Result<(), String>> {
        self.items.lock().push(item.clone());
        Box::pin(async { Ok(()) })
    }
}

/// Holds every claim: a house alone in the world.
struct Everything(Store);

impl Claims for Everything {
    fn claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Result<Claim, Unclaimed>> {
        Box::pin(async move {
            let mut tx = self.0.begin().await?;
            let text = "INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch) VALUES ($1, 'stage', 1, 1) ON CONFLICT (entity_id) DO NOTHING";
            tx.run(sql(text).bind(entity)).await?;
            tx.commit().await?;
            let row = self.0.one(sql("SELECT epoch FROM coordination WHERE entity_id = $1").bind(entity)).await?;
            let epoch = row.map(|row| row.get("epoch")).transpose()?.unwrap_or(1);
            Ok(Claim { entity: entity.to_owned(), owner: "stage".into(), incarnation: 1, epoch })
        })
    }
}

fn key(channel: &str) -> ChannelKey {
    ChannelKey::new("stage", "", channel)
}

fn user(name: &str, role: Role) -> User {
    User { id: name.to_lowercase().into(), name: name.into(), role }
}
