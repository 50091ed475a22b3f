//! Who talks while everything goes wrong: each asks for one thing after the other, and asks again with the same id, at
//! another node, until it is answered.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_runtime::clock::Clock;
use waddlebot_testbed::{Deadline, irc, passes, request_within};

use super::history::{Wish, line};
use super::town::now;

/// How long one try may take.
const TRY: Duration = Duration::from_secs(3);
/// The pause before the next try.
const AGAIN: Duration = Duration::from_millis(100);
/// The pause between two wishes.
const BEAT: Duration = Duration::from_millis(200);
/// How long a wish is repeated in all.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often somebody says ten things at once where floods are punished, counted in lines that are asked for one by one.
const BURST: u64 = 10;

/// Where requests go.
#[derive(Clone)]
pub(super) struct Ways {
    pub(super) nodes: Vec<SocketAddr>,
    pub(super) key: String,
}

/// Where somebody talks.
#[derive(Clone)]
pub(super) enum Place {
    /// A local room.
    Room(String),
    /// A channel that a collector listens to.
    Collected(&'static str),
}

impl Ways {
    /// Asks at one node.
    fn asks(&self, node: usize, place: &Place, by: &str, line: &str) -> io::Result<String> {
        let text = format!("!memories add quote \"{line}\" {by}");
        let id = line.replace(' ', "-");
        let (path, body) = match place {
            Place::Room(room) => {
                (format!("/api/v1/local/{room}/messages"), json!({ "user": by, "role": "moderator", "text": text, "id": id }))
            }
            Place::Collected(server) => (
                "/router/events".to_owned(),
                json!({
                    "platform": "twitch", "server_id": server, "user_id": by, "user_name": by, "user_role": "moderator",
                    "message_type": "chatMessage", "message_content": text, "message_id": id,
                }),
            ),
        };
        let fields = [("X-API-Key", self.key.as_str()), ("Content-Type", "application/json")];
        let reply = request_within(TRY, self.nodes[node], "POST", &path, &fields, &Value::to_string(&body))?;
        let done = reply.status == 200 && reply.body.contains("Kept as #");
        if done { Ok(reply.body) } else { Err(io::Error::other(format!("{}: {}", reply.status, reply.body))) }
    }

    /// Asks at one node after the other until it is done. Whether it was.
    fn insists(&self, first: usize, place: &Place, by: &str, line: &str, patience: Duration) -> Result<(), String> {
        let deadline = Deadline::within(patience);
        for node in first.. {
            match self.asks(node % self.nodes.len(), place, by, line) {
                Ok(_) => return Ok(()),
                Err(error) if deadline.passed() => return Err(error.to_string()),
                Err(_) => passes(AGAIN),
            }
        }
        Ok(())
    }

    /// Asks for one thing until it is done.
    pub(super) fn wishes_for(&self, place: &Place, by: &str, number: u64, patience: Duration) -> Wish {
        let asked = now();
        let answer = self.insists(usize::try_from(number).unwrap_or(0), place, by, &line(by, number), patience);
        if let Err(why) = &answer {
            println!("{by} was not answered: {why}");
        }
        Wish { by: by.to_owned(), number, answered: answer.is_ok(), repeated: true, asked, took: now() - asked }
    }

    /// Asks for one thing after the other until it is `over`.
    pub(super) fn talks(&self, place: &Place, by: &str, over: &AtomicBool) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for number in 0.. {
            if over.load(SeqCst) {
                break;
            }
            wishes.push(self.wishes_for(place, by, number, PATIENCE));
            passes(BEAT);
        }
        wishes
    }
}

/// What somebody asked for in an IRC channel, and what the bot said there and when, connection by connection.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) wishes: Vec<Wish>,
    pub(super) spoken: Vec<Vec<Duration>>,
    pub(super) told: Vec<String>,
    /// The longest that nothing was answered.
    pub(super) silence: Duration,
}

/// Talks in an IRC channel, where nobody repeats what the bot did not hear.
pub(super) fn talks_on_irc(person: &mut irc::Person, by: &str, over: &AtomicBool) -> Heard {
    let clock = Clock::real();
    let mut heard = Heard { spoken: vec![Vec::new()], ..Heard::default() };
    let (mut number, mut next, mut last) = (0, clock.since_boot(), clock.since_boot());
    while !over.load(SeqCst) {
        if clock.since_boot() >= next {
            person.says("#room", &format!("!memories add quote \"{}\" {by}", line(by, number)));
            heard.wishes.push(Wish { by: by.to_owned(), number, answered: false, repeated: false, asked: now(), took: 0 });
            number += 1;
            if number % BURST == 0 {
                (0..BURST).for_each(|_| person.says("#room", "!ping burst"));
                next += Duration::from_secs(15);
            }
            next += Duration::from_millis(2500);
        }
        let Some(said) = person.hears_within(":", Duration::from_millis(200)) else { continue };
        if said.contains(" JOIN ") {
            heard.spoken.push(Vec::new());
        }
        if said.contains(" PRIVMSG ") {
            let at = clock.since_boot();
            heard.spoken.last_mut().expect("there is one").push(at);
            heard.silence = heard.silence.max(at - last);
            last = at;
            heard.told.extend(said.split("Kept as #").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect()));
        }
    }
    heard
}
