//! The journal: what was accepted, what ran, what must still go out; written in groups.

mod execution;
mod flush;
mod inbox;
mod keeper;
mod loose;
mod outbox;
mod outcomes;
mod points;

use std::sync::Arc;

use tokio::sync::oneshot;

pub use execution::{
    Answers, Begun, Ending, Execution, First, Inline, Known, Run, Told, answered, begin, end, executed, known, record, recording, settled,
};
pub use outbox::{Cause, Effect, Waiting, put};

pub use points::{Earned, Points, points_of};

use crate::actor::{Address, Fault, Me};
use crate::membership::Here;
use crate::store::{Store, StoreError};
use flush::{Accepting, Line};
use keeper::{Gathering, Keeper, Order};
use loose::Loose;

/// Something accepted: it will be acted on exactly once, whatever happens to this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The same id is the same message, for ever.
    pub message_id: String,
    /// Where it was heard.
    pub entity: String,
    /// The message or event as JSON.
    pub body: String,
}

/// How much is still open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Accepted and not yet acted on.
    pub inbox: i64,
    /// Committed and still to be sent.
    pub outbox: i64,
    /// Nobody knows whether these were sent.
    pub unknown: i64,
}

/// An entry or a line that is not in this life's hands, or that nobody works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The entry's message, or the line's id.
    pub id: String,
    /// Whose it is.
    pub entity: String,
}

/// The way to the journal: what is told to it is gathered here, and its actor writes it. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Journal {
    gathering: Arc<Gathering>,
    address: Address<Order>,
    store: Store,
    here: Option<Here>,
    loose: Arc<Loose>,
}

/// Outbox rows that were marked as about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Their ids.
    pub ids: Vec<String>,
    /// The life that marked them.
    pub life: String,
}

/// Whose hands nothing is ever in.
const NOBODY: &str = "-";

/// Comes true when what was told is on disk; an error says why it is not.
pub type Writing = oneshot::Receiver<Result<(), String>>;

