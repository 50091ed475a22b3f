//! One module's seat in one community: runs it, commits what it wrote with the record that it ran.

mod run;

use std::time::Duration;

use serde_json::Value;
use std::sync::Arc;
use waddlebot_runtime::actor::{Actor, Address, Fault, Me};
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Millis, User};
use waddlebot_runtime::command::CommandInfo;
use waddlebot_runtime::event::Event;
use waddlebot_runtime::journal::{Writing, settled};
use waddlebot_runtime::module::{Counts, Desk, Expansion};
use waddlebot_runtime::offer::Offer;
use waddlebot_runtime::platform::{Boxed, Platforms};
use waddlebot_runtime::store::{Claim, Store};

use crate::community;
use crate::delivery::{Courier, Reply};
use crate::installed::{self, Installed};
use crate::seat::{Entry, Scene, Seat};

/// What a host is told.
pub enum Order {
    /// Somebody used a command, and may.
    Command(Box<Call>, Reply),
    /// Something happened that wakes the module.
    Event(Box<Event>, Origin, Reply),
    /// A taught word was used.
    Expanded(String),
    /// What the community's chat may type changed.
    Offer(Arc<Offer>),
    /// The time the module asked for may have come.
    Wake(Millis),
    /// What was written is not on disk after all: forget it.
    Undone,
    /// Save what changed; close when idle.
    Tick,
}

/// A command on its way to its module.
pub struct Call {
    /// Its row in the module's table.
    pub index: usize,
    /// As everybody sees it.
    pub info: CommandInfo,
    /// The words behind it.
    pub rest: String,
    /// Who asked.
    pub by: User,
    /// Where, and as which message.
    pub origin: Origin,
    /// Comes true when the message is in the inbox; nothing is done before.
    pub accepted: Option<Writing>,
}

/// Where a call came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The channel.
    pub channel: ChannelKey,
    /// The message's id; the same id is the same message.
    pub message_id: String,
    /// What the channel counted.
    pub counts: Counts,
}

/// The id under which it is recorded that a module ran for a message.
#[must_use]
pub fn execution_id(message_id: &str, module: &str) -> String {
    format!("{message_id}/{module}")
}

/// What a host is opened with.
pub struct Setup {
    /// The module.
    pub entry: Entry,
    /// The community.
    pub community: CommunityId,
    /// Its time zone.
    pub timezone: String,
    /// The claim every write is made under.
    pub claim: Claim,
    /// The store.
    pub store: Store,
    /// Look-ups.
    pub platforms: Platforms,
    /// Carries what a woken module posts.
    pub courier: Courier,
    /// What its chat may type.
    pub offer: Arc<Offer>,
    /// Who is told what the module was taught.
    pub parent: Address<community::Order>,
    /// How long one call may take.
    pub limit: Duration,
}

/// A host nobody used for this long closes.
const IDLE: Duration = Duration::from_secs(600);
/// How often changed memory is saved.
const SAVE: Duration = Duration::from_secs(2);

/// The actor of one module in one community.
pub struct Host {
    setup: Setup,
    seat: Box<dyn Seat>,
    desk: Desk,
    saved: (String, Option<Millis>),
    taught: Vec<Expansion>,
    alarm: Option<(Millis, tokio::task::AbortHandle)>,
    /// This opening of the host, and how many alarms it has had: what makes the next one unlike any other.
    alarms: (u32, u64),
    used: Duration,
    changed: Millis,
    dirty: bool,
}

impl Actor for Host {
    const KIND: &'static str = "module host";
    type Order = Order;
    type Seed = Setup;

    async fn open(setup: Setup, me: &Me<Order>) -> Result<Self, Fault> {
        settled(&setup.store).await?;
        let installed = installed::load(&setup.store, setup.community).await?.remove(setup.entry.name).unwrap_or_default();
        let seat = (setup.entry.sit)(&installed.memory, &installed.settings)?;
        #[expect(clippy::disallowed_methods, reason = "the seed of a host's own dice, and a name for this opening")]
        let (seed, opening): (_, u32) = rand::random();
        let desk = Desk::new(setup.store.clone(), setup.claim.clone(), seed);
        me.address().meter().claimed(setup.claim.epoch);
        let mut host = Self {
            saved: (seat.memory(), installed.wakes_at),
            seat,
            desk,
            setup,
            taught: Vec::new(),
            alarm: None,
            alarms: (opening, 0),
            used: me.clock().since_boot(),
            changed: me.clock().now(),
            dirty: false,
        };
        host.read_tables(me).await?;
        me.later(SAVE, Order::Tick);
        Ok(host)
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Command(call, reply) => {
                self.used = me.clock().since_boot();
                self.command(call, reply, me).await?;
            }
            Order::Event(event, origin, reply) => {
                self.used = me.clock().since_boot();
                Box::pin(self.event(event, origin, reply, me)).await?;
            }
            Order::Expanded(word) => {
                self.changed = me.clock().now();
                self.seat.expanded(&word, self.changed);
                self.dirty = true;
                self.learn(me);
            }
            Order::Offer(offer) => self.setup.offer = offer,
            Order::Wake(at) => Box::pin(self.woken(at, me)).await?,
            Order::Undone => self.reload(me).await?,
            Order::Tick => Box::pin(self.tick(me)).await?,
        }
        Ok(())
    }

    async fn close(&mut self) {
        if let Some((_, alarm)) = self.alarm.take() {
            alarm.abort();
        }
        if let Err(error) = self.save().await {
            tracing::warn!(module = self.setup.entry.name, %error, "memory was not saved at closing");
        }
    }

    fn memory(&self) -> Value {
        self.seat.look()
    }
}

