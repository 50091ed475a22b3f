//! The client's side of the protocol as a state machine: a line or the time goes in, lines to write and one fact come out.

use std::time::Duration;

use bytes::BytesMut;
use waddlebot_runtime::chat::{Role, User};
use waddlebot_runtime::event::{Event, EventKind};

use super::fact::Fact;
use super::line::{Line, write};
use super::login::Login;
use super::rooms::Rooms;
use super::said::{History, Said, identity, role, spoken};
use super::server::Server;
use super::settings::{Flood, Settings};
use super::tags::Marks;
use super::trouble::Trouble;
use super::twitch;

/// Longest wait for the welcome.
const LOGIN: Duration = Duration::from_secs(30);
/// Longest wait for the end of the message of the day.
const GREETING: Duration = Duration::from_secs(10);
/// Silence after which the bot asks whether the server is still there.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest wait for the answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Pause between two tries to get the wanted nick.
const RECLAIM: Duration = Duration::from_secs(60);
/// Pause between two JOIN lines.
const JOINS: Duration = Duration::from_secs(2);
/// The same on Twitch, which takes 20 channels in 10 seconds.
const JOINS_TWITCH: Duration = Duration::from_millis(10_500);
/// Bytes taken for `!user@host` as long as the server has not shown ours.
const UNKNOWN_HOST: usize = 1 + 11 + 1 + 63;

/// One bot on one server, over as many connections as it takes.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    login: Login,
    server: Server,
    rooms: Rooms,
    phase: Phase,
    nick: String,
    /// `nick!user@host` as the server shows us to others.
    source: String,
    heard: Duration,
    pinged: Option<Duration>,
    reclaim: Duration,
    joins: Duration,
    history: History,
    late: u64,
    twitch: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Login { since: Duration },
    Welcomed { since: Duration },
    Ready,
}

