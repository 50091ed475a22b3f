//! Overlay items as rows: what waits and shows survives a restart, what is done with is kept a while as history.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::store::{Claim, FencedTx, Row, Sql, Store, StoreError, sql};

use super::item::{Item, Source};

/// An item as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) seq: i64,
    pub(super) item: Item,
    pub(super) created_at: Millis,
    /// When it came on screen, once a page has acknowledged it.
    pub(super) shown_at: Option<Millis>,
}

/// Who asked for an item, for the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The router session it belongs to.
    pub session: String,
    /// The module that answered with it.
    pub module: String,
}

/// What is written about items after the fact, several in one transaction.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// A page acknowledged it; when it came on screen.
    Shown { id: String, at: Millis },
    /// It is done with, and why.
    Done { id: String, why: &'static str, at: Millis },
    /// A page told something.
    Told { kind: String, data: Value, at: Millis },
}

/// The rows of one overlay.
#[derive(Clone, Debug)]
pub(super) struct Items {
    pub(super) store: Store,
    pub(super) claim: Claim,
    pub(super) community: CommunityId,
    pub(super) source: Source,
}

/// Keys are remembered this long after an item is done with, in milliseconds.
const REMEMBERED: Millis = 24 * 3600 * 1000;

impl Items {
    /// What waits or shows, in order of arrival, and the last number given out.
    pub(super) async fn load(&self) -> Result<(Vec<Stored>, i64), StoreError> {
        let text = "SELECT item_id, seq, body, created_at, shown_at FROM overlay_items \
                    WHERE community_id = $1 AND source_type = $2 AND state <> 'done' ORDER BY seq";
        let rows = self.store.all(self.bound(text)).await?;
        let items: Vec<_> = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let text = "SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) AS last FROM overlay_items WHERE community_id = $1 AND source_type = $2";
        let last = self.store.one(self.bound(text)).await?.map_or(Ok(0), |row| row.get("last"))?;
        Ok((items, last))
    }

    /// Writes an item down. `false` when one of its id is there already, done with or not.
    pub(super) async fn insert(&self, tx: &mut FencedTx, stored: &Stored, origin: &Origin) -> Result<bool, StoreError> {
        let body = serde_json::to_string(&stored.item).map_err(|error| StoreError::Refused(error.to_string()))?;
        let text = "INSERT INTO overlay_items (community_id, source_type, item_id, seq, body, created_at) \
                    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (community_id, source_type, item_id) DO NOTHING";
        let new = tx.run(self.bound(text).bind(&stored.id).bind(stored.seq).bind(&body).bind(stored.created_at)).await? > 0;
        if new {
            let text = "INSERT INTO browser_source_history \
                        (community_id, source_type, item_id, content, session_id, module_name, duration, created_at) \
                        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let seconds = stored.item.stays().map_or(0, |stays| stays.as_secs() as i64);
            let row = self.bound(text).bind(&stored.id).bind(body).bind(&origin.session).bind(&origin.module);
            tx.run(row.bind(seconds).bind(stored.created_at)).await?;
        }
        Ok(new)
    }

    /// Opens a transaction under the overlay's claim.
    pub(super) async fn begin(&self) -> Result<FencedTx, StoreError> {
        self.store.begin_fenced(&self.claim).await
    }

    /// Writes marks down in one transaction.
    pub(super) async fn mark(&self, marks: &[Mark]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for mark in marks {
            tx.run(self.statement(mark)).await?;
        }
        tx.into_inner().commit().await
    }

    /// Forgets what is older than it must be kept.
    pub(super) async fn forget(&self, now: Millis, history: Millis) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for (text, before) in [
            (
                "DELETE FROM overlay_items WHERE community_id = $1 AND source_type = $2 AND state = 'done' AND finished_at < $3",
                now - REMEMBERED,
            ),
            ("DELETE FROM browser_source_history WHERE community_id = $1 AND source_type = $2 AND created_at < $3", now - history),
            ("DELETE FROM browser_source_analytics WHERE community_id = $1 AND source_type = $2 AND created_at < $3", now - history),
        ] {
            tx.run(self.bound(text).bind(before)).await?;
        }
        tx.into_inner().commit().await
    }

    fn statement(&self, mark: &Mark) -> Sql {
        match mark {
            Mark::Shown { id, at } => {
                let text = "UPDATE overlay_items SET state = 'showing', shown_at = $4 \
                            WHERE community_id = $1 AND source_type = $2 AND item_id = $3 AND state <> 'done'";
                self.bound(text).bind(id).bind(*at)
            }
            Mark::Done { id, why, at } => {
                let text = "UPDATE overlay_items SET state = 'done', outcome = $4, finished_at = $5 \
                            WHERE community_id = $1 AND source_type = $2 AND item_id = $3";
                self.bound(text).bind(id).bind(*why).bind(*at)
            }
            Mark::Told { kind, data, at } => {
                let text = "INSERT INTO browser_source_analytics (community_id, source_type, event_type, event_data, created_at) \
                            VALUES ($1, $2, $3, $4, $5)";
                self.bound(text).bind(kind).bind(data.to_string()).bind(*at)
            }
        }
    }

    fn bound(&self, text: &'static str) -> Sql {
        sql(text).bind(self.community).bind(self.source.name())
    }
}

/// A row; `None` when a newer version of the program wrote something this one cannot show.
fn read(row: &Row) -> Result<Option<Stored>, StoreError> {
    let body: String = row.get("body")?;
    let Ok(item) = serde_json::from_str(&body) else { return Ok(None) };
    Ok(Some(Stored {
        id: row.get("item_id")?,
        seq: row.get("seq")?,
        item,
        created_at: row.get("created_at")?,
        shown_at: row.get("shown_at")?,
    }))
}
