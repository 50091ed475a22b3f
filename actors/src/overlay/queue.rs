//! What an overlay shows now and what waits: order, overflow, time, acknowledgements. A value, no actor.
//!
//! Times are milliseconds since boot. Nothing is shown to an empty room: while no page is connected
//! everything waits, and its time is over when the room stayed empty for [`Rules::patience`]. An item
//! that a page acknowledged runs to its end; one that nobody acknowledged before the last page went
//! is shown again from its beginning, at most [`Rules::attempts`] times.

use std::collections::BTreeMap;

/// How one overlay behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// One after the other for its time, or the newest at once.
    pub order: Order,
    /// How many may wait.
    pub capacity: usize,
    /// How long an item waits in front of an empty room, in milliseconds. What stays until replaced waits for ever.
    pub patience: i64,
    /// How often an item is shown without an acknowledgement.
    pub attempts: u32,
}

/// Who comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Priority, then arrival; each for its time.
    InTurn,
    /// The newest replaces the former.
    Newest,
}

/// One item in the queue; `T` is what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<T> {
    /// The same id twice is the same item.
    pub id: String,
    /// The order of arrival.
    pub seq: i64,
    /// 1 first, 10 last.
    pub priority: u8,
    /// Milliseconds on screen; `None` stays until replaced.
    pub stays: Option<i64>,
    /// When it arrived.
    pub arrived: i64,
    /// What is shown.
    pub body: T,
}

/// What came of a step: to be sent and stored in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Send what shows now to every page.
    Show,
    /// A page has it.
    Acknowledged(String),
    /// It is done with.
    Over(String, Why),
}

/// Why an item is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its time on screen is over.
    Shown,
    /// A newer one took its place.
    Replaced,
    /// The room stayed empty.
    Expired,
    /// Too many waited, and it was the last in line.
    Overflow,
    /// Somebody took everything off.
    Cleared,
}

impl Why {
    /// The word in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Overflow => "overflow",
            Self::Cleared => "cleared",
        }
    }
}

/// The queue of one overlay.
#[derive(Clone, Debug)]
pub struct Queue<T> {
    rules: Rules,
    waiting: BTreeMap<(u8, i64), Waiting<T>>,
    showing: Option<Showing<T>>,
    pages: usize,
    empty_since: i64,
    dropped: u64,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    entry: Entry<T>,
    attempts: u32,
}

#[derive(Clone, Debug)]
struct Showing<T> {
    entry: Entry<T>,
    since: i64,
    acknowledged: bool,
    attempts: u32,
}

impl<T> Queue<T> {
    /// An empty queue in front of an empty room.
    #[must_use]
    pub fn new(rules: Rules, now: i64) -> Self {
        Self { rules, waiting: BTreeMap::new(), showing: None, pages: 0, empty_since: now, dropped: 0 }
    }

    /// Takes an item in. One that is known already changes nothing.
    pub fn push(&mut self, entry: Entry<T>, now: i64) -> Vec<Change> {
        if self.knows(&entry.id) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        if self.rules.order == Order::Newest {
            changes.extend(std::mem::take(&mut self.waiting).into_values().map(|former| Change::Over(former.entry.id, Why::Replaced)));
            changes.extend(self.showing.take().map(|former| Change::Over(former.entry.id, Why::Replaced)));
        }
        self.waiting.insert((entry.priority, entry.seq), Waiting { entry, attempts: 0 });
        self.settle(now, &mut changes);
        changes
    }

    /// Takes back an item from before a restart that a page had acknowledged; it runs on from `since`.
    pub fn resume(&mut self, entry: Entry<T>, since: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.rules.order == Order::Newest {
            changes.extend(std::mem::take(&mut self.waiting).into_values().map(|former| Change::Over(former.entry.id, Why::Replaced)));
        }
        let former = self.showing.replace(Showing { entry, since, acknowledged: true, attempts: 1 });
        changes.extend(former.map(|former| Change::Over(former.entry.id, Why::Shown)));
        changes
    }

    /// Forgets everything.
    pub fn clear(&mut self) -> Vec<Change> {
        let waiting = std::mem::take(&mut self.waiting).into_values().map(|waiting| waiting.entry.id);
        let showing = self.showing.take().map(|showing| showing.entry.id);
        showing.into_iter().chain(waiting).map(|id| Change::Over(id, Why::Cleared)).collect()
    }

