//! What viewers see on the stream: one actor for each community and kind of content keeps the queue, what shows, and who saw it.

mod access;
pub(crate) mod across;
mod card;
mod connection;
mod forms;
pub mod frame;
mod group;
mod html;
mod intake;
pub mod item;
mod items;
mod overlays;
pub mod queue;
mod relay;
mod settings;
mod socket;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Actor, Fault, Me, Meter};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::StoreError;

pub use access::Access;
pub use group::Counts;
pub use items::Origin;
pub use overlays::{Arrival, Forms, Opened, OverlayStats, Overlays, Placed, Refused, Seat, ShowError, Stats, Submission};
pub use settings::Settings;
pub use tokens::{Grant, Token, Tokens};

use across::{Call, Heard, Saying, Shown, Stamp};
use forms::Filled;
use group::{Deed, Group, millis};
use intake::Wanted;
use item::{Item, Source};
use items::{Items, Mark, Stored};
use queue::{Change, Entry, Order as Turns, Queue, Rules};
use socket::{Sight, Socket};

/// What an overlay is told.
enum Order {
    /// Show an item; answered when it is stored.
    Show(Box<Wanted>),
    /// An item is safe on disk: it may be shown.
    Safe(Box<Wanted>, Box<Stored>),
    /// A page must be told what shows.
    Resync(Arc<Socket>),
    /// Pages came or went.
    Room,
    /// A page shows this item.
    Acknowledged(String),
    /// A page told something to be counted.
    Told(String, Value),
    /// Somebody filled in a form.
    Submitted(String, Map<String, Value>),
    /// The next change is due.
    Due,
    /// Write down what happened.
    Write,
    /// Look whether anybody still needs this actor, and forget what is old.
    Rest,
    /// Take everything off and out of the queue.
    Clear(oneshot::Sender<()>),
    /// A node looks on, or no longer.
    Called(Box<Call>, oneshot::Sender<Heard>),
}

impl Order {
    /// What a page said.
    fn said(what: Saying) -> Self {
        match what {
            Saying::Acknowledged(id) => Self::Acknowledged(id),
            Saying::Told(kind, data) => Self::Told(kind, data),
            Saying::Submitted(id, answers) => Self::Submitted(id, answers),
        }
    }
}

/// What an overlay is opened with.
struct Seed {
    overlays: Overlays,
    items: Items,
    group: Arc<Group>,
    settings: Arc<Settings>,
    forms: Arc<dyn Forms>,
}

/// Marks are written together after this time.
const WRITE: Duration = Duration::from_millis(200);
/// How often an overlay looks whether it is still needed.
const REST: Duration = Duration::from_secs(600);
/// Items that waited longer than this many times their patience across a restart are not shown any more.
const STALE: i64 = 3;

/// The actor of one overlay.
struct Overlay {
    seed: Seed,
    queue: Queue<Arc<Item>>,
    last_seq: i64,
    marks: Vec<Mark>,
    writing: bool,
    timer: Option<(i64, tokio::task::AbortHandle)>,
    forms: forms::Forms,
    rested: bool,
    meter: Arc<Meter>,
}

