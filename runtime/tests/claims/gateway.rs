//! What a peer brings is taken by who serves the channel under the epoch the peer saw; else it is told where to go.

use std::sync::Arc;

use parking_lot::Mutex;
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::gateway::{Answer, Envelope, Errands, Gateway, LARGEST, Payload, Taking, VERSION};
use waddlebot_runtime::intake::{Ear, Ears, Heard, Outcome, Unheard, Verdict};
use waddlebot_runtime::platform::Boxed;

use crate::house::House;
use crate::place::{opened, sqlite};

const ROOM: &str = "local:lobby";

/// A channel that answers whatever it hears.
#[derive(Clone, Default)]
struct Room(Arc<Mutex<Vec<String>>>);

impl Ear for Room {
    fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)> {
        match heard {
            Heard::Said(messages) => self.0.lock().extend(messages.iter().map(|message| message.text.to_string())),
            Heard::Asked(message, reply) => {
                self.0.lock().push(message.text.to_string());
                reply.send(Arc::new(Outcome { verdict: Verdict::Done, ..Outcome::default() })).expect("somebody waits");
            }
            Heard::Happened(..) => return Err((Unheard::Busy, heard)),
        }
        Ok(())
    }

    fn ready(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

impl Errands for Room {
    fn run<'a>(&'a self, entity: &'a str, errand: &'a str) -> Boxed<'a, Result<String, String>> {
        Box::pin(async move { if errand == "echo" { Ok(format!("{entity}: {errand}")) } else { Err("no".into()) } })
    }
}

impl Ears for Room {
    fn channel<'a>(&'a self, _: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>> {
        Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn Ear>) })
    }
}

fn envelope(epoch: i64, payload: Payload) -> Vec<u8> {
    let envelope = Envelope { entity: ROOM.into(), under: ROOM.into(), epoch, id: "1".into(), payload };
    envelope.write(VERSION).expect("it is small")
}

fn message(text: &str) -> ChatMessage {
    ChatMessage { id: text.into(), by: User { id: "7".into(), name: "ana".into(), role: Role::Viewer }, text: text.into(), at: 0 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peers_envelope_is_taken_under_its_epoch_and_else_sent_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (store, clock) = (opened(&sqlite(&folder)).await, Clock::turned());
    let (mut one, mut two) = (House::open("n1", &store, &clock).await, House::open("n2", &store, &clock).await);
    let room = Room::default();
    let gateways = [&one, &two].map(|house| Gateway::new(Arc::new(room.clone()), house.placement.clone(), Arc::new(room.clone())));
    let answer = async |at: usize, bytes: &[u8]| {
        let Taking { answer, outcome } = gateways[at].take_bytes(bytes).await;
        match outcome {
            Some(outcome) => outcome.await,
            None => answer,
        }
    };
    let ask = async |at: usize, epoch: i64, payload: Payload| answer(at, &envelope(epoch, payload)).await;

    assert_eq!(ask(0, 1, Payload::Asked(message("early"))).await, Answer::Moved { owner: None, epoch: 0 });
    one.placement.claim(ROOM).await.expect("nobody holds it");
    assert_eq!(ask(0, 1, Payload::Said(vec![message("a"), message("b")])).await, Answer::Taken);
    assert!(matches!(ask(0, 1, Payload::Asked(message("c"))).await, Answer::Outcome(json) if json.contains("\"done\"")));
    let moved = |owner: &str, epoch| Answer::Moved { owner: Some(owner.into()), epoch };
    assert_eq!(ask(0, 7, Payload::Asked(message("from the future"))).await, moved("n1", 1));
    assert_eq!(ask(1, 1, Payload::Asked(message("to the wrong one"))).await, moved("n1", 1));

    assert_eq!(ask(0, 1, Payload::Errand("echo".into())).await, Answer::Done(Ok(format!("{ROOM}: echo"))));
    assert_eq!(ask(0, 1, Payload::Errand("dance".into())).await, Answer::Done(Err("no".into())));

    one.placement.hand_over(ROOM, &two.identity()).await.expect("an answer").expect("it lives");
    assert_eq!(ask(0, 1, Payload::Asked(message("late"))).await, moved("n2", 2));
    // It was given it, and has not opened it yet.
    assert!(matches!(ask(1, 2, Payload::Asked(message("d"))).await, Answer::Outcome(_)));
    assert_eq!(*room.0.lock(), ["a", "b", "c", "d"]);

    for bytes in [vec![], vec![0; LARGEST + 1], b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        assert_eq!(answer(0, &bytes).await, Answer::Unsupported { version: VERSION });
    }
    one.leave().await;
    two.leave().await;
}
