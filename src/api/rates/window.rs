//! Requests within a sliding window, kept as two counts: of the window at hand, and of the one before as it fades out. Pure.

use std::time::Duration;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    began: Option<Duration>,
    count: u32,
    before: u32,
}

impl Window {
    /// How many there were within the last `length`.
    pub(super) fn used(&mut self, length: Duration, now: Duration) -> u32 {
        let began = self.began.unwrap_or(now);
        let passed = now.saturating_sub(began);
        *self = if passed >= length * 2 {
            Self { began: Some(now), count: 0, before: 0 }
        } else if passed >= length {
            Self { began: Some(began + length), count: 0, before: self.count }
        } else {
            Self { began: Some(began), ..*self }
        };
        // What was asked in the window before fades out over this one.
        let share = self.left(length, now).as_secs_f64() / length.as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32")]
        self.count.saturating_add((f64::from(self.before) * share).ceil() as u32)
    }

    /// How long until the window at hand ends.
    pub(super) fn left(&self, length: Duration, now: Duration) -> Duration {
        length.saturating_sub(now.saturating_sub(self.began.unwrap_or(now)))
    }

    /// One more.
    pub(super) fn count(&mut self) {
        self.count = self.count.saturating_add(1);
    }
}
