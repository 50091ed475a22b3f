//! Hands what was heard to the channels: one batch for each channel and chunk, in order, waiting while they are busy.

use std::sync::Arc;
use std::time::Duration;

use waddlebot_runtime::chat::{ChannelKey, ChatMessage};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::event::Event;
use waddlebot_runtime::intake::{Ear, Ears, Heard, Unheard, hand_on};

/// Longest the socket waits for one busy channel; then what it should have heard is dropped and counted.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way from one connection into its channels.
pub struct Feed {
    ears: Arc<dyn Ears>,
    clock: Clock,
    seats: Vec<Seat>,
    /// Seats with something to hand on, in the order in which they got it.
    filled: Vec<usize>,
    unheard: u64,
}

struct Seat {
    key: ChannelKey,
    ear: Option<Arc<dyn Ear>>,
    batch: Vec<ChatMessage>,
    /// How much a batch held lately: room for the next.
    usual: usize,
}

impl Feed {
    /// A feed for rooms with these keys.
    pub fn new(ears: Arc<dyn Ears>, clock: Clock, keys: impl IntoIterator<Item = ChannelKey>) -> Self {
        let seats = keys.into_iter().map(|key| Seat { key, ear: None, batch: Vec::new(), usual: 0 }).collect();
        Self { ears, clock, seats, filled: Vec::new(), unheard: 0 }
    }

    /// How many messages and events could not be handed on.
    pub fn unheard(&self) -> u64 {
        self.unheard
    }

    /// Somebody said something; it is handed on with the next [`Feed::flush`].
    pub fn said(&mut self, room: usize, message: ChatMessage) {
        let seat = &mut self.seats[room];
        if seat.batch.is_empty() {
            self.filled.push(room);
            seat.batch.reserve(seat.usual.max(1));
        }
        seat.batch.push(message);
    }

    /// Something happened, after all that was said there before it.
    pub async fn happened(&mut self, room: usize, event: Event) {
        self.hand_on_said(room).await;
        self.hand_on(room, Heard::Happened(event, None), 1).await;
    }

    /// Hands on everything that was said.
    pub async fn flush(&mut self) {
        while let Some(room) = self.filled.first() {
            self.hand_on_said(*room).await;
        }
    }

    async fn hand_on_said(&mut self, room: usize) {
        // Noted before the wait: if the connection ends during it, the other rooms are handed on with the next.
        self.filled.retain(|filled| *filled != room);
        let seat = &mut self.seats[room];
        let batch = std::mem::take(&mut seat.batch);
        let count = batch.len();
        if count > 0 {
            seat.usual = count.max(seat.usual - seat.usual / 8);
            self.hand_on(room, Heard::Said(batch), count).await;
        }
    }

    async fn hand_on(&mut self, room: usize, heard: Heard, count: usize) {
        let Err(why) = self.offer(room, heard).await else { return };
        self.unheard += count as u64;
        let channel = &self.seats[room].key;
        match why {
            // Another node's channel: it hears for itself.
            Unheard::Elsewhere => tracing::debug!(%channel, count, "heard for another node"),
            why => tracing::warn!(%channel, count, %why, "messages were dropped"),
        }
    }

