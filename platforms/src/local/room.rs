//! One room: its last lines, and who is told of the next.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::broadcast;
use waddlebot_runtime::chat::{Millis, Text, User};

/// How many lines a room remembers.
const KEPT: usize = 500;

/// Who said a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// Somebody in the room.
    Person(User),
    /// The bot.
    Bot,
    /// Nobody: something happened.
    Event,
}

/// One line of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bot's lines carry one: the same key is shown once.
    pub key: Text,
    /// Who said it.
    pub speaker: Speaker,
    /// What.
    pub text: Text,
    /// When.
    pub at: Millis,
}

/// A line with its place in the room, as the hub and the terminal show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Rises with each line, also over a restart: the moment in milliseconds, or one more than the line before.
    pub seq: u64,
    /// `person`, `bot` or `event`.
    pub kind: &'static str,
    /// Who said it.
    pub name: Text,
    /// Their role, for people.
    pub role: &'static str,
    /// What.
    pub text: Text,
    /// When, in milliseconds.
    pub at: Millis,
}

/// One room.
pub struct Room {
    lines: Mutex<Lines>,
    told: broadcast::Sender<Shown>,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<Shown>,
    keys: VecDeque<Text>,
    known: HashSet<Text>,
    next: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { lines: Mutex::default(), told: broadcast::channel(256).0 }
    }
}

impl Room {
    /// Adds a line; a key that was there already adds none.
    pub(super) fn add(&self, line: Line) {
        let mut lines = self.lines.lock();
        if !line.key.is_empty() {
            if !lines.known.insert(line.key.clone()) {
                return;
            }
            if lines.keys.len() == KEPT
                && let Some(oldest) = lines.keys.pop_front()
            {
                lines.known.remove(&oldest);
            }
            lines.keys.push_back(line.key);
        }
        let (kind, name, role) = match line.speaker {
            Speaker::Person(user) => ("person", user.name, user.role.name()),
            Speaker::Bot => ("bot", "WaddleBot".into(), ""),
            Speaker::Event => ("event", Text::new(), ""),
        };
        let seq = lines.next.max(u64::try_from(line.at).unwrap_or_default());
        let shown = Shown { seq, kind, name, role, text: line.text, at: line.at };
        lines.next = seq + 1;
        if lines.kept.len() == KEPT {
            lines.kept.pop_front();
        }
        lines.kept.push_back(shown.clone());
        self.told.send(shown).ok();
    }

    /// The lines from `seq` on that are still remembered.
    #[must_use]
    pub fn since(&self, seq: u64) -> Vec<Shown> {
        self.lines.lock().kept.iter().filter(|line| line.seq >= seq).cloned().collect()
    }

    /// More than the `seq` of every line so far.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.lines.lock().next
    }

    /// Every line from now on. A reader that is 256 lines behind misses some: it asks [`Room::since`] then.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Shown> {
        self.told.subscribe()
    }
}
