//! Calls peers, again and again with longer pauses while they do not answer, and lets in who calls; every step within its time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::greeting::{self, Met, Side, Unmet};
use super::link::Link;
use super::secure::Wire;
use super::{Peers, guest};
use crate::gateway::Gateway;
use crate::store::{Identity, Neighbour, Store, StoreError, nodes};
use crate::{secret, spawn};

/// How long two nodes may take to get to know each other.
const GREETING: Duration = Duration::from_secs(5);
/// The pauses between two calls.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// How many strangers may be at the door at once.
const STRANGERS: usize = 64;
/// How often, and after which pauses, a node is looked at that has other settings and does not answer.
const WATCHED: u32 = 20;
const WATCH: Duration = Duration::from_millis(500);
/// The pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

impl Peers {
    /// Calls these seeds and every node that lives once, before this one joins. Who does not answer does not matter.
    ///
    /// # Errors
    /// With the address and the reason when one that answers and this node do not belong together.
    pub async fn knock(&self, seeds: &[String], store: &Store) -> Result<(), (String, Unmet)> {
        let me = self.0.name.here.node_id();
        let lost = |error: StoreError| ("the database".to_owned(), Unmet::Lost(io::Error::other(error)));
        let nodes = nodes::living(store).await.map_err(lost)?;
        let mut addresses: Vec<_> = nodes.iter().filter(|node| node.identity.node_id != me).map(|node| node.address.clone()).collect();
        addresses.extend_from_slice(seeds);
        addresses.retain(|address| !address.is_empty());
        addresses.sort();
        addresses.dedup();
        self.knock_at(&addresses).await?;
        // Whoever could not be asked is looked at.
        for node in nodes.iter().filter(|node| node.identity.node_id != me && node.config_hash != self.0.name.terms) {
            if self.renews(node, store).await.map_err(lost)? {
                let why = format!("its lease settings are {}, this node's {} (lease.*)", node.config_hash, self.0.name.terms);
                return Err((node.identity.node_id.clone(), Unmet::Unfit(why)));
            }
        }
        Ok(())
    }

    /// Whether a node is seen to renew its lease.
    async fn renews(&self, node: &Neighbour, store: &Store) -> Result<bool, StoreError> {
        let first = nodes::node(store, &node.identity.node_id).await?;
        for _ in 0..WATCHED {
            self.0.clock.sleep(WATCH).await;
            if nodes::node(store, &node.identity.node_id).await? != first {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn knock_at(&self, addresses: &[String]) -> Result<(), (String, Unmet)> {
        let calls = addresses.iter().map(|address| async move { (address, self.meet(address).await) });
        for (address, met) in join_all(calls).await {
            match met {
                Ok((_, met)) => tracing::info!(address, node = met.peer.node_id, "a node answers"),
                Err(Unmet::Lost(error)) => tracing::info!(address, %error, "nobody answers there"),
                Err(why) => return Err((address.clone(), why)),
            }
        }
        Ok(())
    }

    async fn meet(&self, address: &str) -> Result<(Wire, Met), Unmet> {
        let met = async {
            let mut wire = self.open(address).await?;
            let met = greeting::greet(&mut wire, &self.0.name, Side::Calls).await?;
            Ok((wire, met))
        };
        match tokio::time::timeout(GREETING, met).await {
            Ok(met) => met.map_err(Unmet::plain),
            Err(_) => Err(Unmet::Lost(io::Error::new(io::ErrorKind::TimedOut, "it does not answer in time"))),
        }
    }

    async fn open(&self, address: &str) -> io::Result<Wire> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let found: Vec<SocketAddr> = lookup_host(address).await?.collect();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for place in found {
            if !self.0.seal.suits(place) {
                let why = format!("nothing is said in plain text to {place}: set the certificates (cluster.tls_*)");
                last = io::Error::new(io::ErrorKind::PermissionDenied, why);
                continue;
            }
            match TcpStream::connect(place).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return self.0.seal.call(stream, host).await;
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn connected(&self, link: &Arc<Link>) {
        let peer = link.view();
        tracing::info!(node = peer.node, incarnation = peer.incarnation, "connected to a node");
        self.0.troubles.remove(&peer.node);
        if let Some(old) = self.0.links.insert(peer.node, link.clone()) {
            old.end();
        }
    }

    fn lost(&self, node: &str, link: &Arc<Link>, why: &io::Error) {
        tracing::warn!(node, %why, "the connection to a node is lost");
        self.0.troubles.insert(node.to_owned(), why.to_string());
        self.0.links.remove_if(node, |_, known| Arc::ptr_eq(known, link));
    }

    /// Notes why a node cannot be reached; loud only when that is news.
    fn not_met(&self, node: &str, why: &Unmet) {
        let why_text = why.to_string();
        let known = self.0.troubles.insert(node.to_owned(), why_text.clone());
        if known.as_deref() != Some(&why_text) {
            match why {
                Unmet::Lost(_) => tracing::warn!(node, why = why_text, "a node cannot be reached"),
                _ => tracing::error!(node, why = why_text, "a node and this one do not talk"),
            }
        }
    }
}

/// Keeps a connection to a node until `over`.
pub(super) fn keep_calling(peers: Peers, node: Identity, address: String, over: CancellationToken) {
    spawn::task("call", async move {
        let (mut pause, mut fate) = (FIRST, Fate::default());
        let Identity { node_id: node, incarnation } = node;
        while !over.is_cancelled() {
            let met = tokio::select! {
                met = peers.meet(&address) => met,
                () = over.cancelled() => return,
            };
            match met {
                Ok((wire, met)) if met.peer.node_id == node => {
                    let peer_life = met.peer.incarnation;
                    let (link, keep) = Link::over(wire, met, peers.0.clock.clone());
                    peers.connected(&link);
                    fate = Fate { was_met: peer_life == incarnation, ..Fate::default() };
                    peers.0.name.here.suspects().remove(&node);
                    let why = tokio::select! {
                        why = keep => why,
                        () = over.cancelled() => {
                            link.end();
                            io::Error::other("it does not live any more, or this node goes")
                        }
                    };
                    link.end();
                    peers.lost(&node, &link, &why);
                    // Silence is no sign: who stands still may go on.
                    fate.was_met &= why.kind() != io::ErrorKind::TimedOut;
                    pause = FIRST;
                }
                Ok((_, met)) => peers.not_met(&node, &Unmet::Unfit(format!("there is the node {:?} now", met.peer.node_id))),
                Err(why) => {
                    peers.not_met(&node, &why);
                    if fate.looks_gone(&why, peers.0.clock.since_boot()) {
                        peers.0.name.here.suspects().insert(node.clone(), incarnation);
                    } else {
                        peers.0.name.here.suspects().remove(&node);
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause.mul_f64(0.5 + chance() / 2.0)) => {}
                () = over.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST);
        }
    });
}

/// What was seen of a peer since it closed its connection.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    /// There was a connection in this very life, and the other side closed it.
    was_met: bool,
    /// Since when its port refuses, without a pause.
    refuses: Option<Duration>,
}

/// How far apart two refusals must be.
const APART: Duration = Duration::from_millis(200);

impl Fate {
    /// Whether another failed call makes it look gone: its port, and not the way to it, must have refused twice.
    fn looks_gone(&mut self, why: &Unmet, now: Duration) -> bool {
        if !matches!(why, Unmet::Lost(error) if error.kind() == io::ErrorKind::ConnectionRefused) {
            self.refuses = None;
            return false;
        }
        let since = *self.refuses.get_or_insert(now);
        self.was_met && now.saturating_sub(since) >= APART
    }
}

/// From 0 to 1, so that nodes that start together do not call together.
fn chance() -> f64 {
    f64::from(u16::from_le_bytes(secret::random_bytes())) / f64::from(u16::MAX)
}

/// Lets peers in until `closing`.
pub(super) fn let_in(peers: Peers, listener: TcpListener, gateway: Gateway, closing: CancellationToken) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    spawn::task("door", async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = closing.cancelled() => return,
            };
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a peer's connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(seat) = strangers.clone().try_acquire_owned() else {
                tracing::warn!(%from, "too many strangers are at the cluster's door");
                continue;
            };
            let (peers, gateway, closing) = (peers.clone(), gateway.clone(), closing.clone());
            spawn::task("guest", async move {
                let met = tokio::time::timeout(GREETING, peers.welcome(stream, from)).await;
                drop(seat);
                match met {
                    Ok(Ok((wire, met))) => peers.host(wire, met, gateway, closing).await,
                    Ok(Err(why)) => tracing::warn!(%from, %why, "somebody at the cluster's door is not let in"),
                    Err(_) => tracing::warn!(%from, "somebody at the cluster's door says nothing"),
                }
            });
        }
    });
}

