//! What a community says about how often its commands may be used, as its actor keeps it; channels have it at once.

use std::sync::Arc;

use tokio::sync::oneshot;
use waddlebot_runtime::actor::Fault;
use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::store::StoreError;

use super::Seed;
use crate::limits::{Limits, Setting, table};

/// What a community is told about limits.
pub enum Order {
    /// Say this from now on, on whose word.
    Set(Vec<Setting>, String, oneshot::Sender<Result<(), String>>),
}

/// The limits of one community.
#[derive(Default)]
pub(super) struct Keeper(Arc<Limits>);

impl Keeper {
    pub(super) async fn open(seed: &Seed) -> Result<Self, Fault> {
        Ok(Self(Arc::new(table::load(&seed.store, seed.registered.id).await?)))
    }

    /// The limits as channels get them.
    pub(super) fn limits(&self) -> &Arc<Limits> {
        &self.0
    }

    /// Does what was ordered; says whether channels must be told.
    pub(super) async fn handle(&mut self, Order::Set(settings, by, reply): Order, seed: &Seed, now: Millis) -> bool {
        let done = self.set(&settings, &by, seed, now).await;
        let changed = done.is_ok();
        reply.send(done.map_err(|error| error.to_string())).ok();
        changed
    }

    async fn set(&mut self, settings: &[Setting], by: &str, seed: &Seed, now: Millis) -> Result<(), StoreError> {
        let mut tx = seed.store.begin_fenced(&seed.claim).await?;
        table::set(&mut tx, seed.registered.id, settings, (by, now)).await?;
        tx.into_inner().commit().await?;
        let mut limits = (*self.0).clone();
        settings.iter().for_each(|setting| limits.set(setting));
        self.0 = Arc::new(limits);
        Ok(())
    }
}
