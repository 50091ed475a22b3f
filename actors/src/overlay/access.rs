//! Who opened which overlay: written in batches, kept for a month, bounded so that a flood of page loads costs little.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::store::{Sql, Store, StoreError, sql};

use super::item::cut;
use super::tokens::Grant;

/// One page load.
#[derive(Clone, Debug)]
pub struct Access {
    /// What was opened.
    pub grant: Grant,
    /// From where.
    pub address: String,
    /// With what.
    pub agent: String,
    /// Coming from which page.
    pub referer: String,
    /// When.
    pub at: Millis,
}

/// Page loads that are not written yet.
#[derive(Default)]
pub(super) struct AccessLog {
    waiting: Mutex<Vec<Access>>,
    dropped: AtomicU64,
}

const BOUND: usize = 5000;
const BATCH: usize = 500;

impl AccessLog {
    pub(super) fn add(&self, access: Access) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < BOUND {
            waiting.push(access);
        } else {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    /// Writes what waits; gives what was opened, each once.
    pub(super) async fn flush(&self, store: &Store) -> Result<HashSet<Grant>, StoreError> {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.is_empty() {
            return Ok(HashSet::new());
        }
        let dropped = self.dropped.swap(0, Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "too many overlay pages were opened to log each");
        }
        let mut tx = store.begin().await?;
        for batch in waiting.chunks(BATCH) {
            tx.run(batch.iter().fold(head(), row)).await?;
        }
        tx.commit().await?;
        Ok(waiting.iter().map(|access| access.grant).collect())
    }

    pub(super) async fn forget(&self, store: &Store, before: Millis) -> Result<(), StoreError> {
        let mut tx = store.begin().await?;
        tx.run(sql("DELETE FROM browser_source_access_log WHERE accessed_at < $1").bind(before)).await?;
        tx.commit().await
    }
}

fn head() -> Sql {
    let text = "INSERT INTO browser_source_access_log (community_id, source_type, ip_address, user_agent, referer, accessed_at) VALUES";
    Sql::rows(text, 6, "")
}

fn row(sql: Sql, access: &Access) -> Sql {
    let sql = sql.bind(access.grant.community).bind(access.grant.source.name()).bind(cut(&access.address, 64));
    sql.bind(cut(&access.agent, 300)).bind(cut(&access.referer, 300)).bind(access.at)
}
