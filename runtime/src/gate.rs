//! The gate every effect asks before it starts: open while this node's lease leaves time for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;

/// Says whether an effect may start. Cloning shares it.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    /// Milliseconds since boot; 0 while the lease is given up, `u64::MAX` for a gate that is never shut.
    deadline: AtomicU64,
    /// How often the lease was given up: who waited through one may not go on.
    surrenders: AtomicU64,
    moved: Notify,
    clock: Clock,
}

const SURRENDERED: u64 = 0;
const NEVER_SHUT: u64 = u64::MAX;

/// Why an effect may not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shut {
    /// The lease was not renewed in time: what is held stays held, and may go on once it is renewed.
    #[error("this node could not renew its lease and waits for the database")]
    Frozen,
    /// The lease is lost, and every claim with it: stop.
    #[error("this node has lost its lease")]
    Surrendered,
}

impl Gate {
    /// One that is never shut: for a house that holds no lease.
    #[must_use]
    pub fn always() -> Self {
        Self::new(Clock::real(), NEVER_SHUT)
    }

    /// One that is shut until a lease opens it.
    #[must_use]
    pub fn shut(clock: Clock) -> Self {
        Self::new(clock, SURRENDERED)
    }

    fn new(clock: Clock, deadline: u64) -> Self {
        Self(Arc::new(Inner { deadline: AtomicU64::new(deadline), surrenders: AtomicU64::new(0), moved: Notify::new(), clock }))
    }

    /// Whether an effect that takes up to `need` may start now.
    #[must_use]
    pub fn open(&self, need: Duration) -> bool {
        match self.0.deadline.load(Ordering::Acquire) {
            NEVER_SHUT => true,
            SURRENDERED => false,
            deadline => millis(self.0.clock.since_boot() + need) <= deadline,
        }
    }

    /// Waits until an effect that takes up to `need` may start, for no longer than `patience`.
    ///
    /// # Errors
    /// [`Shut::Frozen`] when the patience is over, [`Shut::Surrendered`] as soon as the lease is lost.
    pub async fn wait(&self, need: Duration, patience: Duration) -> Result<(), Shut> {
        if self.open(need) {
            return Ok(());
        }
        // In a box: rare, and large in the future of every effect.
        Box::pin(self.opens(need, patience)).await
    }

    async fn opens(&self, need: Duration, patience: Duration) -> Result<(), Shut> {
        let inner = &self.0;
        let surrenders = inner.surrenders.load(Ordering::Acquire);
        let end = inner.clock.since_boot() + patience;
        loop {
            let moved = inner.moved.notified();
            let lost = inner.deadline.load(Ordering::Acquire) == SURRENDERED;
            if lost || inner.surrenders.load(Ordering::Acquire) != surrenders {
                return Err(Shut::Surrendered);
            }
            if self.open(need) {
                return Ok(());
            }
            let left = end.saturating_sub(inner.clock.since_boot());
            if left.is_zero() {
                return Err(Shut::Frozen);
            }
            tokio::select! {
                () = moved => {}
                () = inner.clock.sleep(left) => {}
            }
        }
    }

    /// How long effects may still start; `None` while the lease is lost.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        match self.0.deadline.load(Ordering::Acquire) {
            SURRENDERED => None,
            deadline => Some(Duration::from_millis(deadline.saturating_sub(millis(self.0.clock.since_boot())))),
        }
    }

    /// Which of this node's lives it is; `None` between two. What was heard in one is not for the next.
    #[must_use]
    pub fn life(&self) -> Option<u64> {
        let lives = self.0.deadline.load(Ordering::Acquire) != SURRENDERED;
        lives.then(|| self.0.surrenders.load(Ordering::Acquire))
    }

    /// What its times are measured on.
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Opens it until this time since boot.
    pub(crate) fn open_until(&self, deadline: Duration) {
        self.0.deadline.store(millis(deadline).max(1), Ordering::Release);
        self.0.moved.notify_waiters();
    }

    /// Shuts it until it is opened again; what is held stays held.
    pub(crate) fn freeze(&self) {
        self.open_until(Duration::from_millis(1));
    }

    /// Shuts it for everybody who holds something now.
    pub(crate) fn surrender(&self) {
        self.0.surrenders.fetch_add(1, Ordering::AcqRel);
        self.0.deadline.store(SURRENDERED, Ordering::Release);
        self.0.moved.notify_waiters();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Gate({:?})", self.left())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER_SHUT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn it_is_open_only_while_the_deadline_leaves_room_for_the_effect() {
        let clock = Clock::turned();
        let gate = Gate::shut(clock.clone());
        assert!(!gate.open(Duration::ZERO));
        gate.open_until(Duration::from_secs(5));
        assert!(gate.open(NEED));
        clock.turn(Duration::from_millis(4001));
        assert!(!gate.open(NEED));
        assert!(gate.open(Duration::ZERO));
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_the_lease_is_renewed_and_gives_up_when_it_is_not() {
        let clock = Clock::turned();
        let gate = Gate::shut(clock.clone());
        gate.open_until(Duration::from_secs(5));
        clock.turn(Duration::from_secs(6));
        let waiting = |gate: Gate| crate::spawn::task("waiting", async move { gate.wait(NEED, Duration::from_secs(3)).await });
        let first = waiting(gate.clone());
        tokio::task::yield_now().await;
        assert!(!first.is_finished());
        gate.open_until(Duration::from_secs(11));
        assert_eq!(first.await.unwrap(), Ok(()));
        clock.turn(Duration::from_secs(6));
        let second = waiting(gate.clone());
        tokio::task::yield_now().await;
        clock.turn(Duration::from_secs(3));
        assert_eq!(second.await.unwrap(), Err(Shut::Frozen));
    }

    #[tokio::test]
    async fn who_waited_through_a_surrender_may_not_go_on_under_the_next_lease() {
        let clock = Clock::turned();
        let gate = Gate::shut(clock.clone());
        gate.open_until(Duration::from_secs(1));
        clock.turn(Duration::from_secs(2));
        let waiter = gate.clone();
        let waiting = crate::spawn::task("waiting", async move { waiter.wait(NEED, Duration::from_secs(60)).await });
        tokio::task::yield_now().await;
        gate.surrender();
        gate.open_until(Duration::from_secs(60));
        assert_eq!(waiting.await.unwrap(), Err(Shut::Surrendered));
        assert!(gate.open(NEED));
    }
}
