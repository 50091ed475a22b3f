//! The one supervision policy: back-off with jitter, give up after too many failures, and say so.

use std::time::Duration;

/// When a failed actor is opened again. All times on the boot clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The rest after the first failure; doubled after each further one.
    pub first: Duration,
    /// The longest rest.
    pub longest: Duration,
    /// This many failures …
    pub failures: u32,
    /// … within this time, and nobody tries again until the time is over.
    pub window: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), longest: Duration::from_secs(30), failures: 5, window: Duration::from_secs(60) }
    }
}

/// What the policy says about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be opened again after this rest.
    Again {
        /// How long to wait.
        after: Duration,
    },
    /// It failed too often: leave it alone, tell the parent and the inspector.
    GiveUp,
}

/// What is remembered about one child that failed.
#[derive(Clone, Debug, Default)]
pub struct Record {
    failures: Vec<Duration>,
    restarts: u32,
    rests_until: Duration,
}

/// It failed lately and rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it failed and rests for another {} ms", .0.as_millis())]
pub struct Resting(pub Duration);

impl Record {
    /// Whether it may be opened now.
    ///
    /// # Errors
    /// With how long it still rests.
    pub fn may_open(&self, now: Duration) -> Result<(), Resting> {
        match self.rests_until.checked_sub(now) {
            Some(rest) if !rest.is_zero() => Err(Resting(rest)),
            _ => Ok(()),
        }
    }

    /// How often it failed since it was last stopped in good order.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }
}

impl Policy {
    /// Judges one more failure. `chance` in 0..1 makes the jitter.
    pub fn judge(&self, record: &mut Record, now: Duration, chance: f64) -> Verdict {
        record.failures.retain(|at| *at + self.window > now);
        record.failures.push(now);
        record.restarts += 1;
        let count = u32::try_from(record.failures.len()).unwrap_or(u32::MAX);
        if count >= self.failures {
            record.rests_until = now + self.window;
            return Verdict::GiveUp;
        }
        let rest = self.first.saturating_mul(1 << (count - 1).min(16)).min(self.longest);
        let after = rest.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        record.rests_until = now + after;
        Verdict::Again { after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_doubles_and_after_five_failures_in_a_minute_nobody_tries_again() {
        let (policy, mut record) = (Policy::default(), Record::default());
        let mut now = Duration::from_secs(100);
        let mut rests = Vec::new();
        for _ in 0..4 {
            match policy.judge(&mut record, now, 1.0) {
                Verdict::Again { after } => rests.push(after.as_millis()),
                Verdict::GiveUp => panic!("too early"),
            }
            now += Duration::from_secs(1);
        }
        assert_eq!(rests, [200, 400, 800, 1600]);
        assert_eq!(policy.judge(&mut record, now, 1.0), Verdict::GiveUp);
        assert!(record.may_open(now + Duration::from_secs(59)).is_err());
        assert!(record.may_open(now + Duration::from_secs(60)).is_ok());
        now += Duration::from_secs(200);
        assert!(matches!(policy.judge(&mut record, now, 0.0), Verdict::Again { after } if after == Duration::from_millis(100)));
    }
}
