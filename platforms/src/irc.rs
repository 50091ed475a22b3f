//! IRC (RFC 2812 with IRCv3, and Twitch's dialect of it).

pub mod actor;
pub mod backoff;
pub mod budget;
mod connection;
pub mod cut;
pub mod fact;
pub mod feed;
pub mod frame;
pub mod line;
pub mod login;
pub mod outbox;
pub mod rooms;
pub mod said;
pub mod server;
pub mod session;
pub mod settings;
pub mod status;
pub mod stream;
pub mod tags;
pub mod trouble;
pub mod twitch;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use foldhash::quality::RandomState;
use parking_lot::Mutex;
use tokio::sync::watch;
use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::Ears;
use waddlebot_runtime::platform::{self, Boxed, Capabilities, Limits, Outgoing, Platform, PlatformError, Unit};

use budget::Budget;
use outbox::{Fate, Outbox, Ticket, Untaken};
use rooms::Rooms;
use settings::{Flood, Settings};
use status::Status;
use stream::{Dialer, Undialable};
use trouble::Trouble;

/// The platform's name in channel keys.
pub const NAME: &str = "irc";
/// Longest a message waits for the budget and the socket.
const SEND: Duration = Duration::from_secs(10);
/// Most lines one message becomes when it is longer than declared.
const MOST_PIECES: usize = 10;
/// Longest message on Twitch.
const TWITCH_TEXT: usize = 500;

/// One IRC server: the platform, and the handle of its connection. Cloning shares it.
#[derive(Clone)]
pub struct Irc(Arc<Shared>);

/// What senders and the connection both know.
struct Shared {
    settings: Settings,
    clock: Clock,
    dialer: Dialer,
    server: String,
    /// Rooms by key, and their names on the wire.
    rooms: HashMap<ChannelKey, usize, RandomState>,
    names: Vec<String>,
    outbox: Mutex<Option<Arc<Outbox>>>,
    source_len: AtomicUsize,
    twitch: AtomicBool,
    status: Mutex<Status>,
    leaving: watch::Sender<bool>,
}

impl Irc {
    /// Checks the settings and reads the certificates; connects nowhere yet.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, Undialable> {
        let dialer = Dialer::new(&settings)?;
        let server = dialer.server();
        let names: Vec<String> = {
            let rooms = Rooms::new(settings.channels.iter().map(String::as_str));
            rooms.iter().map(|room| room.name.clone()).collect()
        };
        let status = Status::new(server.clone(), settings.nick.clone(), names.iter().cloned());
        let source_len = AtomicUsize::new(session::Session::new(settings.clone()).source_len());
        let mut shared = Shared {
            settings,
            clock,
            dialer,
            server,
            rooms: HashMap::default(),
            names,
            outbox: Mutex::new(None),
            source_len,
            twitch: AtomicBool::new(false),
            status: Mutex::new(status),
            leaving: watch::Sender::new(false),
        };
        shared.rooms = shared.names.iter().enumerate().map(|(room, name)| (shared.key(name), room)).collect();
        Ok(Self(Arc::new(shared)))
    }

    /// Keeps the connection until [`Irc::leave`]; the trouble, if no connection can be had with these settings.
    pub async fn run(&self, ears: Arc<dyn Ears>) -> Option<Trouble> {
        self.0.leaving.send_replace(false);
        let over = connection::keep(&self.0, ears).await;
        if over.is_none() {
            self.0.status.lock().enter(status::Phase::Off);
        }
        over
    }

    /// Ends [`Irc::run`]: what waits is written, the server told, the socket closed.
    pub fn leave(&self) {
        self.0.leaving.send_replace(true);
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        self.0.status.lock().clone()
    }

    /// The keys of the configured channels.
    pub fn channels(&self) -> impl Iterator<Item = ChannelKey> {
        self.0.names.iter().map(|name| self.0.key(name))
    }

    fn clock(&self) -> &Clock {
        &self.0.clock
    }
}

