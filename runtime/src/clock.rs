//! Time, passed in: what the wall says, what the boot clock says, and waiting; tests turn it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::chat::Millis;

/// The clock everybody is given. Cloning shares it.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    Real,
    Turned(Arc<Turned>),
}

struct Turned {
    passed: Mutex<Duration>,
    moved: Notify,
}

/// A sleep that has begun, with its end.
enum Sleep {
    Real(tokio::time::Sleep),
    Turned(Arc<Turned>, Duration),
}

impl Turned {
    async fn reaches(&self, until: Duration) {
        loop {
            let moved = self.moved.notified();
            if *self.passed.lock() >= until {
                return;
            }
            moved.await;
        }
    }
}

/// What a turned clock shows at first: 2026-01-01 00:00:00 UTC.
const TURNED_START: Millis = 1_767_225_600_000;

impl Clock {
    /// The machine's clocks.
    #[must_use]
    pub fn real() -> Self {
        Self(Source::Real)
    }

    /// A clock that stands still until it is turned.
    #[must_use]
    pub fn turned() -> Self {
        Self(Source::Turned(Arc::new(Turned { passed: Mutex::new(Duration::ZERO), moved: Notify::new() })))
    }

    /// Wall time in milliseconds. For showing and storing; never for a deadline.
    #[must_use]
    pub fn now(&self) -> Millis {
        match &self.0 {
            Source::Real => wall(),
            Source::Turned(turned) => TURNED_START + i64::try_from(turned.passed.lock().as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Time since boot, suspend included: what every deadline is measured on.
    #[must_use]
    pub fn since_boot(&self) -> Duration {
        match &self.0 {
            Source::Real => since_boot(),
            Source::Turned(turned) => *turned.passed.lock(),
        }
    }

    /// Waits until `time` has passed on this clock: counted from this call, not from when it is first waited for.
    pub fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        let sleep = match &self.0 {
            Source::Real => Sleep::Real(tokio::time::sleep(time)),
            Source::Turned(turned) => Sleep::Turned(turned.clone(), *turned.passed.lock() + time),
        };
        async move {
            match sleep {
                Sleep::Real(sleep) => sleep.await,
                Sleep::Turned(turned, until) => turned.reaches(until).await,
            }
        }
    }

    /// Lets time pass on a turned clock and wakes who waited for it. Does nothing to the real one.
    pub fn turn(&self, time: Duration) {
        if let Source::Turned(turned) = &self.0 {
            *turned.passed.lock() += time;
            turned.moved.notify_waiters();
        }
    }
}

fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn wall() -> Millis {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_sleeps_on_a_turned_clock_wakes_when_it_is_turned_far_enough() {
        let clock = Clock::turned();
        let slept = clock.clone();
        let sleeper = crate::spawn::task("sleeper", async move { slept.sleep(Duration::from_secs(30)).await });
        tokio::task::yield_now().await;
        clock.turn(Duration::from_secs(29));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.turn(Duration::from_secs(1));
        sleeper.await.expect("the sleeper woke");
        assert_eq!(clock.now(), TURNED_START + 30_000);
    }

    #[tokio::test]
    async fn a_sleep_is_counted_from_when_it_was_asked_for() {
        let clock = Clock::turned();
        let sleep = clock.sleep(Duration::from_secs(30));
        clock.turn(Duration::from_secs(30));
        let slept = tokio::time::timeout(Duration::from_secs(30), crate::spawn::task("sleeper", sleep)).await;
        slept.expect("its time is over already").expect("the sleeper woke");
    }
}
