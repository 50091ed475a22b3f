//! What the journal promises, whatever is below it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Actor, Fault, Me, Root, World, open_root};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::journal::{Cause, Earned, Effect, Entry, Execution, Journal, Open, Points, put, record, recording};
use waddlebot_runtime::store::{Claim, Place, Store, StoreError, sql};

use crate::place::{opened, points};

/// Whoever the journal lives with.
struct House(Journal);

impl Actor for House {
    const KIND: &'static str = "house";
    type Order = oneshot::Sender<Journal>;
    type Seed = Store;

    async fn open(store: Store, me: &Me<Self::Order>) -> Result<Self, Fault> {
        Ok(Self(Journal::start(me, store).await?))
    }

    async fn handle(&mut self, reply: Self::Order, _: &Me<Self::Order>) -> Result<(), Fault> {
        reply.send(self.0.clone()).ok();
        Ok(())
    }
}

async fn house(place: &Place) -> (Store, Journal, Root<oneshot::Sender<Journal>>) {
    let store = opened(place).await;
    let (journal, root) = by_clock(&store, Clock::real()).await;
    (store, journal, root)
}

/// A journal whose node has this clock.
async fn by_clock(store: &Store, clock: Clock) -> (Journal, Root<oneshot::Sender<Journal>>) {
    let root = open_root::<House>("house", store.clone(), &World::new(clock)).await.expect("a house");
    let journal = root.address.ask(|reply| reply).await.expect("a journal");
    (journal, root)
}

fn entry(id: String) -> Entry {
    Entry { message_id: id, entity: "local:lobby".into(), body: "{\"quoted\": \"it's {NULL} \\\\ \"}".into() }
}

async fn claimed(store: &Store, entity: &str) -> Claim {
    let claim = Claim { entity: entity.into(), owner: "n1".into(), incarnation: 7, epoch: 1 };
    let row = sql("INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch) VALUES ($1, 'n1', 7, 1)").bind(entity);
    let mut tx = store.begin().await.expect("a transaction");
    tx.run(row).await.expect("a claim");
    tx.commit().await.expect("a commit");
    claim
}

/// Somebody else takes it, in a transaction that is still open.
async fn moves(store: &Store, entity: &str) -> waddlebot_runtime::store::Tx {
    let mut tx = store.begin().await.expect("a transaction");
    let row = sql("UPDATE coordination SET claimed_by = 'n2', epoch = epoch + 1 WHERE entity_id = $1").bind(entity);
    assert_eq!(tx.run(row).await.expect("a move"), 1);
    tx
}

pub(crate) async fn every_line_is_kept_whatever_shares_its_group(place: Place) {
    let (store, journal, root) = house(&place).await;
    let accepting: Vec<_> = (0..1200).map(|n| journal.accepting(entry(format!("m{n}")))).collect();
    for accepted in join_all(accepting).await {
        accepted.expect("an answer").expect("it is on disk");
    }
    let effects: Vec<_> = (0..20).map(|n| Effect { entity: "local:lobby".into(), body: n.to_string() }).collect();
    let cause = Cause { id: "e", community: 1, epoch: 1, holder: "", at: 0 };
    let mut tx = store.begin().await.expect("a transaction");
    let ids = put(&mut tx, cause, &effects).await.expect("rows to send");
    tx.commit().await.expect("a commit");
    let marked = journal.sending(ids.clone()).await.expect("marked");
    assert_eq!(marked.ids.len(), 20);
    // All of these in one group or in a few.
    for n in 0..1000 {
        journal.done(format!("m{n}"));
    }
    let more: Vec<_> = (0..10).map(|n| journal.accepting(entry(format!("n{n}")))).collect();
    ids[..10].iter().for_each(|id| journal.sent(id));
    ids[10..13].iter().for_each(|id| journal.unknown(id));
    journal.unsent(vec![ids[13].clone()], &marked.life);
    journal.flushed().await;
    assert!(join_all(more).await.into_iter().all(|accepted| matches!(accepted, Ok(Ok(())))));
    assert_eq!(journal.open().await.expect("an answer"), Open { inbox: 210, outbox: 7, unknown: 3 });
    let strays = journal.strays().await.expect("an answer");
    assert_eq!(strays[0].id, "m1000", "in the order they came");
    assert_eq!(strays[209].id, "n9");
    root.stop(Duration::from_secs(5)).await;
}