    /// So many pages are connected now.
    pub fn pages(&mut self, count: usize, now: i64) -> Vec<Change> {
        if self.pages > 0 && count == 0 {
            self.empty_since = now;
            if let Some(Showing { entry, attempts, .. }) = self.showing.take_if(|showing| !showing.acknowledged) {
                self.waiting.insert((entry.priority, entry.seq), Waiting { entry, attempts });
            }
        }
        self.pages = count;
        self.step(now)
    }

    /// A page shows the item.
    pub fn acknowledge(&mut self, id: &str, now: i64) -> Vec<Change> {
        let mut changes = self.step(now);
        if let Some(showing) = self.showing.as_mut().filter(|showing| showing.entry.id == id && !showing.acknowledged) {
            showing.acknowledged = true;
            changes.push(Change::Acknowledged(id.to_owned()));
        }
        changes
    }

    /// Lets time pass: ends what is over, brings on what comes next.
    pub fn step(&mut self, now: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        self.settle(now, &mut changes);
        changes
    }

    /// When [`Queue::step`] will have something to do, if nothing else happens.
    #[must_use]
    pub fn next(&self) -> Option<i64> {
        let over = self.showing.as_ref().and_then(Showing::ends);
        let expires = (self.pages == 0).then(|| self.waiting.values().filter_map(|waiting| self.expires(&waiting.entry)).min()).flatten();
        [over, expires].into_iter().flatten().min()
    }

    /// What a page must show now, and for how many milliseconds it has been shown already.
    #[must_use]
    pub fn showing(&self, now: i64) -> Option<(&Entry<T>, i64)> {
        let showing = self.showing.as_ref().filter(|showing| showing.ends().is_none_or(|end| now < end))?;
        Some((&showing.entry, (now - showing.since).max(0)))
    }

    /// The item on screen, or on its way off it.
    #[must_use]
    pub fn current(&self) -> Option<&Entry<T>> {
        self.showing.as_ref().map(|showing| &showing.entry)
    }

    /// The item on screen that no page acknowledged yet.
    #[must_use]
    pub fn unacknowledged(&self) -> Option<&str> {
        self.showing.as_ref().filter(|showing| !showing.acknowledged).map(|showing| showing.entry.id.as_str())
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many were dropped because too many waited.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether it holds nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.showing.is_none()
    }

    fn knows(&self, id: &str) -> bool {
        self.showing.iter().any(|showing| showing.entry.id == id) || self.waiting.values().any(|waiting| waiting.entry.id == id)
    }

    fn expires(&self, entry: &Entry<T>) -> Option<i64> {
        entry.stays.map(|_| entry.arrived.max(self.empty_since) + self.rules.patience)
    }

    fn settle(&mut self, now: i64, changes: &mut Vec<Change>) {
        self.advance(now, changes);
        while self.waiting.len() > self.rules.capacity
            && let Some((_, last)) = self.waiting.pop_last()
        {
            self.dropped += 1;
            changes.push(Change::Over(last.entry.id, Why::Overflow));
        }
    }

    fn advance(&mut self, now: i64, changes: &mut Vec<Change>) {
        if let Some(over) = self.showing.take_if(|showing| showing.ends().is_some_and(|end| end <= now)) {
            changes.push(Change::Over(over.entry.id, Why::Shown));
        }
        if self.pages == 0 {
            let late = |waiting: &Waiting<T>| self.expires(&waiting.entry).is_some_and(|end| end <= now);
            let late: Vec<_> = self.waiting.iter().filter(|(_, waiting)| late(waiting)).map(|(place, _)| *place).collect();
            for place in late {
                changes.extend(self.waiting.remove(&place).map(|expired| Change::Over(expired.entry.id, Why::Expired)));
            }
            return;
        }
        while self.showing.is_none()
            && let Some((_, Waiting { entry, attempts })) = self.waiting.pop_first()
        {
            if attempts >= self.rules.attempts {
                changes.push(Change::Over(entry.id, Why::Shown));
                continue;
            }
            self.showing = Some(Showing { entry, since: now, acknowledged: false, attempts: attempts + 1 });
            changes.push(Change::Show);
        }
    }
}

impl<T> Showing<T> {
    fn ends(&self) -> Option<i64> {
        self.entry.stays.map(|stays| self.since + stays)
    }
}

#[cfg(test)]
mod tests;
