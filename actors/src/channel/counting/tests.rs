//! Limits as chat meets them: by person, command, channel and role; over a restart and a crash. On both databases.

use std::time::Duration;

use waddlebot_runtime::chat::{ChannelKey, Role};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::{Outcome, Verdict};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::store::{Claim, Place, Store, file_in};

use crate::channel::admit::Rate;
use crate::limits::Setting;
use crate::limits::table::{self, Wanted};
use crate::modules::basics::Basics;
use crate::modules::shoutout::Shoutout;
use crate::registry;
use crate::seat::entry;
use crate::stage::Stage;

async fn house(place: &Place, clock: &Clock) -> Stage {
    Stage::open(&[entry::<Basics>()], place, clock.clone()).await
}

/// How often somebody is answered who asks ever again, and the refusal.
async fn granted(stage: &Stage, room: &str, name: &str, role: Role) -> (usize, Outcome) {
    for count in 0.. {
        let outcome = stage.say(room, name, role, "!ping", "").await;
        if outcome.verdict != Verdict::Done {
            return (count, outcome);
        }
        assert!(count < 100, "nothing is limited");
    }
    unreachable!("the loop ends by itself")
}

fn line(outcome: &Outcome) -> String {
    match &outcome.responses[0] {
        Response::Chat(line) => line.shown().to_string(),
        other => panic!("{other:?}"),
    }
}

async fn counts(store: &Store, clock: &Clock) -> Vec<(String, i64)> {
    let wanted = Wanted { entity: "stage:one", limit: 100, ..Wanted::default() };
    let (counts, _) = table::counts(store, wanted, clock.now()).await.expect("the store answers");
    counts.into_iter().map(|count| (count.user, count.uses)).collect()
}

async fn limits_survive_a_restart(place: Place) {
    let clock = Clock::turned();
    let stage = house(&place, &clock).await;
    assert_eq!(granted(&stage, "one", "bob", Role::Viewer).await.0, 60);
    clock.turn(Duration::from_secs(30));
    assert_eq!(granted(&stage, "one", "eve", Role::Viewer).await.0, 60);
    assert_eq!(granted(&stage, "two", "bob", Role::Viewer).await.0, 60, "another channel is another count");
    stage.close().await;
    let stage = house(&place, &clock).await;
    let (none, refusal) = granted(&stage, "one", "bob", Role::Viewer).await;
    assert_eq!(
        (none, refusal.verdict, line(&refusal)),
        (0, Verdict::Limited, "@bob that is too fast: !ping is on cooldown for you, wait 30 seconds".into())
    );
    clock.turn(Duration::from_secs(30));
    assert_eq!(granted(&stage, "one", "bob", Role::Viewer).await.0, 60);
    assert_eq!(granted(&stage, "one", "eve", Role::Viewer).await.0, 0);
    stage.household.forget_uses(&ChannelKey::new("stage", "", "one"), "eve", "").await.expect("forgotten");
    assert_eq!(granted(&stage, "one", "eve", Role::Viewer).await.0, 60);
    assert_eq!(granted(&stage, "one", "bob", Role::Viewer).await.0, 0);
    stage.close().await;
    let store = Store::open(&place).await.expect("it opens");
    assert_eq!(counts(&store, &clock).await, [("bob".to_owned(), 60), ("eve".to_owned(), 60)]);
    store.close().await;
}

async fn a_crash_gives_nobody_more_than_the_limit(place: Place) {
    let clock = Clock::turned();
    let stage = house(&place, &clock).await;
    assert_eq!(granted(&stage, "one", "bob", Role::Viewer).await.0, 60);
    stage.close().await;
    let store = Store::open(&place).await.expect("it opens");
    let claim = Claim { entity: "stage:one".into(), owner: "stage".into(), incarnation: 1, epoch: 1 };
    // Somebody began to count and was never heard of again.
    assert!(!table::begin(&store, &claim, clock.now()).await.expect("begun").crashed);
    store.close().await;
    let stage = house(&place, &clock).await;
    assert_eq!(granted(&stage, "one", "bob", Role::Viewer).await.0, 0);
    assert_eq!(granted(&stage, "one", "eve", Role::Viewer).await.0, 50, "ten may have been forgotten");
    clock.turn(Duration::from_secs(60));
    assert_eq!(granted(&stage, "one", "bob", Role::Viewer).await.0, 60);
    stage.close().await;
}

