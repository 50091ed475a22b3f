//! Takes an item in: on disk first, then into the queue, and whoever handed it in is answered.

use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Fault, Me};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Receipt, StoreError};

use super::group::millis;
use super::item::Item;
use super::items::{Origin, Stored};
use super::overlays::{Placed, ShowError};
use super::queue::{Change, Why};
use super::{Order, Overlay, entry};

/// An item somebody wants shown.
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) item: Item,
    pub(super) origin: Origin,
    pub(super) reply: Option<oneshot::Sender<Result<Placed, ShowError>>>,
}

impl Overlay {
    /// Stores an item; it is shown when it is safe on disk.
    pub(super) async fn store(&mut self, mut wanted: Box<Wanted>, me: &Me<Order>) -> Result<(), Fault> {
        self.last_seq += 1;
        let wall = me.clock().now();
        let stored = Stored { id: wanted.id.clone(), seq: self.last_seq, item: wanted.item.clone(), created_at: wall, shown_at: None };
        match self.insert(&stored, &wanted.origin).await {
            Ok(Some(receipt)) => {
                let me = me.address().clone();
                spawn::task("overlay item", async move {
                    match receipt.safe().await {
                        Ok(()) => drop(me.send(Order::Safe(wanted, Box::new(stored)))),
                        Err(error) => wanted.answer(Err(error.into())),
                    }
                });
                Ok(())
            }
            Ok(None) => {
                wanted.answer(Ok(Placed::Known));
                Ok(())
            }
            Err(error) => {
                let lost = matches!(error, StoreError::Stale { .. }).then(|| error.to_string());
                wanted.answer(Err(error.into()));
                lost.map_or(Ok(()), |why| Err(why.into()))
            }
        }
    }

    async fn insert(&self, stored: &Stored, origin: &Origin) -> Result<Option<Receipt>, StoreError> {
        let mut tx = self.seed.items.begin().await?;
        if self.seed.items.insert(&mut tx, stored, origin).await? {
            return tx.into_inner().finish().await.map(Some);
        }
        Ok(None)
    }

    /// It is safe: it takes its place in the queue.
    pub(super) fn take(&mut self, mut wanted: Wanted, stored: Stored, me: &Me<Order>) {
        if let Some(form) = stored.item.form() {
            self.forms.remember(&stored.id, form.clone());
        }
        let now = millis(me.clock());
        let changes = self.queue.push(entry(&stored, now), now);
        let full = changes.iter().any(|change| matches!(change, Change::Over(id, Why::Overflow) if *id == stored.id));
        self.apply(changes, me);
        let showing = self.queue.showing(now).is_some_and(|(entry, _)| entry.id == stored.id);
        wanted.answer(if full {
            Err(ShowError::Full)
        } else if showing {
            Ok(Placed::Showing)
        } else {
            Ok(Placed::Waiting)
        });
    }
}

impl Wanted {
    fn answer(&mut self, answer: Result<Placed, ShowError>) {
        if let Some(reply) = self.reply.take() {
            reply.send(answer).ok();
        }
    }
}