impl Session {
    /// A session that has no connection yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            login: Login::new(&settings),
            server: Server::default(),
            rooms: Rooms::new(settings.channels.iter().map(String::as_str)),
            phase: Phase::Login { since: Duration::ZERO },
            nick: settings.nick.clone(),
            source: String::new(),
            heard: Duration::ZERO,
            pinged: None,
            reclaim: Duration::ZERO,
            joins: Duration::ZERO,
            history: History::default(),
            late: 0,
            twitch: false,
            settings,
        }
    }

    /// A connection is there: nothing of the last one holds, and the login begins. `now` is time since boot.
    pub fn begin(&mut self, now: Duration, out: &mut BytesMut) {
        self.login = Login::new(&self.settings);
        self.server = Server::default();
        self.rooms.compare_by(self.server.casemapping);
        self.rooms.forget();
        self.phase = Phase::Login { since: now };
        self.nick.clone_from(&self.settings.nick);
        self.source.clear();
        (self.heard, self.pinged, self.reclaim, self.joins) = (now, None, now + RECLAIM, now);
        (self.history, self.twitch) = (History::default(), false);
        self.login.begin(out);
    }

    /// The nick the server calls us by.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    /// Bytes of the source the server puts in front of what we say.
    pub fn source_len(&self) -> usize {
        if self.source.is_empty() { self.nick.len() + UNKNOWN_HOST } else { self.source.len() }
    }

    /// The rooms of this session; their indices stay the same over all connections.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// What the server has declared.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Whether the server speaks Twitch's dialect: its tags, its limits, lines longer than 512 bytes.
    pub fn is_twitch(&self) -> bool {
        self.twitch
    }

    /// How many messages were history told again, and passed over.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// One line from the server.
    pub fn hear<'a>(&mut self, line: &Line<'a>, now: Duration, out: &mut BytesMut) -> Option<Fact<'a>> {
        self.heard = now;
        self.pinged = None;
        match line.command {
            "PRIVMSG" => self.said(line, now),
            "PING" => {
                self.measure(line, now);
                write(out, "PONG", &[line.last()]);
                None
            }
            "PONG" => {
                self.measure(line, now);
                None
            }
            "JOIN" => self.joined(line, now),
            "PART" => self.parted(line, line.nick(), now),
            "KICK" => self.kicked(line, now),
            "QUIT" => {
                self.rooms.gone(None, line.nick());
                self.freed(line.nick(), now, out);
                None
            }
            "NICK" => self.renamed(line, now, out),
            "MODE" => {
                let room = self.rooms.find(line.param(0))?;
                for (nick, status, given) in self.server.status_changes(line.params().skip(1)) {
                    self.rooms.changed(room, nick, status, given);
                }
                None
            }
            "INVITE" if self.is_me(line.param(0)) => {
                let room = self.rooms.find(line.param(1))?;
                self.rooms.invited(room);
                self.join(now, out);
                None
            }
            "CHGHOST" if self.is_me(line.nick()) => {
                self.source = format!("{}!{}@{}", self.nick, line.param(0), line.param(1));
                None
            }
            "USERNOTICE" => Some(Fact::Happened(self.rooms.find(line.param(0))?, twitch::notice(line)?)),
            "CLEARCHAT" => Some(Fact::Happened(self.rooms.find(line.param(0))?, twitch::clear(line)?)),
            "NOTICE" => self.noticed(line),
            "ERROR" => Some(Fact::Lost(Trouble::Closed { reason: line.last().to_owned() })),
            "RECONNECT" => Some(Fact::Lost(Trouble::Closed { reason: "it asks for a new connection".into() })),
            "CAP" => {
                let step = self.login.capability(line, out);
                self.twitch = self.login.has("twitch.tv/tags");
                step.map(Fact::from)
            }
            "AUTHENTICATE" => {
                self.login.authenticate(line, out);
                None
            }
            numeric if numeric.len() == 3 => self.numeric(line, now, out),
            _ => None,
        }
    }

    /// Time has passed; call this about once a second.
    pub fn tick(&mut self, now: Duration, out: &mut BytesMut) -> Option<Fact<'static>> {
        match self.phase {
            Phase::Login { since } if now.saturating_sub(since) >= LOGIN => {
                return Some(Fact::Lost(Trouble::NeverReady { seconds: LOGIN.as_secs() }));
            }
            Phase::Welcomed { since } if now.saturating_sub(since) >= GREETING => return Some(self.ready(now, out)),
            Phase::Login { .. } | Phase::Welcomed { .. } => return None,
            Phase::Ready => {}
        }
        self.join(now, out);
        if self.reclaim <= now && self.nick != self.settings.nick {
            self.reclaim = now + RECLAIM;
            write(out, "NICK", &[&self.settings.nick]);
        }
        match self.pinged {
            Some(at) if now.saturating_sub(at) >= ANSWER => {
                return Some(Fact::Lost(Trouble::Silent { seconds: now.saturating_sub(self.heard).as_secs() }));
            }
            None if now.saturating_sub(self.heard) >= SILENCE => {
                self.pinged = Some(now);
                write(out, "PING", &["waddlebot"]);
            }
            _ => {}
        }
        None
    }

    fn said<'a>(&mut self, line: &Line<'a>, now: Duration) -> Option<Fact<'a>> {
        let mut params = line.params();
        let (target, text) = (params.next()?, params.next()?);
        let room = self.rooms.find(target)?;
        let nick = line.nick();
        // A server speaks without `!user@host`, and our own words come back with echo-message.
        if nick.len() == line.source.len() || self.is_me(nick) {
            return None;
        }
        let text = spoken(text)?;
        let marks = Marks::read(line.tags, self.twitch);
        if marks.at.is_some_and(|at| self.history.is_late(at, now)) {
            self.late += 1;
            return None;
        }
        let role = marks.role.unwrap_or_else(|| self.role(room, nick));
        let user = identity(&marks, self.login.has("account-tag"), line.source, nick, self.server.casemapping);
        let name = if marks.shown.is_empty() { nick.into() } else { marks.shown };
        Some(Fact::Said(Said { room, id: marks.id, user, name, role, text, at: marks.at, bits: marks.bits }))
    }

    fn role(&self, room: usize, nick: &str) -> Role {
        role(&self.server, self.rooms.status(room, nick))
    }

    fn joined<'a>(&mut self, line: &Line<'a>, now: Duration) -> Option<Fact<'a>> {
        let room = self.rooms.find(line.param(0));
        if !self.is_me(line.nick()) {
            return None;
        }
        if line.source.contains('@') {
            line.source.clone_into(&mut self.source);
        }
        self.rooms.entered(room?, now);
        room.map(Fact::Entered)
    }

    fn parted<'a>(&mut self, line: &Line<'a>, nick: &str, now: Duration) -> Option<Fact<'a>> {
        let room = self.rooms.find(line.param(0))?;
        if !self.is_me(nick) {
            self.rooms.gone(Some(room), nick);
            return None;
        }
        let channel = self.rooms.get(room).name.clone();
        self.rooms.left(room, now);
        Some(Fact::Left(room, Trouble::PutOut { channel, by: line.nick().to_owned(), reason: line.last().to_owned() }))
    }

    fn kicked<'a>(&mut self, line: &Line<'a>, now: Duration) -> Option<Fact<'a>> {
        let nick = line.param(1);
        let room = self.rooms.find(line.param(0))?;
        if self.is_me(nick) {
            return self.parted(line, nick, now);
        }
        let role = self.role(room, nick);
        self.rooms.gone(Some(room), nick);
        let marks = Marks::read(line.tags, self.twitch);
        let id = if marks.id.is_empty() { format!("kick:{nick}:{}", now.as_millis()) } else { marks.id.to_owned() };
        let by = User { id: self.server.casemapping.lowered(nick).into(), name: nick.into(), role };
        let text = line.params().nth(2).unwrap_or_default();
        Some(Fact::Happened(room, Event { id: id.into(), kind: EventKind::Kick, by, amount: 0, text: text.into() }))
    }

    fn renamed<'a>(&mut self, line: &Line<'a>, now: Duration, out: &mut BytesMut) -> Option<Fact<'a>> {
        let (old, new) = (line.nick(), line.param(0));
        self.rooms.renamed(old, new);
        if self.is_me(old) {
            if let Some((_, host)) = self.source.split_once('!') {
                self.source = format!("{new}!{host}");
            }
            new.clone_into(&mut self.nick);
        } else {
            self.freed(old, now, out);
        }
        None
    }

    /// Somebody gave up a nick: if it is the one we want, take it before others do.
    fn freed(&mut self, nick: &str, now: Duration, out: &mut BytesMut) {
        if self.phase == Phase::Ready && !self.is_me(nick) && self.server.casemapping.same(nick, &self.settings.nick) {
            self.reclaim = now + RECLAIM;
            write(out, "NICK", &[&self.settings.nick]);
        }
    }

    /// Twitch tells a wrong password in a notice, and only there do notices mean anything to us.
    fn noticed<'a>(&self, line: &Line<'a>) -> Option<Fact<'a>> {
        let words = line.last();
        let refused = ["Login authentication failed", "Improperly formatted auth", "Login unsuccessful"].contains(&words);
        let logging_in = matches!(self.phase, Phase::Login { .. });
        (refused && logging_in).then(|| Fact::Stop(Trouble::PasswordRefused { reason: words.to_owned() }))
    }

    fn numeric<'a>(&mut self, line: &Line<'a>, now: Duration, out: &mut BytesMut) -> Option<Fact<'a>> {
        let reason = || line.last().to_owned();
        match line.command {
            "001" => {
                self.measure(line, now);
                line.param(0).clone_into(&mut self.nick);
                self.phase = Phase::Welcomed { since: now };
                let wanted = &self.settings.nick;
                (self.nick != *wanted).then(|| {
                    let reason = "it is taken".to_owned();
                    Fact::Noted(Trouble::OtherNick { wanted: wanted.clone(), nick: self.nick.clone(), reason })
                })
            }
            "005" => {
                self.server.learn(line.params().skip(1));
                self.rooms.compare_by(self.server.casemapping);
                None
            }
            "376" | "422" if matches!(self.phase, Phase::Welcomed { .. }) => Some(self.ready(now, out)),
            "353" => {
                let room = self.rooms.find(line.param(2))?;
                for name in line.last().split(' ') {
                    self.rooms.seen(room, &self.server, name);
                }
                None
            }
            "396" => {
                let host = line.param(1);
                if let Some((user, _)) = self.source.rsplit_once('@') {
                    self.source = if host.contains('@') { format!("{}!{host}", self.nick) } else { format!("{user}@{host}") };
                }
                None
            }
            "404" => Some(Fact::Noted(Trouble::Unsaid { channel: line.param(1).to_owned(), reason: reason() })),
            "403" | "405" | "437" | "471" | "473" | "474" | "475" | "476" | "477" | "489" if self.server.is_channel(line.param(1)) => {
                let room = self.rooms.find(line.param(1))?;
                self.rooms.left(room, now);
                Some(Fact::Noted(Trouble::KeptOut { channel: line.param(1).to_owned(), reason: reason() }))
            }
            // Once welcomed, a nick that is still taken changes nothing.
            "432" | "433" | "436" | "437" if !matches!(self.phase, Phase::Login { .. }) => None,
            _ => self.login.numeric(line, out).map(Fact::from),
        }
    }

    fn ready(&mut self, now: Duration, out: &mut BytesMut) -> Fact<'static> {
        self.phase = Phase::Ready;
        self.reclaim = now + RECLAIM;
        self.join(now, out);
        Fact::Ready
    }

    /// Asks into the rooms that are due, as fast as the server bears it.
    fn join(&mut self, now: Duration, out: &mut BytesMut) {
        while self.phase == Phase::Ready && self.joins <= now {
            let Some((names, keys)) = self.rooms.join(now, self.server.joins) else { return };
            match keys.as_str() {
                "" => write(out, "JOIN", &[&names]),
                keys => write(out, "JOIN", &[&names, keys]),
            }
            self.joins = match self.settings.flood {
                _ if self.twitch => now + JOINS_TWITCH,
                Flood::Off => now,
                Flood::Rfc => now + JOINS,
            };
        }
    }

    fn is_me(&self, nick: &str) -> bool {
        self.server.casemapping.same(nick, &self.nick)
    }

    /// A line that is surely not history shows how far the clocks are apart.
    fn measure(&mut self, line: &Line<'_>, now: Duration) {
        if let Some(at) = Marks::read(line.tags, self.twitch).at {
            self.history.measure(at, now);
        }
    }
}

#[cfg(test)]
mod tests;
