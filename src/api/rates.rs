//! How often one key may ask in a minute: a sliding window each, told in `X-RateLimit-*` headers.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use dashmap::DashMap;
use waddlebot_runtime::keys::KeyRole;

/// The length of the window.
const WINDOW: Duration = Duration::from_secs(60);
/// So many keys are remembered before those that have been silent for two windows are forgotten.
const REMEMBERED: usize = 10_000;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Requests per minute and key; 0 lets everything through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowance {
    /// For keys of services: trigger, action, core, admin.
    pub(crate) services: u32,
    /// For keys of people.
    pub(crate) people: u32,
}

/// Counts the requests of each key.
#[derive(Default)]
pub(super) struct Rates {
    allowance: Allowance,
    windows: DashMap<String, Window>,
}

/// Requests of one key in the window at hand and the one before.
#[derive(Clone, Copy)]
struct Window {
    began: Duration,
    count: u32,
    before: u32,
}

/// Where a key stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    limit: u32,
    remaining: u32,
    /// Seconds until the window ends.
    pub(super) reset: u64,
    /// Whether this request is over the limit.
    pub(super) over: bool,
}

impl Rates {
    pub(super) fn new(allowance: Allowance) -> Self {
        Self { allowance, windows: DashMap::new() }
    }

    /// Counts a request; `None` where nothing is limited. A refused request does not count.
    pub(super) fn take(&self, key: &str, role: KeyRole, now: Duration) -> Option<Standing> {
        let limit = if role == KeyRole::User { self.allowance.people } else { self.allowance.services };
        if limit == 0 {
            return None;
        }
        if self.windows.len() >= REMEMBERED {
            self.windows.retain(|_, window| now.saturating_sub(window.began) < WINDOW * 2);
        }
        let mut window = match self.windows.get_mut(key) {
            Some(window) => window,
            None => self.windows.entry(key.to_owned()).or_insert(Window { began: now, count: 0, before: 0 }),
        };
        let passed = now.saturating_sub(window.began);
        if passed >= WINDOW * 2 {
            *window = Window { began: now, count: 0, before: 0 };
        } else if passed >= WINDOW {
            *window = Window { began: window.began + WINDOW, count: 0, before: window.count };
        }
        let passed = now.saturating_sub(window.began);
        // What was asked in the window before fades out over this one.
        let left = 1.0 - passed.as_secs_f64() / WINDOW.as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32")]
        let used = window.count.saturating_add((f64::from(window.before) * left).ceil() as u32);
        let over = used >= limit;
        if !over {
            window.count += 1;
        }
        let reset = (WINDOW.saturating_sub(passed)).as_secs().max(1);
        Some(Standing { limit, remaining: limit.saturating_sub(used + 1), reset, over })
    }
}

impl Standing {
    /// Tells the caller where it stands.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_key_may_ask_so_often_in_any_minute_and_others_are_not_touched() {
        let rates = Rates::new(Allowance { services: 10, people: 0 });
        let take = |key: &str, now: f64| rates.take(key, KeyRole::Trigger, at(now)).expect("limited");
        for n in 0..10 {
            let standing = take("a", f64::from(n));
            assert_eq!((standing.over, standing.remaining), (false, 9 - u32::try_from(n).expect("small")));
        }
        assert!(take("a", 11.0).over && !take("b", 11.0).over);
        assert_eq!(take("a", 20.0).reset, 40);
        assert!(take("a", 61.0).over, "the minute before still counts nearly whole");
        assert!(!take("a", 90.0).over, "half of it has faded");
        assert!(!take("a", 300.0).over);
    }

    #[test]
    fn no_allowance_means_no_limit() {
        let rates = Rates::new(Allowance { services: 0, people: 1 });
        assert_eq!(rates.take("a", KeyRole::Admin, at(0.0)), None);
        assert!(!rates.take("b", KeyRole::User, at(0.0)).expect("limited").over);
        assert!(rates.take("b", KeyRole::User, at(0.1)).expect("limited").over);
    }
}
