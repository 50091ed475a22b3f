//! What every platform must do, tried on each of them: heard as said, said as meant, nothing lost, mixed or doubled.

#[path = "suite/house.rs"]
mod house;
#[path = "suite/rig.rs"]
mod rig;

use rig::{IrcRig, LocalRig, Rig};
use waddlebot_runtime::chat::{ChannelKey, Role, Text};
use waddlebot_runtime::platform::{Outgoing, PlatformError, Unit};

/// Runs each of these on every platform.
macro_rules! on_every_platform {
    ($($test:ident)*) => {
        mod local { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(<super::LocalRig as super::Rig>::new().await).await })* }
        mod irc_plain { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(<super::IrcRig<false> as super::Rig>::new().await).await })* }
        mod irc_with_tags { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(<super::IrcRig<true> as super::Rig>::new().await).await })* }
    };
}

on_every_platform! {
    what_a_person_says_is_heard_as_they_said_it
    a_moderator_is_known_as_one
    channels_are_not_mixed_and_stay_in_order
    a_question_is_answered_where_it_was_asked
    what_the_bot_says_is_shown_as_it_meant_it
    the_longest_line_it_declares_arrives_whole
    nothing_the_bot_says_leaves_its_line
    the_bot_does_not_hear_itself
    the_same_key_twice_is_one_line_where_that_is_promised
    a_channel_that_is_none_is_refused
}

async fn what_a_person_says_is_heard_as_they_said_it(mut rig: impl Rig) {
    let text = "!so  @ninja \"zwölf Enten\" 🦆 : #x";
    rig.says("bob", 0, text).await;
    let (channel, message) = rig.house().hears("!so");
    assert_eq!(message.text, text);
    assert_eq!((message.by.name.as_ref(), message.by.role), ("bob", Role::Viewer));
    assert!(!message.by.id.is_empty());
    assert!(message.at > 1_700_000_000_000, "{}", message.at);
    assert_eq!(channel, rig.channel(0));
    assert_eq!(channel.platform(), rig.platform().name());
    assert_eq!(ChannelKey::parse(channel.as_str()), Some(channel));
}

async fn a_moderator_is_known_as_one(mut rig: impl Rig) {
    rig.says("ana", 0, "I keep order").await;
    assert_eq!(rig.house().hears("I keep order").1.by.role, Role::Moderator);
}

async fn channels_are_not_mixed_and_stay_in_order(mut rig: impl Rig) {
    for number in 0..100 {
        rig.says("bob", number % 2, &format!("number {number}")).await;
    }
    rig.says("bob", 0, "the end").await;
    rig.says("bob", 1, "the end too").await;
    rig.house().hears("the end too");
    rig.house().hears("the end");
    for channel in 0..2 {
        let heard: Vec<String> = rig
            .house()
            .messages()
            .into_iter()
            .filter(|(key, _)| *key == rig.channel(channel))
            .map(|(_, message)| message.text.to_string())
            .collect();
        let said: Vec<String> = (0..100).filter(|number| number % 2 == channel).map(|number| format!("number {number}")).collect();
        assert_eq!(heard[..50], said);
        assert_eq!(heard.len(), 51);
    }
}

async fn a_question_is_answered_where_it_was_asked(mut rig: impl Rig) {
    rig.says("bob", 1, "!ping quack").await;
    assert_eq!(rig.sees(1, "an answer", |lines| !lines.is_empty()), ["pong quack"]);
    assert!(rig.sees(0, "the other channel", |_| true).is_empty());
}

async fn what_the_bot_says_is_shown_as_it_meant_it(mut rig: impl Rig) {
    let texts = ["plain", ":colon first", "zwölf Enten 🦆🦆", "two  spaces", "100 % #x @y"];
    for (number, text) in texts.iter().enumerate() {
        send(&rig, 0, text, &format!("key {number}")).await.expect("is said");
    }
    assert_eq!(rig.sees(0, "five lines", |lines| lines.len() >= texts.len()), texts);
}

async fn the_longest_line_it_declares_arrives_whole(mut rig: impl Rig) {
    let limits = rig.platform().limits(&rig.channel(0));
    let text = match limits.unit {
        Unit::Characters => "ü".repeat(limits.length),
        Unit::Bytes => format!("{}{}", "ü".repeat(limits.length / 2), if limits.length % 2 == 1 { "x" } else { "" }),
    };
    send(&rig, 0, &text, "long").await.expect("is said");
    assert_eq!(rig.sees(0, "the long line", |lines| !lines.is_empty()), [text]);
}

async fn nothing_the_bot_says_leaves_its_line(mut rig: impl Rig) {
    send(&rig, 0, "first\r\nPRIVMSG #attic :broken out\r\nQUIT\0", "break").await.expect("is said");
    send(&rig, 0, "still here", "after").await.expect("is said");
    rig.sees(0, "the line after", |lines| lines.last().is_some_and(|line| line == "still here"));
    assert!(rig.sees(1, "the other channel", |_| true).is_empty());
}

async fn the_bot_does_not_hear_itself(mut rig: impl Rig) {
    send(&rig, 0, "!ping myself", "self").await.expect("is said");
    rig.sees(0, "the bot's line", |lines| !lines.is_empty());
    rig.says("bob", 0, "over").await;
    rig.house().hears("over");
    assert_eq!((rig.house().messages().len(), rig.house().events().len()), (1, 0));
}

async fn the_same_key_twice_is_one_line_where_that_is_promised(mut rig: impl Rig) {
    for text in ["once", "once", "after"] {
        send(&rig, 0, text, text).await.expect("is said");
    }
    let lines = rig.sees(0, "the last line", |lines| lines.last().is_some_and(|line| line == "after"));
    let expected = if rig.platform().capabilities().idempotent { 2 } else { 3 };
    assert_eq!(lines.len(), expected);
}

async fn a_channel_that_is_none_is_refused(rig: impl Rig) {
    let line = Outgoing { channel: ChannelKey::new(rig.platform().name(), "", "no such\nchannel"), text: "x".into(), key: Text::new() };
    assert!(matches!(rig.platform().send(&line).await, Err(PlatformError::Refused { .. })));
}

async fn send(rig: &impl Rig, channel: usize, text: &str, key: &str) -> Result<(), PlatformError> {
    let line = Outgoing { channel: rig.channel(channel), text: text.into(), key: key.into() };
    rig.platform().send(&line).await
}
