//! How two nodes get to know each other: same cluster, same lease, a version both speak, and the cookie proven, not told.

use std::io;
use std::ops::RangeInclusive;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::io::AsyncWriteExt as _;

use super::frame::{self, Frame, GREETING, Kind};
use super::secure::Wire;
use crate::gateway;
use crate::membership::Here;
use crate::secret;
use crate::store::Identity;
use crate::telemetry::Hidden;

/// Who this node is to its peers.
#[derive(Clone)]
pub struct Name {
    /// The cluster's name.
    pub cluster: String,
    /// The node, in its present life.
    pub here: Here,
    /// A digest of the settings that must be the same on all nodes.
    pub terms: String,
    /// What all nodes know and nobody else.
    pub cookie: Hidden<String>,
}

/// What either side says first. It is JSON, so that a later version may say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hello {
    oldest: u16,
    newest: u16,
    cluster: String,
    node: String,
    incarnation: i64,
    terms: String,
    nonce: String,
}

/// Why two nodes do not talk.
#[derive(Debug, thiserror::Error)]
pub enum Unmet {
    /// The other node does not let this one in.
    #[error("it refuses this node: {0}")]
    Refused(String),
    /// This node does not let the other one in.
    #[error("{0}")]
    Unfit(String),
    /// The connection was lost before they knew each other, or it never came about.
    #[error("{0}")]
    Lost(#[from] io::Error),
}

impl Unmet {
    /// The same, an error of the wire that no second try will mend made plain.
    pub(super) fn plain(self) -> Self {
        let Self::Lost(error) = self else { return self };
        let certificates = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        if certificates {
            Self::Unfit(format!("there is no safe connection, look at the certificates (cluster.tls_*): {error}"))
        } else if error.kind() == io::ErrorKind::InvalidData {
            Self::Unfit(format!("it speaks another language: perhaps only one of the two has certificates (cluster.tls_*): {error}"))
        } else {
            Self::Lost(error)
        }
    }
}

/// Which side opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Calls,
    Answers,
}

/// Who is at the other end, and how both speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) peer: Identity,
    pub(super) version: u16,
}

/// Says hello and hears it; gives who is at the other end. The caller sets a time limit.
pub(super) async fn greet(wire: &mut Wire, name: &Name, side: Side) -> Result<Met, Unmet> {
    greet_in(gateway::OLDEST..=gateway::VERSION, wire, name, side).await
}

/// The same for a program that speaks these versions.
async fn greet_in(versions: RangeInclusive<u16>, wire: &mut Wire, name: &Name, side: Side) -> Result<Met, Unmet> {
    let mine = name.hello(versions);
    let said = serde_json::to_vec(&mine).expect("a hello is JSON");
    let (theirs, heard) = if side == Side::Calls {
        send(wire, Kind::Hello, &said).await?;
        let heard = expect(wire, Kind::Hello).await?;
        (read(&heard)?, heard)
    } else {
        let heard = match expect(wire, Kind::Hello).await {
            Err(Unmet::Lost(error)) if error.kind() == io::ErrorKind::InvalidData => {
                let why = "it speaks another language: perhaps only one of the two has certificates (cluster.tls_*)";
                send(wire, Kind::Refused, why.as_bytes()).await.ok();
                return Err(Unmet::Unfit(format!("somebody is not let in: {why}")));
            }
            heard => heard?,
        };
        (read(&heard)?, heard)
    };
    let version = match judge(&mine, &theirs) {
        Ok(version) => version,
        Err(why) => {
            send(wire, Kind::Refused, why.as_bytes()).await.ok();
            let who = if theirs.node.is_empty() { "a node" } else { &theirs.node };
            return Err(Unmet::Unfit(format!("{} is not let in: {why}", clipped(who))));
        }
    };
    let binding = wire.binding();
    let proof = |of: Side| {
        // The caller's hello always comes first.
        let (first, second) = if side == Side::Calls { (&said, &heard) } else { (&heard, &said) };
        prove(name.cookie.reveal(), of, &[first, second, &binding])
    };
    if side == Side::Calls {
        send(wire, Kind::Proof, &proof(Side::Calls)).await?;
        let answer = expect(wire, Kind::Proof).await?;
        check(&answer, &proof(Side::Answers), wire, &theirs).await?;
    } else {
        send(wire, Kind::Hello, &said).await?;
        let answer = expect(wire, Kind::Proof).await?;
        check(&answer, &proof(Side::Calls), wire, &theirs).await?;
        send(wire, Kind::Proof, &proof(Side::Answers)).await?;
    }
    Ok(Met { peer: Identity { node_id: theirs.node, incarnation: theirs.incarnation }, version })
}

