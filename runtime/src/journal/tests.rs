//! The journal on a real file: what is told together is written together, and who waits is always answered.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::outbox::{Cause, Effect, put};
use super::{Entry, Journal, Open};
use crate::actor::{Actor, Fault, Me, Root, World, open_root};
use crate::clock::Clock;
use crate::membership::Here;
use crate::store::tx::lost;
use crate::store::{Place, Store, StoreError, file_in};

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

async fn house(folder: &tempfile::TempDir) -> (Store, Journal, Root<oneshot::Sender<Journal>>) {
    let store = Store::open(&Place::Sqlite(file_in(folder.path()))).await.expect("it opens");
    store.migrate().await.expect("tables");
    let root = open_root::<House>("house", store.clone(), &World::new(Clock::real())).await.expect("a house");
    let journal = root.address.ask(|reply| reply).await.expect("a journal");
    (store, journal, root)
}

fn entry(id: &str, body: &str) -> Entry {
    Entry { message_id: id.to_owned(), entity: "local:lobby".to_owned(), body: body.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_together_is_written_together_and_everybody_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, journal, root) = house(&folder).await;
    let before = store.commits();
    let accepting: Vec<_> = (0..500).map(|number| journal.accepting(entry(&format!("m{number}"), "{}"))).collect();
    for accepted in join_all(accepting).await {
        accepted.expect("an answer").expect("it is on disk");
    }
    let commits = store.commits() - before;
    assert!(commits <= 50, "500 entries took {commits} commits");
    assert_eq!(journal.open().await.expect("the store answers"), Open { inbox: 500, ..Open::default() });
    let ids: Vec<_> = journal.strays().await.expect("the store answers").into_iter().map(|stray| stray.id).collect();
    assert_eq!(ids, (0..500).map(|number| format!("m{number}")).collect::<Vec<_>>(), "in the order they came");
    root.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn an_entry_that_comes_again_stays_as_it_came_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, journal, root) = house(&folder).await;
    for body in ["first", "second"] {
        journal.accept(entry("m1", body)).await.expect("it is accepted");
    }
    assert_eq!(journal.adopt(&["m1".to_owned()]).await.expect("the store answers"), [entry("m1", "first")]);
    root.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_journal_that_closes_writes_what_it_was_told_and_refuses_what_comes_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, journal, root) = house(&folder).await;
    journal.accept(entry("m1", "{}")).await.expect("it is accepted");
    journal.done("m1");
    journal.close().await;
    assert_eq!(journal.open().await.expect("the store answers").inbox, 0);
    let late = tokio::time::timeout(Duration::from_secs(30), journal.accept(entry("m2", "{}"))).await.expect("nobody waits for ever");
    assert!(matches!(late, Err(StoreError::Lost(_))), "{late:?}");
    tokio::time::timeout(Duration::from_secs(30), journal.flushed()).await.expect("nobody waits for ever");
    root.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_group_that_cannot_be_written_is_told_to_who_waits_and_the_next_one_is_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, journal, root) = house(&folder).await;
    store.close().await;
    for id in ["m1", "m2"] {
        let refused = journal.accept(entry(id, "{}")).await;
        assert!(matches!(refused, Err(StoreError::Lost(_))), "{refused:?}");
    }
    root.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_leaves_the_inbox_though_the_database_was_away_when_it_was_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, journal, root) = house(&folder).await;
    journal.accept(entry("m1", "{}")).await.expect("it is accepted");
    let file = away(&folder, "DELETE ON inbox");
    journal.done("m1");
    journal.flushed().await;
    assert_eq!(journal.open().await.expect("the store answers").inbox, 1);
    file.execute_batch("DROP TRIGGER away").expect("it is back");
    let gone = async {
        while journal.open().await.expect("the store answers").inbox > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it is written in the end");
    root.stop(Duration::from_secs(5)).await;
}

/// A journal in the name of one life of a node.
async fn lives(store: &Store, node: &str) -> (Journal, Here, Root<oneshot::Sender<Journal>>) {
    lives_by(Clock::real(), store, node).await
}

