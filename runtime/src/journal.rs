//! The journal: what was accepted, what ran, what must still go out; written in groups.

mod execution;
mod flush;
mod inbox;
mod outbox;
mod points;

use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use execution::{Begun, Ending, Execution, Known, Recorded, Run, Told, begin, end, known, record, settled};
pub use inbox::Accepted;
pub use outbox::{Cause, Effect, Waiting, put};

pub use points::{Earned, Points};

use crate::actor::{Actor, Address, Fault, Gone, Me};
use crate::membership::Here;
use crate::store::{Store, StoreError};
use flush::{Arrival, Batch};

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

/// An entry or a line that is not in this life's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The entry's message, or the line's id.
    pub id: String,
    /// Whose it is.
    pub entity: String,
}

/// The way to the journal. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Journal {
    address: Address<Order>,
    store: Store,
    here: Option<Here>,
}

/// What the journal is told.
pub enum Order {
    /// Put it into the inbox, into these hands; answer when it is on disk.
    Accept(Entry, String, oneshot::Sender<Result<Accepted, String>>),
    /// It was acted on: take it out of the inbox.
    Done(String),
    /// These are about to be sent; answer when that is on disk.
    Sending(Vec<String>, oneshot::Sender<Result<(), String>>),
    /// This was sent: forget it.
    Sent(String),
    /// Nobody knows whether this was sent: keep it to be shown, never send it again.
    Unknown(String),
    /// This did not leave after all: the next start sends it.
    Unsent(String),
    /// What chatters earned.
    Points(Points),
    /// The group is on disk, or was refused.
    Flushed(u64),
    /// Answer when everything told before is on disk.
    Flush(oneshot::Sender<()>),
}

impl Journal {
    /// The journal at this address.
    #[must_use]
    pub fn new(address: Address<Order>, store: Store) -> Self {
        Self { address, store, here: None }
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
    pub async fn accept(&self, entry: Entry) -> Result<Accepted, StoreError> {
        self.answer(self.accepting(entry)).await
    }

    /// As [`Journal::accept`], for who must not wait: the answer comes through the receiver.
    #[must_use]
    pub fn accepting(&self, entry: Entry) -> oneshot::Receiver<Result<Accepted, String>> {
        let (sender, receiver) = oneshot::channel();
        self.tell(Order::Accept(entry, self.life(), sender));
        receiver
    }

    /// Accepts an entry for whoever serves its entity, or will.
    ///
    /// # Errors
    /// When it could not be written; it is not accepted then.
    pub async fn leave(&self, entry: Entry) -> Result<Accepted, StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.tell(Order::Accept(entry, String::new(), sender));
        self.answer(receiver).await
    }