/// Clocks that are minutes apart, and one that was put back between two lives.
pub(crate) async fn what_was_left_later_is_read_later_whatever_the_clocks_say(place: Place) {
    let (fast, slow) = (Clock::turned(), Clock::turned());
    fast.turn(Duration::from_secs(300));
    let store = opened(&place).await;
    let ((one, first), (two, second)) = (by_clock(&store, fast).await, by_clock(&store, slow.clone()).await);
    let mut left = Vec::new();
    for (turn, journal) in [&one, &one, &two, &one, &two, &two, &one].into_iter().enumerate() {
        // More than one statement holds of one of them; another room besides, of which nobody left anything before.
        let many = if turn == 3 { 1100 } else { 3 };
        let ids: Vec<_> = (0..many).map(|n| format!("{turn}-{n}")).collect();
        let leaving = ids.iter().map(|id| journal.leave(entry(id.clone()), false));
        let aside = journal.leave(Entry { entity: "local:aside".into(), ..entry(format!("aside-{turn}")) }, false);
        let (all, aside) = futures_util::future::join(join_all(leaving), aside).await;
        assert!(aside.is_ok() && all.iter().all(Result::is_ok), "{turn}");
        left.extend(ids);
        slow.turn(Duration::from_millis(1));
    }
    let read = async |entity: &str| {
        let text = "SELECT message_id FROM inbox WHERE entity_id = $1 ORDER BY seq";
        let rows = store.all(sql(text).bind(entity)).await.expect("an answer");
        rows.iter().map(|row| row.get("message_id").expect("an id")).collect::<Vec<String>>()
    };
    assert_eq!(read("local:lobby").await, left);
    assert_eq!(read("local:aside").await, (0..7).map(|turn| format!("aside-{turn}")).collect::<Vec<_>>());
    // Who takes them up sees them so, a thousand at a time.
    let strays = one.strays().await.expect("an answer");
    let ids: Vec<_> = strays.into_iter().filter(|stray| stray.entity == "local:lobby").map(|stray| stray.id).collect();
    assert!(ids.len() > 900 && left.starts_with(&ids), "{}", ids.len());
    first.stop(Duration::from_secs(5)).await;
    second.stop(Duration::from_secs(5)).await;
}

pub(crate) async fn what_is_accepted_and_done_in_one_breath_is_gone(place: Place) {
    let (_store, journal, root) = house(&place).await;
    let accepting: Vec<_> = (0..50)
        .map(|n| {
            let accepting = journal.accepting(entry(format!("m{n}")));
            journal.done(format!("m{n}"));
            accepting
        })
        .collect();
    assert!(join_all(accepting).await.into_iter().all(|accepted| matches!(accepted, Ok(Ok(())))));
    journal.flushed().await;
    assert_eq!(journal.open().await.expect("an answer"), Open::default());
    root.stop(Duration::from_secs(5)).await;
}

fn earned(claim: &Claim, community: i64, user: &str, points: i64) -> Points {
    let earned = Earned { user_id: user.into(), user_name: user.into(), points, messages: 1, last_seen: points };
    Points { claim: claim.clone(), community, platform: "local".into(), earned: vec![earned] }
}

async fn points_in(store: &Store, community: i64) -> i64 {
    let text = "SELECT CAST(COALESCE(SUM(points), 0) AS BIGINT) AS points FROM activity_points WHERE community_id = $1";
    store.one(sql(text).bind(community)).await.expect("a query").expect("a row").get("points").expect("a number")
}

pub(crate) async fn a_community_that_lost_its_claim_keeps_nobody_elses_points(place: Place) {
    let (store, journal, root) = house(&place).await;
    for community in 1..=20 {
        let claim = claimed(&store, &format!("community:{community}")).await;
        if community % 4 == 0 {
            moves(&store, &claim.entity).await.commit().await.expect("it moved");
        }
        journal.points(earned(&claim, community, "ana", 5));
    }
    journal.flushed().await;
    for community in 1..=20 {
        assert_eq!(points_in(&store, community).await, if community % 4 == 0 { 0 } else { 5 }, "community {community}");
    }
    root.stop(Duration::from_secs(5)).await;
}

pub(crate) async fn points_of_one_chatter_heard_in_many_rooms_are_added_up(place: Place) {
    let (store, journal, root) = house(&place).await;
    let (one, two) = (claimed(&store, "community:1").await, claimed(&store, "community:2").await);
    // A claim of a former life beside the present one.
    let old = Claim { epoch: 0, ..one.clone() };
    for round in 1..=3 {
        for claim in [&old, &one] {
            journal.points(earned(claim, 1, "ana", round));
            journal.points(earned(claim, 1, "bob", 10));
        }
        journal.points(earned(&two, 2, "ana", 100));
    }
    journal.flushed().await;
    assert_eq!((points_in(&store, 1).await, points_in(&store, 2).await), (36, 300));
    assert_eq!(points(&store).await, 336);
    root.stop(Duration::from_secs(5)).await;
}

