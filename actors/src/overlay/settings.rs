//! What can be set about overlays, with the defaults of spec 03 section 8 where nothing speaks against them.

use std::time::Duration;

use super::socket::Pulse;

/// What can be set about overlays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many pages may be connected to this node (`MAX_CONNECTIONS`).
    pub connections: usize,
    /// How often one address may connect to one overlay, or try a wrong token, in a minute; 0 is without limit.
    pub arrivals: u32,
    /// Whether that holds for connections from this machine, too.
    pub limits_loopback: bool,
    /// How many messages a page may send in a minute, acknowledgements apart.
    pub messages: u32,
    /// How many items may wait for one overlay (`TICKER_QUEUE_SIZE`).
    pub queue: usize,
    /// How long an item waits while no page is connected.
    pub patience: Duration,
    /// How long history and access log are kept (`ACCESS_LOG_RETENTION_DAYS`).
    pub retention: Duration,
    /// A page is pinged this long after it was pinged last.
    pub ping: Duration,
    /// A page that does not answer a ping within this time is given up.
    pub ping_timeout: Duration,
    /// A page that says nothing for this long is closed with 1001.
    pub stale: Duration,
    /// The version of the pages: a page of another version loads itself anew.
    pub page: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 20_000,
            arrivals: 10,
            limits_loopback: false,
            messages: 100,
            queue: 100,
            patience: Duration::from_secs(300),
            retention: Duration::from_secs(30 * 86_400),
            ping: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(10),
            stale: Duration::from_secs(300),
            page: String::new(),
        }
    }
}

impl Settings {
    pub(super) fn pulse(&self) -> Pulse {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Pulse { ping: millis(self.ping), timeout: millis(self.ping_timeout), stale: millis(self.stale) }
    }
}
