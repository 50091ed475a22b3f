//! What is said in the rooms of one node, on its way to the same rooms at the others.

use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use waddlebot_runtime::chat::{Millis, Text, User};

use super::room::{Line, Speaker};
use super::{LONGEST, Local};

/// How many lines may wait; beyond, the other nodes do not see them.
const QUEUE: usize = 4096;
/// How many go together.
const TOGETHER: usize = 50;
/// How long who said something waits until the others have it, so that no answer is seen before it.
const PATIENCE: Duration = Duration::from_millis(100);

/// One line, as nodes tell each other.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    room: String,
    key: Text,
    by: By,
    text: Text,
    at: Millis,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    Person(User),
    Bot,
    Event,
}

type Waiting = (Told, oneshot::Sender<()>);

/// Where lines for the other nodes are put; nowhere while there are none.
#[derive(Default)]
pub(super) struct News(OnceLock<mpsc::Sender<Waiting>>);

impl News {
    /// Tells the others of a line; what comes true when they have it.
    pub(super) fn tell(&self, room: &str, line: &Line) -> Option<oneshot::Receiver<()>> {
        let queue = self.0.get()?;
        let by = match &line.speaker {
            Speaker::Person(user) => By::Person(user.clone()),
            Speaker::Bot => By::Bot,
            Speaker::Event => By::Event,
        };
        let told = Told { room: room.to_owned(), key: line.key.clone(), by, text: line.text.clone(), at: line.at };
        let (sender, known) = oneshot::channel();
        if queue.try_send((told, sender)).is_err() {
            metrics::counter!("waddlebot_local_lines_untold_total").increment(1);
            return None;
        }
        Some(known)
    }
}

/// Waits a little until the others have a line.
pub(super) async fn known(line: Option<oneshot::Receiver<()>>) {
    if let Some(line) = line {
        tokio::time::timeout(PATIENCE, line).await.ok();
    }
}

/// Lines for the other nodes.
pub struct Lines(mpsc::Receiver<Waiting>);

/// Some of them, in order. Whoever waits for them learns that they were told when it is dropped.
pub struct Batch {
    /// For [`waddlebot_runtime::platform::Platform::learns`] at the other nodes.
    pub text: String,
    _waiting: Vec<oneshot::Sender<()>>,
}

impl Lines {
    /// The next ones.
    pub async fn next(&mut self) -> Option<Batch> {
        let mut some = Vec::new();
        if self.0.recv_many(&mut some, TOGETHER).await == 0 {
            return None;
        }
        let (told, waiting): (Vec<_>, Vec<_>) = some.into_iter().unzip();
        Some(Batch { text: serde_json::to_string(&told).unwrap_or_default(), _waiting: waiting })
    }
}

impl Local {
    /// From now on what is said here is for other nodes, too.
    ///
    /// # Panics
    /// When it is asked for a second time.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let (sender, lines) = mpsc::channel(QUEUE);
        assert!(self.news.0.set(sender).is_ok(), "the lines are asked for once");
        Lines(lines)
    }

    /// Adds what was said at another node.
    pub(super) fn learn(&self, news: &str) {
        let Ok(told) = serde_json::from_str::<Vec<Told>>(news) else {
            tracing::warn!("what another node tells of local rooms cannot be read");
            return;
        };
        for Told { room, key, by, text, at } in told {
            let Ok(room) = self.room(&room) else { continue };
            let speaker = match by {
                By::Person(user) => Speaker::Person(user),
                By::Bot => Speaker::Bot,
                By::Event => Speaker::Event,
            };
            let text = if text.chars().count() > LONGEST { text.chars().take(LONGEST).collect::<String>().into() } else { text };
            room.add(Line { key, speaker, text, at });
        }
    }
}

#[cfg(test)]
mod tests {
    use waddlebot_runtime::chat::Role;
    use waddlebot_runtime::clock::Clock;
    use waddlebot_runtime::platform::Platform as _;

    use super::*;

    fn line(text: &str, key: &str, speaker: Speaker) -> Line {
        Line { key: key.into(), speaker, text: text.into(), at: 1000 }
    }

    #[tokio::test]
    async fn what_is_said_at_one_node_stands_in_the_same_room_at_the_other_once_and_in_order() {
        let (one, two) = (Local::new(Clock::turned()), Local::new(Clock::turned()));
        assert!(one.news.tell("lobby", &line("nobody hears this", "", Speaker::Event)).is_none());
        let mut lines = one.lines();
        let ana = User { id: "ana".into(), name: "Ana".into(), role: Role::Moderator };
        let asked = one.news.tell("lobby", &line("!ping", "", Speaker::Person(ana)));
        one.news.tell("lobby", &line("pong", "k1", Speaker::Bot));
        let batch = lines.next().await.expect("there are some");
        two.learns(&batch.text);
        drop(batch);
        known(asked).await;
        one.news.tell("lobby", &line("pong", "k1", Speaker::Bot));
        two.learns(&lines.next().await.expect("one").text);
        two.learns("nonsense");
        let shown = two.room("lobby").expect("a room").since(0);
        let shown: Vec<_> = shown.iter().map(|line| (line.kind, &*line.name, line.role, &*line.text)).collect();
        assert_eq!(shown, [("person", "Ana", "moderator", "!ping"), ("bot", "WaddleBot", "", "pong")]);
    }
}
