//! This node's own connection to a peer: brings envelopes, matches answers to them, and ends when the peer falls silent.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{ReadHalf, split};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::frame::{self, Frame, Kind};
use super::greeting::Met;
use super::pen::{self, Pen};
use super::secure::Wire;
use super::{BEAT, SILENCE};
use crate::clock::Clock;
use crate::gateway::{Answer, Brought, Envelope, LARGEST, LinkError, Payload, PeerLink};
use crate::platform::Boxed;
use crate::store::Identity;

/// The most envelopes that may be on their way to one peer, or wait there for what comes of them.
pub(super) const MESSAGES: usize = 2048;
/// The most bytes of envelopes that a peer has not taken yet.
pub(super) const BYTES: usize = 4 * 1024 * 1024;
/// How long is waited for credit.
const CREDIT: Duration = Duration::from_secs(2);
/// How long a living peer may take to take an envelope.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection that this node opened.
pub(super) struct Link {
    peer: Identity,
    /// What both speak.
    version: u16,
    pen: Pen,
    waiting: Mutex<HashMap<u64, Waiting>>,
    next: AtomicU64,
    messages: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    over: CancellationToken,
    brought: AtomicU64,
    /// How long the last ping took, in microseconds.
    round_trip: AtomicU64,
}

/// Who waits for the answer to an envelope.
struct Waiting {
    taken: Option<(oneshot::Sender<Answer>, OwnedSemaphorePermit)>,
    outcome: Option<oneshot::Sender<Answer>>,
    _credit: OwnedSemaphorePermit,
}

/// What a link shows of itself.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LinkView {
    /// The node at the other end.
    pub node: String,
    /// In which life.
    pub incarnation: i64,
    /// How many envelopes were brought.
    pub brought: u64,
    /// How many are on their way or waited for.
    pub open: usize,
    /// How many bytes the peer has not taken yet.
    pub bytes_waiting: usize,
    /// How long the last ping took, in microseconds.
    pub round_trip_us: u64,
}

impl Link {
    /// A link over a connection that both ends have agreed on, and the work that keeps it: it ends with the connection.
    pub(super) fn over(wire: Wire, met: Met, clock: Clock) -> (Arc<Self>, impl Future<Output = io::Error> + Send) {
        let (reader, writer) = split(wire);
        let (pen, writing) = pen::pen(writer);
        let link = Arc::new(Self {
            peer: met.peer,
            version: met.version,
            pen,
            waiting: Mutex::default(),
            next: AtomicU64::new(1),
            messages: Arc::new(Semaphore::new(MESSAGES)),
            bytes: Arc::new(Semaphore::new(BYTES)),
            over: CancellationToken::new(),
            brought: AtomicU64::new(0),
            round_trip: AtomicU64::new(0),
        });
        let kept = link.clone();
        let keep = async move {
            let why = tokio::select! {
                error = writing => error,
                error = kept.hear(reader, &clock) => error,
                error = kept.beat(&clock) => error,
                () = kept.over.cancelled() => io::Error::other("it is not needed any more"),
            };
            kept.end();
            why
        };
        (link, keep)
    }

    /// Whether the connection stands.
    pub(super) fn is_open(&self) -> bool {
        !self.over.is_cancelled()
    }

    /// Ends the connection.
    pub(super) fn end(&self) {
        self.over.cancel();
        // Whoever waits learns that there will be no answer.
        self.waiting.lock().clear();
    }

    pub(super) fn view(&self) -> LinkView {
        LinkView {
            node: self.peer.node_id.clone(),
            incarnation: self.peer.incarnation,
            brought: self.brought.load(Relaxed),
            open: MESSAGES - self.messages.available_permits(),
            bytes_waiting: BYTES - self.bytes.available_permits(),
            round_trip_us: self.round_trip.load(Relaxed),
        }
    }

