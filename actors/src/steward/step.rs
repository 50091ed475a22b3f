//! One step of a hand-over: it is told when it took long, so that who waits can be seen.

use std::time::Duration;

use waddlebot_runtime::clock::Clock;

/// What takes longer is told.
const LONG: Duration = Duration::from_secs(1);

/// Does it, and tells when it took long.
pub(super) async fn step<T>(clock: &Clock, what: &'static str, whose: &str, doing: impl Future<Output = T>) -> T {
    let began = clock.since_boot();
    let done = doing.await;
    let took = clock.since_boot().saturating_sub(began);
    if took >= LONG {
        tracing::info!(what, whose, took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "a step of a hand-over took long");
    }
    done
}