impl Name {
    fn hello(&self, versions: RangeInclusive<u16>) -> Hello {
        Hello {
            oldest: *versions.start(),
            newest: *versions.end(),
            cluster: self.cluster.clone(),
            node: self.here.node_id().to_owned(),
            incarnation: self.here.identity().map_or(0, |me| me.incarnation),
            terms: self.terms.clone(),
            nonce: secret::random_text(),
        }
    }
}

/// The version two nodes speak, when they belong together; the sentence is told to both.
fn judge(mine: &Hello, theirs: &Hello) -> Result<u16, String> {
    if mine.cluster != theirs.cluster {
        let (one, other) = (clipped(&mine.cluster), clipped(&theirs.cluster));
        return Err(format!("this is the cluster {one:?}, that node belongs to {other:?} (cluster.name)"));
    }
    let Some(version) = gateway::agreed(mine.oldest..=mine.newest, theirs.oldest..=theirs.newest) else {
        let (one, other) = ((mine.oldest, mine.newest), (theirs.oldest, theirs.newest));
        return Err(format!("versions {}–{} are spoken here and {}–{} there: update one step at a time", one.0, one.1, other.0, other.1));
    };
    if mine.terms != theirs.terms {
        let (one, other) = (clipped(&mine.terms), clipped(&theirs.terms));
        return Err(format!("the lease settings differ, {one} here and {other} there (lease.*)"));
    }
    if mine.node == theirs.node {
        return Err(format!("there is a node {:?} already: each needs a name of its own (node.id)", clipped(&mine.node)));
    }
    if theirs.node.is_empty() || theirs.node.len() > 256 {
        return Err("a node's name has 1 to 256 bytes".to_owned());
    }
    Ok(version)
}

async fn check(answer: &[u8], wanted: &[u8], wire: &mut Wire, theirs: &Hello) -> Result<(), Unmet> {
    use subtle::ConstantTimeEq as _;
    if bool::from(answer.ct_eq(wanted)) {
        return Ok(());
    }
    let why = "it knows another cookie (cluster.cookie)";
    send(wire, Kind::Refused, why.as_bytes()).await.ok();
    Err(Unmet::Unfit(format!("{} is not let in: {why}", clipped(&theirs.node))))
}