    /// Whether an entry was not acted on yet.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn is_open(&self, message_id: &str) -> Result<bool, StoreError> {
        inbox::is_open(&self.store, message_id).await
    }

    /// What these executions are recorded to have done.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn told(&self, executions: &[String]) -> Result<Vec<Told>, StoreError> {
        execution::of(&self.store, executions).await
    }

    /// Whose hands this node's are now.
    fn life(&self) -> String {
        self.here.as_ref().and_then(Here::identity).map_or_else(String::new, |me| me.life())
    }

    /// Takes an entry out of the inbox, after it was acted on and that is on disk.
    pub fn done(&self, message_id: impl Into<String>) {
        self.tell(Order::Done(message_id.into()));
    }

    /// Notes that these outbox rows are about to be sent.
    ///
    /// # Errors
    /// When it could not be written: do not send.
    pub async fn sending(&self, ids: Vec<String>) -> Result<(), StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.tell(Order::Sending(ids, sender));
        self.answer(receiver).await
    }

    /// Forgets an outbox row that was sent.
    pub fn sent(&self, id: impl Into<String>) {
        self.tell(Order::Sent(id.into()));
    }

    /// Marks an outbox row of which nobody knows whether it was sent.
    pub fn unknown(&self, id: impl Into<String>) {
        self.tell(Order::Unknown(id.into()));
    }

    /// Marks an outbox row that certainly did not leave: the next start sends it.
    pub fn unsent(&self, id: impl Into<String>) {
        self.tell(Order::Unsent(id.into()));
    }

    /// Adds what chatters earned; on disk with the next group.
    pub fn points(&self, points: Points) {
        self.tell(Order::Points(points));
    }

    /// Waits until everything told so far is on disk.
    pub async fn flushed(&self) {
        self.address.ask(Order::Flush).await.ok();
    }

    /// What was accepted, is not acted on yet and not in this life's hands, oldest first; no more than a thousand.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn strays(&self) -> Result<Vec<Stray>, StoreError> {
        inbox::strays(&self.store, &self.life()).await
    }

    /// Takes such entries into this life's hands; gives those that are to be acted on. Each one's attempts
    /// are raised first, and what was tried three times is left where it is, for a person to look at.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn adopt(&self, ids: &[String]) -> Result<Vec<Entry>, StoreError> {
        inbox::adopt(&self.store, &self.life(), ids).await
    }

    /// What should have gone out, did not, and is not in this life's hands, oldest first; no more than a thousand.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn stray_lines(&self) -> Result<Vec<Stray>, StoreError> {
        outbox::strays(&self.store, &self.life()).await
    }

    /// Takes such lines into this life's hands; gives those that are to be sent. What may have gone out is
    /// marked unknown unless `idempotent` says that its entity's platform drops a second one.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn adopt_lines(&self, ids: &[String], idempotent: impl Fn(&str) -> bool + Send) -> Result<Vec<Waiting>, StoreError> {
        outbox::adopt(&self.store, &self.life(), ids, idempotent).await
    }

    /// How much is still open, as committed.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn open(&self) -> Result<Open, StoreError> {
        let (outbox, unknown) = outbox::count(&self.store).await?;
        Ok(Open { inbox: inbox::count(&self.store).await?, outbox, unknown })
    }

    async fn answer<T>(&self, receiver: oneshot::Receiver<Result<T, String>>) -> Result<T, StoreError> {
        match receiver.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => Err(StoreError::Lost(why)),
            Err(_) => Err(StoreError::Lost("the journal has ended".into())),
        }
    }

    fn tell(&self, order: Order) {
        if let Err(Gone) = self.address.send(order) {
            tracing::error!("the journal has ended: a line was not written");
        }
    }
}

/// The actor behind [`Journal`]: gathers while one group is being written, then writes the next.
pub struct Keeper {
    store: Store,
    gathering: Batch,
    writing: bool,
    seq: i64,
    groups: u64,
    rows: u64,
}

impl Actor for Keeper {
    const KIND: &'static str = "journal";
    type Order = Order;
    type Seed = Store;

    async fn open(store: Store, _: &Me<Order>) -> Result<Self, Fault> {
        Ok(Self { store, gathering: Batch::default(), writing: false, seq: 0, groups: 0, rows: 0 })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Flushed(rows) => {
                self.writing = false;
                self.groups += 1;
                self.rows += rows;
            }
            order => {
                let now = me.clock().now();
                // Rises with every entry, also within a millisecond and across restarts.
                self.seq = now.saturating_mul(1000).max(self.seq + 1);
                self.gathering.add(order, Arrival { seq: self.seq, at: now });
            }
        }
        if !self.writing && !self.gathering.is_empty() {
            self.writing = true;
            let batch = std::mem::take(&mut self.gathering);
            let (store, address) = (self.store.clone(), me.address().clone());
            crate::spawn::task("journal", async move {
                let rows = batch.write(&store).await;
                address.send(Order::Flushed(rows)).ok();
            });
        }
        Ok(())
    }

    async fn close(&mut self) {
        std::mem::take(&mut self.gathering).write(&self.store).await;
    }

    fn memory(&self) -> Value {
        json!({ "groups_written": self.groups, "rows_written": self.rows, "writing": self.writing })
    }
}
