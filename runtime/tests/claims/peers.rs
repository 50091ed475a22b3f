//! Two nodes over real sockets: what is brought arrives in order, a hung peer costs little, and strangers stay outside.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use waddlebot_runtime::actor::{Root, World, open_root};
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::gateway::{Answer, Envelope, Errands, Gateway, LinkError, Payload};
use waddlebot_runtime::intake::{Ear, Ears, Heard, Outcome, Unheard, Verdict};
use waddlebot_runtime::peers::{self, Name, Papers, Peers, Seal, Switchboard};
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::store::{Store, sql};
use waddlebot_runtime::telemetry::Hidden;

use crate::house::{House, soon};
use crate::place;

const ROOM: &str = "local:lobby";
const LOBBY: &str = "community:2";

/// A channel that keeps what it hears; told to hang, it takes no more.
#[derive(Clone, Default)]
struct Room(Arc<(Mutex<Vec<String>>, AtomicBool)>);

impl Ear for Room {
    fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)> {
        if self.0.1.load(SeqCst) {
            return Err((Unheard::Busy, heard));
        }
        match heard {
            Heard::Said(messages) => self.0.0.lock().extend(messages.iter().map(|message| message.text.to_string())),
            Heard::Asked(message, reply) => {
                self.0.0.lock().push(message.text.to_string());
                reply.send(Arc::new(Outcome { verdict: Verdict::Done, ..Outcome::default() })).ok();
            }
            Heard::Happened(..) => {}
        }
        Ok(())
    }

    fn ready(&self) -> Boxed<'_, ()> {
        Box::pin(std::future::pending())
    }
}

impl Ears for Room {
    fn channel<'a>(&'a self, _: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>> {
        Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn Ear>) })
    }
}

impl Errands for Room {
    fn run<'a>(&'a self, entity: &'a str, errand: &'a str) -> Boxed<'a, Result<String, String>> {
        Box::pin(async move { Ok(format!("{entity} {errand}")) })
    }
}

/// A node with its door.
struct Node {
    house: House,
    room: Room,
    peers: Peers,
    address: String,
    door: Root<peers::Order>,
}

async fn node(name: &str, store: &Store, seal: Seal) -> Node {
    let clock = Clock::real();
    let house = House::open(name, store, &clock).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tx = store.begin().await.unwrap();
    tx.run(sql("UPDATE nodes SET address = $1 WHERE node_id = $2").bind(&address).bind(name)).await.unwrap();
    tx.commit().await.unwrap();
    let room = Room::default();
    let cookie = Hidden::new("a cookie that both know".to_owned());
    let peers = Peers::new(Name { cluster: "test".into(), here: house.here.clone(), terms: String::new(), cookie }, seal, clock.clone());
    let gateway = Gateway::new(Arc::new(room.clone()), house.placement.clone(), Arc::new(room.clone()));
    let seed = peers::Seed { peers: peers.clone(), listener, gateway, store: store.clone() };
    let door = open_root::<Switchboard>("gateway", seed, &World::new(clock)).await.unwrap();
    Node { house, room, peers, address, door }
}

impl Node {
    async fn close(mut self) {
        self.door.stop(Duration::from_secs(5)).await;
        self.house.leave().await;
    }
}

async fn two(seal: Seal) -> (tempfile::TempDir, Node, Node) {
    let folder = tempfile::tempdir().unwrap();
    let store = place::opened(&place::sqlite(&folder)).await;
    let (one, two) = (node("n1", &store, seal.clone()).await, node("n2", &store, seal).await);
    two.house.placement.claim(LOBBY).await.unwrap();
    soon("they reach each other", || one.peers.link("n2").is_some() && two.peers.link("n1").is_some()).await;
    (folder, one, two)
}

fn message(text: &str) -> ChatMessage {
    ChatMessage { id: text.into(), by: User { id: "7".into(), name: "ana".into(), role: Role::Viewer }, text: text.into(), at: 0 }
}

