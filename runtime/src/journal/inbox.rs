//! The inbox: accepted, and not acted on yet.

use super::flush::Arrival;
use super::{Entry, Stray};
use crate::store::{Row, Sql, Store, StoreError, Tx, sql};

/// Tried this often without an end, an entry is left for a person to look at.
const ATTEMPTS: i64 = 3;

/// Puts entries in, in order; what stands there already stays as it is.
pub(super) async fn put(tx: &mut Tx, entries: &[(Entry, String, Arrival)]) -> Result<(), StoreError> {
    for chunk in entries.chunks(500) {
        let head = "INSERT INTO inbox (message_id, entity_id, seq, body, held_by, received_at) VALUES";
        let mut statement = Sql::rows(head, 6, "ON CONFLICT (message_id) DO NOTHING");
        for (entry, holder, arrival) in chunk {
            statement = statement.bind(&entry.message_id).bind(&entry.entity).bind(arrival.seq).bind(&entry.body);
            statement = statement.bind(holder).bind(arrival.at);
        }
        tx.run(statement).await?;
    }
    Ok(())
}

pub(super) async fn take(tx: &mut Tx, ids: &[String]) -> Result<(), StoreError> {
    for chunk in ids.chunks(500) {
        let statement = chunk.iter().fold(Sql::rows("DELETE FROM inbox WHERE message_id IN", 1, ""), |statement, id| statement.bind(id));
        tx.run(statement).await?;
    }
    Ok(())
}

/// Gives entries back to whoever looks next.
pub(super) async fn let_go(tx: &mut Tx, ids: &[String]) -> Result<(), StoreError> {
    for chunk in ids.chunks(500) {
        let head = "UPDATE inbox SET held_by = '' WHERE message_id IN";
        tx.run(chunk.iter().fold(Sql::rows(head, 1, ""), |statement, id| statement.bind(id))).await?;
    }
    Ok(())
}

/// Entries that are not in this life's hands, oldest first.
pub(super) async fn strays(store: &Store, me: &str) -> Result<Vec<Stray>, StoreError> {
    let text = "SELECT message_id, entity_id FROM inbox WHERE (held_by <> $1 OR held_by = '') AND attempts <= $2 ORDER BY seq LIMIT $3";
    let rows = store.all(sql(text).bind(me).bind(ATTEMPTS).bind(STRAYS)).await?;
    rows.iter().map(|row| Ok(Stray { id: row.get("message_id")?, entity: row.get("entity_id")? })).collect()
}

/// The most that are looked at together.
pub(super) const STRAYS: i64 = 1000;

/// Takes entries into this life's hands; gives those that nobody else took meanwhile. Each one's
/// attempts are raised first, and what was tried too often is left where it is.
pub(super) async fn adopt(store: &Store, me: &str, ids: &[String]) -> Result<Vec<Entry>, StoreError> {
    let text = "UPDATE inbox SET held_by = $1, attempts = attempts + 1 WHERE message_id = $2 AND (held_by <> $1 OR held_by = '') \
                RETURNING message_id, entity_id, body, attempts";
    let (mut tx, mut entries) = (store.begin().await?, Vec::with_capacity(ids.len()));
    for id in ids {
        let Some(row) = tx.one(sql(text).bind(me).bind(id)).await? else { continue };
        if row.get::<i64>("attempts")? > ATTEMPTS {
            tracing::error!(message_id = id, "left in the inbox after {ATTEMPTS} attempts");
        } else {
            entries.push(read(&row)?);
        }
    }
    tx.commit().await?;
    Ok(entries)
}

/// Whether an entry is in the inbox still.
pub(super) async fn is_open(store: &Store, id: &str) -> Result<bool, StoreError> {
    Ok(store.one(sql("SELECT 1 AS here FROM inbox WHERE message_id = $1").bind(id)).await?.is_some())
}

pub(super) async fn count(store: &Store) -> Result<i64, StoreError> {
    store.one(sql("SELECT COUNT(*) AS entries FROM inbox")).await?.map_or(Ok(0), |row| row.get("entries"))
}

fn read(row: &Row) -> Result<Entry, StoreError> {
    Ok(Entry { message_id: row.get("message_id")?, entity: row.get("entity_id")?, body: row.get("body")? })
}
