//! A community that goes to another node while its answers wait for a platform that takes few of them.

use std::time::Duration;

use waddlebot_runtime::chat::Role;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::Verdict;
use waddlebot_runtime::platform::Budget;
use waddlebot_runtime::store::{Place, file_in, sql};

use super::Trouble;
use crate::seat::entry;
use crate::stage::Stage;

/// After how much real time waiting is an error.
const LIMIT: Duration = Duration::from_secs(60);
/// How long the platform takes over a line.
const SLOW: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_said_yet_is_left_to_the_next_owner_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::turned();
    let stage = Stage::open(&[entry::<Trouble>()], &Place::Sqlite(file_in(folder.path())), clock.clone()).await;
    stage.seen.takes(Some(Budget { burst: 1, every: SLOW }));
    let first = stage.say("room", "ana", Role::Moderator, "!count", "1").await;
    assert_eq!((first.verdict, stage.seen.lines().len()), (Verdict::Done, 1));

    // Two answers are committed and wait for the platform; the clock stands still, so that it never takes them.
    let asked = async {
        let (second, third) = tokio::join!(
            stage.say("room", "ana", Role::Moderator, "!count", "2"),
            stage.say("room", "ana", Role::Moderator, "!count", "3"),
        );
        assert_eq!((second.verdict, third.verdict), (Verdict::Done, Verdict::Done));
    };
    let store = stage.household.store().clone();
    let left = async || {
        let row = store.one(sql("SELECT COUNT(*) AS many FROM outbox")).await.unwrap();
        row.unwrap().get::<i64>("many").unwrap()
    };
    let community = *stage.household.open_communities().await.iter().next().expect("it is open");
    let released = async {
        while left().await < 2 {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        let turned = async {
            loop {
                clock.turn(Duration::from_millis(1));
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        };
        tokio::select! {
            () = stage.household.release(community) => {}
            () = turned => {}
        }
    };
    let both = async { tokio::join!(asked, released) };
    tokio::time::timeout(LIMIT, both).await.expect("who asked is answered, and the community has ended");
    assert!(stage.seen.lines().is_empty(), "nothing was said that the platform would not take");
    assert_eq!(left().await, 2);
    stage.household.released(community);

    // Here the next owner is this node itself.
    stage.seen.takes(None);
    stage.household.resume().await.unwrap();
    let said = async {
        while left().await > 0 {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::time::timeout(LIMIT, said).await.expect("all is said");
    let lines: Vec<_> = stage.seen.lines().into_iter().map(|(_, text)| text).collect();
    assert_eq!(lines, ["2", "3"]);
    stage.close().await;
}
