//! The channels the bot is to be in, who holds what there, and when to try again after being thrown out.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::quality::RandomState;

use super::server::{Casemapping, Server, Status};

/// First pause before joining again.
const FIRST: Duration = Duration::from_secs(2);
/// Longest pause before joining again.
const LONGEST: Duration = Duration::from_secs(300);
/// Time after which an unanswered JOIN is sent again.
const ANSWER: Duration = Duration::from_secs(30);
/// Time in a channel after which earlier expulsions are forgotten.
const SETTLED: Duration = Duration::from_secs(600);
/// Most holders of a status remembered in one channel.
const MOST_HOLDERS: usize = 10_000;
/// Most bytes of channel names in one JOIN.
const JOIN_BYTES: usize = 400;

/// One channel, known by its index for as long as the connection's settings live.
#[derive(Debug)]
pub struct Room {
    /// As configured.
    pub name: String,
    key: Option<String>,
    state: State,
    /// How often in a row the bot was kept out.
    refusals: u32,
    /// Only those who hold something; everybody else is a viewer.
    holders: HashMap<Box<[u8]>, Status, RandomState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Out { again: Duration },
    Asked { at: Duration },
    In { since: Duration },
}

/// All channels of one connection.
#[derive(Debug)]
pub struct Rooms {
    all: Vec<Room>,
    by_name: HashMap<Box<[u8]>, usize, RandomState>,
    casemapping: Casemapping,
}

impl Rooms {
    /// Rooms for configured channels, each `#name` or `#name key`. A name given twice counts once.
    pub fn new<'a>(channels: impl IntoIterator<Item = &'a str>) -> Self {
        let mut rooms = Self { all: Vec::new(), by_name: HashMap::default(), casemapping: Casemapping::Rfc1459 };
        for channel in channels {
            let mut words = channel.split_whitespace();
            let Some(name) = words.next() else { continue };
            if rooms.find(name).is_none() {
                rooms.by_name.insert(rooms.casemapping.fold(name), rooms.all.len());
                rooms.all.push(Room {
                    name: name.to_owned(),
                    key: words.next().map(str::to_owned),
                    state: State::Out { again: Duration::ZERO },
                    refusals: 0,
                    holders: HashMap::default(),
                });
            }
        }
        rooms
    }

    /// A new connection: the bot is nowhere, and nothing known about people holds.
    pub fn forget(&mut self) {
        for room in &mut self.all {
            room.state = State::Out { again: Duration::ZERO };
            room.holders.clear();
        }
    }

    /// Compares names this way from now on.
    pub fn compare_by(&mut self, casemapping: Casemapping) {
        if casemapping != self.casemapping {
            self.casemapping = casemapping;
            self.by_name = self.all.iter().enumerate().map(|(at, room)| (casemapping.fold(&room.name), at)).collect();
        }
    }

    /// The room called `name`.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.casemapping.find(&self.by_name, name).copied()
    }

    /// The room at an index this type gave out.
    pub fn get(&self, room: usize) -> &Room {
        &self.all[room]
    }

    /// All of them, in the order configured.
    pub fn iter(&self) -> impl Iterator<Item = &Room> {
        self.all.iter()
    }

    /// What `nick` holds in a room.
    pub fn status(&self, room: usize, nick: &str) -> Status {
        self.casemapping.find(&self.all[room].holders, nick).copied().unwrap_or(0)
    }

    /// The bot is in.
    pub fn entered(&mut self, room: usize, now: Duration) {
        self.all[room].state = State::In { since: now };
        self.all[room].holders.clear();
    }

    /// The bot was put out, or not let in; it will ask again after a pause that doubles each time.
    pub fn left(&mut self, room: usize, now: Duration) {
        let room = &mut self.all[room];
        if matches!(room.state, State::In { since } if now.saturating_sub(since) >= SETTLED) {
            room.refusals = 0;
        }
        let pause = FIRST.saturating_mul(1 << room.refusals.min(16)).min(LONGEST);
        room.refusals = room.refusals.saturating_add(1);
        room.state = State::Out { again: now + pause };
        room.holders.clear();
    }

    /// Somebody with the right to do so asks the bot in: no pause.
    pub fn invited(&mut self, room: usize) {
        if let State::Out { again } = &mut self.all[room].state {
            *again = Duration::ZERO;
        }
    }

    /// Parameters of the next JOIN that is due: names and keys, comma-separated, at most `most` channels.
    pub fn join(&mut self, now: Duration, most: usize) -> Option<(String, String)> {
        let mut due: Vec<&mut Room> = self.all.iter_mut().filter(|room| room.is_due(now)).collect();
        // Keys are matched to names by place, so channels with a key come first.
        due.sort_by_key(|room| room.key.is_none());
        let (mut names, mut keys) = (String::new(), String::new());
        for room in due.into_iter().take(most) {
            if !names.is_empty() && names.len() + room.name.len() + keys.len() > JOIN_BYTES {
                break;
            }
            push(&mut names, &room.name);
            if let Some(key) = &room.key {
                push(&mut keys, key);
            }
            room.state = State::Asked { at: now };
        }
        (!names.is_empty()).then_some((names, keys))
    }

    /// Notes what one name of a 353 line holds.
    pub fn seen(&mut self, room: usize, server: &Server, name: &str) {
        let (status, nick) = server.status_and_nick(name);
        let nick = nick.split('!').next().unwrap_or_default();
        let holders = &mut self.all[room].holders;
        if status != 0 && holders.len() < MOST_HOLDERS {
            holders.insert(self.casemapping.fold(nick), status);
        }
    }

    /// Notes a status given or taken.
    pub fn changed(&mut self, room: usize, nick: &str, status: Status, given: bool) {
        let key = self.casemapping.fold(nick);
        let holders = &mut self.all[room].holders;
        let before = holders.get(&key).copied().unwrap_or(0);
        match if given { before | status } else { before & !status } {
            0 => drop(holders.remove(&key)),
            after if before != 0 || holders.len() < MOST_HOLDERS => drop(holders.insert(key, after)),
            _ => {}
        }
    }

    /// `nick` is gone from one room, or from all.
    pub fn gone(&mut self, room: Option<usize>, nick: &str) {
        let key = self.casemapping.fold(nick);
        for (at, here) in self.all.iter_mut().enumerate() {
            if room.is_none_or(|only| only == at) {
                here.holders.remove(&key);
            }
        }
    }

    /// `nick` is called `new` from now on.
    pub fn renamed(&mut self, nick: &str, new: &str) {
        let (old, new) = (self.casemapping.fold(nick), self.casemapping.fold(new));
        for room in &mut self.all {
            if let Some(status) = room.holders.remove(&old) {
                room.holders.insert(new.clone(), status);
            }
        }
    }
}

