//! Everybody who lives on this node, for the inspector.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use serde_json::Value;

use super::{Address, Gone, Meter, Reading};
use crate::platform::Boxed;

/// Who lives on this node, by key. Cloning shares the list.
#[derive(Clone, Default)]
pub struct Roster(Arc<DashMap<String, Entry>>);

struct Entry {
    meter: Arc<Meter>,
    look: Box<dyn Fn() -> Boxed<'static, Result<Value, Gone>> + Send + Sync>,
}

impl Roster {
    pub(super) fn add<O: Send + 'static>(&self, address: &Address<O>) {
        let at = address.clone();
        let look = Box::new(move || -> Boxed<'static, Result<Value, Gone>> {
            let at = at.clone();
            Box::pin(async move { at.look().await })
        });
        self.0.insert(address.meter().key().to_owned(), Entry { meter: address.meter().clone(), look });
    }

    pub(super) fn remove(&self, key: &str) {
        self.0.remove(key);
    }

    /// How many actors live here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One row for each actor, in the order of their keys; `now` is time since boot.
    #[must_use]
    pub fn readings(&self, now: Duration) -> Vec<Reading> {
        let mut rows: Vec<_> = self.0.iter().map(|entry| entry.meter.read(now)).collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows
    }

    /// One actor's row and what it remembers. `None` when nobody of that key lives here; the memory
    /// is `null` when the actor does not answer within a second (it is busy with one order).
    pub async fn look(&self, key: &str, now: Duration) -> Option<(Reading, Value)> {
        let (reading, look) = {
            let entry = self.0.get(key)?;
            (entry.meter.read(now), (entry.look)())
        };
        let memory = tokio::time::timeout(Duration::from_secs(1), look).await.ok().and_then(Result::ok);
        Some((reading, memory.unwrap_or(Value::Null)))
    }
}
