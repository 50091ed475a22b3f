//! The pages of one overlay on this node, and the task that writes to them: frames that wait together
//! leave in one write per page, and everything else that happens to the pages happens in the same order.

mod batch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;
use waddlebot_runtime::actor::{Address, Meter};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::spawn;

use batch::Batch;

use super::across::{Far, Outposts, Saying};
use super::item::Source;
use super::socket::{Health, POLICY, Pulse, Sight, Socket};
use super::{Order, frame};

/// A pass that follows another within [`BUSY`] first waits a little for more to write; where several broadcasts
/// were in flight lately, longer, so that they share a write. With the timer's own millisecond it stays below half
/// a video frame (8 ms): nobody sees it. Pacing, not a deadline: it runs on the real clock.
const BUSY: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_millis(1);
const GATHER: Duration = Duration::from_millis(5);
/// How many pages are written to before others get the thread.
const STRIDE: usize = 64;

/// The pages of one overlay on this node.
pub(super) struct Group {
    pub(super) community: CommunityId,
    pub(super) source: Source,
    desk: Mutex<Desk>,
    roused: Notify,
    pages: AtomicUsize,
    frames: AtomicU64,
    missed: AtomicU64,
    waiting: AtomicUsize,
    dropped: AtomicU64,
    /// The item on screen that no page acknowledged yet.
    unacknowledged: Mutex<Option<String>>,
    /// The nodes that look on.
    outposts: Outposts,
    /// Tells this group from those before it.
    life: u64,
}

/// What is counted about an overlay on this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Connected pages.
    pub pages: usize,
    /// Pages connected to other nodes, as far as this one keeps the overlay.
    pub afar: usize,
    /// Frames written to pages.
    pub frames: u64,
    /// Frames that pages were too slow for; they were brought up to date afterwards.
    pub missed: u64,
    /// Items that wait.
    pub waiting: usize,
    /// Items dropped because too many waited.
    pub dropped: u64,
}

#[derive(Default)]
struct Desk {
    deeds: Vec<Deed>,
    /// Its task has ended: a new group must be made.
    over: bool,
    overlay: Option<Address<Order>>,
    /// The overlay as another node keeps it.
    far: Option<Arc<Far>>,
}

/// What happens to the pages, in order.
pub(super) enum Deed {
    /// Whole frames for all pages that are up to date.
    Broadcast(Bytes),
    /// A page came; it waits to be told what shows.
    Join(Arc<Socket>),
    /// Tells one page what shows.
    Resync(Arc<Socket>, Sight),
    /// Tells all pages that wait for it what shows.
    Catch(Sight),
    /// Tells all pages what shows, instead of what they show.
    Replace(Sight),
    /// Some page left.
    Leave,
    /// The tokens before this generation are no longer good.
    Revoke(i64),
    /// Everybody goes.
    Close(u16, &'static str),
    /// Pings, and gives up on who is silent; the time in milliseconds since boot.
    Sweep(i64, Pulse),
}

impl Group {
    /// An empty group with its task.
    pub(super) fn open(community: CommunityId, source: Source, clock: &Clock, life: u64) -> Arc<Self> {
        let group = Arc::new(Self {
            community,
            source,
            desk: Mutex::default(),
            roused: Notify::new(),
            pages: AtomicUsize::new(0),
            frames: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            unacknowledged: Mutex::default(),
            outposts: Outposts::default(),
            life,
        });
        spawn::task("overlay group", write(group.clone(), clock.clone()));
        group
    }

    /// Hands in a deed. `false` when the group is over.
    pub(super) fn add(&self, deed: Deed) -> bool {
        let mut desk = self.desk.lock();
        if desk.over {
            return false;
        }
        match deed {
            Deed::Join(_) => drop(self.pages.fetch_add(1, Relaxed)),
            Deed::Leave => drop(self.pages.fetch_sub(1, Relaxed)),
            _ => {}
        }
        desk.deeds.push(deed);
        drop(desk);
        self.roused.notify_one();
        true
    }

    /// How many pages are connected to this node.
    pub(super) fn pages(&self) -> usize {
        self.pages.load(Relaxed)
    }

    /// How many pages are connected to any node.
    pub(super) fn audience(&self) -> usize {
        self.pages() + self.outposts.pages()
    }

    /// The nodes that look on.
    pub(super) fn outposts(&self) -> &Outposts {
        &self.outposts
    }

    pub(super) fn life(&self) -> u64 {
        self.life
    }

    /// A frame for all pages, here and at other nodes.
    pub(super) fn broadcast(&self, frame: Bytes, awaits: Option<&str>) {
        self.outposts.push(&frame, awaits);
        self.add(Deed::Broadcast(frame));
    }

    /// The overlay as another node keeps it, while this one looks on.
    pub(super) fn far(&self) -> Option<Arc<Far>> {
        self.desk.lock().far.clone()
    }

    /// The same, opened unless it is.
    pub(super) fn set_far(&self, open: impl FnOnce() -> Arc<Far>) -> Arc<Far> {
        self.desk.lock().far.get_or_insert_with(open).clone()
    }

    /// This node keeps the overlay itself from now on. Whether another one did.
    pub(super) fn come_home(&self) -> bool {
        let far = self.desk.lock().far.take();
        far.inspect(|far| far.end()).is_some()
    }

    /// Looks on no longer when no page is left. Whether it ended.
    pub(super) fn end_far(&self) -> bool {
        let mut desk = self.desk.lock();
        if self.pages() > 0 {
            return false;
        }
        desk.far = None;
        true
    }

