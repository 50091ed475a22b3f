//! The actor behind the journal: takes what has gathered while it wrote the last group, and writes it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::flush::{Arrival, Batch, Line};
use crate::actor::{Actor, Fault, Me};
use crate::clock::Clock;
use crate::store::Store;

/// Look whether something has gathered.
pub(super) struct Order;

/// The keeper has ended: nobody writes any more.
#[derive(Debug)]
pub(super) struct Ended;

/// Where lines gather. Telling the journal is one short lock; its actor is woken once for a group, not for each line.
pub(super) struct Gathering {
    clock: Clock,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    batch: Batch,
    seq: i64,
    /// The keeper has been told to look, or is writing and looks again.
    told: bool,
    ended: bool,
}

impl Gathering {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, lines: Mutex::default() }
    }

    /// Adds a line; says whether the keeper must be told.
    pub(super) fn add(&self, line: Line) -> Result<bool, Ended> {
        let now = self.clock.now();
        let mut lines = self.lines.lock();
        if lines.ended {
            return Err(Ended);
        }
        // Rises with every entry, also within a millisecond and across restarts, and is behind all that was seen in the
        // inbox: a clock alone orders nothing that others left.
        lines.seq = now.saturating_mul(1000).max(lines.seq + 1);
        let seq = lines.seq;
        lines.batch.add(line, Arrival { seq, at: now });
        Ok(!std::mem::replace(&mut lines.told, true))
    }

    /// What arrives from now on goes behind this place, whatever the clock of this node says.
    pub(super) fn goes_behind(&self, place: i64) {
        let mut lines = self.lines.lock();
        lines.seq = lines.seq.max(place);
    }

    /// What has gathered; `None` when nothing has, and the keeper must be told of the next line.
    fn take(&self) -> Option<Batch> {
        let mut lines = self.lines.lock();
        lines.told = !lines.batch.is_empty();
        lines.told.then(|| std::mem::take(&mut lines.batch))
    }

    /// Lets go of who waits: nobody will answer them.
    fn end(&self) {
        let mut lines = self.lines.lock();
        lines.ended = true;
        drop(std::mem::take(&mut lines.batch));
    }
}

impl std::fmt::Debug for Gathering {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Gathering")
    }
}

/// What a keeper is opened with.
pub(super) struct Seed {
    pub(super) store: Store,
    pub(super) gathering: Arc<Gathering>,
}

/// Writes one group after the other.
pub(super) struct Keeper {
    seed: Seed,
    /// What could not be written, and must be.
    kept: Batch,
    groups: u64,
    rows: u64,
}

impl Actor for Keeper {
    const KIND: &'static str = "journal";
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, _: &Me<Order>) -> Result<Self, Fault> {
        Ok(Self { seed, kept: Batch::default(), groups: 0, rows: 0 })
    }

    async fn handle(&mut self, Order: Order, me: &Me<Order>) -> Result<(), Fault> {
        let gathered = self.seed.gathering.take();
        let more = gathered.is_some();
        if more || !self.kept.is_empty() {
            self.write(gathered.unwrap_or_default()).await;
            if !self.kept.is_empty() {
                me.later(AGAIN, Order);
            }
        }
        if more {
            me.address().send(Order).ok();
        }
        Ok(())
    }

    async fn close(&mut self) {
        while let Some(batch) = self.seed.gathering.take() {
            self.write(batch).await;
        }
        if !self.kept.is_empty() {
            self.write(Batch::default()).await;
        }
    }

    fn memory(&self) -> Value {
        json!({ "groups_written": self.groups, "rows_written": self.rows })
    }
}

impl Keeper {
    async fn write(&mut self, mut batch: Batch) {
        batch.again(std::mem::take(&mut self.kept));
        let (rows, kept) = batch.write(&self.seed.store).await;
        self.rows += rows;
        self.groups += 1;
        self.kept = kept;
    }
}

/// After how long what could not be written is tried again.
const AGAIN: Duration = Duration::from_millis(500);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.seed.gathering.end();
    }
}
