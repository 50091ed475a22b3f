//! Once and no more than once, where that is hardest: at the same moment, after a rest, after a restart.

use std::time::Duration;

use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::Verdict;
use waddlebot_runtime::journal;
use waddlebot_runtime::store::{Place, file_in, sql};

use super::{house, lines, until, until_true};
use crate::channel::Accepted;
use crate::modules::memories::Memories;
use crate::seat::entry;
use crate::stage::Stage;

#[tokio::test]
async fn the_same_message_twice_at_once_is_acted_on_once_and_answered_alike() {
    let house = house().await;
    house.said("!count").await;
    for round in 2..12 {
        let id = format!("m{round}");
        let (first, second) =
            tokio::join!(house.said_as("ana", Role::Owner, "!count", &id), house.said_as("ana", Role::Owner, "!count", &id));
        let answer = lines(&[&round.to_string()]);
        assert_eq!((first, second), ((Verdict::Done, answer.clone()), (Verdict::Duplicate, answer)));
    }
}

#[tokio::test]
async fn a_message_that_comes_again_is_not_judged_again_also_after_a_restart() {
    let house = house().await;
    let slow = async |house: &super::House, id: &str| house.said_as("mo", Role::Moderator, "!slow", id).await;
    assert_eq!(slow(&house, "m1").await, (Verdict::Done, lines(&["1"])));
    assert_eq!(slow(&house, "m1").await, (Verdict::Duplicate, lines(&["1"])));
    let house = house.restarted().await;
    assert_eq!(slow(&house, "m1").await, (Verdict::Duplicate, lines(&["1"])));
    let refused = slow(&house, "m2").await;
    assert_eq!(refused.0, Verdict::Limited);
    house.stage.clock.turn(Duration::from_secs(31));
    assert_eq!(slow(&house, "m2").await, refused, "the same message gets the first answer, a refusal as well");
    assert_eq!(slow(&house, "m3").await, (Verdict::Done, lines(&["2"])));
}

#[tokio::test]
async fn what_was_opened_under_a_claim_that_was_lost_is_opened_anew_under_the_next() {
    let house = house().await;
    assert_eq!(house.said("!count").await, (Verdict::Done, lines(&["1"])));
    let store = house.stage.household.store();
    let mut tx = store.begin().await.expect("the store answers");
    tx.run(sql("UPDATE coordination SET epoch = epoch + 1")).await.expect("lost, and claimed again");
    tx.commit().await.expect("the store answers");
    let id = crate::registry::communities(store).await.expect("the store answers")[0].id;
    house.stage.household.community(id).await.expect("it is served");
    until_true(async || house.said("!count").await == (Verdict::Done, lines(&["2"]))).await;
}

#[tokio::test]
async fn what_writes_nothing_is_answered_once_for_each_message_too() {
    let house = house().await;
    assert_eq!(house.said_as("ana", Role::Owner, "!echo one", "e1").await, (Verdict::Done, lines(&["one"])));
    assert_eq!(house.said_as("ana", Role::Owner, "!echo two", "e1").await, (Verdict::Duplicate, lines(&["one"])));
    assert_eq!(house.said_as("ana", Role::Owner, "!echo two", "e2").await, (Verdict::Done, lines(&["two"])));
    let unknown = house.said_as("ana", Role::Owner, "!nothing", "e3").await;
    assert_eq!((house.said_as("ana", Role::Owner, "!nothing", "e3").await, unknown.0), (unknown, Verdict::Unknown));
    assert_eq!(house.stage.seen.lines().len(), 3, "nobody reads an answer twice");
}

#[tokio::test]
async fn a_message_without_an_id_is_a_new_one_also_after_its_channel_has_rested() {
    let house = house().await;
    let channel_is_open = || {
        let readings = house.stage.household.world().roster.readings(house.stage.clock.since_boot());
        readings.iter().any(|reading| reading.kind == "channel")
    };
    assert_eq!(house.said("!count").await, (Verdict::Done, lines(&["1"])));
    until(|| {
        house.stage.clock.turn(Duration::from_secs(700));
        !channel_is_open()
    })
    .await;
    assert_eq!(house.said("!count").await, (Verdict::Done, lines(&["2"])));
}

#[tokio::test]
async fn an_alarm_rings_as_often_as_it_is_asked_to_also_at_one_moment() {
    let house = house().await;
    house.said("!ring 3").await;
    house.stage.clock.turn(Duration::from_secs(1));
    let mut rung = 0;
    until(|| {
        rung += house.stage.seen.lines().len();
        rung == 3
    })
    .await;
    let house = house.restarted().await;
    house.said("!calm").await;
    assert_eq!(house.stage.seen.lines(), [("room".into(), "calm".into())], "it rings no more");
}

#[tokio::test]
async fn a_reminder_outlives_a_repeated_message_that_comes_at_the_same_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::Sqlite(file_in(folder.path()));
    let stage = Stage::open(&[entry::<Memories>()], &place, Clock::turned()).await;
    let say = |text: &'static str, id: &'static str| stage.say("room", "ana", Role::Owner, text, id);
    say("!memories add quote \"To be\" Hamlet", "q1").await;
    let (set, again) = tokio::join!(say("!memories remind tea in 1m", "r1"), say("!memories add quote \"To be\" Hamlet", "q1"));
    assert_eq!((set.verdict, again.verdict), (Verdict::Done, Verdict::Duplicate));
    drop(stage.seen.lines());
    stage.clock.turn(Duration::from_secs(61));
    until(|| stage.seen.lines() == [("room".to_owned(), "@ana Reminder: tea".to_owned())]).await;
}

#[tokio::test]
async fn what_failed_is_told_to_have_failed_when_the_message_comes_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::Sqlite(file_in(folder.path()));
    let stage = Stage::open(&[entry::<Memories>()], &place, Clock::turned()).await;
    let first = stage.say("room", "ana", Role::Owner, "!memories remind", "r1").await;
    let again = stage.say("room", "ana", Role::Owner, "!memories remind", "r1").await;
    assert_eq!((again.verdict, first.verdict), (Verdict::Failed, Verdict::Failed));
    assert!(again.responses == first.responses && again.ran[0].error.is_some(), "{again:?}");
}

#[tokio::test]
async fn what_was_accepted_leaves_the_inbox_also_when_it_is_no_durable_command_any_more() {
    let house = house().await;
    let channel = ChannelKey::new("stage", "", "room");
    let by = User { id: "ana".into(), name: "Ana".into(), role: Role::Owner };
    let message = ChatMessage { id: "m1".into(), by, text: "!echo still here".into(), at: house.stage.clock.now() };
    let body = serde_json::to_string(&Accepted::Message(message)).expect("it can be written");
    let entry = journal::Entry { message_id: format!("{channel}|m1"), entity: channel.to_string(), body };
    house.stage.household.journal().accept(entry).await.expect("accepted");
    let house = house.restarted().await;
    until(|| house.stage.seen.lines() == [("room".to_owned(), "still here".to_owned())]).await;
    until_true(async || house.stage.household.journal().open().await.expect("the store answers").inbox == 0).await;
}
