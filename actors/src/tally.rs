//! What is counted of commands on this node: since the start for Prometheus, and minute by minute for the last hour.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Histogram};
use parking_lot::Mutex;

/// How far back it is remembered, in minutes.
const MINUTES: u64 = 60;

/// The commands of this process.
static LATELY: Lately = Lately(Mutex::new(VecDeque::new()));

/// What ran within some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// How many did what they should.
    pub succeeded: u64,
    /// How many did not.
    pub failed: u64,
    /// How long all of them took.
    pub took: Duration,
}

impl Ran {
    /// The share of those that did what they should, 0 to 1; 1 where nothing ran.
    #[must_use]
    pub fn success_rate(&self) -> f64 {
        let all = self.succeeded + self.failed;
        if all > 0 { self.succeeded as f64 / all as f64 } else { 1.0 }
    }
}

struct Lately(Mutex<VecDeque<(u64, Ran)>>);

/// What Prometheus is told of every command; found once, for looking for them would cost more than all else here.
struct Told {
    processed: Counter,
    successful: Counter,
    failed: Counter,
    took: Histogram,
}

static TOLD: LazyLock<Told> = LazyLock::new(|| Told {
    processed: metrics::counter!("waddlebot_commands_processed_total"),
    successful: metrics::counter!("waddlebot_commands_successful_total"),
    failed: metrics::counter!("waddlebot_commands_failed_total"),
    took: metrics::histogram!("waddlebot_command_execution_duration_seconds"),
});

/// A command ran: whether it did what it should, how long that took, and when, on the boot clock.
pub fn ran(succeeded: bool, took: Duration, now: Duration) {
    TOLD.processed.increment(1);
    if succeeded { &TOLD.successful } else { &TOLD.failed }.increment(1);
    TOLD.took.record(took.as_secs_f64());
    LATELY.add(succeeded, took, now);
}

/// Somebody was too fast.
pub fn limited() {
    metrics::counter!("waddlebot_rate_limits_hit_total").increment(1);
}

/// What ran on this node within the last hour.
#[must_use]
pub fn last_hour(now: Duration) -> Ran {
    LATELY.last_hour(now)
}

impl Lately {
    fn add(&self, succeeded: bool, took: Duration, now: Duration) {
        let (mut minutes, minute) = (self.0.lock(), now.as_secs() / 60);
        if minutes.back().is_none_or(|(last, _)| *last < minute) {
            minutes.push_back((minute, Ran::default()));
            minutes.retain(|(one, _)| one + MINUTES >= minute);
        }
        let Some((_, ran)) = minutes.back_mut() else { return };
        ran.succeeded += u64::from(succeeded);
        ran.failed += u64::from(!succeeded);
        ran.took += took;
    }

    fn last_hour(&self, now: Duration) -> Ran {
        let since = (now.as_secs() / 60).saturating_sub(MINUTES);
        self.0.lock().iter().filter(|(minute, _)| *minute >= since).fold(Ran::default(), |sum, (_, ran)| Ran {
            succeeded: sum.succeeded + ran.succeeded,
            failed: sum.failed + ran.failed,
            took: sum.took + ran.took,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_more_than_an_hour_ago_is_forgotten() {
        let lately = Lately(Mutex::default());
        let at = |minutes: u64| Duration::from_secs(minutes * 60 + 5);
        for minute in 0..100 {
            lately.add(minute % 2 == 0, Duration::from_millis(10), at(minute));
        }
        let sum = Ran { succeeded: 30, failed: 31, took: Duration::from_millis(610) };
        assert_eq!((lately.last_hour(at(99)), lately.0.lock().len()), (sum, 61));
        assert_eq!(lately.last_hour(at(1000)), Ran::default());
    }
}
