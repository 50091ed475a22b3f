//! How much the bot may say before a server calls it a flood: a bucket that fills with time.

use std::time::Duration;

/// A bucket of lines. Times are on the caller's monotonic clock.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Time one line costs; zero where nothing is limited.
    each: Duration,
    /// Lines that may go out at once.
    burst: u32,
    /// When the bucket would be full again.
    full: Duration,
}

impl Budget {
    /// Five lines at once, then one every two seconds (RFC 2813 section 5.8).
    pub fn rfc() -> Self {
        Self::new(5, Duration::from_secs(2))
    }

    /// What Twitch-like servers allow an ordinary account in any 30 seconds: 20 lines.
    pub fn twitch() -> Self {
        Self::new(10, Duration::from_secs(3))
    }

    /// No limit, for a server that allows it.
    pub fn unlimited() -> Self {
        Self::new(1, Duration::ZERO)
    }

    fn new(burst: u32, each: Duration) -> Self {
        Self { each, burst, full: Duration::ZERO }
    }

    /// Lines that may go out at once.
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// The time in which one line is earned back; zero where nothing is limited.
    pub fn each(&self) -> Duration {
        self.each
    }

    /// Takes one line if there is one, else says how long until there is.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let wait = self.wait(now);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.charge(now);
        Ok(())
    }

    /// How long until a line may go out; zero if it may now.
    pub fn wait(&self, now: Duration) -> Duration {
        if self.each.is_zero() {
            return Duration::ZERO;
        }
        let after = self.full.max(now) + self.each;
        after.saturating_sub(now + self.each * self.burst)
    }

    /// Counts a line that had to go out, such as a PONG; later lines wait for it.
    pub fn charge(&mut self, now: Duration) {
        self.full = self.full.max(now) + self.each;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn five_at_once_then_one_every_two_seconds() {
        let (mut budget, now) = (Budget::rfc(), secs(1000));
        for _ in 0..5 {
            assert_eq!(budget.take(now), Ok(()));
        }
        assert_eq!(budget.take(now), Err(secs(2)));
        assert_eq!(budget.take(now + secs(1)), Err(secs(1)));
        assert_eq!(budget.take(now + secs(2)), Ok(()));
        assert_eq!(budget.take(now + secs(2)), Err(secs(2)));
    }

    #[test]
    fn rest_fills_the_bucket_and_no_further() {
        let mut budget = Budget::rfc();
        let sent = (0..100).filter(|_| budget.take(secs(3600)).is_ok()).count();
        assert_eq!(sent, 5);
        let sent = (0..100).filter(|_| budget.take(secs(7200)).is_ok()).count();
        assert_eq!(sent, 5);
    }

    #[test]
    fn lines_that_had_to_go_out_are_paid_for_later() {
        let (mut budget, now) = (Budget::rfc(), secs(10));
        for _ in 0..7 {
            budget.charge(now);
        }
        assert_eq!(budget.take(now), Err(secs(6)));
    }

    #[test]
    fn no_thirty_seconds_see_more_than_twenty_lines() {
        let mut budget = Budget::twitch();
        let sent: Vec<u64> = (0..300)
            .flat_map(|second| {
                let mut lines = Vec::new();
                while budget.take(secs(second)).is_ok() {
                    lines.push(second);
                }
                lines
            })
            .collect();
        for from in 0..300 {
            assert!(sent.iter().filter(|at| (from..from + 30).contains(*at)).count() <= 20);
        }
    }

    #[test]
    fn unlimited_never_waits() {
        let mut budget = Budget::unlimited();
        assert!((0..10_000).all(|_| budget.take(secs(1)).is_ok()));
    }
}
