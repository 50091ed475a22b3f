//! One group of the journal: gathered while the last one was written, then written at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::future::join;
use tokio::sync::oneshot;

use super::Entry;
use super::inbox;
use super::outbox::{self, SENT, UNKNOWN, UNSENT};
use super::outcomes;
use super::points::{self, Points};
use crate::chat::Millis;
use crate::fault;
use crate::gate::Shut;
use crate::store::{Store, StoreError, nodes};

/// Whether a line is on disk, or why it is not.
pub(super) type Written = Result<(), String>;

/// What the journal is told.
pub(super) enum Line {
    /// Put it into the inbox; answer when it is on disk.
    Accept(Accepting, oneshot::Sender<Written>),
    /// It was acted on by this life: take it out of the inbox, unless another life has it by now.
    Done(String, String),
    /// What came of it, as JSON: for who left it in the inbox and waits for that.
    Outcome(String, String),
    /// These are about to be sent by this life; answer with those that are still its own, when that is on disk.
    Sending(Vec<String>, String, oneshot::Sender<Result<Vec<String>, String>>),
    /// This was sent: forget it.
    Sent(String),
    /// Nobody knows whether this was sent: keep it to be shown, never send it again.
    Unknown(String),
    /// These did not leave after all, and this life marked them: the next one sends them.
    Unsent(Vec<String>, String),
    /// What chatters earned.
    Points(Points),
    /// Answer when everything told before is on disk.
    Flush(oneshot::Sender<()>),
}

/// An entry on its way into the inbox.
pub(super) struct Accepting {
    pub(super) entry: Entry,
    /// In whose hands it is; in nobody's when that is empty.
    pub(super) holder: String,
    /// The life that heard it. What a silent network brings to the database when that life is over is not taken: whoever
    /// serves its entity by then has heard what came after it.
    pub(super) life: String,
    /// Somebody waits for what comes of it, and learns of it from the database.
    pub(super) awaited: bool,
}

/// When an entry arrived, and behind which others it goes.
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
    accept: Vec<(Accepting, Arrival)>,
    done: Owned,
    outcomes: Vec<(String, String)>,
    sending: Owned,
    sent: Vec<String>,
    unknown: Vec<String>,
    unsent: Owned,
    /// Entries that may be in the inbox though who accepted them was told that they are not: they must not be done later,
    /// behind what was accepted after them.
    withdrawn: Vec<Withdrawn>,
    points: Vec<Points>,
    waiting: Vec<oneshot::Sender<Written>>,
    marking: Vec<(Vec<String>, oneshot::Sender<Result<Vec<String>, String>>)>,
    flushed: Vec<oneshot::Sender<()>>,
}

/// Ids by the life that speaks of them.
pub(super) type Owned = BTreeMap<String, Vec<String>>;

/// An entry as it was put in, if it was: by whom, and when.
#[derive(Clone, Debug)]
pub(super) struct Withdrawn {
    pub(super) id: String,
    pub(super) holder: String,
    pub(super) at: Millis,
}

