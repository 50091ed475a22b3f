//! A send budget as one number: so many at once, then one per interval (GCRA). Pure.

pub mod lent;
pub(crate) mod wallet;

use std::time::Duration;

use waddlebot_runtime::platform::Budget;

/// The theoretical arrival time of the next message, on the boot clock: the bucket's whole state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    next: Duration,
}

impl Bucket {
    /// One from which everything was taken just now.
    #[must_use]
    pub fn empty(budget: Budget, now: Duration) -> Self {
        Self { next: now + budget.every.saturating_mul(budget.burst) }
    }

    /// Takes one; says how long to wait before it may leave. It is taken either way.
    pub fn take(&mut self, budget: Budget, now: Duration) -> Duration {
        let earned = budget.every.saturating_mul(budget.burst.saturating_sub(1));
        let start = self.next.max(now);
        self.next = start + budget.every;
        start.saturating_sub(earned).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_one_by_one() {
        let budget = Budget { burst: 3, every: Duration::from_secs(2) };
        let (mut bucket, now) = (Bucket::default(), Duration::from_secs(100));
        let waits: Vec<_> = (0..5).map(|_| bucket.take(budget, now).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 2, 4]);
        assert_eq!(bucket.take(budget, now + Duration::from_secs(100)), Duration::ZERO);
    }
}