impl Actor for Overlay {
    const KIND: &'static str = "overlay";
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, me: &Me<Order>) -> Result<Self, Fault> {
        me.address().meter().claimed(seed.items.claim.epoch);
        let (stored, last_seq) = seed.items.load().await?;
        let now = millis(me.clock());
        let order = if seed.items.source == Source::Ticker { Turns::InTurn } else { Turns::Newest };
        let patience = millis_of(seed.settings.patience);
        let rules = Rules { order, capacity: seed.settings.queue, patience, attempts: 5 };
        let (queue, marks, meter) = (Queue::new(rules, now), Vec::new(), me.address().meter().clone());
        let mut overlay =
            Self { seed, queue, last_seq, marks, writing: false, timer: None, forms: forms::Forms::default(), rested: false, meter };
        overlay.take_up(stored, now, me);
        // Pages that are connected already are told what shows, each once.
        overlay.seed.group.set_overlay(me.address().clone());
        let was_afar = overlay.seed.group.come_home();
        overlay.room(me);
        let sight = overlay.sight(me);
        overlay.seed.group.add(if was_afar { Deed::Replace(sight) } else { Deed::Catch(sight) });
        me.later(REST, Order::Rest);
        Ok(overlay)
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        let now = millis(me.clock());
        match order {
            Order::Show(wanted) => self.store(wanted, me).await?,
            Order::Safe(wanted, stored) => self.take(*wanted, *stored, me),
            Order::Resync(socket) => {
                self.room(me);
                self.seed.group.add(Deed::Resync(socket, self.sight(me)));
            }
            Order::Room => self.room(me),
            Order::Acknowledged(id) => {
                let changes = self.queue.acknowledge(&id, now);
                self.apply(changes, me);
            }
            Order::Told(kind, data) => self.mark(Mark::Told { kind, data, at: me.clock().now() }, me),
            Order::Submitted(id, answers) => self.submitted(&id, answers, me),
            Order::Due => {
                self.timer = None;
                let changes = self.queue.step(now);
                self.apply(changes, me);
            }
            Order::Write => {
                self.writing = false;
                self.write(me).await?;
            }
            Order::Rest => self.rest(me).await?,
            Order::Clear(reply) => {
                let changes = self.queue.clear();
                self.apply(changes, me);
                self.seed.group.broadcast(frame::clear(me.clock().now()), None);
                reply.send(()).ok();
            }
            Order::Called(call, reply) => drop(reply.send(self.called(*call, me))),
        }
        Ok(())
    }

    async fn close(&mut self) {
        self.seed.group.unset_overlay(&self.meter);
        if let Err(error) = self.seed.items.mark(&std::mem::take(&mut self.marks)).await {
            tracing::warn!(%error, community = self.seed.items.community, "what an overlay showed last was not written down");
        }
    }

    fn memory(&self) -> Value {
        json!({
            "community": self.seed.items.community,
            "source_type": self.seed.items.source,
            "showing": self.queue.current().map(|entry| &entry.id),
            "acknowledged": self.queue.unacknowledged().is_none(),
            "waiting": self.queue.waiting(),
            "dropped": self.queue.dropped(),
            "pages": self.seed.group.audience(),
            "nodes": self.seed.group.outposts().nodes(),
            "to_write": self.marks.len(),
        })
    }
}

impl Overlay {
    /// Takes up what waited and showed before a restart.
    fn take_up(&mut self, stored: Vec<Stored>, now: i64, me: &Me<Order>) {
        let wall = me.clock().now();
        let stale = wall - STALE * millis_of(self.seed.settings.patience);
        for stored in stored {
            let entry = entry(&stored, now - (wall - stored.created_at).max(0));
            match stored.shown_at {
                Some(shown) => {
                    let since = now - (wall - shown).max(0);
                    let changes = self.queue.resume(entry, since);
                    self.apply(changes, me);
                }
                None if stored.created_at < stale && entry.stays.is_some() => {
                    self.mark(Mark::Done { id: stored.id.clone(), why: queue::Why::Expired.name(), at: wall }, me);
                }
                None => {
                    let changes = self.queue.push(entry, now);
                    self.apply(changes, me);
                }
            }
            if let Some(form) = stored.item.form() {
                self.forms.remember(&stored.id, form.clone());
            }
        }
    }

    fn room(&mut self, me: &Me<Order>) {
        let changes = self.queue.pages(self.seed.group.audience(), millis(me.clock()));
        self.apply(changes, me);
    }

    /// Does what the queue says, and sets the alarm for what it will say next.
    fn apply(&mut self, changes: Vec<Change>, me: &Me<Order>) {
        self.rested = false;
        for change in changes {
            match change {
                Change::Show => {
                    let awaits = self.queue.unacknowledged();
                    self.seed.group.await_acknowledgement(awaits);
                    if let Some(frame) = self.sight(me).shows {
                        self.seed.group.broadcast(frame, awaits);
                    }
                }
                other => self.note(other, me),
            }
        }
        self.seed.group.queue(self.queue.waiting(), self.queue.dropped());
        let now = millis(me.clock());
        let next = self.queue.next();
        if self.timer.as_ref().map(|(at, _)| *at) != next {
            if let Some((_, alarm)) = self.timer.take() {
                alarm.abort();
            }
            self.timer = next.map(|at| (at, me.later(Duration::from_millis((at - now).max(0).unsigned_abs()), Order::Due)));
        }
    }

    fn note(&mut self, change: Change, me: &Me<Order>) {
        let wall = me.clock().now();
        match change {
            Change::Acknowledged(id) => {
                let elapsed = self.queue.showing(millis(me.clock())).map_or(0, |(_, elapsed)| elapsed);
                self.mark(Mark::Shown { id, at: wall - elapsed }, me);
            }
            Change::Over(id, why) => {
                metrics::counter!("waddlebot_overlay_items_total", "source" => self.seed.items.source.name(), "outcome" => why.name())
                    .increment(1);
                self.mark(Mark::Done { id, why: why.name(), at: wall }, me);
            }
            Change::Show => {}
        }
    }