fn envelope(payload: Payload) -> Envelope {
    Envelope { entity: ROOM.into(), under: LOBBY.into(), epoch: 1, id: "1".into(), payload }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_brought_arrives_in_order_and_what_comes_of_it_returns() {
    let (_folder, one, two) = two(Seal::none()).await;
    let link = one.peers.link("n2").unwrap();
    for number in 0..200 {
        let brought = link.bring(&envelope(Payload::Said(vec![message(&number.to_string())]))).await.unwrap();
        assert_eq!(brought.answer, Answer::Taken);
    }
    assert_eq!(*two.room.0.0.lock(), (0..200).map(|number| number.to_string()).collect::<Vec<_>>());
    let asked = link.bring(&envelope(Payload::Asked(message("!ping")))).await.unwrap();
    assert!(matches!(asked.outcome.unwrap().await, Ok(Answer::Outcome(json)) if json.contains("done")));
    let errand = link.bring(&envelope(Payload::Errand("dance".into()))).await.unwrap();
    assert_eq!(errand.outcome.unwrap().await, Ok(Answer::Done(Ok(format!("{ROOM} dance")))));
    let elsewhere = Envelope { under: "community:3".into(), ..envelope(Payload::Said(vec![message("x")])) };
    assert_eq!(link.bring(&elsewhere).await.unwrap().answer, Answer::Moved { owner: None, epoch: 0 });
    one.close().await;
    two.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_takes_nothing_has_no_more_on_its_way_than_its_credit() {
    let (_folder, one, two) = two(Seal::none()).await;
    two.room.0.1.store(true, SeqCst);
    let link = one.peers.link("n2").unwrap();
    let large = "x".repeat(100_000);
    let bring = |number: usize| {
        let (link, text) = (link.clone(), format!("{number}{large}"));
        waddlebot_runtime::spawn::task("bring", async move { link.bring(&envelope(Payload::Said(vec![message(&text)]))).await })
    };
    let all: Vec<_> = (0..100).map(bring).collect();
    let most = Arc::new(AtomicUsize::new(0));
    let (watched, peers) = (most.clone(), one.peers.clone());
    let watch = waddlebot_runtime::spawn::task("watch", async move {
        loop {
            let waiting = peers.reachable().iter().map(|view| view.bytes_waiting).max().unwrap_or(0);
            watched.fetch_max(waiting, SeqCst);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let (mut busy, mut refused) = (0, 0);
    for one in all {
        match one.await.unwrap() {
            Ok(brought) if brought.answer == Answer::Busy => refused += 1,
            Err(LinkError::Busy(_) | LinkError::Silent { .. }) => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    watch.abort();
    assert_eq!(busy + refused, 100);
    assert!(busy > 50, "{busy} of 100 times 200 kB got no credit");
    let most = most.load(SeqCst);
    assert!((1_000_000..=4 * 1024 * 1024).contains(&most), "{most} bytes were on their way");
    assert!(two.room.0.0.lock().is_empty());
    one.close().await;
    two.close().await;
}

/// A peer that stands still (SIGSTOP, a cable) answers no ping: its link ends, and whoever waits is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_falls_silent_is_given_up_after_three_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let store = place::opened(&place::sqlite(&folder)).await;
    let (one, two) = (node("n1", &store, Seal::none()).await, node("n2", &store, Seal::none()).await);
    // Between them stands somebody who at a word passes nothing on any more.
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (place, target) = (between.local_addr().unwrap().to_string(), two.address.clone());
    let silent = Arc::new(AtomicBool::new(false));
    let stopped = silent.clone();
    let proxy = waddlebot_runtime::spawn::task("between", async move {
        loop {
            let (near, _) = between.accept().await.unwrap();
            let far = TcpStream::connect(&target).await.unwrap();
            let stopped = stopped.clone();
            waddlebot_runtime::spawn::task("pair", async move {
                let ((mut a, mut b), (mut c, mut d)) = (near.into_split(), far.into_split());
                let (mut there, mut back) = (vec![0; 4096], vec![0; 4096]);
                loop {
                    tokio::select! {
                        read = a.read(&mut there) => match read { Ok(0) | Err(_) => return, Ok(n) => if !stopped.load(SeqCst) { d.write_all(&there[..n]).await.ok(); } },
                        read = c.read(&mut back) => match read { Ok(0) | Err(_) => return, Ok(n) => if !stopped.load(SeqCst) { b.write_all(&back[..n]).await.ok(); } },
                    }
                }
            });
        }
    });
    soon("n2 is reached", || one.peers.link("n2").is_some()).await;
    let straight = one.peers.link("n2").unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.run(sql("UPDATE nodes SET address = $1 WHERE node_id = 'n2'").bind(&place)).await.unwrap();
    tx.commit().await.unwrap();
    let around = || one.peers.link("n2").filter(|link| !Arc::ptr_eq(link, &straight));
    soon("n2 is reached around the corner", || around().is_some()).await;
    let link = around().unwrap();
    silent.store(true, SeqCst);
    let brought = tokio::time::timeout(Duration::from_secs(30), link.bring(&envelope(Payload::Said(vec![message("x")])))).await;
    assert!(matches!(brought.expect("it is given up in time"), Err(LinkError::Silent { .. })));
    soon("the other knows that it cannot be asked", || !two.peers.is_asked_by("n1")).await;
    assert!(two.peers.link("n1").is_some(), "though it can ask");
    silent.store(false, SeqCst);
    soon("it is reached again", || one.peers.link("n2").is_some() && two.peers.is_asked_by("n1")).await;
    proxy.abort();
    one.close().await;
    two.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_says_nothing_or_nonsense_keeps_nobody_out() {
    let (_folder, one, two) = two(Seal::none()).await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(TcpStream::connect(&one.address).await.unwrap());
    }
    let mut rude = TcpStream::connect(&one.address).await.unwrap();
    rude.write_all(&[0xff; 5000]).await.unwrap();
    let mut told = Vec::new();
    tokio::time::timeout(Duration::from_secs(30), rude.read_to_end(&mut told)).await.expect("the door closes").ok();
    assert!(two.peers.link("n1").is_some());
    assert_eq!(
        two.peers.knock(std::slice::from_ref(&one.address), &one.house.store).await.map_err(|(who, why)| format!("{who}: {why}")),
        Ok(())
    );
    one.close().await;
    two.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_certificates_only_those_of_the_same_authority_talk() {
    let folder = tempfile::tempdir().unwrap();
    let papers = |name: &str, authority: &str| Papers {
        certificate: folder.path().join(format!("{name}.pem")),
        key: folder.path().join(format!("{name}.key")),
        authority: folder.path().join(format!("{authority}.ca")),
    };
    for name in ["ours", "theirs"] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let own = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), leaf.pem()).unwrap();
        std::fs::write(folder.path().join(format!("{name}.key")), own.serialize_pem()).unwrap();
        std::fs::write(folder.path().join(format!("{name}.ca")), ca.pem()).unwrap();
    }
    let seal = Seal::of(&papers("ours", "ours")).unwrap();
    let (_data, one, two) = two(seal).await;
    let link = one.peers.link("n2").unwrap();
    assert_eq!(link.bring(&envelope(Payload::Said(vec![message("hi")]))).await.unwrap().answer, Answer::Taken);
    for (seal, what) in [(Seal::of(&papers("theirs", "ours")).unwrap(), "another authority"), (Seal::none(), "none at all")] {
        let here = waddlebot_runtime::membership::Here::new("n3", Clock::real());
        let cookie = Hidden::new("a cookie that both know".to_owned());
        let stranger = Peers::new(Name { cluster: "test".into(), here, terms: String::new(), cookie }, seal, Clock::real());
        let refused = stranger.knock(&[], &one.house.store).await;
        assert!(matches!(&refused, Err((_, why)) if why.to_string().contains("cluster.tls_*")), "{what}: {refused:?}");
    }
    let wrong = Seal::of(&papers("ours", "nobody"));
    assert!(wrong.is_err_and(|why| why.to_string().contains("nobody.ca")));
    one.close().await;
    two.close().await;
}
