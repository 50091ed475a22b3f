//! What one connection has yet to write: protocol lines at once, talk as the flood budget allows, all in one write.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use waddlebot_runtime::clock::Clock;

use super::budget::Budget;
use super::trouble::Trouble;

/// Most messages that wait for the budget, and the shortest wait for room.
const PACED: (usize, Duration) = (256, Duration::from_millis(100));
/// The same where there is no budget, so that they wait for the socket alone.
const FREE: (usize, Duration) = (4096, Duration::from_millis(2));
/// Most bytes of talk in one write.
const WRITE: usize = 64 * 1024;
/// Longest a write may take before the connection counts as dead.
const STUCK: Duration = Duration::from_secs(15);

/// The way out of one connection. Another connection gets another one.
#[derive(Debug)]
pub struct Outbox {
    state: Mutex<State>,
    work: Notify,
}

#[derive(Debug)]
struct State {
    budget: Budget,
    rooms: Vec<Place>,
    urgent: BytesMut,
    waiting: VecDeque<Message>,
    /// The number the next message gets; all below `flying` have left the queue, all below `written` are out.
    next: u64,
    flying: u64,
    written: u64,
    writing: bool,
    closed: bool,
    waiters: Vec<Waker>,
}

#[derive(Debug)]
struct Message {
    number: u64,
    lines: u32,
    bytes: Bytes,
}

/// Where the bot is, as far as one room goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    NotYet,
    In,
    Out,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untaken {
    /// The connection is gone, or the bot is on its way into the room.
    Away,
    /// The bot was put out of the room.
    Out,
    /// Too many wait; room again after about this long.
    Full(Duration),
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The socket took it.
    Written,
    /// It never left.
    Unsent,
    /// The connection broke while it was being written.
    Unknown,
}

impl Outbox {
    /// An empty one for a connection with so many rooms.
    pub fn new(budget: Budget, rooms: usize) -> Self {
        let state = State {
            budget,
            rooms: vec![Place::NotYet; rooms],
            urgent: BytesMut::new(),
            waiting: VecDeque::new(),
            next: 0,
            flying: 0,
            written: 0,
            writing: false,
            closed: false,
            waiters: Vec::new(),
        };
        Self { state: Mutex::new(state), work: Notify::new() }
    }

    /// Speaks at this pace from now on.
    pub fn pace(&self, budget: Budget) {
        self.state.lock().budget = budget;
    }

    /// The bot is in a room and may speak there.
    pub fn enter(&self, room: usize) {
        self.state.lock().rooms[room] = Place::In;
    }

    /// The bot was put out of a room.
    pub fn leave(&self, room: usize) {
        self.state.lock().rooms[room] = Place::Out;
    }

    /// Takes protocol lines, which wait for nothing but are counted. `lines` is empty afterwards.
    pub fn urgent(&self, lines: &mut BytesMut, now: Duration) {
        if lines.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        for _ in memchr::memchr_iter(b'\n', lines) {
            state.budget.charge(now);
        }
        state.urgent.extend_from_slice(lines);
        drop(state);
        lines.clear();
        self.work.notify_one();
    }

    /// Takes one message of so many lines for a room.
    pub fn say(self: &Arc<Self>, room: usize, bytes: Bytes, lines: u32, now: Duration) -> Result<Ticket, Untaken> {
        let mut state = self.state.lock();
        match state.rooms[room] {
            Place::Out => return Err(Untaken::Out),
            Place::In if !state.closed => {}
            _ => return Err(Untaken::Away),
        }
        let (most, least) = if state.budget.each().is_zero() { FREE } else { PACED };
        if state.waiting.len() >= most {
            let wait = state.budget.wait(now).max(least);
            return Err(Untaken::Full(wait));
        }
        let number = state.next;
        state.next += 1;
        state.waiting.push_back(Message { number, lines, bytes });
        drop(state);
        self.work.notify_one();
        Ok(Ticket { outbox: self.clone(), number, done: false })
    }

