//! What an owner leaves to the next one.

use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::store::Place;

use crate::house::{House, declared_dead};
use crate::place::opened;

const ROOM: &str = "local:lobby";

pub(crate) async fn the_word_an_owner_leaves_reaches_the_next_one_and_nobody_after_a_crash(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let mut two = House::open("n2", &store, &clock).await;
    let first = one.placement.claim(ROOM).await.expect("nobody holds it");
    assert_eq!(one.placement.word_left(&first).await.expect("it is read"), None, "there was nobody before");
    assert!(one.placement.release_with(ROOM, "1500").await.expect("it is written"));
    assert!(!one.placement.release_with(ROOM, "0").await.expect("it is not held any more"));
    let second = two.placement.claim(ROOM).await.expect("it is free");
    assert_eq!(two.placement.word_left(&second).await.expect("it is read").as_deref(), Some("1500"));
    // Who dies leaves nothing, and what was left before is not read again.
    two.die().await;
    declared_dead(&store, "n2").await;
    let third = one.placement.claim(ROOM).await.expect("its owner is dead");
    assert_eq!((third.epoch, one.placement.word_left(&third).await.expect("it is read")), (3, None));
    one.leave().await;
}
