//! Where an actor is reached: sending, asking, and the bound that keeps its mailbox from growing without end.

use std::fmt;
use std::sync::Arc;

use ractor::{ActorRef, MessagingErr};
use serde_json::Value;
use tokio::sync::oneshot;

use super::Meter;

/// What lies in a mailbox. Never leaves the node: it is not serialisable.
pub(super) enum Letter<O> {
    Order(O),
    Look(oneshot::Sender<Value>),
}

impl<O: Send + 'static> ractor::Message for Letter<O> {}

/// Where an actor is reached. Cloning is cheap.
pub struct Address<O: Send + 'static> {
    actor: ActorRef<Letter<O>>,
    meter: Arc<Meter>,
}

impl<O: Send + 'static> Clone for Address<O> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone(), meter: self.meter.clone() }
    }
}

/// The actor has ended: open it anew, or give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the actor has ended")]
pub struct Gone;

/// Why an order was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many wait already.
    Busy,
    /// The actor has ended.
    Gone,
}

impl<O: Send + 'static> Address<O> {
    pub(super) fn new(actor: ActorRef<Letter<O>>, meter: Arc<Meter>) -> Self {
        Self { actor, meter }
    }

    /// Sends an order from within the house, however many wait.
    ///
    /// # Errors
    /// When the actor has ended; the order is lost.
    pub fn send(&self, order: O) -> Result<(), Gone> {
        self.post(order).map_err(|_| Gone)
    }

    /// Offers an order from an entrance: given back when the actor is busy or gone.
    ///
    /// # Errors
    /// With the order and the reason.
    pub fn offer(&self, order: O) -> Result<(), (Refusal, O)> {
        if self.meter.is_full() {
            return Err((Refusal::Busy, order));
        }
        self.post(order).map_err(|order| (Refusal::Gone, order))
    }

    /// Comes true when fewer orders wait than half the bound.
    pub async fn eased(&self) {
        self.meter.eased().await;
    }

    /// Sends an order with a way to answer, and waits for the answer.
    ///
    /// # Errors
    /// When the actor has ended before it answered.
    pub async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> O) -> Result<T, Gone> {
        let (sender, receiver) = oneshot::channel();
        self.send(order(sender))?;
        receiver.await.map_err(|_| Gone)
    }

    /// What the actor remembers, as it tells the inspector.
    ///
    /// # Errors
    /// When the actor has ended.
    pub async fn look(&self) -> Result<Value, Gone> {
        let (sender, receiver) = oneshot::channel();
        self.actor.send_message(Letter::Look(sender)).map_err(|_| Gone)?;
        receiver.await.map_err(|_| Gone)
    }

    /// Ends the actor after the order at hand and waits for its `close`.
    pub async fn stop(&self) {
        self.actor.stop_and_wait(None, None).await.ok();
    }

    /// Handles what waits, then ends the actor, and waits for its `close`.
    pub async fn drain(&self) {
        self.actor.drain_and_wait(None).await.ok();
    }

    /// Whether it still takes orders.
    #[must_use]
    pub fn is_open(&self) -> bool {
        use ractor::ActorStatus::{Running, Starting, Unstarted, Upgrading};
        matches!(self.actor.get_status(), Unstarted | Starting | Running | Upgrading)
    }

    /// What is measured about it.
    #[must_use]
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    fn post(&self, order: O) -> Result<(), O> {
        self.meter.sent();
        match self.actor.send_message(Letter::Order(order)) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.meter.took();
                match error {
                    MessagingErr::SendErr(Letter::Order(order)) => Err(order),
                    _ => unreachable!("a local order is given back as it was sent"),
                }
            }
        }
    }
}

impl<O: Send + 'static> fmt::Debug for Address<O> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({})", self.meter.key())
    }
}
