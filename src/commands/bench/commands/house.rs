//! Commands that write, measured: a whole house on a real SQLite file, many communities at once, in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use waddlebot_actors::channel::admit::Rate;
use waddlebot_actors::delivery::{Courier, Screens};
use waddlebot_actors::household::{Foundation, Household};
use waddlebot_actors::modules;
use waddlebot_actors::node::{self, Node};
use waddlebot_actors::outside::Outside;
use waddlebot_runtime::actor::{World, open_root};
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, CommunityId, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::{self, Ear, Ears, Verdict};
use waddlebot_runtime::placement::{Claims, Unclaimed};
use waddlebot_runtime::platform::{Boxed, Capabilities, Limits, Outgoing, Platform, PlatformError, Platforms, Profile, Unit};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Claim, Place, Store, sql};

use super::super::process::own_cpu;

/// How many communities there are, each with its own modules.
const COMMUNITIES: i64 = 64;
/// The first one's number: the one before is there in every database.
const FIRST: i64 = 2;
/// How many channels each has.
const CHANNELS: usize = 8;
/// How many people in each channel wait for the answer to a command of theirs, then say the next.
const PEOPLE: usize = 2;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Commands that were done and answered.
    pub(super) commands: u64,
    /// In what time.
    pub(super) took: Duration,
    /// The CPU time of all that, this process's.
    pub(super) cpu: Duration,
    /// Commits that reached the disk in that time.
    pub(super) commits: u64,
}

impl Measured {
    /// Commands per second.
    pub(super) fn rate(&self) -> f64 {
        self.commands as f64 / self.took.as_secs_f64()
    }

    /// CPU seconds of 10,000 commands.
    pub(super) fn cost(&self) -> f64 {
        self.cpu.as_secs_f64() * 10_000.0 / self.commands as f64
    }

    /// How many commands shared a commit.
    pub(super) fn group(&self) -> u64 {
        (self.commands / self.commits.max(1)).max(1)
    }
}

/// Runs commands in a house of its own on an empty database for `time`, after a quarter of it to warm up.
///
/// # Errors
/// When the house cannot be opened, or a command ends in any other way than it should.
pub(super) async fn run(place: &Place, time: Duration) -> Result<Measured> {
    let clock = Clock::real();
    let store = Store::open(place).await?;
    ensure!(store.lacks().await? == store.migrate().await?, "the database is in use already: name an empty one");
    let channels = filled(&store).await?;
    let world = World::new(clock.clone());
    let claims: Arc<dyn Claims> = Arc::new(Filled);
    let seed = node::Seed { store: store.clone(), claims: claims.clone() };
    let root = open_root::<Node>("node", seed, &world).await.map_err(anyhow::Error::from_boxed)?;
    let journal = root.address.ask(node::Order::Journal).await?;
    let platforms = Platforms::new([Arc::new(Sink) as Arc<dyn Platform>]);
    let courier = Courier::new(platforms.clone(), Arc::new(Sink), journal.clone());
    let household = Household::new(Foundation {
        world,
        node: root.address.clone(),
        store: store.clone(),
        journal,
        platforms,
        courier,
        modules: modules::list().into(),
        claims,
        limit: Duration::from_secs(5),
        rate: Rate { uses: usize::MAX, window: Duration::from_secs(60) },
        outside: Outside::none(clock.clone()),
        ids: "bench".into(),
    });
    household.open_accounts().await.map_err(anyhow::Error::msg)?;

    let (done, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut people = Vec::new();
    for key in &channels {
        let ear = household.channel(key).await.context("a channel cannot be opened")?;
        for person in 0..PEOPLE {
            let person =
                Person { ear: ear.clone(), id: format!("p{person}"), done: done.clone(), over: over.clone(), clock: clock.clone() };
            people.push(spawn::task("bench person", person.speaks()));
        }
    }
    clock.sleep(time / 4).await;
    let look = || (clock.since_boot(), own_cpu(), done.load(Relaxed), store.commits());
    let from = look();
    clock.sleep(time).await;
    let to = look();
    over.store(true, Relaxed);
    try_join_all(people).await?.into_iter().collect::<Result<Vec<_>>>()?;
    household.stop().await;
    root.stop(Duration::from_secs(10)).await;
    store.close().await;
    Ok(Measured { took: to.0 - from.0, cpu: to.1 - from.1, commands: to.2 - from.2, commits: to.3 - from.3 })
}

/// Makes communities, channels and the claims on both.
async fn filled(store: &Store) -> Result<Vec<ChannelKey>> {
    let mut channels = Vec::new();
    let mut tx = store.begin().await?;
    let claim = "INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch) VALUES ($1, 'bench', 1, 1)";
    for community in FIRST..FIRST + COMMUNITIES {
        let text = "INSERT INTO communities (id, name, created_at) VALUES ($1, $2, 0)";
        tx.run(sql(text).bind(community).bind(format!("Community {community}"))).await?;
        tx.run(sql(claim).bind(node::community_key(community))).await?;
        for channel in 0..CHANNELS {
            let key = ChannelKey::new("bench", "", &format!("c{community}-{channel}"));
            let text = "INSERT INTO channels (entity_id, community_id, platform, channel_id, created_at) VALUES ($1, $2, 'bench', $3, 0)";
            tx.run(sql(text).bind(key.as_str()).bind(community).bind(key.channel())).await?;
            tx.run(sql(claim).bind(key.as_str())).await?;
            channels.push(key);
        }
    }
    tx.commit().await?;
    Ok(channels)
}

/// Somebody who keeps quotes, one after the other.
struct Person {
    ear: Arc<dyn Ear>,
    id: String,
    done: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    clock: Clock,
}

impl Person {
    /// Speaks until it is over.
    async fn speaks(self) -> Result<()> {
        let mut said = 0_u64;
        while !self.over.load(Relaxed) {
            let by = User { id: self.id.as_str().into(), name: self.id.as_str().into(), role: Role::Moderator };
            let text = format!("!memories add quote \"To be or not to be, for the {said}th time\" Hamlet");
            let message = ChatMessage { id: format!("{}-{said}", self.id).into(), by, text: text.into(), at: self.clock.now() };
            let outcome = intake::ask(self.ear.as_ref(), message).await?;
            ensure!(outcome.verdict == Verdict::Done, "a command ended as {:?}: {:?}", outcome.verdict, outcome.responses);
            self.done.fetch_add(1, Relaxed);
            said += 1;
        }
        Ok(())
    }
}

/// A platform that takes everything at once and could not tell a second line from the first, as most.
struct Sink;

impl Platform for Sink {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn limits(&self, _: &ChannelKey) -> Limits {
        Limits { length: 500, unit: Unit::Characters, budget: None }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn send<'a>(&'a self, _: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>> {
        Box::pin(async { Ok(()) })
    }

    fn profile<'a>(&'a self, _: &'a str) -> Boxed<'a, Result<Option<Profile>, PlatformError>> {
        Box::pin(async { Ok(None) })
    }
}

impl Screens for Sink {
    fn show<'a>(&'a self, _: CommunityId, _: &'a Response, _: &'a str) -> Boxed<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// Holds the claims that [`filled`] wrote.
struct Filled;

impl Claims for Filled {
    fn claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Result<Claim, Unclaimed>> {
        Box::pin(async move { Ok(Claim { entity: entity.to_owned(), owner: "bench".into(), incarnation: 1, epoch: 1 }) })
    }
}
