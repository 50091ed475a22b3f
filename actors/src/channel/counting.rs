//! How a channel's limits outlive it: read before the first command, written before a crash could make too many forgotten.

use std::time::Duration;

use tokio::sync::oneshot;
use waddlebot_runtime::actor::Me;

use super::{Channel, Order};
use crate::limits::table;

impl Channel {
    /// Finds out what was used before this channel was opened, once.
    pub(super) async fn begin_counting(&mut self, me: &Me<Order>) {
        if self.gatekeeper.windows.has_begun() || !(self.gatekeeper.counts() || self.table.limits()) {
            return;
        }
        let moment = (me.clock().since_boot(), me.clock().now());
        match Box::pin(table::begin(&self.seed.store, &self.seed.claim, moment.1)).await {
            Ok(found) => self.gatekeeper.windows.begin(found, moment),
            Err(error) => {
                tracing::warn!(channel = %self.seed.key, %error, "what was used before is not known");
                self.gatekeeper.windows.begin_blind(moment.0);
            }
        }
    }

    /// Writes uses down when so many are not that a crash would make too many forgotten.
    pub(super) async fn keep_counting(&mut self) {
        if self.gatekeeper.windows.is_urgent() {
            self.save_counts(false).await;
        }
    }

    /// Writes down what was used; `last` when nothing more is counted here.
    pub(super) async fn save_counts(&mut self, last: bool) {
        // A frozen node writes later; one that lost its claims leaves it to whoever counts next to find that out.
        if !self.gatekeeper.windows.has_begun() || !self.world.gate.open(Duration::ZERO) {
            return;
        }
        let moment = (self.world.clock.since_boot(), self.world.clock.now());
        let used = self.gatekeeper.windows.unsaved(last, moment);
        if used.is_empty() && !last {
            return;
        }
        if let Err(error) = Box::pin(table::save(&self.seed.store, &self.seed.claim, &used, last, moment.1)).await {
            tracing::warn!(channel = %self.seed.key, %error, people = used.len(), "what was used was not written down");
            self.gatekeeper.windows.not_saved(&used);
        }
    }

    /// Forgets what was used, here and in the store.
    pub(super) async fn forget_uses(&mut self, user: &str, command: &str, reply: oneshot::Sender<Result<u64, String>>) {
        self.save_counts(false).await;
        let gone = table::forget(&self.seed.store, &self.seed.claim, user, command).await;
        if gone.is_ok() {
            self.gatekeeper.forget(user, command);
        }
        reply.send(gone.map_err(|error| error.to_string())).ok();
    }
}

#[cfg(test)]
mod tests;