    fn mark(&mut self, mark: Mark, me: &Me<Order>) {
        const MOST: usize = 10_000;
        if self.marks.len() >= MOST && matches!(mark, Mark::Told { .. }) {
            return;
        }
        self.marks.push(mark);
        if !self.writing {
            self.writing = true;
            me.later(WRITE, Order::Write);
        }
    }

    async fn write(&mut self, me: &Me<Order>) -> Result<(), Fault> {
        match self.seed.items.mark(&self.marks).await {
            Ok(()) => self.marks.clear(),
            Err(error @ StoreError::Stale { .. }) => return Err(error.into()),
            Err(error) => {
                me.address().meter().fault(error.to_string());
                self.writing = true;
                me.later(WRITE * 10, Order::Write);
            }
        }
        Ok(())
    }

    /// What a page that comes now must show.
    fn sight(&self, me: &Me<Order>) -> Sight {
        let now = me.clock().now();
        let showing = self.queue.showing(millis(me.clock()));
        let shows = showing.map(|(entry, elapsed)| frame::show(&entry.body, &entry.id, entry.seq, elapsed, self.queue.waiting(), now));
        Sight { shows, clear: frame::clear(now) }
    }

    /// A node looks on, or no longer; what shows, when it has not got it.
    fn called(&mut self, call: Call, me: &Me<Order>) -> Heard {
        let (group, now) = (self.seed.group.clone(), millis(me.clock()));
        group.outposts().attend(&call, &group, self.seed.items.claim.epoch, self.seed.overlays.way(), now);
        self.room(me);
        for say in call.says {
            if !group.outposts().is_new(&say) {
                continue;
            }
            match say.what {
                Saying::Acknowledged(id) => {
                    let changes = self.queue.acknowledge(&id, now);
                    self.apply(changes, me);
                }
                Saying::Told(kind, data) => self.mark(Mark::Told { kind, data, at: me.clock().now() }, me),
                Saying::Submitted(id, answers) => self.submitted(&id, answers, me),
            }
        }
        let stamp = Stamp { epoch: self.seed.items.claim.epoch, life: group.life(), seq: group.outposts().seq() };
        let awaits = self.queue.unacknowledged().map(str::to_owned);
        if call.have == Some(stamp) {
            return Heard { stamp, sight: Shown::Same, awaits };
        }
        group.outposts().skip(&call.node);
        Heard { stamp, sight: Shown::of(self.sight(me).shows.as_deref()), awaits }
    }

    fn submitted(&mut self, id: &str, answers: Map<String, Value>, me: &Me<Order>) {
        let Some(filled) = self.forms.filled(id, answers) else { return };
        let data = json!({ "id": filled.item, "form_data": filled.kept() });
        self.mark(Mark::Told { kind: "form_submit".into(), data, at: me.clock().now() }, me);
        let Filled { item, form, answers } = filled;
        let submission = Submission { community: self.seed.items.community, item, form, answers };
        let forms = self.seed.forms.clone();
        spawn::task("overlay form", async move {
            let community = submission.community;
            if let Err(error) = forms.submitted(submission).await {
                tracing::warn!(community, error, "the answers to a form could not be handed on");
            }
        });
    }

    async fn rest(&mut self, me: &Me<Order>) -> Result<(), Fault> {
        let idle = self.queue.is_empty() && self.seed.group.audience() == 0 && self.marks.is_empty();
        if idle && self.rested {
            // Nobody needs it: it opens again on the next item or page.
            self.seed.group.unset_overlay(&self.meter);
            me.stop();
            return Ok(());
        }
        self.rested = idle;
        me.later(REST, Order::Rest);
        match self.seed.items.forget(me.clock().now(), millis_of(self.seed.settings.retention)).await {
            Err(error @ StoreError::Stale { .. }) => Err(error.into()),
            Err(error) => {
                me.address().meter().fault(error.to_string());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        if let Some((_, alarm)) = self.timer.take() {
            alarm.abort();
        }
        // After a failure `close` is not called: the group must not hold on to a dead actor.
        self.seed.group.unset_overlay(&self.meter);
        self.seed.group.outposts().dismiss();
    }
}

fn entry(stored: &Stored, arrived: i64) -> Entry<Arc<Item>> {
    Entry {
        id: stored.id.clone(),
        seq: stored.seq,
        priority: stored.item.priority().0,
        stays: stored.item.stays().map(millis_of),
        arrived,
        body: Arc::new(stored.item.clone()),
    }
}

fn millis_of(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
