//! What plain chatter takes from the heap between the socket and its channel: nothing for each message.

use std::alloc::System;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use waddlebot_platforms::irc::Irc;
use waddlebot_platforms::irc::settings::Settings;
use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::{Ear, Ears, Heard, Unheard};
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::spawn;
use waddlebot_testbed::Deadline;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MESSAGES: usize = 20_000;

/// Counts what it hears.
#[derive(Clone, Default)]
struct Tally(Arc<AtomicUsize>);

impl Ears for Tally {
    fn channel<'a>(&'a self, _: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>> {
        Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn Ear>) })
    }
}

impl Ear for Tally {
    fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)> {
        if let Heard::Said(messages) = heard {
            self.0.fetch_add(messages.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn ready(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

impl Tally {
    async fn reaches(&self, wanted: usize) {
        let deadline = Deadline::within(Duration::from_secs(30));
        while self.0.load(Ordering::Relaxed) < wanted {
            assert!(!deadline.passed(), "only {} of {wanted} were heard", self.0.load(Ordering::Relaxed));
            tokio::task::yield_now().await;
        }
    }
}

/// Lets the bot into its two channels.
async fn welcome(stream: &mut TcpStream) {
    let (mut said, mut chunk) = (String::new(), [0; 1024]);
    while !said.contains("USER ") {
        let size = stream.read(&mut chunk).await.expect("the bot speaks");
        said.push_str(std::str::from_utf8(&chunk[..size]).expect("text"));
    }
    let hello = ":s CAP * LS :\r\n:s 001 waddle :hi\r\n:s 005 waddle CASEMAPPING=ascii CHANTYPES=# :are supported\r\n:s 376 waddle :end\r\n\
        :waddle!w@h JOIN #pond\r\n:waddle!w@h JOIN #lake\r\n";
    stream.write_all(hello.as_bytes()).await.expect("the bot listens");
}

fn talk(messages: usize) -> String {
    let line = |number: usize| {
        let (person, channel) = (number % 50, if number.is_multiple_of(3) { "#pond" } else { "#lake" });
        format!(":viewer{person}!~v@host.example.net PRIVMSG {channel} :hello everybody, how is the stream today?\r\n")
    };
    (0..messages).map(line).collect()
}

#[tokio::test]
async fn plain_messages_reach_their_channel_without_a_piece_of_heap_for_each() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let settings = Settings {
        server: listener.local_addr().expect("an address").to_string(),
        nick: "waddle".to_owned(),
        channels: vec!["#pond".to_owned(), "#lake".to_owned()],
        tls: false,
        ..Settings::default()
    };
    let (irc, tally) = (Irc::new(settings, Clock::real()).expect("good settings"), Tally::default());
    let kept = spawn::task("kept", {
        let (irc, ears) = (irc.clone(), Arc::new(tally.clone()));
        async move { irc.run(ears).await }
    });
    let (mut stream, _) = listener.accept().await.expect("the bot comes");
    welcome(&mut stream).await;
    stream.write_all(talk(1000).as_bytes()).await.expect("the bot listens");
    tally.reaches(1000).await;
    let (talk, region) = (talk(MESSAGES), Region::new(HEAP));
    stream.write_all(talk.as_bytes()).await.expect("the bot listens");
    tally.reaches(1000 + MESSAGES).await;
    let taken = region.change().allocations;
    assert!(taken < MESSAGES / 10, "{taken} pieces of heap for {MESSAGES} messages");
    irc.leave();
    drop(stream);
    kept.await.expect("the connection ends in order");
}
