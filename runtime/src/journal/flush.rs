//! One group of the journal: gathered while the last one was written, then written at once.

use futures_util::future::join;
use tokio::sync::oneshot;

use super::inbox::{self, Accepted};
use super::outbox::{self, SENDING, SENT, UNKNOWN, UNSENT};
use super::points::{self, Points};
use super::{Entry, Order};
use crate::chat::Millis;
use crate::fault;
use crate::store::{Store, StoreError};

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
    accepted: Vec<oneshot::Sender<Result<Accepted, String>>>,
    done: Vec<String>,
    sending: Vec<String>,
    marked: Vec<oneshot::Sender<Result<(), String>>>,
    sent: Vec<String>,
    unknown: Vec<String>,
    unsent: Vec<String>,
    points: Vec<Points>,
    flushed: Vec<oneshot::Sender<()>>,
}

impl Batch {
    pub(super) fn add(&mut self, order: Order, arrival: Arrival) {
        match order {
            Order::Accept(entry, holder, reply) => {
                self.accept.push((entry, holder, arrival));
                self.accepted.push(reply);
            }
            Order::Done(id) => self.done.push(id),
            Order::Sending(ids, reply) => {
                self.sending.extend(ids);
                self.marked.push(reply);
            }
            Order::Sent(id) => self.sent.push(id),
            Order::Unknown(id) => self.unknown.push(id),
            Order::Unsent(id) => self.unsent.push(id),
            Order::Points(points) => self.points.push(points),
            Order::Flush(reply) => self.flushed.push(reply),
            Order::Flushed(_) => {}
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
    pub(super) async fn write(self, store: &Store) -> u64 {
        let rows = self.rows() as u64;
        // At once, so that they share a commit where the database lets them.
        let (written, ()) = join(self.commit(store), points::add(store, &self.points)).await;
        match written {
            Ok(accepted) => {
                fault::point("inbox-committed");
                for (reply, accepted) in self.accepted.into_iter().zip(accepted) {
                    reply.send(Ok(accepted)).ok();
                }
                self.marked.into_iter().for_each(|reply| drop(reply.send(Ok(()))));
            }
            Err(error) => {
                tracing::error!(%error, rows, "a group of the journal was not written");
                let why = error.to_string();
                self.accepted.into_iter().for_each(|reply| drop(reply.send(Err(why.clone()))));
                self.marked.into_iter().for_each(|reply| drop(reply.send(Err(why.clone()))));
            }
        }
        for reply in self.flushed {
            reply.send(()).ok();
        }
        rows
    }

    async fn commit(&self, store: &Store) -> Result<Vec<Accepted>, StoreError> {
        if self.rows() == self.points.len() {
            return Ok(Vec::new());
        }
        let mut tx = store.begin().await?;
        let accepted = inbox::put(&mut tx, &self.accept).await?;
        inbox::take(&mut tx, &self.done).await?;
        outbox::mark(&mut tx, SENDING, &self.sending).await?;
        outbox::mark(&mut tx, SENT, &self.sent).await?;
        outbox::mark(&mut tx, UNKNOWN, &self.unknown).await?;
        outbox::mark(&mut tx, UNSENT, &self.unsent).await?;
        tx.commit().await?;
        Ok(accepted)
    }
}
