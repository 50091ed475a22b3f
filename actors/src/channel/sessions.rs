//! The sessions of those who use commands here: told at once, and of a flood every two seconds.

use std::collections::HashMap;

use foldhash::quality::RandomState;
use waddlebot_runtime::actor::Address;
use waddlebot_runtime::chat::Text;

use crate::session::Order;

/// Who has a session, and what it has not been told yet.
#[derive(Default)]
pub(super) struct Sessions(HashMap<Text, Session, RandomState>);

struct Session {
    address: Address<Order>,
    last: Text,
    /// Uses it has not been told of.
    untold: u64,
    /// Whether it was told something since the last round.
    told: bool,
}

impl Sessions {
    /// Notes that somebody used a command. `false` when no session of theirs is known.
    pub(super) fn ran(&mut self, id: &Text, word: &Text) -> bool {
        let Some(session) = self.0.get_mut(id) else { return false };
        session.last.clone_from(word);
        session.untold += 1;
        session.told || session.tell()
    }

    /// A session was opened.
    pub(super) fn add(&mut self, id: Text, address: Address<Order>, word: Text) {
        let mut session = Session { address, last: word, untold: 1, told: false };
        if session.tell() {
            self.0.insert(id, session);
        }
    }

    /// Tells what gathered since the last round, and forgets those that have ended.
    pub(super) fn tell(&mut self) {
        self.0.retain(|_, session| {
            session.told = false;
            if session.untold > 0 { session.tell() } else { session.address.is_open() }
        });
    }
}

impl Session {
    fn tell(&mut self) -> bool {
        self.told = true;
        let times = std::mem::take(&mut self.untold);
        self.address.send(Order::Ran { word: self.last.clone(), times }).is_ok()
    }
}