    async fn beat(&self, clock: &Clock) -> io::Error {
        loop {
            let now = u64::try_from(clock.since_boot().as_micros()).unwrap_or(0);
            if !self.pen.write(frame::written(Kind::Ping, now, b"")) {
                return io::Error::other("the connection is over");
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    async fn hear(&self, mut reader: ReadHalf<Wire>, clock: &Clock) -> io::Error {
        loop {
            let read = match tokio::time::timeout(SILENCE, frame::read(&mut reader, LARGEST)).await {
                Ok(Ok(read)) => read,
                Ok(Err(error)) => return error,
                Err(_) => return io::Error::new(io::ErrorKind::TimedOut, "nothing was heard of it"),
            };
            let Frame { kind, number, body } = read;
            match kind {
                Kind::Pong => {
                    let now = u64::try_from(clock.since_boot().as_micros()).unwrap_or(0);
                    self.round_trip.store(now.saturating_sub(number), Relaxed);
                }
                Kind::Taken | Kind::Outcome => {
                    let answer = match Answer::read(&body) {
                        Ok(answer) => answer,
                        Err(error) => return io::Error::new(io::ErrorKind::InvalidData, error),
                    };
                    self.answered(kind, number, answer);
                }
                _ => return io::Error::new(io::ErrorKind::InvalidData, "it says what only a caller says"),
            }
        }
    }

    fn answered(&self, kind: Kind, number: u64, answer: Answer) {
        let mut waiting = self.waiting.lock();
        let Some(entry) = waiting.get_mut(&number) else { return };
        if kind == Kind::Outcome {
            let outcome = entry.outcome.take();
            waiting.remove(&number);
            drop(waiting);
            outcome.map(|outcome| outcome.send(answer));
            return;
        }
        let taken = entry.taken.take();
        // Who gave up has dropped the receiver: nobody waits for the outcome either.
        let awaited = answer == Answer::Taken && entry.outcome.as_ref().is_some_and(|outcome| !outcome.is_closed());
        if !awaited {
            waiting.remove(&number);
        }
        drop(waiting);
        taken.map(|(taken, _bytes)| taken.send(answer));
    }

    async fn brings(&self, envelope: &Envelope) -> Result<Brought, LinkError> {
        let silent = |why: &str| LinkError::Silent { node: self.peer.node_id.clone(), why: why.to_owned() };
        let unfit = |why| LinkError::Garbled { node: self.peer.node_id.clone(), why };
        let body = envelope.write(self.version).map_err(unfit)?;
        let cost = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let credit = async {
            let credit = self.messages.clone().acquire_owned().await.ok()?;
            Some((credit, self.bytes.clone().acquire_many_owned(cost).await.ok()?))
        };
        let credit = tokio::select! {
            credit = tokio::time::timeout(CREDIT, credit) => credit,
            () = self.over.cancelled() => return Err(silent("the connection is lost")),
        };
        let (credit, bytes) = credit.ok().flatten().ok_or_else(|| LinkError::Busy(self.peer.node_id.clone()))?;
        let number = self.next.fetch_add(1, Relaxed);
        let (taken, answer) = oneshot::channel();
        let (later, outcome) = oneshot::channel();
        let awaited = !matches!(envelope.payload, Payload::Said(_));
        let entry = Waiting { taken: Some((taken, bytes)), outcome: awaited.then_some(later), _credit: credit };
        self.waiting.lock().insert(number, entry);
        let withdrawn = Withdrawn { link: self, number };
        if !self.is_open() || !self.pen.write(frame::written(Kind::Bring, number, &body)) {
            return Err(silent("the connection is lost"));
        }
        let answer = match tokio::time::timeout(ANSWER, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => return Err(silent("the connection was lost")),
            Err(_) => return Err(silent("it does not say that it has it")),
        };
        std::mem::forget(withdrawn);
        self.brought.fetch_add(1, Relaxed);
        let outcome = (answer == Answer::Taken && awaited).then_some(outcome);
        Ok(Brought { answer, outcome })
    }
}

/// An envelope that nobody waits for any more is forgotten, with its credit.
struct Withdrawn<'a> {
    link: &'a Link,
    number: u64,
}

impl Drop for Withdrawn<'_> {
    fn drop(&mut self) {
        self.link.waiting.lock().remove(&self.number);
    }
}

impl PeerLink for Link {
    fn peer(&self) -> &Identity {
        &self.peer
    }

    fn bring<'a>(&'a self, envelope: &'a Envelope) -> Boxed<'a, Result<Brought, LinkError>> {
        Box::pin(self.brings(envelope))
    }
}