pub(crate) async fn points_under_a_claim_that_moves(place: Place) {
    let (store, journal, root) = house(&place).await;
    let (one, two) = (claimed(&store, "community:1").await, claimed(&store, "community:2").await);
    let mut moving = moves(&store, &two.entity).await;
    journal.points(earned(&one, 1, "ana", 5));
    journal.points(earned(&two, 2, "ana", 5));
    let flushing = journal.clone();
    let flushed = waddlebot_runtime::spawn::task("test", async move { flushing.flushed().await });
    tokio::time::timeout(Duration::from_secs(30), async {
        while points_in(&store, 1).await == 0 {
            // Who says nothing in an open transaction loses it after a while.
            moving.one(sql("SELECT 1 AS one")).await.expect("it is open");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the other one's points are written meanwhile");
    // It stays where it is after all.
    drop(moving);
    flushed.await.expect("the journal goes on");
    assert_eq!((points_in(&store, 1).await, points_in(&store, 2).await), (5, 5));
    root.stop(Duration::from_secs(5)).await;
}

fn execution(id: &str, answer: &str) -> Execution {
    Execution {
        id: id.into(),
        entity: "local:lobby".into(),
        community: 1,
        module: "memories",
        command: "memories add".into(),
        user_id: "ana".into(),
        user_name: "Ana".into(),
        status: "success",
        answer: answer.into(),
        epoch: 1,
        holder: String::new(),
        millis: 1,
        at: 1,
    }
}

/// The ids of what is to be sent, or what was answered before.
async fn runs(store: &Store, claim: &Claim, answer: &str) -> Result<Result<Vec<String>, String>, StoreError> {
    let effects = [answer, "more"].map(|body| Effect { entity: "local:lobby".into(), body: body.into() });
    let (mut writes, ids) = recording(&execution("m1/memories", answer), &effects);
    writes.push(sql("INSERT INTO activity_points (community_id, platform, user_id, points) VALUES (1, 'also', $1, 1)").bind(answer));
    let mut tx = store.begin_fenced_late(claim).await?;
    tx.run(sql("INSERT INTO activity_points (community_id, platform, user_id, points) VALUES (1, 'own', $1, 1)").bind(answer)).await?;
    if let Some(before) = record(&mut tx, "m1/memories", writes).await? {
        return Ok(Err(before.answer));
    }
    tx.into_inner().commit().await?;
    Ok(Ok(ids))
}

pub(crate) async fn what_ran_before_is_answered_as_then_and_leaves_nothing_new(place: Place) {
    let (store, journal, root) = house(&place).await;
    let claim = claimed(&store, "community:1").await;
    let first = runs(&store, &claim, "first").await.expect("it runs");
    assert_eq!(first, Ok(vec!["m1/memories#0".into(), "m1/memories#1".into()]));
    assert_eq!(runs(&store, &claim, "second").await.expect("it ran"), Err("first".into()));
    journal.sent("m1/memories#0");
    journal.flushed().await;
    assert_eq!(runs(&store, &claim, "third").await.expect("it ran"), Err("first".into()));
    assert_eq!(points(&store).await, 2);
    assert_eq!(journal.open().await.expect("an answer"), Open { outbox: 1, ..Open::default() });
    root.stop(Duration::from_secs(5)).await;
}

pub(crate) async fn a_record_under_a_lost_claim_is_not_made(place: Place) {
    let (store, journal, root) = house(&place).await;
    let claim = claimed(&store, "community:1").await;
    moves(&store, &claim.entity).await.commit().await.expect("it moved");
    let refused = runs(&store, &claim, "late").await;
    assert!(matches!(&refused, Err(StoreError::Stale { entity }) if *entity == claim.entity), "{refused:?}");
    // Nothing is told at the end either where nothing is recorded.
    let written = async {
        let mut tx = store.begin_fenced_late(&claim).await?;
        tx.run(sql("INSERT INTO activity_points (community_id, platform, user_id, points) VALUES (1, 'own', 'x', 1)")).await?;
        tx.into_inner().commit().await
    };
    assert!(matches!(written.await, Err(StoreError::Stale { .. })));
    assert_eq!(points(&store).await, 0);
    assert_eq!(journal.open().await.expect("an answer"), Open::default());
    root.stop(Duration::from_secs(5)).await;
}