impl Room {
    /// Whether the bot is in it.
    pub fn is_entered(&self) -> bool {
        matches!(self.state, State::In { .. })
    }

    fn is_due(&self, now: Duration) -> bool {
        match self.state {
            State::Out { again } => again <= now,
            State::Asked { at } => now.saturating_sub(at) >= ANSWER,
            State::In { .. } => false,
        }
    }
}

/// Appends to a comma-separated list.
fn push(list: &mut String, item: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn channels_with_keys_come_first_and_few_at_a_time() {
        let mut rooms = Rooms::new(["#a", "#b secret", "#A", "", "#c"]);
        assert_eq!(rooms.join(secs(0), 2), Some(("#b,#a".into(), "secret".into())));
        assert_eq!(rooms.join(secs(0), 2), Some(("#c".into(), String::new())));
        assert_eq!(rooms.join(secs(0), 2), None);
        assert_eq!(rooms.join(secs(30), 9).map(|(names, _)| names).as_deref(), Some("#b,#a,#c"));
    }

    #[test]
    fn each_expulsion_doubles_the_pause_until_the_bot_has_settled() {
        let mut rooms = Rooms::new(["#a"]);
        for pause in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            rooms.entered(0, secs(0));
            rooms.left(0, secs(0));
            assert_eq!(rooms.join(secs(pause - 1), 9), None, "before {pause}");
            assert!(rooms.join(secs(pause), 9).is_some(), "at {pause}");
        }
        rooms.entered(0, secs(0));
        rooms.left(0, secs(600));
        assert!(rooms.join(secs(602), 9).is_some());
    }

    #[test]
    fn an_invitation_ends_the_pause() {
        let mut rooms = Rooms::new(["#a"]);
        rooms.left(0, secs(100));
        rooms.invited(0);
        assert!(rooms.join(secs(100), 9).is_some());
    }

    #[test]
    fn what_people_hold_follows_modes_names_and_departures() {
        let (mut rooms, server) = (Rooms::new(["#a", "#b"]), Server::default());
        rooms.entered(0, secs(0));
        for name in ["@Ana", "+bob!b@host", "carl"] {
            rooms.seen(0, &server, name);
        }
        assert_eq!([rooms.status(0, "ana"), rooms.status(0, "BOB"), rooms.status(0, "carl")], [1, 2, 0]);
        rooms.changed(0, "ana", 1, false);
        rooms.changed(0, "carl", 1, true);
        rooms.renamed("carl", "Karl");
        assert_eq!([rooms.status(0, "ana"), rooms.status(0, "carl"), rooms.status(0, "karl")], [0, 0, 1]);
        rooms.gone(Some(1), "karl");
        assert_eq!(rooms.status(0, "karl"), 1);
        rooms.gone(None, "karl");
        assert_eq!(rooms.status(0, "karl"), 0);
        rooms.entered(0, secs(1));
        assert_eq!(rooms.status(0, "bob"), 0);
    }
}
