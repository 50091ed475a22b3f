//! One browser's end of the wire: frames go out at once, what does not fit waits in a short line,
//! and a page that is too slow is brought up to date later instead of being waited for.

mod ear;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use super::frame;

pub(super) use ear::{Ear, listen};

/// The most bytes that wait for one page.
const LINE: usize = 512 * 1024;

/// One connected page. Shared by the task that reads it, the group that writes to it and its actor.
pub(super) struct Socket {
    stream: TcpStream,
    out: Mutex<Out>,
    task: AtomicWaker,
    /// When the page last said something, in milliseconds since boot.
    heard: AtomicI64,
    /// When it was last pinged; negative once it answered.
    pinged: AtomicI64,
    missed: AtomicU32,
    /// It said on arrival that it still shows something.
    holds: bool,
    /// Which generation of the token it came with.
    pub(super) generation: i64,
}

struct Out {
    line: VecDeque<Bytes>,
    bytes: usize,
    sync: Sync,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum Sync {
    /// It was not told yet what shows.
    Fresh,
    /// It gets the broadcasts.
    Current,
    /// It was too slow and must be told anew what shows.
    Slow,
}

/// What a page must show now.
pub(super) struct Sight {
    /// The frame, when something shows.
    pub(super) shows: Option<Bytes>,
    /// For pages that still show something from before.
    pub(super) clear: Bytes,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    /// A close was sent, at this time.
    Closing(i64),
    Closed,
}

/// What the sweep found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Health {
    Fine,
    Gone,
}

/// When a connection is pinged and when it is given up, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    pub(super) ping: i64,
    pub(super) timeout: i64,
    pub(super) stale: i64,
}

impl Socket {
    /// A page that is to be told what shows; until then it gets no broadcasts.
    pub(super) fn new(stream: TcpStream, generation: i64, holds: bool, now: i64) -> Arc<Self> {
        // Frames are whole when written: waiting to fill a packet would only delay them.
        stream.set_nodelay(true).ok();
        Arc::new(Self {
            stream,
            out: Mutex::new(Out { line: VecDeque::new(), bytes: 0, sync: Sync::Fresh, state: State::Open }),
            task: AtomicWaker::new(),
            heard: AtomicI64::new(now),
            pinged: AtomicI64::new(-now.max(1)),
            missed: AtomicU32::new(0),
            holds,
            generation,
        })
    }

    /// Sends whole frames to a page that is up to date.
    pub(super) fn broadcast(&self, frames: &Bytes) {
        let mut out = self.out.lock();
        if out.sync != Sync::Current {
            self.missed.fetch_add(1, Relaxed);
        } else {
            self.push(&mut out, frames);
        }
    }

    /// Sends whole frames that concern this page alone.
    pub(super) fn send(&self, frames: &Bytes) {
        self.push(&mut self.out.lock(), frames);
    }

    /// Tells the page what shows now; from here on it gets the broadcasts.
    pub(super) fn resync(&self, sight: &Sight) {
        let mut out = self.out.lock();
        // A page that shows something from before must learn that it is over.
        let holds = self.holds || out.sync == Sync::Slow;
        out.sync = Sync::Current;
        if let Some(frame) = sight.shows.as_ref().or(holds.then_some(&sight.clear)) {
            self.push(&mut out, frame);
        }
    }

    /// Tells the page what shows instead of what it shows.
    pub(super) fn replace(&self, sight: &Sight) {
        {
            let mut out = self.out.lock();
            if out.sync == Sync::Current {
                self.push(&mut out, sight.shows.as_ref().unwrap_or(&sight.clear));
                return;
            }
        }
        self.resync(sight);
    }

    /// Whether it must be told what shows before it gets anything else.
    pub(super) fn lags(&self) -> bool {
        self.out.lock().sync != Sync::Current
    }

    /// How many broadcasts it missed because it was too slow or not yet told what shows.
    pub(super) fn missed(&self) -> u32 {
        self.missed.load(Relaxed)
    }

    /// How many bytes wait for it.
    pub(super) fn waiting(&self) -> usize {
        self.out.lock().bytes
    }

    /// When the page last said something, in milliseconds since boot.
    pub(super) fn heard(&self) -> i64 {
        self.heard.load(Relaxed)
    }

