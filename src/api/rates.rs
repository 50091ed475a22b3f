//! How often one key may ask: sliding windows for each, of all it asks for and of each service, told in `X-RateLimit-*` headers.

mod allowance;
mod window;

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use dashmap::DashMap;
use waddlebot_runtime::keys::KeyRole;

pub(crate) use allowance::{Allowance, Service};
use window::Window;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// So many keys are remembered before those that have been silent for two windows are forgotten.
const REMEMBERED: usize = 10_000;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Counts the requests of each key.
#[derive(Default)]
pub(super) struct Rates {
    allowance: Allowance,
    keys: DashMap<String, Counted>,
}

/// The requests of one key.
#[derive(Default)]
struct Counted {
    /// All of them.
    all: Window,
    /// Those to a service, where it has an allowance of its own: in a minute, and in an hour.
    of: Vec<(Service, Window, Window)>,
    last: Duration,
}

/// Where a key stands after a request: with the window of which the least is left.
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
        Self { allowance, keys: DashMap::new() }
    }

    /// Counts a request to a service; `None` where nothing is limited. A refused request does not count.
    pub(super) fn take(&self, key: &str, role: KeyRole, service: Service, now: Duration) -> Option<Standing> {
        let (all, line) = (self.allowance.all(role), self.allowance.of(service, role));
        if all == 0 && line.is_none() {
            return None;
        }
        let mut counted = match self.keys.get_mut(key) {
            Some(counted) => counted,
            None => {
                self.make_room(now);
                self.keys.entry(key.to_owned()).or_default()
            }
        };
        counted.last = now;
        let Counted { all: whole, of, .. } = &mut *counted;
        let Some(line) = line else { return stand([(whole, all, MINUTE)], now) };
        let at = of.iter().position(|(one, ..)| *one == service).unwrap_or_else(|| {
            of.push((service, Window::default(), Window::default()));
            of.len() - 1
        });
        let (_, minute, hour) = &mut of[at];
        stand([(whole, all, MINUTE), (minute, line.minute, MINUTE), (hour, line.hour, HOUR)], now)
    }

    fn make_room(&self, now: Duration) {
        if self.keys.len() >= REMEMBERED {
            let longest = if self.allowance.has_hours() { HOUR } else { MINUTE };
            self.keys.retain(|_, counted| now.saturating_sub(counted.last) < longest * 2);
        }
    }
}

/// Counts a request in all of these windows, unless it is over the limit of one; 0 is any number.
fn stand<const N: usize>(mut windows: [(&mut Window, u32, Duration); N], now: Duration) -> Option<Standing> {
    let mut least: Option<Standing> = None;
    for (window, limit, length) in &mut windows {
        if *limit == 0 {
            continue;
        }
        let used = window.used(*length, now);
        let reset = window.left(*length, now).as_secs().max(1);
        let one = Standing { limit: *limit, remaining: limit.saturating_sub(used.saturating_add(1)), reset, over: used >= *limit };
        let worse = |before: Standing| (one.over, before.remaining) > (before.over, one.remaining);
        if least.is_none_or(worse) {
            least = Some(one);
        }
    }
    if least.is_some_and(|least| !least.over) {
        windows.into_iter().filter(|(_, limit, _)| *limit > 0).for_each(|(window, ..)| window.count());
    }
    least
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
mod tests;