/// What only who knows the cookie can say in this very conversation.
fn prove(cookie: &str, of: Side, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(cookie.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(if of == Side::Calls { b"calls" } else { b"answers" });
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

async fn send(wire: &mut Wire, kind: Kind, body: &[u8]) -> io::Result<()> {
    wire.write_all(&frame::written(kind, 0, body)).await?;
    wire.flush().await
}

async fn expect(wire: &mut Wire, wanted: Kind) -> Result<Vec<u8>, Unmet> {
    let Frame { kind, body, .. } = frame::read(wire, GREETING).await?;
    match kind {
        Kind::Refused => Err(Unmet::Refused(clipped(&String::from_utf8_lossy(&body)))),
        kind if kind == wanted => Ok(body),
        _ => Err(Unmet::Unfit("it says something else than who it is".into())),
    }
}

fn read(bytes: &[u8]) -> Result<Hello, Unmet> {
    serde_json::from_slice(bytes).map_err(|_| Unmet::Unfit("it does not say who it is".into()))
}

/// A stranger's words, short and on one line.
fn clipped(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn name(node: &str, cluster: &str, terms: &str, cookie: &str) -> Name {
        let here = Here::new(node, Clock::turned());
        Name { cluster: cluster.into(), here, terms: terms.into(), cookie: Hidden::new(cookie.to_owned()) }
    }

    const NOW: RangeInclusive<u16> = gateway::OLDEST..=gateway::VERSION;

    async fn met(one: Name, other: Name) -> (Result<Met, Unmet>, Result<Met, Unmet>) {
        met_in((NOW, one), (NOW, other)).await
    }

    async fn met_in(one: (RangeInclusive<u16>, Name), other: (RangeInclusive<u16>, Name)) -> (Result<Met, Unmet>, Result<Met, Unmet>) {
        let (near, far) = tokio::io::duplex(8192);
        let (mut near, mut far) = (Wire::plain(near), Wire::plain(far));
        tokio::join!(greet_in(one.0, &mut near, &one.1, Side::Calls), greet_in(other.0, &mut far, &other.1, Side::Answers))
    }

    #[tokio::test]
    async fn a_node_of_the_version_before_is_let_in_and_the_one_before_that_is_not() {
        let node = |id: &str| name(id, "prod", "6s", "cookie");
        // This program speaks 6 and 7; the one before it 5 and 6; the one before that 4 and 5.
        for (mine, theirs) in [(6..=7, 5..=6), (5..=6, 6..=7)] {
            let (one, other) = met_in((mine, node("n1")), (theirs, node("n2"))).await;
            assert_eq!((one.expect("met").version, other.expect("met").version), (6, 6), "both write what the older one reads");
        }
        for (mine, theirs) in [(6..=7, 4..=5), (4..=5, 6..=7)] {
            let (one, other) = met_in((mine, node("n1")), (theirs, node("n2"))).await;
            for told in [one.expect_err("refused").to_string(), other.expect_err("refused").to_string()] {
                assert!(told.contains("6–7") && told.contains("4–5") && told.contains("one step at a time"), "{told}");
            }
        }
    }

    #[tokio::test]
    async fn two_nodes_of_one_cluster_learn_each_others_names() {
        let (one, other) = met(name("n1", "prod", "6s", "cookie"), name("n2", "prod", "6s", "cookie")).await;
        assert_eq!((one.expect("met").peer.node_id, other.expect("met").peer.node_id), ("n2".into(), "n1".into()));
    }

    #[tokio::test]
    async fn whatever_does_not_fit_is_told_to_both_sides() {
        let n1 = || name("n1", "prod", "ttl=6s", "cookie");
        let cases = [
            (name("n2", "test", "ttl=6s", "cookie"), "cluster.name"),
            (name("n2", "prod", "ttl=9s", "cookie"), "lease settings differ"),
            (name("n1", "prod", "ttl=6s", "cookie"), "node.id"),
            (name("n2", "prod", "ttl=6s", "biscuit"), "cluster.cookie"),
        ];
        for (stranger, why) in cases {
            for swapped in [false, true] {
                let (one, other) = if swapped { met(n1(), stranger.clone()).await } else { met(stranger.clone(), n1()).await };
                let (one, other) = (one.expect_err("unfit").to_string(), other.expect_err("unfit").to_string());
                assert!(one.contains(why) && other.contains(why), "{one:?} / {other:?}");
            }
        }
    }

    #[tokio::test]
    async fn who_speaks_something_else_is_no_node() {
        let (near, mut far) = tokio::io::duplex(8192);
        far.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("written");
        drop(far);
        let mut near = Wire::plain(near);
        assert!(greet(&mut near, &name("n1", "prod", "6s", "cookie"), Side::Answers).await.is_err());
    }

    #[test]
    fn a_proof_is_good_for_one_side_of_one_conversation() {
        let proof = prove("cookie", Side::Calls, &[b"a", b"b", b""]);
        assert_ne!(proof, prove("cookie", Side::Answers, &[b"a", b"b", b""]));
        assert_ne!(proof, prove("cookie", Side::Calls, &[b"ab", b"", b""]));
        assert_ne!(proof, prove("cookie", Side::Calls, &[b"a", b"b", b"tls"]));
    }
}
