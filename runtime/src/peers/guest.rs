//! A peer's connection to this node: its envelopes, in order for each entity, and what they are answered.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::io::{ReadHalf, split};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::SILENCE;
use super::frame::{self, Frame, Kind};
use super::link::{BYTES, MESSAGES};
use super::pen::{self, Pen};
use super::secure::Wire;
use crate::gateway::{Answer, Envelope, Gateway, LARGEST, Taking, VERSION};
use crate::spawn;

/// How many envelopes are handed on at the same time. All of one entity take the same lane, and so stay in order.
const LANES: usize = 8;

/// What a peer has on its way here.
#[derive(Default)]
struct Load {
    envelopes: AtomicUsize,
    bytes: AtomicUsize,
}

/// One envelope, counted until it is answered.
struct Parcel {
    number: u64,
    envelope: Result<Envelope, ()>,
    load: Arc<Load>,
    bytes: usize,
}

impl Parcel {
    /// Its answer waits to be written as well.
    fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.load.bytes.fetch_add(bytes, SeqCst);
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.load.envelopes.fetch_sub(1, SeqCst);
        self.load.bytes.fetch_sub(self.bytes, SeqCst);
    }
}

/// Serves a peer in the version both speak, until its connection ends or `closing`; says why it ended.
pub(super) async fn serve(wire: Wire, version: u16, gateway: Gateway, closing: CancellationToken) -> io::Error {
    let (reader, writer) = split(wire);
    let (pen, writing) = pen::pen(writer);
    let over = closing.child_token();
    let lanes: Vec<_> = (0..LANES).map(|_| lane(gateway.clone(), version, pen.clone(), over.clone())).collect();
    let why = tokio::select! {
        error = writing => error,
        error = hear(reader, &lanes, &pen) => error,
        () = closing.cancelled() => io::Error::other("this node goes"),
    };
    // What was taken is done; what still waits in a lane is not, and the peer is not told that it was.
    over.cancel();
    why
}

async fn hear(mut reader: ReadHalf<Wire>, lanes: &[mpsc::UnboundedSender<Parcel>], pen: &Pen) -> io::Error {
    let load = Arc::new(Load::default());
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    loop {
        let Frame { kind, number, body } = match tokio::time::timeout(SILENCE, frame::read(&mut reader, LARGEST)).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return error,
            Err(_) => return io::Error::new(io::ErrorKind::TimedOut, "nothing was heard of it"),
        };
        match kind {
            Kind::Ping => _ = pen.write(frame::written(Kind::Pong, number, b"")),
            Kind::Bring => {
                let bytes = body.len();
                let many = load.envelopes.fetch_add(1, SeqCst) + 1;
                let much = load.bytes.fetch_add(bytes, SeqCst) + bytes;
                let envelope = Envelope::read(&body).map_err(|error| tracing::warn!(%error, "a peer brought what cannot be read"));
                let parcel = Parcel { number, envelope, load: load.clone(), bytes };
                if many > 2 * MESSAGES || much > 2 * BYTES {
                    return invalid("it brings more than it has credit for");
                }
                let lane = parcel.envelope.as_ref().map_or(0, |envelope| lane_of(&envelope.entity));
                if lanes[lane].send(parcel).is_err() {
                    return invalid("its lane has ended");
                }
            }
            _ => return invalid("it says what only the called one says"),
        }
    }
}

fn lane_of(entity: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    entity.hash(&mut hasher);
    usize::try_from(hasher.finish() % LANES as u64).expect("less than the number of lanes")
}

/// Hands on what comes in, one after the other. How much waits in it is bounded by what one peer may have on its way.
fn lane(gateway: Gateway, version: u16, pen: Pen, over: CancellationToken) -> mpsc::UnboundedSender<Parcel> {
    let (sender, mut parcels) = mpsc::unbounded_channel::<Parcel>();
    spawn::task("lane", async move {
        loop {
            let mut parcel = tokio::select! {
                biased;
                () = over.cancelled() => return,
                parcel = parcels.recv() => match parcel {
                    Some(parcel) => parcel,
                    None => return,
                },
            };
            let envelope = std::mem::replace(&mut parcel.envelope, Err(()));
            let taking = match envelope {
                Ok(envelope) => gateway.take(envelope).await,
                Err(()) => Taking::from(Answer::Unsupported { version: VERSION }),
            };
            let at_once = frame::written(Kind::Taken, parcel.number, &taking.answer.write(version));
            let Some(outcome) = taking.outcome else {
                pen.write_holding(at_once, parcel);
                continue;
            };
            pen.write(at_once);
            let pen = pen.clone();
            spawn::task("outcome", async move {
                let answer = outcome.await.write(version);
                parcel.grow(answer.len());
                pen.write_holding(frame::written(Kind::Outcome, parcel.number, &answer), parcel);
            });
        }
    });
    sender
}