impl Journal {
    /// Opens the journal under an actor's supervision.
    ///
    /// # Errors
    /// When it ended so often that it must rest (the supervision policy).
    pub async fn start<O: Send + 'static>(me: &Me<O>, store: Store) -> Result<Self, Fault> {
        let gathering = Arc::new(Gathering::new(me.clock().clone()));
        let seed = keeper::Seed { store: store.clone(), gathering: gathering.clone() };
        Ok(Self { address: me.open::<Keeper>("journal", seed).await?, gathering, store, here: None, loose: Arc::default() })
    }

    /// The key of its actor.
    #[must_use]
    pub fn key(&self) -> &str {
        self.address.meter().key()
    }

    /// The same on a node with a lease: what it accepts is in the hands of its present life.
    #[must_use]
    pub fn of(self, here: Here) -> Self {
        Self { here: Some(here), ..self }
    }

    /// Accepts an entry. Once this returns `Ok`, it may be acknowledged to whoever sent it.
    ///
    /// # Errors
    /// When it could not be written; it is not accepted then.
    pub async fn accept(&self, entry: Entry) -> Result<(), StoreError> {
        answer(self.accepting(entry)).await
    }

    /// As [`Journal::accept`], for who must not wait.
    #[must_use]
    pub fn accepting(&self, entry: Entry) -> Writing {
        let life = self.life();
        self.puts(Accepting { entry, holder: life.clone(), life, awaited: false })
    }

    /// Accepts an entry for whoever serves its entity, or will; what comes of it is kept for a while where it is `awaited`.
    ///
    /// # Errors
    /// When it could not be written; it is not accepted then.
    pub async fn leave(&self, entry: Entry, awaited: bool) -> Result<(), StoreError> {
        answer(self.puts(Accepting { entry, holder: String::new(), life: self.life(), awaited })).await
    }

    fn puts(&self, accepting: Accepting) -> Writing {
        let (sender, receiver) = oneshot::channel();
        self.tell(Line::Accept(accepting, sender));
        receiver
    }

    /// Whether an entry was not acted on yet.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn is_open(&self, message_id: &str) -> Result<bool, StoreError> {
        inbox::is_open(&self.store, message_id).await
    }

    /// What whoever acted on an entry that was left and awaited told of it, as JSON.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn outcome(&self, message_id: &str) -> Result<Option<String>, StoreError> {
        outcomes::of(&self.store, message_id).await
    }

    /// What these executions are recorded to have done.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn told(&self, executions: &[String]) -> Result<Vec<Told>, StoreError> {
        execution::of(&self.store, executions).await
    }

    /// Whether what is accepted is in the hands of one of this node's lives, so that it can be told from what is not.
    #[must_use]
    pub fn has_hands(&self) -> bool {
        !self.life().is_empty()
    }

    /// Whose hands this node's are now.
    fn life(&self) -> String {
        self.here.as_ref().and_then(Here::identity).map_or_else(String::new, |me| me.life())
    }

    /// In whose name this node writes: between two of its lives in nobody's, so that nothing of others is touched.
    fn name(&self) -> String {
        let life = self.life();
        if life.is_empty() && self.here.is_some() { NOBODY.to_owned() } else { life }
    }

    /// Takes an entry out of the inbox, after it was acted on and that is on disk; unless another life has it by now.
    pub fn done(&self, message_id: impl Into<String>) {
        self.tell(Line::Done(message_id.into(), self.name()));
    }

    /// As [`Journal::done`], for an entry that was left: with what came of it (JSON), for who waits for that.
    pub fn done_with(&self, message_id: impl Into<String>, outcome: String) {
        let message_id = message_id.into();
        self.tell(Line::Outcome(message_id.clone(), outcome));
        self.done(message_id);
    }

    /// An entry that is in this life's hands was not acted on after all: it is taken up again at the next look.
    pub fn put_back(&self, message_id: impl Into<String>) {
        self.loose.entries.put([message_id.into()]);
    }

    /// Notes that these outbox rows are about to be sent; gives those that may be, in the name of the life that marked
    /// them. What another life has taken up meanwhile is its to send.
    ///
    /// # Errors
    /// When it could not be written: do not send.
    pub async fn sending(&self, ids: Vec<String>) -> Result<Marked, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let life = self.name();
        self.tell(Line::Sending(ids.clone(), life.clone(), sender));
        match receiver.await {
            Ok(Ok(ids)) => Ok(Marked { ids, life }),
            failed => {
                // It may be marked all the same; that it did not go out is certain.
                self.unsent(ids.clone(), &life);
                self.let_go(ids);
                Err(StoreError::Lost(failed.map_or_else(|_| "the journal has ended".into(), |said| said.err().unwrap_or_default())))
            }
        }
    }

    /// Forgets an outbox row that was sent.
    pub fn sent(&self, id: impl Into<String>) {
        self.tell(Line::Sent(id.into()));
    }

    /// Marks an outbox row of which nobody knows whether it was sent.
    pub fn unknown(&self, id: impl Into<String>) {
        self.tell(Line::Unknown(id.into()));
    }

    /// Marks outbox rows that were marked by this life and certainly did not leave: its next one sends them, or another's.
    pub fn unsent(&self, ids: Vec<String>, life: &str) {
        self.tell(Line::Unsent(ids, life.to_owned()));
    }

    /// Outbox rows that are in this life's hands, or may be, and that nobody works on: they are taken up at the next look.
    pub fn let_go(&self, ids: Vec<String>) {
        self.loose.lines.put(ids);
    }

    /// Adds what chatters earned; on disk with the next group.
    pub fn points(&self, points: Points) {
        self.tell(Line::Points(points));
    }

    /// Waits until everything told so far is on disk.
    pub async fn flushed(&self) {
        let (sender, receiver) = oneshot::channel();
        self.tell(Line::Flush(sender));
        receiver.await.ok();
    }

    /// Writes what was told so far, then ends.
    pub async fn close(&self) {
        self.flushed().await;
        self.address.drain().await;
    }

    /// What was accepted, is not acted on yet and not in this life's hands, or nobody works on, in the order in which it was
    /// accepted; a thousand or so. What is accepted here from now on goes behind it.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn strays(&self) -> Result<Vec<Stray>, StoreError> {
        let (strays, last) = inbox::strays(&self.store, &self.life(), &self.loose.entries).await?;
        self.gathering.goes_behind(last);
        Ok(strays)
    }

    /// Takes such entries into this life's hands; gives those that are to be acted on. Each one's attempts
    /// are raised first, and what was tried three times is left where it is, for a person to look at.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn adopt(&self, ids: &[String]) -> Result<Vec<Entry>, StoreError> {
        let _alone = self.loose.taking.lock().await;
        inbox::adopt(&self.store, &self.life(), ids, &self.loose.entries).await
    }

    /// What should have gone out, did not, and is not in this life's hands, or nobody works on, oldest first; a thousand or so.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn stray_lines(&self) -> Result<Vec<Stray>, StoreError> {
        outbox::strays(&self.store, &self.life(), &self.loose.lines).await
    }

    /// Takes such lines into this life's hands; gives those that are to be sent. What may have gone out is
    /// marked unknown unless `idempotent` says that its entity's platform drops a second one.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn adopt_lines(&self, ids: &[String], idempotent: impl Fn(&str) -> bool + Send) -> Result<Vec<Waiting>, StoreError> {
        let _alone = self.loose.taking.lock().await;
        outbox::adopt(&self.store, &self.life(), ids, &self.loose.lines, idempotent).await
    }

    /// How much is still open, as committed.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn open(&self) -> Result<Open, StoreError> {
        let (outbox, unknown) = outbox::count(&self.store).await?;
        Ok(Open { inbox: inbox::count(&self.store).await?, outbox, unknown })
    }

    fn tell(&self, line: Line) {
        match self.gathering.add(line) {
            Ok(true) => drop(self.address.send(Order)),
            Ok(false) => {}
            Err(keeper::Ended) => tracing::error!("the journal has ended: a line was not written"),
        }
    }
}

async fn answer(writing: Writing) -> Result<(), StoreError> {
    match writing.await {
        Ok(written) => written.map_err(StoreError::Lost),
        Err(_) => Err(StoreError::Lost("the journal has ended".into())),
    }
}

#[cfg(test)]
mod tests;