    /// Whether everything is out.
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.urgent.is_empty() && state.waiting.is_empty() && !state.writing
    }

    /// Whether nothing more can be written now: everything is out, or what is not waits for the budget.
    pub fn rests(&self, now: Duration) -> bool {
        let state = self.state.lock();
        let nothing_may = state.waiting.is_empty() || !state.budget.wait(now).is_zero();
        state.urgent.is_empty() && !state.writing && nothing_may
    }

    /// The connection is gone: what waits will not leave.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Writes until the connection breaks.
    pub async fn write(&self, writer: &mut (impl AsyncWrite + Unpin), clock: &Clock) -> Trouble {
        let mut batch = BytesMut::with_capacity(4096);
        loop {
            let wait = self.collect(&mut batch, clock.since_boot());
            if batch.is_empty() {
                match wait {
                    None => self.work.notified().await,
                    Some(wait) => tokio::select! {
                        () = self.work.notified() => {}
                        () = clock.sleep(wait) => {}
                    },
                }
                continue;
            }
            let write = async {
                writer.write_all(&batch).await?;
                writer.flush().await
            };
            let written = tokio::select! {
                written = write => written,
                () = clock.sleep(STUCK) => return Trouble::Closed { reason: "it reads no more".into() },
            };
            if let Err(error) = written {
                return Trouble::Closed { reason: error.to_string() };
            }
            batch.clear();
            self.written();
        }
    }

    /// Moves what may go out now into `batch`; if nothing may, says how long until something does.
    fn collect(&self, batch: &mut BytesMut, now: Duration) -> Option<Duration> {
        let mut state = self.state.lock();
        let state = &mut *state;
        state.writing = !state.urgent.is_empty();
        batch.extend_from_slice(&state.urgent);
        state.urgent.clear();
        while batch.len() < WRITE
            && let Some(message) = state.waiting.front()
        {
            if let Err(wait) = state.budget.take(now) {
                return Some(wait);
            }
            (1..message.lines).for_each(|_| state.budget.charge(now));
            batch.extend_from_slice(&message.bytes);
            state.flying = message.number + 1;
            state.writing = true;
            state.waiting.pop_front();
        }
        None
    }

    fn written(&self) {
        let mut state = self.state.lock();
        state.writing = false;
        // Numbers between two messages belong to those taken back; they are as good as written.
        state.written = if state.waiting.is_empty() { state.next } else { state.flying };
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
    }
}

/// One message on its way; comes true with its [`Fate`]. Dropped early, the message is taken back if it still waits.
#[derive(Debug)]
pub struct Ticket {
    outbox: Arc<Outbox>,
    number: u64,
    done: bool,
}

impl Future for Ticket {
    type Output = Fate;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fate> {
        let fate = self.fate(cx.waker());
        self.done = fate.is_ready();
        fate
    }
}

impl Ticket {
    /// Lets the message go its way; nobody wants to know how it ends.
    pub fn forget(mut self) {
        self.done = true;
    }

    /// Takes the message back; `false` if it is too late for that.
    pub fn take_back(&self) -> bool {
        let mut state = self.outbox.state.lock();
        let Ok(at) = state.waiting.binary_search_by_key(&self.number, |message| message.number) else { return false };
        state.waiting.remove(at);
        true
    }

    fn fate(&self, waker: &Waker) -> Poll<Fate> {
        let mut state = self.outbox.state.lock();
        if self.number < state.written {
            return Poll::Ready(Fate::Written);
        }
        if state.closed {
            return Poll::Ready(if self.number < state.flying { Fate::Unknown } else { Fate::Unsent });
        }
        if !state.waiters.last().is_some_and(|last| last.will_wake(waker)) {
            state.waiters.push(waker.clone());
        }
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.done {
            self.take_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use waddlebot_runtime::spawn;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn outbox(budget: Budget) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(budget, 1));
        outbox.enter(0);
        outbox
    }

    fn say(outbox: &Arc<Outbox>, text: &'static str) -> Ticket {
        outbox.say(0, Bytes::from_static(text.as_bytes()), 1, NOW).expect("taken")
    }