impl Batch {
    pub(super) fn add(&mut self, line: Line, arrival: Arrival) {
        match line {
            Line::Accept(accepting, reply) => {
                self.accept.push((accepting, arrival));
                self.waiting.push(reply);
            }
            Line::Done(id, life) => self.done.entry(life).or_default().push(id),
            Line::Outcome(id, body) => self.outcomes.push((id, body)),
            Line::Sending(ids, life, reply) => {
                self.sending.entry(life).or_default().extend(ids.iter().cloned());
                self.marking.push((ids, reply));
            }
            Line::Sent(id) => self.sent.push(id),
            Line::Unknown(id) => self.unknown.push(id),
            Line::Unsent(ids, life) => self.unsent.entry(life).or_default().extend(ids),
            Line::Points(points) => self.points.push(points),
            Line::Flush(reply) => self.flushed.push(reply),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows() == 0 && self.flushed.is_empty()
    }

    fn rows(&self) -> usize {
        let marks = many(&self.sending) + self.sent.len() + self.unknown.len() + many(&self.unsent) + self.withdrawn.len();
        self.accept.len() + many(&self.done) + self.outcomes.len() + marks + self.points.len()
    }

    /// Adds what could not be written before.
    pub(super) fn again(&mut self, before: Self) {
        join_to(&mut self.done, before.done);
        self.outcomes.extend(before.outcomes);
        self.sent.extend(before.sent);
        self.unknown.extend(before.unknown);
        join_to(&mut self.unsent, before.unsent);
        self.withdrawn.extend(before.withdrawn);
    }

    /// What of a group that was not written must be written all the same: nobody waits for it, and nobody says it again.
    fn kept(self) -> Self {
        let Self { done, outcomes, sent, unknown, unsent, mut withdrawn, accept, .. } = self;
        // What was left for whoever serves its entity may be done: nobody was told anything.
        let held = accept.into_iter().filter(|(one, _)| !one.holder.is_empty());
        withdrawn.extend(held.map(|(one, arrival)| Withdrawn { id: one.entry.message_id, holder: one.holder, at: arrival.at }));
        let kept = Self { done, outcomes, sent, unknown, unsent, withdrawn, ..Self::default() };
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
        let marking = std::mem::take(&mut self.marking);
        let lines = async {
            let written = self.commit(store).await;
            match &written {
                Ok(_) => fault::point("inbox-committed"),
                Err(error) => tracing::error!(%error, rows, "a group of the journal was not written"),
            }
            let written = written.map_err(|error| error.to_string());
            for reply in waiting {
                reply.send(written.as_ref().map(drop).map_err(Clone::clone)).ok();
            }
            for (ids, reply) in marking {
                let mine = |marked: &HashSet<String>| ids.into_iter().filter(|id| marked.contains(id)).collect();
                reply.send(written.as_ref().map(mine).map_err(Clone::clone)).ok();
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

    /// Writes all of it at once; gives the lines that were marked as about to be sent.
    async fn commit(&self, store: &Store) -> Result<HashSet<String>, StoreError> {
        let mut marked = HashSet::new();
        if self.rows() == self.points.len() {
            return Ok(marked);
        }
        let mut tx = store.begin().await?;
        // First: who was told that it is not accepted may have come with it again.
        inbox::withdraw(&mut tx, &self.withdrawn).await?;
        let lives: BTreeSet<_> = self.accept.iter().map(|(one, _)| one.life.as_str()).filter(|life| !life.is_empty()).collect();
        // One process has the file for itself: no other has taken anything over.
        for life in lives.into_iter().filter(|_| !store.is_file()) {
            if !nodes::lives(&mut tx, life).await? {
                return Err(Shut::Surrendered.into());
            }
        }
        inbox::put(&mut tx, &self.accept).await?;
        let awaited: Vec<_> = self.accept.iter().filter(|(one, _)| one.awaited).collect();
        if let Some((_, arrival)) = awaited.first() {
            let ids: Vec<_> = awaited.iter().map(|(one, _)| one.entry.message_id.as_str()).collect();
            outcomes::want(&mut tx, &ids, arrival.at).await?;
        }
        outcomes::tell(&mut tx, &self.outcomes).await?;
        for (life, ids) in &self.done {
            inbox::take(&mut tx, life, ids).await?;
        }
        // What was not sent was marked before what is about to be.
        for (life, ids) in &self.unsent {
            outbox::mark_own(&mut tx, UNSENT, life, ids).await?;
        }
        for (life, ids) in &self.sending {
            marked.extend(outbox::sending(&mut tx, life, ids).await?);
        }
        outbox::mark(&mut tx, SENT, &self.sent).await?;
        outbox::mark(&mut tx, UNKNOWN, &self.unknown).await?;
        tx.commit().await?;
        Ok(marked)
    }
}

fn many(owned: &Owned) -> usize {
    owned.values().map(Vec::len).sum()
}

fn join_to(owned: &mut Owned, more: Owned) {
    for (life, ids) in more {
        owned.entry(life).or_default().extend(ids);
    }
}
