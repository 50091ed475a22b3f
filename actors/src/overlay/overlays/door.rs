//! Lets pages in: bounds on how many and how often, and out again when their token is no longer good.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use serde::Serialize;
use tokio::net::TcpStream;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::store::StoreError;

use super::super::connection;
use super::super::group::{Counts, Deed, millis};
use super::super::item::Source;
use super::super::relay;
use super::super::socket::Socket;
use super::super::tokens::{Grant, Token};
use super::Overlays;

/// A page that wants in.
pub struct Arrival {
    /// Its connection, upgraded.
    pub stream: TcpStream,
    /// What came along with the request.
    pub first: Bytes,
    /// What its token is good for.
    pub grant: Grant,
    /// From where.
    pub address: String,
    /// With what.
    pub agent: String,
    /// It still shows something from before it lost its connection.
    pub holds: bool,
    /// Its place among the connections.
    pub seat: Seat,
}

/// A place among the connections of this node; given back when dropped.
pub struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Why a page is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many as may are connected.
    #[error("too many overlay pages are connected")]
    Full,
    /// This address came too often in the last minute.
    #[error("too many connections from this address, try again in a minute")]
    TooOften,
}

/// What is counted about overlays on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Connected pages.
    pub connections: usize,
    /// The most that may connect.
    pub most: usize,
    /// One line for each overlay that somebody looks at or that waits for somebody.
    pub overlays: Vec<OverlayStats>,
}

/// What is counted about one overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverlayStats {
    /// Whose.
    pub community_id: CommunityId,
    /// Which.
    pub source_type: Source,
    /// Its numbers.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Overlays {
    /// Whether another page may connect: asked before the upgrade. A wrong token has no grant.
    ///
    /// # Errors
    /// When it may not now.
    pub fn admit(&self, address: IpAddr, grant: Option<Grant>) -> Result<Seat, Refused> {
        self.count(address, grant)?;
        let seat = Seat(self.0.seats.clone());
        if self.0.seats.fetch_add(1, Relaxed) >= self.0.settings.connections {
            return Err(Refused::Full);
        }
        Ok(seat)
    }

    /// Counts a wrong token that was tried without connecting.
    ///
    /// # Errors
    /// When this address tried too many.
    pub fn count_failure(&self, address: IpAddr) -> Result<(), Refused> {
        self.count(address, None)
    }

    /// Lets a page in.
    pub fn enter(&self, arrival: Arrival) {
        let Arrival { stream, first, grant, address, agent, holds, seat } = arrival;
        let Some(relay) = self.0.relay.lock().clone() else { return };
        let socket = Socket::new(stream, grant.generation, holds, millis(&self.0.clock));
        let group = loop {
            let group = self.group(grant.community, grant.source);
            if group.add(Deed::Join(socket.clone())) {
                break group;
            }
            self.forget(&group);
        };
        if !self.0.tokens.is_good(grant) {
            // Revoked between the look-up and now: whoever revoked it did not see this page.
            group.add(Deed::Revoke(grant.generation + 1));
        }
        let serial = self.0.serial.fetch_add(1, Relaxed);
        let id = format!("overlay/{}/{}/{serial}", grant.community, grant.source.name()).into_boxed_str();
        let (page, messages) = (self.0.settings.page.as_str().into(), self.0.settings.messages);
        let (address, agent) = (address.into_boxed_str(), agent.into_boxed_str());
        let seed = connection::Seed { id, socket: socket.clone(), first, group: group.clone(), address, agent, page, messages, seat };
        if relay.offer(relay::Order::Arrived(Box::new(seed))).is_err() {
            socket.cut();
            group.add(Deed::Leave);
        }
    }

    /// What is counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut overlays: Vec<_> = self
            .groups()
            .iter()
            .map(|group| OverlayStats { community_id: group.community, source_type: group.source, counts: group.counts() })
            .collect();
        overlays.sort_by_key(|overlay| (overlay.community_id, overlay.source_type));
        Stats { connections: self.0.seats.load(Relaxed), most: self.0.settings.connections, overlays }
    }

    /// Makes a new token in the place of this one and closes the pages that came with it.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn regenerate(&self, grant: Grant) -> Result<Option<Token>, StoreError> {
        let token = self.0.tokens.regenerate(grant).await?;
        if let Some(token) = &token {
            self.send_away(grant, token.grant.generation).await;
        }
        Ok(token)
    }

    /// Switches a token off and closes the pages that came with it.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn revoke(&self, grant: Grant) -> Result<(), StoreError> {
        self.0.tokens.revoke(grant).await?;
        self.send_away(grant, grant.generation + 1).await;
        Ok(())
    }

    /// Forgets who came more than a minute ago, and shows what is counted.
    pub(in crate::overlay) fn sweep(&self, now: i64) {
        self.0.arrivals.retain(|_, (since, _)| now - *since < 60_000);
        metrics::gauge!("waddlebot_overlay_connections").set(self.0.seats.load(Relaxed) as f64);
    }

    /// Closes the pages that came with older tokens, at all nodes.
    async fn send_away(&self, grant: Grant, generation: i64) {
        self.close_before(grant.community, grant.source, generation);
        self.tell_of_revoked(grant.community, grant.source, generation).await;
    }

    fn count(&self, address: IpAddr, grant: Option<Grant>) -> Result<(), Refused> {
        /// Beyond this many addresses in a minute none is counted apart: the map must not grow without end.
        const ADDRESSES: usize = 100_000;
        let limit = self.0.settings.arrivals;
        if limit == 0 || (address.to_canonical().is_loopback() && !self.0.settings.limits_loopback) {
            return Ok(());
        }
        if self.0.arrivals.len() >= ADDRESSES {
            return Err(Refused::TooOften);
        }
        let now = millis(&self.0.clock);
        let mut seen = self.0.arrivals.entry((address, grant.map(|grant| (grant.community, grant.source)))).or_insert((now, 0));
        if now - seen.0 >= 60_000 {
            *seen = (now, 0);
        }
        seen.1 += 1;
        if seen.1 > limit { Err(Refused::TooOften) } else { Ok(()) }
    }
}