impl Platform for Irc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self, channel: &ChannelKey) -> Limits {
        let twitch = self.0.twitch.load(Ordering::Relaxed);
        let name = self.0.rooms.get(channel).map_or("", |room| &self.0.names[*room]);
        let length = self.0.room(name).min(if twitch { TWITCH_TEXT } else { usize::MAX });
        Limits { length, unit: Unit::Bytes, budget: self.0.budget(twitch).limit() }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Queued at once, so lines leave in the order of the calls, and all that waits leaves in one write. A line with
    /// a key is done when the socket has taken it; one without a key needs no proof and is done when it is queued.
    fn send<'a>(&'a self, line: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>> {
        let taken = self.0.say(line);
        Box::pin(async move {
            let mut ticket = taken?;
            if line.key.is_empty() {
                ticket.forget();
                return Ok(());
            }
            let fate = tokio::select! {
                fate = &mut ticket => fate,
                () = self.0.clock.sleep(SEND) => {
                    if ticket.take_back() {
                        return Err(PlatformError::Limited { wait: Duration::from_secs(1) });
                    }
                    Fate::Unknown
                }
            };
            match fate {
                Fate::Written => Ok(()),
                Fate::Unsent => Err(PlatformError::Lost { platform: NAME }),
                Fate::Unknown => Err(PlatformError::Unknown { platform: NAME }),
            }
        })
    }
}

impl Shared {
    fn say(&self, line: &Outgoing) -> Result<Ticket, PlatformError> {
        let refused = |why: &str| PlatformError::Refused { channel: line.channel.clone(), why: why.to_owned() };
        let room = *self.rooms.get(&line.channel).ok_or_else(|| refused("the bot is not configured for this channel"))?;
        let name = &self.names[room];
        let text = cut::clean(&line.text);
        let (mut bytes, mut lines) = (BytesMut::with_capacity(text.len() + name.len() + 16), 0);
        for piece in cut::pieces(&text, self.room(name)).take(MOST_PIECES) {
            line::say(&mut bytes, name, piece);
            lines += 1;
        }
        if lines == 0 {
            return Err(refused("there is nothing to say"));
        }
        let lost = PlatformError::Lost { platform: NAME };
        let outbox = self.outbox.lock().clone().ok_or(lost.clone())?;
        outbox.say(room, bytes.freeze(), lines, self.clock.since_boot()).map_err(|untaken| match untaken {
            Untaken::Away => lost,
            Untaken::Out => refused("the bot was put out of the channel and is not back yet"),
            Untaken::Full(wait) => PlatformError::Limited { wait },
        })
    }

    /// Bytes of text in one line to a channel.
    fn room(&self, name: &str) -> usize {
        cut::room(self.source_len.load(Ordering::Relaxed), "PRIVMSG", name)
    }

    fn key(&self, name: &str) -> ChannelKey {
        ChannelKey::new(NAME, &self.server, &name.to_ascii_lowercase())
    }

    fn budget(&self, twitch: bool) -> Budget {
        match self.settings.flood {
            Flood::Off => Budget::unlimited(),
            Flood::Rfc if twitch => Budget::twitch(),
            Flood::Rfc => Budget::rfc(),
        }
    }

    fn connected(&self, outbox: &Arc<Outbox>) {
        *self.outbox.lock() = Some(outbox.clone());
    }

    fn disconnected(&self) {
        *self.outbox.lock() = None;
    }

    /// How long our name is to others, and whether this is Twitch.
    fn called(&self, source_len: usize, twitch: bool) {
        self.source_len.store(source_len, Ordering::Relaxed);
        self.twitch.store(twitch, Ordering::Relaxed);
    }
}

impl Budget {
    /// The same as the contract says it.
    fn limit(&self) -> Option<platform::Budget> {
        (!self.each().is_zero()).then(|| platform::Budget { burst: self.burst(), every: self.each() })
    }
}
