//! Where a test may kill the process: named steps that do nothing in a release build.

/// Kills this process as `kill -9` would, when a debug build was told to by
/// `WADDLEBOT_KILL_AT=step` (the first time) or `step:3` (the third time the step is reached).
#[inline]
pub fn point(step: &str) {
    #[cfg(debug_assertions)]
    armed::reached(step);
    #[cfg(not(debug_assertions))]
    let _ = step;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    static ARMED: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static REACHED: AtomicU32 = AtomicU32::new(0);

    pub(super) fn reached(step: &str) {
        let armed = ARMED.get_or_init(|| {
            let text = std::env::var("WADDLEBOT_KILL_AT").ok()?;
            let (step, times) = text.split_once(':').unwrap_or((&text, "1"));
            Some((step.to_owned(), times.parse().ok()?))
        });
        let Some((wanted, times)) = armed else { return };
        if wanted == step && REACHED.fetch_add(1, SeqCst) + 1 == *times {
            let me = rustix::process::getpid();
            rustix::process::kill_process(me, rustix::process::Signal::KILL).ok();
        }
    }
}
