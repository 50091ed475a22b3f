//! How long to wait before the next connection.

use std::time::Duration;

/// The first pause, at most.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(300);
/// A connection that held this long ends the series of failures.
const STEADY: Duration = Duration::from_secs(60);

/// Failures in a row.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A connection was lost that had been of use for this long (zero if it never was).
    /// The pause doubles each time; `chance` in 0..1 takes up to half of it away, so that not all bots
    /// of a server return in the same moment.
    pub fn lost(&mut self, held: Duration, chance: f64) -> Duration {
        if held >= STEADY {
            self.failures = 0;
        }
        let pause = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_five_minutes_and_a_steady_connection_starts_anew() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u64> = (0..11).map(|_| backoff.lost(Duration::ZERO, 0.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff.lost(Duration::from_secs(60), 0.0).as_secs(), 1);
        assert_eq!(backoff.lost(Duration::from_secs(59), 1.0).as_secs(), 1);
        assert_eq!(backoff.lost(Duration::ZERO, 0.5).as_secs(), 3);
    }
}