impl Peers {
    async fn welcome(&self, stream: TcpStream, from: SocketAddr) -> Result<(Wire, Met), Unmet> {
        if !self.0.seal.suits(from) {
            return Err(Unmet::Unfit(format!("nothing is said in plain text to {from}: set the certificates (cluster.tls_*)")));
        }
        stream.set_nodelay(true)?;
        let welcomed = async {
            let mut wire = self.0.seal.answer(stream).await?;
            let met = greeting::greet(&mut wire, &self.0.name, Side::Answers).await?;
            Ok((wire, met))
        };
        welcomed.await.map_err(Unmet::plain)
    }

    async fn host(&self, wire: Wire, Met { peer, version }: Met, gateway: Gateway, closing: CancellationToken) {
        // A node that only knocks goes at once.
        self.0
            .guests
            .entry(peer.node_id.clone())
            .and_modify(|guest| *guest = (peer.incarnation, if guest.0 == peer.incarnation { guest.1 + 1 } else { 1 }))
            .or_insert((peer.incarnation, 1));
        let why = guest::serve(wire, version, gateway, closing).await;
        self.0.guests.remove_if_mut(&peer.node_id, |_, (incarnation, many)| {
            *many -= usize::from(*incarnation == peer.incarnation);
            *many == 0
        });
        tracing::debug!(node = peer.node_id, %why, "a node's connection to this one ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Unmet {
        Unmet::Lost(io::ErrorKind::ConnectionRefused.into())
    }

    #[test]
    fn only_who_was_met_closed_the_connection_and_refuses_for_a_while_looks_gone() {
        let at = Duration::from_millis;
        let mut fate = Fate { was_met: true, refuses: None };
        assert!(!fate.looks_gone(&refused(), at(1000)));
        assert!(!fate.looks_gone(&refused(), at(1150)));
        assert!(fate.looks_gone(&refused(), at(1200)));
        assert!(!fate.looks_gone(&Unmet::Lost(io::ErrorKind::TimedOut.into()), at(1300)), "the way to it is broken");
        assert!(!fate.looks_gone(&refused(), at(1400)), "it begins anew");
        let mut stranger = Fate::default();
        assert!(!stranger.looks_gone(&refused(), at(1000)) && !stranger.looks_gone(&refused(), at(9000)));
    }
}
