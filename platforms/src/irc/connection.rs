//! The life of the connection: dial, read, hear, hand on, write, and start again when it breaks.

use std::borrow::Cow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use metrics::Counter;
use tokio::io::{AsyncRead, AsyncReadExt};
use waddlebot_runtime::chat::{ChatMessage, Text, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::intake::Ears;

use super::Shared;
use super::backoff::Backoff;
use super::fact::Fact;
use super::feed::Feed;
use super::frame::{Chunk, Framer};
use super::line;
use super::outbox::Outbox;
use super::said::Said;
use super::session::Session;
use super::status::Phase;
use super::stream::Stream;
use super::trouble::Trouble;
use super::twitch;

/// Bytes read at once.
const READ: usize = 32 * 1024;
/// Less room than this in the buffer, and a new one is taken.
const LEAST_ROOM: usize = 4 * 1024;
/// Time between two looks at the clock.
const TICK: Duration = Duration::from_secs(1);
/// Longest line of Twitch without tags: 500 characters and what stands around them.
const TWITCH_LINE: usize = 4096;
/// Longest wait for what may still be written when the bot leaves; what waits for the budget is not waited for.
const FAREWELL: Duration = Duration::from_secs(2);
/// Longest wait for the server to close after that; some never do.
const CLOSED: Duration = Duration::from_millis(300);

/// Keeps the connection up until the bot is told to leave (`None`) or no connection will do (`Some`).
pub(super) async fn keep(shared: &Arc<Shared>, ears: Arc<dyn Ears>) -> Option<Trouble> {
    let clock = &shared.clock;
    let mut link = Link::new(shared.clone(), ears);
    let mut backoff = Backoff::default();
    let mut leaving = shared.leaving.subscribe();
    loop {
        let outbox = Arc::new(Outbox::new(shared.budget(false), shared.names.len()));
        let ended = link.live(&outbox).await;
        outbox.close();
        shared.disconnected();
        let why = match ended {
            Ended::Left => return None,
            Ended::Stopped(trouble) => {
                tracing::error!(server = shared.server, %trouble, "irc gives up");
                shared.status.lock().stopped(&trouble);
                return Some(trouble);
            }
            Ended::Lost(why) => why,
        };
        let held = link.ready_at.take().map_or(Duration::ZERO, |since| clock.since_boot().saturating_sub(since));
        #[expect(clippy::disallowed_methods, reason = "jitter is the better for not being repeatable")]
        let pause = backoff.lost(held, rand::random());
        tracing::warn!(server = shared.server, why, pause_ms = pause.as_millis(), "irc connection lost, trying again");
        shared.status.lock().lost(why, pause);
        tokio::select! {
            () = clock.sleep(pause) => {}
            _ = leaving.wait_for(|leave| *leave) => return None,
        }
    }
}

/// How one connection ended.
enum Ended {
    Lost(String),
    Stopped(Trouble),
    Left,
}

/// What lives on from one connection to the next.
struct Link {
    shared: Arc<Shared>,
    session: Session,
    feed: Feed,
    framer: Framer,
    ready_at: Option<Duration>,
    messages: Counter,
}

impl Link {
    fn new(shared: Arc<Shared>, ears: Arc<dyn Ears>) -> Self {
        let session = Session::new(shared.settings.clone());
        let keys = session.rooms().iter().map(|room| shared.key(&room.name));
        let feed = Feed::new(ears, shared.clock.clone(), keys.collect::<Vec<_>>());
        let messages = metrics::counter!("waddlebot_irc_messages_total");
        Self { shared, session, feed, framer: Framer::default(), ready_at: None, messages }
    }

    /// One connection from the dial to its end.
    async fn live(&mut self, outbox: &Arc<Outbox>) -> Ended {
        let shared = self.shared.clone();
        shared.status.lock().enter(Phase::Connecting);
        let mut leaving = shared.leaving.subscribe();
        let dialed = tokio::select! {
            dialed = shared.dialer.dial(&shared.clock) => dialed,
            _ = leaving.wait_for(|leave| *leave) => return Ended::Left,
        };
        let stream: Box<dyn Stream> = match dialed {
            Ok(stream) => stream,
            Err(error) => return Ended::Lost(error.to_string()),
        };
        shared.status.lock().enter(Phase::LoggingIn);
        shared.connected(outbox);
        let mut out = BytesMut::new();
        let now = shared.clock.since_boot();
        self.session.begin(now, &mut out);
        outbox.urgent(&mut out, now);
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut write = pin!(outbox.write(&mut writer, &shared.clock));
        let ended = {
            let mut read = pin!(self.read(&mut reader, outbox));
            tokio::select! {
                ended = &mut read => ended,
                trouble = &mut write => Ended::Lost(trouble.to_string()),
                _ = leaving.wait_for(|leave| *leave) => Ended::Left,
            }
        };
        match &ended {
            Ended::Left | Ended::Stopped(_) => farewell(outbox, &shared.clock, write, &mut reader).await,
            Ended::Lost(_) => {}
        }
        ended
    }

    /// Reads until the connection ends.
    async fn read(&mut self, reader: &mut (impl AsyncRead + Unpin), outbox: &Arc<Outbox>) -> Ended {
        let clock = self.shared.clock.clone();
        let (mut buffer, mut out) = (BytesMut::with_capacity(READ), BytesMut::new());
        self.framer.restart();
        let mut tick = Box::pin(clock.sleep(TICK));
        loop {
            if buffer.capacity() - buffer.len() < LEAST_ROOM {
                buffer.reserve(READ);
            }
            tokio::select! {
                read = reader.read_buf(&mut buffer) => match read {
                    Ok(0) => return Ended::Lost("the server closed the connection".into()),
                    Ok(_) => {}
                    Err(error) => return Ended::Lost(format!("the connection broke: {error}")),
                },
                () = &mut tick => {
                    tick.set(clock.sleep(TICK));
                    let now = clock.since_boot();
                    let fact = self.session.tick(now, &mut out);
                    outbox.urgent(&mut out, now);
                    self.note();
                    if let Some(ended) = fact.and_then(|fact| self.upkeep(fact, outbox)) {
                        return ended;
                    }
                    continue;
                }
            }
            while let Some(chunk) = self.framer.take(&mut buffer) {
                let ended = self.heard(&chunk, outbox, &mut out).await;
                outbox.urgent(&mut out, clock.since_boot());
                self.feed.flush().await;
                if let Some(ended) = ended {
                    return ended;
                }
                // Who heard it goes first: what is read ahead of them only fills the memory.
                tokio::task::yield_now().await;
            }
        }
    }

    /// All lines of one chunk.
    async fn heard(&mut self, chunk: &Chunk, outbox: &Arc<Outbox>, out: &mut BytesMut) -> Option<Ended> {
        let (now, wall) = (self.shared.clock.since_boot(), self.shared.clock.now());
        let mut lines = chunk.lines();
        let (mut said_count, mut ended) = (0, None);
        for line in lines.by_ref() {
            match self.session.hear(&line, now, out) {
                None => {}
                Some(Fact::Said(said)) => {
                    said_count += 1;
                    let (room, bits) = (said.room, said.bits);
                    let message = message(chunk, said, wall);
                    if bits > 0 {
                        let cheer = twitch::cheer(&message.id, message.by.clone(), bits, message.text.clone());
                        self.feed.said(room, message);
                        self.feed.happened(room, cheer).await;
                    } else {
                        self.feed.said(room, message);
                    }
                }
                Some(Fact::Happened(room, event)) => self.feed.happened(room, event).await,
                Some(fact) => {
                    ended = self.upkeep(fact, outbox);
                    if ended.is_some() {
                        break;
                    }
                }
            }
        }
        self.messages.increment(said_count);
        self.shared.status.lock().messages += said_count;
        self.framer.count(lines.dropped());
        self.framer.allow(if self.session.is_twitch() { TWITCH_LINE } else { self.session.server().line_len });
        self.shared.called(self.session.source_len(), self.session.is_twitch());
        ended
    }

    /// Everything a line or the time can mean but talk.
    fn upkeep(&mut self, fact: Fact<'_>, outbox: &Outbox) -> Option<Ended> {
        let server = self.shared.server.as_str();
        match fact {
            Fact::Ready => {
                self.ready_at = Some(self.shared.clock.since_boot());
                outbox.pace(self.shared.budget(self.session.is_twitch()));
                let network = self.session.server().network.as_deref().unwrap_or_default();
                tracing::info!(server, network, nick = self.session.nick(), "irc is ready");
                self.shared.status.lock().ready(self.session.nick(), network);
            }
            Fact::Entered(room) => {
                outbox.enter(room);
                let name = &self.session.rooms().get(room).name;
                tracing::info!(server, channel = name, "entered");
                self.shared.status.lock().entered(room, true);
            }
            Fact::Left(room, trouble) => {
                outbox.leave(room);
                tracing::warn!(server, %trouble, "left");
                self.shared.status.lock().entered(room, false);
            }
            Fact::Noted(trouble) => {
                tracing::warn!(server, %trouble, "irc");
                self.shared.status.lock().trouble = Some(trouble.to_string());
            }
            Fact::Lost(trouble) => return Some(Ended::Lost(trouble.to_string())),
            Fact::Stop(trouble) => return Some(Ended::Stopped(trouble)),
            Fact::Said(_) | Fact::Happened(..) => {}
        }
        None
    }

    /// Once a second: what the inspector and the metrics show.
    fn note(&self) {
        let mut status = self.shared.status.lock();
        self.session.nick().clone_into(&mut status.nick);
        (status.too_long, status.late, status.unheard) = (self.framer.dropped(), self.session.late(), self.feed.unheard());
        metrics::counter!("waddlebot_irc_lines_dropped_total").absolute(status.too_long);
        metrics::counter!("waddlebot_irc_messages_late_total").absolute(status.late);
        metrics::counter!("waddlebot_irc_messages_unheard_total").absolute(status.unheard);
    }
}

/// Lets go out what may, says good-bye, and waits until the server has closed: all in bounded time. Closing first,
/// with something of the server's unread, could make it drop what we said last.
async fn farewell(
    outbox: &Outbox,
    clock: &Clock,
    mut write: Pin<&mut impl Future<Output = Trouble>>,
    reader: &mut (impl AsyncRead + Unpin),
) {
    let said = async {
        while !outbox.rests(clock.since_boot()) {
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = &mut write => return,
        () = said => {}
        () = clock.sleep(FAREWELL) => {}
    }
    let mut quit = BytesMut::new();
    line::write(&mut quit, "QUIT", &["WaddleBot leaves"]);
    outbox.urgent(&mut quit, clock.since_boot());
    let mut nowhere = tokio::io::sink();
    tokio::select! {
        _ = &mut write => {}
        _ = tokio::io::copy(reader, &mut nowhere) => {}
        () = clock.sleep(CLOSED) => {}
    }
}

/// A message that may leave the chunk it came in, without a copy of its letters.
fn message(chunk: &Chunk, said: Said<'_>, wall: i64) -> ChatMessage {
    let keep = |part: Cow<'_, str>| match part {
        Cow::Borrowed(part) => chunk.keep(part),
        Cow::Owned(part) => Text::from(part),
    };
    let by = User { id: keep(said.user), name: keep(said.name), role: said.role };
    ChatMessage { id: chunk.keep(said.id), by, text: chunk.keep(said.text), at: said.at.unwrap_or(wall) }
}
