//! A house on a lease: it waits while it is frozen, and starts anew when the lease is lost.

use std::sync::Arc;
use std::time::Duration;

use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::{Ears, Outcome, ask};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Place, Store, file_in, sql};

use super::Trouble;
use crate::household::Household;
use crate::seat::entry;
use crate::stage::Stage;

/// What a node shows of itself to every peer, at most (DESIGN: only the gateways).
const REMOTABLE: usize = 16;

/// After how much real time waiting is an error.
const LIMIT: Duration = Duration::from_secs(60);

async fn soon<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"))
}

/// Lets some time pass: fast while the lease has plenty left, else more slowly than real time does, so that on the busiest
/// machine no renewal is outrun by the clock.
async fn pass(stage: &Stage) {
    let (turned, real) = match stage.household.world().gate.left() {
        None | Some(Duration::ZERO) => (20, 5),
        Some(left) if left < Duration::from_secs(3) => (5, 10),
        Some(_) => (50, 2),
    };
    stage.clock.turn(Duration::from_millis(turned));
    tokio::time::sleep(Duration::from_millis(real)).await;
}

async fn run(store: &Store, text: &'static str) {
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.run(sql(text)).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn epoch(store: &Store, entity: &str) -> i64 {
    let row = store.one(sql("SELECT epoch FROM coordination WHERE entity_id = $1").bind(entity)).await.unwrap();
    row.unwrap().get("epoch").unwrap()
}

/// Says something in the room, as a platform does: to the newly opened channel when the known one has ended.
async fn said(household: &Household, text: &str, id: &str) -> Arc<Outcome> {
    let key = ChannelKey::new("stage", "", "room");
    let by = User { id: "ana".into(), name: "ana".into(), role: Role::Moderator };
    let message = ChatMessage { id: id.into(), by, text: text.into(), at: 0 };
    let answered = async {
        loop {
            if let Ok(ear) = household.channel(&key).await
                && let Ok(outcome) = ask(ear.as_ref(), message.clone()).await
            {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::time::timeout(LIMIT, answered).await.expect("the room answers")
}

fn answers(outcome: &Arc<Outcome>) -> usize {
    outcome.responses.len()
}

async fn house(folder: &tempfile::TempDir) -> Stage {
    Stage::leased(&[entry::<Trouble>()], &Place::Sqlite(file_in(folder.path())), Clock::turned()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_to_a_frozen_house_waits_and_is_answered_once_the_lease_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let stage = house(&folder).await;
    let store = stage.household.store().clone();
    assert_eq!(answers(&said(&stage.household, "!echo one", "1").await), 1);
    // Whoever writes keeps the renewal from its answer.
    let mut held = store.begin().await.unwrap();
    held.run(sql("UPDATE nodes SET load = 0 WHERE node_id = 'stage'")).await.unwrap();
    stage.clock.turn(Duration::from_secs(6));
    drop(stage.seen.lines());
    let later = |text: &'static str| {
        let household = stage.household.clone();
        spawn::task("waiting", async move { said(&household, text, text).await })
    };
    let (waiting, behind) = (later("!echo two"), later("!echo three"));
    soon("they wait", async || {
        let readings = stage.household.world().roster.readings(Duration::ZERO);
        // It may be held up before it comes to the first: what it keeps besides waits for the lease as well.
        readings.iter().any(|one| one.kind == "channel" && one.mailbox >= 1).then_some(())
    })
    .await;
    assert!(!waiting.is_finished());
    assert!(stage.seen.lines().is_empty());
    drop(held);
    soon("it is answered", async || {
        pass(&stage).await;
        (waiting.is_finished() && behind.is_finished()).then_some(())
    })
    .await;
    assert_eq!((answers(&waiting.await.unwrap()), answers(&behind.await.unwrap())), (1, 1));
    assert_eq!(epoch(&store, "stage:room").await, 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_that_lost_its_lease_answers_again_under_new_epochs_and_has_forgotten_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stage = house(&folder).await;
    let store = stage.household.store().clone();
    let first = said(&stage.household, "!count", "1").await;
    assert_eq!(first.responses[0].to_owned(), waddlebot_runtime::response::Response::say("1"));
    run(&store, "UPDATE nodes SET state = 'dead' WHERE node_id = 'stage'").await;
    soon("it is back in a new life and may act", async || {
        pass(&stage).await;
        let row = store.one(sql("SELECT incarnation FROM nodes WHERE state = 'up'")).await.unwrap();
        let may_act = stage.household.world().gate.open(Duration::from_secs(2));
        (row?.get::<i64>("incarnation").unwrap() == 2 && may_act).then_some(())
    })
    .await;
    let second = said(&stage.household, "!count", "2").await;
    assert_eq!(second.responses[0].to_owned(), waddlebot_runtime::response::Response::say("2"));
    assert_eq!((epoch(&store, "stage:room").await, epoch(&store, "community:2").await), (2, 2));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_house_shows_peers_no_more_than_its_gateways() {
    let folder = tempfile::tempdir().unwrap();
    let stage = house(&folder).await;
    for text in ["!count", "!echo hello", "hello"] {
        said(&stage.household, text, text).await;
    }
    let all = ractor::registry::get_all_pids();
    assert!(all.len() > 5, "a house is full of actors");
    let shown: Vec<_> = all.iter().filter(|actor| actor.supports_remoting()).map(|actor| actor.get_id()).collect();
    assert!(shown.len() <= REMOTABLE, "{shown:?}");
    stage.close().await;
}