async fn a_limit_differs_by_role(place: Place) {
    let clock = Clock::turned();
    let stage = house(&place, &clock).await;
    let home = registry::home(stage.household.store(), 0).await.expect("a community").id;
    assert_eq!(stage.say("one", "bob", Role::Viewer, "!ping", "").await.verdict, Verdict::Done);
    let setting = |role, uses| Setting { command: "ping".into(), role, rate: Some(Rate { uses, window: Duration::from_secs(10) }) };
    let settings = vec![setting(None, 2), setting(Some(Role::Vip), 5), setting(Some(Role::Owner), 0)];
    stage.household.set_limits(home, settings, "test").await.expect("it is set");
    assert_eq!(granted(&stage, "one", "bob", Role::Viewer).await.0, 1, "at once, and one is used already");
    assert_eq!(granted(&stage, "one", "vic", Role::Vip).await.0, 5);
    assert_eq!(granted(&stage, "one", "mo", Role::Moderator).await.0, 2);
    for _ in 0..70 {
        assert_eq!(stage.say("one", "ana", Role::Owner, "!ping", "").await.verdict, Verdict::Done, "an owner's are not counted");
    }
    stage.close().await;
    let stage = house(&place, &clock).await;
    clock.turn(Duration::from_secs(10));
    assert_eq!(granted(&stage, "one", "vic", Role::Vip).await.0, 5);
    let nothing = Setting { command: "ping".into(), role: Some(Role::Vip), rate: None };
    stage.household.set_limits(home, vec![nothing], "test").await.expect("it is set");
    clock.turn(Duration::from_secs(10));
    assert_eq!(granted(&stage, "one", "vic", Role::Vip).await.0, 2);
    stage.close().await;
}

async fn a_large_limit_and_a_rest_survive_a_restart(place: Place) {
    let clock = Clock::turned();
    let modules = [entry::<Basics>(), entry::<Shoutout>()];
    let stage = Stage::open(&modules, &place, clock.clone()).await;
    let home = registry::home(stage.household.store(), 0).await.expect("a community").id;
    let rate = Some(Rate { uses: 1_500, window: Duration::from_secs(600) });
    stage.household.set_limits(home, vec![Setting { command: "ping".into(), role: None, rate }], "test").await.expect("it is set");
    for _ in 0..1_000 {
        assert_eq!(stage.say("one", "bob", Role::Viewer, "!ping", "").await.verdict, Verdict::Done);
    }
    assert_eq!(stage.say("one", "mo", Role::Moderator, "!so @ninja", "").await.verdict, Verdict::Done);
    stage.close().await;
    clock.turn(Duration::from_secs(2));
    let stage = Stage::open(&modules, &place, clock.clone()).await;
    let resting = stage.say("one", "mo", Role::Moderator, "!so @ninja", "").await;
    assert!(resting.verdict == Verdict::Limited && line(&resting).contains("3 seconds"), "{resting:?}");
    for _ in 0..500 {
        assert_eq!(stage.say("one", "bob", Role::Viewer, "!ping", "").await.verdict, Verdict::Done);
    }
    assert_eq!(stage.say("one", "bob", Role::Viewer, "!ping", "").await.verdict, Verdict::Limited);
    clock.turn(Duration::from_secs(3));
    assert_eq!(stage.say("one", "mo", Role::Moderator, "!so @ninja", "").await.verdict, Verdict::Done);
    stage.close().await;
}

macro_rules! on_both {
    ($($promise:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $promise() {
                let folder = tempfile::tempdir().expect("a folder");
                super::$promise(waddlebot_runtime::store::Place::Sqlite(super::file_in(folder.path()))).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                let server = waddlebot_testbed::Postgres::start();
                super::$promise(crate::play::on_postgres(&server)).await;
            })*
        }
    };
}

on_both!(
    limits_survive_a_restart,
    a_large_limit_and_a_rest_survive_a_restart,
    a_crash_gives_nobody_more_than_the_limit,
    a_limit_differs_by_role
);
