//! One group of the journal: gathered while the last one was written, then written at once.

use futures_util::future::join;
use tokio::sync::oneshot;

use super::Entry;
use super::inbox;
use super::outbox::{self, LET_GO, SENDING, SENT, UNKNOWN, UNSENT};
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
    /// These were not sent, and this life does nothing more about them: whoever looks next takes them up.
    LetGo(Vec<String>),
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

/// The most that is kept to be written again.
const MOST_KEPT: usize = 100_000;

/// What waits to be written together.
#[derive(Default)]
pub(super) struct Batch {
    accept: Vec<(Entry, String, Arrival)>,
    done: Vec<String>,
    sending: Vec<String>,
    sent: Vec<String>,
    unknown: Vec<String>,
    unsent: Vec<String>,
    let_go: Vec<String>,
    /// Entries of which it is not known whether they are in the inbox: nobody acts on them who does not find them.
    unheld: Vec<String>,
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
            Line::LetGo(ids) => self.let_go.extend(ids),
            Line::Points(points) => self.points.push(points),
            Line::Flush(reply) => self.flushed.push(reply),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows() == 0 && self.flushed.is_empty()
    }

    fn rows(&self) -> usize {
        let marks = self.sending.len() + self.sent.len() + self.unknown.len() + self.unsent.len() + self.let_go.len() + self.unheld.len();
        self.accept.len() + self.done.len() + marks + self.points.len()
    }

    /// Adds what could not be written before.
    pub(super) fn again(&mut self, before: Self) {
        self.done.extend(before.done);
        self.sent.extend(before.sent);
        self.unknown.extend(before.unknown);
        self.unsent.extend(before.unsent);
        self.let_go.extend(before.let_go);
        self.unheld.extend(before.unheld);
    }

    /// What of a group that was not written must be written all the same: nobody waits for it, and nobody says it again.
    fn kept(self) -> Self {
        let Self { done, sent, unknown, unsent, let_go, mut unheld, accept, .. } = self;
        // Who accepted it was told that it is not; should it be there, it is done once.
        unheld.extend(accept.into_iter().map(|(entry, ..)| entry.message_id));
        let kept = Self { done, sent, unknown, unsent, let_go, unheld, ..Self::default() };
        if kept.rows() <= MOST_KEPT {
            return kept;
        }
        tracing::error!(rows = kept.rows(), "too much of the journal could not be written: it is found at the next start");
        Self::default()
    }

    /// Writes the group and answers everybody who waits for it; returns how many rows it held, and what must be written again.
    pub(super) async fn write(mut self, store: &Store) -> (u64, Self) {
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
            written.is_ok()
        };
        // At once, so that they share a commit where the database lets them.
        let (written, ()) = join(lines, points::add(store, &self.points)).await;
        for reply in flushed {
            reply.send(()).ok();
        }
        (rows, if written { Self::default() } else { self.kept() })
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
        outbox::mark(&mut tx, LET_GO, &self.let_go).await?;
        inbox::let_go(&mut tx, &self.unheld).await?;
        tx.commit().await
    }
}