    /// Says goodbye; the page has a few seconds to say so too.
    pub(super) fn close(&self, code: u16, reason: &'static str, now: i64) {
        let mut out = self.out.lock();
        if out.state == State::Open {
            self.push(&mut out, &frame::close(code, reason));
            if out.state == State::Open {
                out.state = State::Closing(now);
            }
            drop(out);
            self.task.wake();
        }
    }

    /// Ends the connection at once.
    pub(super) fn cut(&self) {
        self.out.lock().end();
        self.task.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.out.lock().state == State::Closed
    }

    /// Looks after the connection: pings it, closes one that is silent, cuts one that does not go.
    pub(super) fn sweep(&self, now: i64, pulse: &Pulse, ping: &Bytes) -> Health {
        const GOODBYE: i64 = 5000;
        let state = self.out.lock().state;
        match state {
            State::Closed => return Health::Gone,
            State::Closing(since) if now - since >= GOODBYE => {
                self.cut();
                return Health::Gone;
            }
            State::Closing(_) => return Health::Fine,
            State::Open => {}
        }
        let pinged = self.pinged.load(Relaxed);
        if now - self.heard.load(Relaxed) >= pulse.stale {
            self.close(GOING_AWAY, "stale", now);
        } else if pinged > 0 && now - pinged >= pulse.timeout {
            self.close(GOING_AWAY, "no pong", now);
        } else if pinged <= 0 && now + pinged >= pulse.ping {
            self.pinged.store(now, Relaxed);
            self.send(ping);
        }
        Health::Fine
    }

    fn push(&self, out: &mut Out, frames: &Bytes) {
        if out.state != State::Open {
            return;
        }
        let sent = if out.line.is_empty() {
            match self.stream.try_write(frames) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => {
                    out.end();
                    self.task.wake();
                    return;
                }
            }
        } else {
            0
        };
        if sent == frames.len() {
            return;
        }
        if out.bytes + frames.len() - sent > LINE {
            // Too slow: only what is half sent is finished, the rest is made good by a resync.
            out.line.truncate(1);
            out.bytes = out.line.front().map_or(0, Bytes::len);
            out.sync = Sync::Slow;
            self.missed.fetch_add(1, Relaxed);
        } else {
            out.line.push_back(frames.slice(sent..));
            out.bytes += frames.len() - sent;
        }
        self.task.wake();
    }

    /// Waits until there is something to read; meanwhile sends what waits.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Wake> {
        self.task.register(cx.waker());
        let mut caught_up = false;
        {
            let mut out = self.out.lock();
            let waited = !out.line.is_empty();
            while !out.line.is_empty() && out.state != State::Closed {
                match self.stream.poll_write_ready(cx) {
                    Poll::Ready(Ok(())) => self.drain(&mut out),
                    Poll::Ready(Err(_)) => out.end(),
                    Poll::Pending => break,
                }
            }
            if out.state == State::Closed {
                return Poll::Ready(Wake::Closed);
            }
            if waited && out.line.is_empty() {
                out.line = VecDeque::new();
                caught_up = out.sync == Sync::Slow;
            }
        }
        if caught_up {
            return Poll::Ready(Wake::CaughtUp);
        }
        match self.stream.poll_read_ready(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Wake::Read),
            Poll::Ready(Err(_)) => Poll::Ready(Wake::Closed),
            Poll::Pending => Poll::Pending,
        }
    }

    fn drain(&self, out: &mut Out) {
        while let Some(first) = out.line.front_mut() {
            match self.stream.try_write(first) {
                Ok(sent) => {
                    out.bytes -= sent;
                    if sent == first.len() {
                        out.line.pop_front();
                    } else {
                        bytes::Buf::advance(first, sent);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return out.end(),
            }
        }
    }
}

/// The endpoint is going away, or the connection was silent for too long.
pub(super) const GOING_AWAY: u16 = 1001;
/// The token is not, or no longer, good.
pub(super) const POLICY: u16 = 1008;

impl Out {
    fn end(&mut self) {
        self.state = State::Closed;
        self.line = VecDeque::new();
        self.bytes = 0;
    }
}

enum Wake {
    Read,
    CaughtUp,
    Closed,
}