    fn collected(outbox: &Outbox, now: Duration) -> String {
        let mut batch = BytesMut::new();
        outbox.collect(&mut batch, now);
        String::from_utf8_lossy(&batch).into_owned()
    }

    #[tokio::test]
    async fn what_waits_goes_out_in_one_write_and_everybody_is_told() {
        let (outbox, clock) = (outbox(Budget::unlimited()), Clock::turned());
        let tickets = [say(&outbox, "a\r\n"), say(&outbox, "b\r\n")];
        outbox.urgent(&mut BytesMut::from(&b"PONG x\r\n"[..]), NOW);
        let (mut near, mut far) = tokio::io::duplex(1024);
        let writer = outbox.clone();
        let task = spawn::task("writer", async move { writer.write(&mut near, &clock).await });
        for ticket in tickets {
            assert_eq!(ticket.await, Fate::Written);
        }
        let mut read = [0; 64];
        let length = far.read(&mut read).await.expect("reads");
        assert_eq!(&read[..length], b"PONG x\r\na\r\nb\r\n");
        assert!(outbox.is_idle());
        drop(far);
        let _late = say(&outbox, "c\r\n");
        assert!(matches!(task.await.expect("ends"), Trouble::Closed { .. }));
    }

    #[test]
    fn talk_keeps_to_the_budget_and_protocol_lines_do_not_wait() {
        let outbox = outbox(Budget::rfc());
        let _tickets: Vec<Ticket> = (0..8).map(|_| say(&outbox, "x\r\n")).collect();
        assert!(!outbox.rests(NOW), "something may leave");
        assert_eq!(collected(&outbox, NOW), "x\r\n".repeat(5));
        outbox.written();
        assert!(outbox.rests(NOW) && !outbox.is_idle(), "what waits waits for the budget");
        outbox.urgent(&mut BytesMut::from(&b"PONG x\r\n"[..]), NOW);
        assert_eq!(collected(&outbox, NOW), "PONG x\r\n");
        assert_eq!(collected(&outbox, NOW + Duration::from_secs(2)), "");
        assert_eq!(collected(&outbox, NOW + Duration::from_secs(4)), "x\r\n");
    }

    #[test]
    fn a_message_nobody_waits_for_any_more_is_not_said() {
        let outbox = outbox(Budget::unlimited());
        let (first, second, third) = (say(&outbox, "1\r\n"), say(&outbox, "2\r\n"), say(&outbox, "3\r\n"));
        drop(second);
        assert_eq!(collected(&outbox, NOW), "1\r\n3\r\n");
        assert!(!first.take_back());
        drop((first, third));
    }

    #[tokio::test]
    async fn a_broken_connection_tells_sent_unsent_and_unknown_apart() {
        let outbox = outbox(Budget::rfc());
        let mut tickets: Vec<Ticket> = (0..3).map(|_| say(&outbox, "x\r\n")).collect();
        collected(&outbox, NOW);
        outbox.written();
        tickets.extend((0..4).map(|_| say(&outbox, "y\r\n")));
        collected(&outbox, NOW);
        outbox.close();
        let mut fates = Vec::new();
        for ticket in tickets {
            fates.push(ticket.await);
        }
        use Fate::{Unknown, Unsent, Written};
        assert_eq!(fates, [Written, Written, Written, Unknown, Unknown, Unsent, Unsent]);
        assert_eq!(outbox.say(0, Bytes::new(), 1, NOW).err(), Some(Untaken::Away));
    }

    #[test]
    fn the_queue_has_an_end() {
        let outbox = outbox(Budget::rfc());
        let tickets: Vec<Ticket> = (0..PACED.0).map(|_| say(&outbox, "x\r\n")).collect();
        assert!(matches!(outbox.say(0, Bytes::new(), 1, NOW).err(), Some(Untaken::Full(_))));
        drop(tickets);
        outbox.leave(0);
        assert_eq!(outbox.say(0, Bytes::new(), 1, NOW).err(), Some(Untaken::Out));
        outbox.enter(0);
        say(&outbox, "y\r\n").forget();
        assert_eq!(collected(&outbox, NOW), "y\r\n");
    }
}
