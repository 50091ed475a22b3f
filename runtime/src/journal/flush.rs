//! One group of the journal: gathered while the last one was written, then written at once.

use futures_util::future::join;
use tokio::sync::oneshot;

use super::Entry;
use super::inbox;
use super::outbox::{self, SENDING, SENT, UNKNOWN, UNSENT};
use super::points::{self, Points};
use crate::chat::Millis;
use crate::fault;
use crate::store::{Store, StoreError};

/// Whether a line is on disk, or why it is not.
pub(super) type Written = Result<(), String>;

/// What the journal is told.
pub(super) enum Line {
    /// Put it into the inbox, into these hands; answer when it is on disk.
    Accept(Entry, String, oneshot::Sender<Written>),
    /// It was acted on: take it out of the inbox.
    Done(String),
    /// These are about to be sent; answer when that is on disk.
    Sending(Vec<String>, oneshot::Sender<Written>),
    /// This was sent: forget it.
    Sent(String),
    /// Nobody knows whether this was sent: keep it to be shown, never send it again.
    Unknown(String),
    /// This did not leave after all: the next start sends it.
    Unsent(String),
    /// What chatters earned.
    Points(Points),
    /// Answer when everything told before is on disk.
    Flush(oneshot::Sender<()>),
}

/// When an entry arrived, and after which others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) seq: i64,
    pub(super) at: Millis,
}

/// What waits to be written together.
#[derive(Default)]
pub(super) struct Batch {
    accept: Vec<(Entry, String, Arrival)>,
    done: Vec<String>,
    sending: Vec<String>,
    sent: Vec<String>,
    unknown: Vec<String>,
    unsent: Vec<String>,
    points: Vec<Points>,
    waiting: Vec<oneshot::Sender<Written>>,
    flushed: Vec<oneshot::Sender<()>>,
}

impl Batch {
    pub(super) fn add(&mut self, line: Line, arrival: Arrival) {
        match line {
            Line::Accept(entry, holder, reply) => {
                self.accept.push((entry, holder, arrival));
                self.waiting.push(reply);
            }
            Line::Done(id) => self.done.push(id),
            Line::Sending(ids, reply) => {
                self.sending.extend(ids);
                self.waiting.push(reply);
            }
            Line::Sent(id) => self.sent.push(id),
            Line::Unknown(id) => self.unknown.push(id),
            Line::Unsent(id) => self.unsent.push(id),
            Line::Points(points) => self.points.push(points),
            Line::Flush(reply) => self.flushed.push(reply),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows() == 0 && self.flushed.is_empty()
    }

    fn rows(&self) -> usize {
        let marks = self.sending.len() + self.sent.len() + self.unknown.len() + self.unsent.len();
        self.accept.len() + self.done.len() + marks + self.points.len()
    }

    /// Writes the group and answers everybody who waits for it; returns how many rows it held.
    pub(super) async fn write(mut self, store: &Store) -> u64 {
        let rows = self.rows() as u64;
        let (waiting, flushed) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.flushed));
        let lines = async {
            let written = self.commit(store).await;
            match &written {
                Ok(()) => fault::point("inbox-committed"),
                Err(error) => tracing::error!(%error, rows, "a group of the journal was not written"),
            }
            let written = written.map_err(|error| error.to_string());
            for reply in waiting {
                reply.send(written.clone()).ok();
            }
        };
        // At once, so that they share a commit where the database lets them.
        join(lines, points::add(store, &self.points)).await;
        for reply in flushed {
            reply.send(()).ok();
        }
        rows
    }

    async fn commit(&self, store: &Store) -> Result<(), StoreError> {
        if self.rows() == self.points.len() {
            return Ok(());
        }
        let mut tx = store.begin().await?;
        inbox::put(&mut tx, &self.accept).await?;
        inbox::take(&mut tx, &self.done).await?;
        outbox::mark(&mut tx, SENDING, &self.sending).await?;
        outbox::mark(&mut tx, SENT, &self.sent).await?;
        outbox::mark(&mut tx, UNKNOWN, &self.unknown).await?;
        outbox::mark(&mut tx, UNSENT, &self.unsent).await?;
        tx.commit().await
    }
}
