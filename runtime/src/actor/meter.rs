//! What is measured about one actor: how many orders wait, how many it handled, how long each took.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

/// Counters of one actor. Written without a lock on every order.
#[derive(Debug)]
pub struct Meter {
    key: String,
    kind: &'static str,
    parent: Option<String>,
    bound: usize,
    restarts: u32,
    waiting: AtomicUsize,
    handled: AtomicU64,
    epoch: AtomicI64,
    blocked: AtomicBool,
    eased: Notify,
    /// Handling times in half powers of two: bucket 2k holds 2^k ns and up, 2k+1 holds 1.5 × 2^k and up.
    times: [AtomicU32; BUCKETS],
    last_error: Mutex<Option<String>>,
    last_look: Mutex<(Duration, u64)>,
}

const BUCKETS: usize = 72;

/// One row of the inspector.
#[derive(Clone, Debug, Serialize)]
pub struct Reading {
    /// The actor's key.
    pub key: String,
    /// What it is.
    pub kind: &'static str,
    /// Who supervises it.
    pub parent: Option<String>,
    /// `working` while orders wait, else `idle`; `full` when entrances are refused.
    pub state: &'static str,
    /// Orders that wait.
    pub mailbox: usize,
    /// Orders handled since it was opened.
    pub handled: u64,
    /// Orders per second since the last look.
    pub rate: f64,
    /// Median time of an order, in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the time of an order, in microseconds.
    pub p99_us: f64,
    /// How often it was opened anew after a failure.
    pub restarts: u32,
    /// The last failure, its own or of what it hosts.
    pub last_error: Option<String>,
    /// The epoch of its claim, where it has one.
    pub epoch: Option<i64>,
}

impl Meter {
    pub(super) fn new(key: String, kind: &'static str, parent: Option<String>, bound: usize, restarts: u32) -> Self {
        Self {
            key,
            kind,
            parent,
            bound,
            restarts,
            waiting: AtomicUsize::new(0),
            handled: AtomicU64::new(0),
            epoch: AtomicI64::new(-1),
            blocked: AtomicBool::new(false),
            eased: Notify::new(),
            times: [const { AtomicU32::new(0) }; BUCKETS],
            last_error: Mutex::new(None),
            last_look: Mutex::new((Duration::ZERO, 0)),
        }
    }

    /// The actor's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How many orders wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// How many orders were handled.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.handled.load(Relaxed)
    }

    /// Notes a failure for the inspector.
    pub fn fault(&self, why: impl Into<String>) {
        *self.last_error.lock() = Some(why.into());
    }

    /// Notes the epoch of its claim for the inspector.
    pub fn claimed(&self, epoch: i64) {
        self.epoch.store(epoch, Relaxed);
    }

    /// The epoch of its claim; negative where it has none.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch.load(Relaxed)
    }

    pub(super) fn sent(&self) {
        self.waiting.fetch_add(1, Relaxed);
    }

    pub(super) fn took(&self) {
        let before = self.waiting.fetch_sub(1, Relaxed);
        if before <= self.bound / 2 + 1 && self.blocked.load(Relaxed) {
            self.blocked.store(false, Relaxed);
            self.eased.notify_waiters();
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting() >= self.bound
    }

    pub(super) async fn eased(&self) {
        loop {
            let eased = self.eased.notified();
            tokio::pin!(eased);
            eased.as_mut().enable();
            self.blocked.store(true, Relaxed);
            if self.waiting() <= self.bound / 2 {
                return;
            }
            // The counter and the flag are not one: look again now and then rather than sleep for ever.
            tokio::time::timeout(Duration::from_millis(20), eased).await.ok();
        }
    }

    pub(super) fn handled(&self, took: Duration) {
        self.handled.fetch_add(1, Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        let power = nanos.ilog2();
        let upper = power > 0 && nanos >> (power - 1) & 1 == 1;
        let bucket = (power as usize * 2 + usize::from(upper)).min(BUCKETS - 1);
        self.times[bucket].fetch_add(1, Relaxed);
    }

    /// What the inspector shows; `now` is time since boot.
    #[must_use]
    pub fn read(&self, now: Duration) -> Reading {
        let handled = self.handled.load(Relaxed);
        let rate = {
            let mut last = self.last_look.lock();
            let (past, before) = *last;
            *last = (now, handled);
            let seconds = now.saturating_sub(past).as_secs_f64();
            if past.is_zero() || seconds <= 0.0 { 0.0 } else { handled.saturating_sub(before) as f64 / seconds }
        };
        let waiting = self.waiting();
        let epoch = self.epoch.load(Relaxed);
        Reading {
            key: self.key.clone(),
            kind: self.kind,
            parent: self.parent.clone(),
            state: if waiting >= self.bound { "full" } else { ["idle", "working"][usize::from(waiting > 0)] },
            mailbox: waiting,
            handled,
            rate,
            p50_us: self.percentile(0.50),
            p99_us: self.percentile(0.99),
            restarts: self.restarts,
            last_error: self.last_error.lock().clone(),
            epoch: (epoch >= 0).then_some(epoch),
        }
    }

    fn percentile(&self, part: f64) -> f64 {
        let counts: Vec<u64> = self.times.iter().map(|bucket| bucket.load(Relaxed).into()).collect();
        let total: u64 = counts.iter().sum();
        let wanted = (total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                let nanos = 2f64.powi((bucket / 2) as i32) * [1.25, 1.75][bucket % 2];
                return nanos / 1000.0;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_near_the_truth() {
        let meter = Meter::new("k".into(), "t", None, 10, 0);
        for micros in 1..=1000 {
            meter.handled(Duration::from_micros(micros));
        }
        let reading = meter.read(Duration::from_secs(1));
        assert_eq!(reading.handled, 1000);
        assert!((350.0..700.0).contains(&reading.p50_us), "{}", reading.p50_us);
        assert!((700.0..1300.0).contains(&reading.p99_us), "{}", reading.p99_us);
    }
}
