//! The journal on a real file: what is told together is written together, and who waits is always answered.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::{Entry, Journal, Open};
use crate::actor::{Actor, Fault, Me, Root, World, open_root};
use crate::clock::Clock;
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
    let late = tokio::time::timeout(Duration::from_secs(5), journal.accept(entry("m2", "{}"))).await.expect("nobody waits for ever");
    assert!(matches!(late, Err(StoreError::Lost(_))), "{late:?}");
    tokio::time::timeout(Duration::from_secs(5), journal.flushed()).await.expect("nobody waits for ever");
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

#[tokio::test]
async fn what_is_done_leaves_the_inbox_though_the_database_was_away_when_it_was_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, journal, root) = house(&folder).await;
    journal.accept(entry("m1", "{}")).await.expect("it is accepted");
    let file = rusqlite::Connection::open(file_in(folder.path())).expect("the same file");
    file.execute_batch("CREATE TRIGGER away BEFORE DELETE ON inbox BEGIN SELECT RAISE(ABORT, 'away'); END").expect("it refuses");
    journal.done("m1");
    journal.flushed().await;
    assert_eq!(journal.open().await.expect("the store answers").inbox, 1);
    file.execute_batch("DROP TRIGGER away").expect("it is back");
    let gone = async {
        while journal.open().await.expect("the store answers").inbox > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it is written in the end");
    root.stop(Duration::from_secs(5)).await;
}