    /// Tries twice: the channel may have been closed since it was last used.
    async fn offer(&mut self, room: usize, mut heard: Heard) -> Result<(), Unheard> {
        let seat = &mut self.seats[room];
        let mut why = Unheard::Unavailable;
        for _ in 0..2 {
            let ear = match &seat.ear {
                Some(ear) => ear.clone(),
                None => {
                    let opened = self.ears.channel(&seat.key).await?;
                    seat.ear.insert(opened).clone()
                }
            };
            let outcome = match ear.hear(heard) {
                Err((Unheard::Busy, back)) => tokio::select! {
                    done = hand_on(ear.as_ref(), back) => done,
                    () = self.clock.sleep(PATIENCE) => return Err(Unheard::Busy),
                },
                other => other,
            };
            match outcome {
                Ok(()) => return Ok(()),
                Err((reason, back)) => {
                    seat.ear = None;
                    (why, heard) = (reason, back);
                }
            }
        }
        Err(why)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use parking_lot::Mutex;
    use waddlebot_runtime::chat::{Role, Text, User};
    use waddlebot_runtime::event::EventKind;
    use waddlebot_runtime::platform::Boxed;
    use waddlebot_runtime::spawn;

    use super::*;

    /// Channels that answer as told, then take everything.
    #[derive(Clone, Default)]
    struct Room(Arc<Mutex<Inner>>);

    #[derive(Default)]
    struct Inner {
        answers: VecDeque<Unheard>,
        heard: Vec<String>,
        opened: usize,
        never_ready: bool,
    }

    impl Ears for Room {
        fn channel<'a>(&'a self, _: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>> {
            self.0.lock().opened += 1;
            Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn Ear>) })
        }
    }

    impl Ear for Room {
        fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)> {
            let mut inner = self.0.lock();
            if let Some(why) = inner.answers.pop_front() {
                return Err((why, heard));
            }
            inner.heard.push(match heard {
                Heard::Said(batch) => batch.iter().map(|message| message.text.as_ref()).collect::<Vec<&str>>().join("+"),
                Heard::Happened(event, _) => event.kind.name().to_owned(),
                Heard::Asked(..) => "asked".to_owned(),
            });
            Ok(())
        }

        fn ready(&self) -> Boxed<'_, ()> {
            let never = self.0.lock().never_ready;
            Box::pin(async move {
                if never {
                    std::future::pending::<()>().await;
                }
            })
        }
    }

    fn feed(room: &Room, clock: &Clock) -> Feed {
        let keys = ["#a", "#b"].map(|name| ChannelKey::new("irc", "x", name));
        Feed::new(Arc::new(room.clone()), clock.clone(), keys)
    }

    fn user() -> User {
        User { id: Text::new(), name: Text::new(), role: Role::Viewer }
    }

    fn message(text: &'static str) -> ChatMessage {
        ChatMessage { id: Text::new(), by: user(), text: Text::from_static(text), at: 0 }
    }

    #[tokio::test]
    async fn one_batch_for_each_channel_and_events_in_their_place() {
        let (room, clock) = (Room::default(), Clock::turned());
        let mut feed = feed(&room, &clock);
        feed.said(0, message("1"));
        feed.said(1, message("x"));
        feed.said(0, message("2"));
        feed.happened(0, Event { id: Text::new(), kind: EventKind::Raid, by: user(), amount: 1, text: Text::new() }).await;
        feed.said(0, message("3"));
        feed.flush().await;
        feed.flush().await;
        assert_eq!(room.0.lock().heard, ["1+2", "raid", "x", "3"]);
        assert_eq!((room.0.lock().opened, feed.unheard()), (2, 0));
    }

    #[tokio::test]
    async fn a_busy_channel_is_waited_for_and_a_closed_one_opened_again() {
        let (room, clock) = (Room::default(), Clock::turned());
        let mut feed = feed(&room, &clock);
        room.0.lock().answers = VecDeque::from([Unheard::Busy, Unheard::Busy, Unheard::Unavailable]);
        feed.said(0, message("1"));
        feed.flush().await;
        let inner = room.0.lock();
        assert_eq!((inner.heard.as_slice(), inner.opened), (&["1".to_owned()][..], 2));
    }

    #[tokio::test]
    async fn what_nobody_takes_is_dropped_and_counted() {
        let (room, clock) = (Room::default(), Clock::turned());
        let mut feed = feed(&room, &clock);
        room.0.lock().answers = VecDeque::from([Unheard::Unavailable, Unheard::Unavailable, Unheard::Busy, Unheard::Busy]);
        feed.said(0, message("1"));
        feed.said(0, message("2"));
        feed.flush().await;
        assert_eq!(feed.unheard(), 2);

        room.0.lock().never_ready = true;
        feed.said(0, message("3"));
        let waiting = spawn::task("flush", async move {
            feed.flush().await;
            feed.unheard()
        });
        while !waiting.is_finished() {
            tokio::task::yield_now().await;
            clock.turn(PATIENCE);
        }
        assert_eq!(waiting.await.expect("ends"), 3);
    }
}
