//! What plain chatter takes from the heap on its way through a channel: nothing that grows with it.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Role, User};
use waddlebot_runtime::intake::{Ears, Heard, ask, hand_on};

use super::house;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How much is said at once, and how often.
const BATCH: usize = 100;
const BATCHES: usize = 100;

fn message(number: usize) -> ChatMessage {
    let name = format!("v{}", number % 50);
    let by = User { id: name.clone().into(), name: name.into(), role: Role::Viewer };
    ChatMessage { id: "".into(), by, text: "hello everybody, how is the stream today?".into(), at: 0 }
}

#[tokio::test]
async fn ten_thousand_plain_messages_of_known_people_are_heard_without_a_piece_of_heap_for_each() {
    let house = house().await;
    let ear = house.stage.household.channel(&ChannelKey::new("stage", "", "room")).await.expect("the channel opens");
    let batches: Vec<Vec<_>> = (0..BATCHES).map(|_| (0..BATCH).map(message).collect()).collect();
    hand_on(ear.as_ref(), Heard::Said((0..BATCH).map(message).collect())).await.expect("the channel hears");
    ask(ear.as_ref(), message(0)).await.expect("the channel is in order");
    let (last, region) = (message(0), Region::new(HEAP));
    for batch in batches {
        hand_on(ear.as_ref(), Heard::Said(batch)).await.expect("the channel hears");
    }
    ask(ear.as_ref(), last).await.expect("the channel has heard all before");
    let taken = region.change().allocations;
    assert!(taken < BATCHES * BATCH / 10, "{taken} pieces of heap for {} messages", BATCHES * BATCH);
}