/// The same, of a node that has this clock.
async fn lives_by(clock: Clock, store: &Store, node: &str) -> (Journal, Here, Root<oneshot::Sender<Journal>>) {
    let root = open_root::<House>("house", store.clone(), &World::new(clock)).await.expect("a house");
    let journal = root.address.ask(|reply| reply).await.expect("a journal");
    let here = Here::new(node, Clock::real());
    here.lives(1);
    (journal.of(here.clone()), here, root)
}

/// A committed answer of this holder's that waits to be said.
async fn answered(store: &Store, holder: &str) -> Vec<String> {
    let mut tx = store.begin().await.expect("a transaction");
    let cause = Cause { id: "x", community: 1, epoch: 1, holder, at: 0 };
    let ids = put(&mut tx, cause, &[Effect { entity: "irc:room".into(), body: "{}".into() }]).await.expect("it is put in");
    tx.commit().await.expect("it is written");
    ids
}

fn loses(answers: u32) {
    lost::ANSWERS.with(|lost| lost.set(answers));
}

/// The database refuses a kind of write from here on. Waiting for the file blocks the thread: the journal needs another one.
fn away(folder: &tempfile::TempDir, statement: &str) -> rusqlite::Connection {
    let file = rusqlite::Connection::open(file_in(folder.path())).expect("the same file");
    file.busy_timeout(Duration::from_secs(30)).expect("it waits");
    file.execute_batch(&format!("CREATE TRIGGER away BEFORE {statement} BEGIN SELECT RAISE(ABORT, 'away'); END")).expect("it refuses");
    file
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), wait).await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_life_says_by_now_is_not_given_back_by_who_could_not_mark_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let ((first, _, one), (second, _, two)) = (lives(&store, "n1").await, lives(&store, "n2").await);
    let ids = answered(&store, "n1@1").await;
    // The database is away for the first node: it cannot mark the answer, and says so as long as it must.
    let file = away(&folder, "UPDATE OF state ON outbox");
    assert!(first.sending(ids.clone()).await.is_err());
    file.execute_batch("DROP TRIGGER away").expect("it is back");
    // Another one has taken the channel over.
    assert_eq!(second.adopt_lines(&ids, |_| false).await.expect("the store answers").len(), 1);
    assert_eq!(second.sending(ids.clone()).await.expect("it is marked").ids, ids);
    tokio::time::sleep(Duration::from_millis(700)).await;
    first.flushed().await;
    assert_eq!(second.stray_lines().await.expect("the store answers"), [], "it is being said, and is not said again");
    for root in [root, one, two] {
        root.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn what_another_life_has_taken_up_is_not_said_by_who_committed_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let ((first, _, one), (second, _, two)) = (lives(&store, "n1").await, lives(&store, "n2").await);
    let ids = answered(&store, "n1@1").await;
    assert_eq!(second.adopt_lines(&ids, |_| false).await.expect("the store answers").len(), 1);
    assert_eq!(first.sending(ids.clone()).await.expect("the store answers").ids, Vec::<String>::new());
    assert_eq!(second.sending(ids.clone()).await.expect("it is marked").ids, ids);
    for root in [root, one, two] {
        root.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn an_answer_whose_mark_is_lost_is_taken_up_by_the_same_life_and_said_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let (journal, _, one) = lives(&store, "n1").await;
    let ids = answered(&store, "n1@1").await;
    for answers in [1, 2] {
        loses(answers);
        assert!(journal.sending(ids.clone()).await.is_err(), "it is marked, and nobody knows");
        // That it did not go out is written down, too: the second time nobody knows of that either.
        journal.flushed().await;
        let strays = async || journal.stray_lines().await.expect("the store answers");
        assert_eq!(strays().await.len(), 1, "nobody says it");
        assert_eq!(journal.adopt_lines(&ids, |_| false).await.expect("the store answers").len(), 1);
        assert_eq!(strays().await, [], "it is in somebody's hands");
        assert_eq!(journal.adopt_lines(&ids, |_| false).await.expect("the store answers"), [], "in nobody else's");
        journal.flushed().await;
    }
    assert_eq!(journal.sending(ids.clone()).await.expect("it is marked").ids, ids);
    journal.sent(ids[0].clone());
    journal.flushed().await;
    assert_eq!(journal.open().await.expect("the store answers"), Open::default());
    for root in [root, one] {
        root.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn what_was_refused_is_not_done_later_behind_what_was_accepted_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let ((journal, _, one), (other, _, two)) = (lives(&store, "n1").await, lives(&store, "n2").await);
    loses(1);
    assert!(journal.accept(entry("m7", "{}")).await.is_err(), "who said it is told that it was not accepted");
    journal.accept(entry("m8", "{}")).await.expect("it is accepted");
    let left: Vec<_> = other.strays().await.expect("the store answers").into_iter().map(|stray| stray.id).collect();
    assert_eq!(left, ["m8"], "it is not there any more");
    loses(1);
    assert!(journal.accept(entry("m9", "{}")).await.is_err());
    journal.accept(entry("m9", "{}")).await.expect("it came again, and is accepted");
    tokio::time::sleep(Duration::from_millis(700)).await;
    journal.flushed().await;
    assert!(journal.is_open("m9").await.expect("the store answers"), "what was accepted stays");
    for root in [root, one, two] {
        root.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn what_an_owner_accepts_goes_behind_what_it_found_left_whatever_the_clocks_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let (fast, slow) = (Clock::turned(), Clock::turned());
    fast.turn(Duration::from_secs(300));
    let ((before, _, one), (owner, _, two)) = (lives_by(fast, &store, "n1").await, lives_by(slow, &store, "n2").await);
    before.accept(entry("m1", "{}")).await.expect("it is accepted");
    owner.leave(entry("m2", "{}"), false).await.expect("it is left");
    let ids = async |journal: &Journal| -> Vec<String> {
        journal.strays().await.expect("the store answers").into_iter().map(|stray| stray.id).collect()
    };
    assert_eq!(ids(&owner).await, ["m1", "m2"], "what somebody else accepted before comes first");
    owner.adopt(&["m1".to_owned(), "m2".to_owned()]).await.expect("the store answers");
    owner.accept(entry("m3", "{}")).await.expect("it is accepted");
    let (next, _, three) = lives(&store, "n3").await;
    assert_eq!(ids(&next).await, ["m1", "m2", "m3"]);
    for root in [root, one, two, three] {
        root.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn what_was_adopted_and_nobody_knows_is_adopted_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let (journal, _, one) = lives(&store, "n1").await;
    let (ids, lines) = (["m1".to_owned()], answered(&store, "n9@1").await);
    journal.leave(entry("m1", "{}"), false).await.expect("it is left");
    loses(1);
    assert!(journal.adopt(&ids).await.is_err());
    loses(1);
    assert!(journal.adopt_lines(&lines, |_| false).await.is_err());
    assert_eq!(journal.strays().await.expect("the store answers").len(), 1, "nobody works on it");
    assert_eq!(journal.adopt(&ids).await.expect("the store answers").len(), 1);
    assert_eq!(journal.adopt(&ids).await.expect("the store answers"), [], "somebody does now");
    assert_eq!(journal.stray_lines().await.expect("the store answers").len(), 1);
    assert_eq!(journal.adopt_lines(&lines, |_| false).await.expect("the store answers").len(), 1);
    assert_eq!(journal.adopt_lines(&lines, |_| false).await.expect("the store answers"), []);
    journal.put_back("m1");
    assert_eq!(journal.strays().await.expect("the store answers").len(), 1, "it was given up");
    for root in [root, one] {
        root.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn a_life_that_is_over_does_not_finish_what_the_next_owner_has_taken_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let ((first, here, one), (second, _, two)) = (lives(&store, "n1").await, lives(&store, "n2").await);
    first.accept(entry("m1", "{}")).await.expect("it is accepted");
    assert_eq!(second.adopt(&["m1".to_owned()]).await.expect("the store answers").len(), 1);
    first.done("m1");
    here.lives(0);
    first.done("m1");
    first.flushed().await;
    assert!(second.is_open("m1").await.expect("the store answers"), "it is the second's to finish");
    second.done("m1");
    until("it is finished", async || !second.is_open("m1").await.expect("the store answers")).await;
    for root in [root, one, two] {
        root.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn what_came_of_an_entry_that_was_left_is_told_once_to_who_waits_and_kept_for_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let ((first, _, one), (second, _, two)) = (lives(&store, "n1").await, lives(&store, "n2").await);
    first.leave(entry("m1", "{}"), true).await.expect("it is left");
    first.leave(entry("m2", "{}"), false).await.expect("it is left");
    assert_eq!(second.adopt(&["m1".to_owned(), "m2".to_owned()]).await.expect("the store answers").len(), 2);
    assert_eq!(first.outcome("m1").await.expect("the store answers"), None, "nothing came of it yet");
    // Whoever sees that it is done finds what came of it, also when the write is lost at first.
    loses(1);
    second.done_with("m1", "pong".into());
    second.done_with("m2", "heard by nobody".into());
    until("both are done", async || second.open().await.expect("the store answers").inbox == 0).await;
    assert_eq!(first.outcome("m1").await.expect("the store answers").as_deref(), Some("pong"));
    assert_eq!(first.outcome("m2").await.expect("the store answers"), None);
    // Asked again under the same id it is the same message.
    first.leave(entry("m1", "{}"), true).await.expect("it is left");
    second.done_with("m1", "another".into());
    second.flushed().await;
    assert_eq!(first.outcome("m1").await.expect("the store answers").as_deref(), Some("pong"));
    for root in [root, one, two] {
        root.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn what_a_life_heard_that_is_over_is_not_taken_when_it_reaches_the_database_late() {
    let url = waddlebot_testbed::Postgres::shared().database();
    let store = Store::open(&Place::Postgres { url, replica: None }).await.expect("it opens");
    store.migrate().await.expect("tables");
    let (journal, _, one) = lives(&store, "n1").await;
    let state = async |state: &str| {
        let mut tx = store.begin().await.expect("a transaction");
        let text = "INSERT INTO nodes (node_id, incarnation, state) VALUES ('n1', 1, $1) ON CONFLICT (node_id) DO UPDATE SET state = $1";
        tx.run(crate::store::sql(text).bind(state)).await.expect("it is set");
        tx.commit().await.expect("it is written");
    };
    state("up").await;
    journal.accept(entry("m1", "{}")).await.expect("it lives");
    state("draining").await;
    journal.leave(entry("m2", "{}"), false).await.expect("it lives");
    state("dead").await;
    assert!(journal.accept(entry("m3", "{}")).await.is_err(), "another node serves its channel by now");
    assert!(journal.leave(entry("m4", "{}"), false).await.is_err());
    assert_eq!(journal.open().await.expect("the store answers").inbox, 2);
    one.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_was_taken_up_too_often_is_left_where_it_is_for_it_may_be_what_kills_who_takes_it_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _, root) = house(&folder).await;
    let (here, _, first) = lives(&store, "n1").await;
    here.accept(entry("m1", "{}")).await.expect("it is accepted");
    // Each who takes it up dies of it.
    for node in ["n2", "n3", "n4", "n5"] {
        let (journal, _, root) = lives(&store, node).await;
        let taken = journal.adopt(&["m1".to_owned()]).await.expect("the store answers");
        assert_eq!(taken.len(), usize::from(node != "n5"), "{node}");
        root.stop(Duration::from_secs(5)).await;
    }
    let (last, _, end) = lives(&store, "n6").await;
    assert_eq!(last.strays().await.expect("the store answers").len(), 0);
    assert_eq!(last.open().await.expect("the store answers").inbox, 1, "it is there to be looked at");
    for root in [root, first, end] {
        root.stop(Duration::from_secs(5)).await;
    }
}