    /// What is counted here.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            pages: self.pages(),
            afar: self.outposts.pages(),
            frames: self.frames.load(Relaxed),
            missed: self.missed.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
        }
    }

    /// The overlay's actor, while it lives.
    pub(super) fn overlay(&self) -> Option<Address<Order>> {
        self.desk.lock().overlay.clone()
    }

    /// The overlay's actor has opened.
    pub(super) fn set_overlay(&self, overlay: Address<Order>) {
        self.desk.lock().overlay = Some(overlay);
    }

    /// The overlay's actor with this meter has ended; another one may have opened meanwhile.
    pub(super) fn unset_overlay(&self, meter: &Arc<Meter>) {
        self.desk.lock().overlay.take_if(|overlay| Arc::ptr_eq(overlay.meter(), meter));
    }

    /// Notes how many items wait and how many were dropped.
    pub(super) fn queue(&self, waiting: usize, dropped: u64) {
        self.waiting.store(waiting, Relaxed);
        self.dropped.store(dropped, Relaxed);
    }

    /// Something a page says, for the overlay wherever it is kept.
    pub(super) fn hear(&self, what: Saying) {
        if let Some(overlay) = self.overlay() {
            overlay.offer(Order::said(what)).ok();
        } else if let Some(far) = self.far() {
            far.say(what);
        }
    }

    /// How many pages there are has changed.
    pub(super) fn room(&self) {
        if let Some(overlay) = self.overlay() {
            overlay.send(Order::Room).ok();
        } else if let Some(far) = self.far() {
            far.rouse();
        }
    }

    /// Ends the group when nobody is there and nobody needs it. `true` when it is over.
    pub(super) fn end_when_idle(&self) -> bool {
        let mut desk = self.desk.lock();
        if desk.overlay.is_none() && desk.far.is_none() && desk.deeds.is_empty() && self.audience() == 0 {
            desk.over = true;
        }
        let over = desk.over;
        drop(desk);
        self.roused.notify_one();
        over
    }

    /// The item whose acknowledgement the overlay waits for.
    pub(super) fn await_acknowledgement(&self, id: Option<&str>) {
        *self.unacknowledged.lock() = id.map(str::to_owned);
    }

    /// Whether this is the first acknowledgement of what shows. The hundred others are not worth an order.
    pub(super) fn is_first_acknowledgement(&self, id: &str) -> bool {
        self.unacknowledged.lock().take_if(|awaited| awaited == id).is_some()
    }
}

async fn write(group: Arc<Group>, clock: Clock) {
    let ping = frame::ping();
    let mut sockets: Vec<Arc<Socket>> = Vec::new();
    let mut pace = Pace::new();
    loop {
        group.roused.notified().await;
        pace.rest().await;
        let deeds = {
            let mut desk = group.desk.lock();
            if desk.over {
                return;
            }
            std::mem::take(&mut desk.deeds)
        };
        let broadcasts = deeds.iter().filter(|deed| matches!(deed, Deed::Broadcast(_))).count();
        let mut left = false;
        let mut batch = Batch::default();
        for deed in deeds {
            if let Deed::Broadcast(frames) = deed {
                batch.add(frames);
                continue;
            }
            batch.send(&group, &sockets).await;
            match deed {
                Deed::Broadcast(_) => unreachable!("added to the batch above"),
                Deed::Join(socket) => sockets.push(socket),
                Deed::Resync(socket, sight) => socket.resync(&sight),
                Deed::Catch(sight) => sockets.iter().filter(|socket| socket.lags()).for_each(|socket| socket.resync(&sight)),
                Deed::Replace(sight) => sockets.iter().for_each(|socket| socket.replace(&sight)),
                Deed::Leave => left = true,
                Deed::Revoke(generation) => {
                    let now = millis(&clock);
                    sockets
                        .iter()
                        .filter(|socket| socket.generation < generation)
                        .for_each(|socket| socket.close(POLICY, "token revoked", now));
                }
                Deed::Close(code, reason) => {
                    let now = millis(&clock);
                    sockets.iter().for_each(|socket| socket.close(code, reason, now));
                }
                Deed::Sweep(now, pulse) => {
                    for stride in sockets.chunks(STRIDE) {
                        for socket in stride {
                            left |= socket.sweep(now, &pulse, &ping) == Health::Gone;
                        }
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
        batch.send(&group, &sockets).await;
        if left {
            sockets.retain(|socket| {
                let gone = socket.is_closed();
                if gone {
                    group.missed.fetch_add(socket.missed().into(), Relaxed);
                }
                !gone
            });
            if sockets.is_empty() {
                sockets = Vec::new();
            }
        }
        pace.passed(broadcasts, group.desk.lock().deeds.len());
    }
}

/// When the next pass may begin.
struct Pace {
    clock: Clock,
    ended: Duration,
    crowded: Duration,
}

impl Pace {
    fn new() -> Self {
        Self { clock: Clock::real(), ended: Duration::ZERO, crowded: Duration::ZERO }
    }

    async fn rest(&self) {
        let now = self.clock.since_boot();
        if now < self.crowded {
            self.clock.sleep(GATHER).await;
        } else if now.saturating_sub(self.ended) < BUSY {
            self.clock.sleep(PAUSE).await;
        }
    }

    /// A pass has carried so many broadcasts, and so much came meanwhile.
    fn passed(&mut self, broadcasts: usize, waiting: usize) {
        self.ended = self.clock.since_boot();
        if broadcasts > 1 || (broadcasts > 0 && waiting > 0) {
            self.crowded = self.ended + BUSY * 5;
        }
    }
}

/// Milliseconds since boot: what queues and sockets count in.
pub(super) fn millis(clock: &Clock) -> i64 {
    i64::try_from(clock.since_boot().as_millis()).unwrap_or(i64::MAX)
}
