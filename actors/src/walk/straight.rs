//! Where lines leave with the answer, a module's answer goes straight to who asked: once, in any case, past nothing that counts.

use std::sync::Arc;
use std::time::Duration;

use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Role, User};
use waddlebot_runtime::intake::{self, Ear, Ears as _, Outcome, Verdict};
use waddlebot_runtime::response::Response;

use super::{House, house, limited};

async fn room(house: &House) -> Arc<dyn Ear> {
    house.stage.household.channel(&ChannelKey::new("inline", "", "room")).await.expect("the channel opens")
}

async fn said(ear: &dyn Ear, text: &str, id: &str) -> Arc<Outcome> {
    let by = User { id: "ana".into(), name: "ana".into(), role: Role::Owner };
    intake::ask(ear, ChatMessage { id: id.into(), by, text: text.into(), at: 0 }).await.expect("it is answered")
}

#[tokio::test]
async fn who_asks_gets_the_answer_and_the_same_one_when_the_message_comes_again() {
    let house = house().await;
    let room = room(&house).await;
    let first = said(room.as_ref(), "!echo one", "m1").await;
    assert_eq!((first.verdict, first.responses.as_slice(), first.ran.len()), (Verdict::Done, [Response::say("one")].as_slice(), 1));
    let again = said(room.as_ref(), "!echo two", "m1").await;
    assert_eq!((again.verdict, &again.responses), (Verdict::Duplicate, &first.responses));
    assert_eq!(said(room.as_ref(), "!count", "m2").await.responses, [Response::say("1")]);
}

#[tokio::test]
async fn what_an_overlay_shows_is_shown_and_told() {
    let house = house().await;
    let outcome = said(room(&house).await.as_ref(), "!show news", "").await;
    assert_eq!((outcome.verdict, outcome.responses.clone()), (Verdict::Done, house.stage.seen.items()));
    assert_eq!(outcome.responses.len(), 1);
}

#[tokio::test]
async fn who_asks_is_told_so_when_a_module_breaks_and_a_slow_one_holds_up_no_other() {
    let house = limited(Duration::from_secs(3)).await;
    let room = room(&house).await;
    let (slow, calm) = tokio::join!(said(room.as_ref(), "!hang", ""), said(room.as_ref(), "!calm", ""));
    assert_eq!((slow.verdict, calm.verdict), (Verdict::Failed, Verdict::Done));
    let broken = said(room.as_ref(), "!panic", "").await;
    assert_eq!(
        (broken.verdict, broken.responses.clone()),
        (Verdict::Failed, vec![Response::tell("ana", "!panic failed. It has been noted.")])
    );
}