impl Host {
    async fn read_tables(&mut self, me: &Me<Order>) -> Result<(), Fault> {
        let nowhere = ChannelKey::new("community", "", &self.setup.community.to_string());
        let Self { setup, seat, desk, .. } = self;
        let scene = scene(setup, desk, &nowhere, Counts::default(), me.clock().now());
        seat.open(scene).await?;
        self.written().await?;
        self.learn(me);
        self.save().await
    }

    /// Commits what the module wrote, by itself. In a box, where there is anything: most calls that come here wrote nothing.
    async fn written(&mut self) -> Result<(), Fault> {
        let (tx, writes) = (self.desk.take_tx(), self.desk.take_writes());
        if tx.is_none() && writes.is_empty() {
            return Ok(());
        }
        let Setup { store, claim, .. } = &self.setup;
        Box::pin(async {
            let mut tx = match tx {
                Some(tx) => tx,
                None => store.begin_fenced_late(claim).await?,
            };
            if !writes.is_empty() {
                tx.run_all(writes).await?;
            }
            Ok(tx.into_inner().commit().await?)
        })
        .await
    }

    /// Goes back to what is on disk, after a call whose writes were undone. What an earlier call wrote may
    /// still wait for the disk, where no reader sees it.
    fn reload<'a>(&'a mut self, me: &'a Me<Order>) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            self.desk.forget();
            settled(&self.setup.store).await?;
            let all = installed::load(&self.setup.store, self.setup.community).await?;
            let Installed { memory, settings, wakes_at, .. } = all.get(self.setup.entry.name).cloned().unwrap_or_default();
            self.seat = (self.setup.entry.sit)(&memory, &settings)?;
            self.saved = (self.seat.memory(), wakes_at);
            self.dirty = false;
            self.read_tables(me).await
        })
    }

    /// After every call: what was taught, and when to wake.
    fn learn(&mut self, me: &Me<Order>) {
        let taught = self.seat.expansions();
        if taught != self.taught {
            self.taught.clone_from(&taught);
            self.setup.parent.send(community::Order::Taught(self.setup.entry.name, taught)).ok();
        }
        let wakes_at = self.seat.wakes_at();
        if wakes_at != self.alarm.as_ref().map(|(at, _)| *at) {
            if let Some((_, alarm)) = self.alarm.take() {
                alarm.abort();
            }
            self.alarm = wakes_at.map(|at| {
                let wait = u64::try_from(at - me.clock().now()).unwrap_or(0);
                (at, me.later(Duration::from_millis(wait), Order::Wake(at)))
            });
        }
    }

    async fn tick(&mut self, me: &Me<Order>) -> Result<(), Fault> {
        if self.dirty {
            self.save().await?;
        }
        // A closed host would sleep through its alarm.
        let idle = self.alarm.is_none() && me.clock().since_boot().saturating_sub(self.used) >= IDLE;
        if idle && me.address().meter().waiting() == 0 {
            me.drain();
        } else {
            me.later(SAVE, Order::Tick);
        }
        Ok(())
    }

    /// Saves memory and alarm in a transaction of their own, when they changed.
    async fn save(&mut self) -> Result<(), Fault> {
        let now = (self.seat.memory(), self.seat.wakes_at());
        if now != self.saved {
            let mut tx = self.setup.store.begin_fenced_late(&self.setup.claim).await?;
            let whose = (self.setup.community, self.setup.entry.name);
            tx.run_all(vec![installed::saving(whose, &now.0, now.1, self.changed)]).await?;
            tx.into_inner().commit().await?;
            self.saved = now;
        }
        self.dirty = false;
        Ok(())
    }
}

fn scene<'a>(setup: &'a Setup, desk: &'a Desk, channel: &'a ChannelKey, counts: Counts, now: Millis) -> Scene<'a> {
    Scene {
        community: setup.community,
        channel,
        now,
        timezone: &setup.timezone,
        offer: &setup.offer,
        counts,
        profiles: &setup.platforms,
        desk,
    }
}
