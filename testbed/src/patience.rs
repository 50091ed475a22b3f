//! Waiting for real things, with a deadline: the only waiting that tests do.

use std::thread;
use std::time::{Duration, Instant};

/// How long we look away between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A point in real time after which waiting is an error.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `limit` from now.
    pub fn within(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// Whether it is over.
    pub fn passed(&self) -> bool {
        Instant::now() >= self.0
    }

    /// What is left, zero when it is over.
    pub fn left(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Looks away for a moment, never past the deadline.
    pub(crate) fn pause(&self) {
        thread::sleep(PAUSE.min(self.left()));
    }
}

/// Looks again and again until `holds` is true; panics with `what` after `limit`.
///
/// It blocks the thread, so an async test that needs its own runtime meanwhile has to be multi-threaded.
#[track_caller]
pub fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    eventually_some(what, limit, || holds().then_some(()));
}

/// As [`eventually`], and hands out what `look` found.
#[track_caller]
pub fn eventually_some<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::within(limit);
    loop {
        let last = deadline.passed();
        if let Some(found) = look() {
            return found;
        }
        assert!(!last, "{what}: not within {limit:?}");
        deadline.pause();
    }
}

/// Lets real time pass: the beat of a load, or how long a fault lasts. Never to wait for something: see [`eventually`].
pub fn passes(time: Duration) {
    thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_returns_as_soon_as_it_holds() {
        let mut looks = 0;
        eventually("three looks", Duration::from_secs(5), || {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, 3);
    }

    #[test]
    #[should_panic(expected = "the moon is cheese: not within 20ms")]
    fn it_says_what_did_not_come() {
        eventually("the moon is cheese", Duration::from_millis(20), || false);
    }
}
