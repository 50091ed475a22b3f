//! The inbox: accepted, and not acted on yet.

use super::Entry;
use super::flush::Arrival;
use crate::store::{Row, Sql, Store, StoreError, Tx, sql};

/// Whether an accepted entry is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It was not in the inbox before.
    New,
    /// It waits in the inbox already: somebody is at it, or will be.
    Again,
}

/// Tried this often without an end, an entry is left for a person to look at.
const ATTEMPTS: i64 = 3;

/// Puts entries in, in order; says of each whether it is new.
pub(super) async fn put(tx: &mut Tx, entries: &[(Entry, Arrival)]) -> Result<Vec<Accepted>, StoreError> {
    let mut fresh = std::collections::HashSet::new();
    for chunk in entries.chunks(500) {
        let head = "INSERT INTO inbox (message_id, entity_id, seq, body, received_at) VALUES";
        let mut statement = Sql::rows(head, 5, "ON CONFLICT (message_id) DO NOTHING RETURNING message_id");
        for (entry, arrival) in chunk {
            statement = statement.bind(&entry.message_id).bind(&entry.entity).bind(arrival.seq).bind(&entry.body).bind(arrival.at);
        }
        for row in tx.all(statement).await? {
            fresh.insert(row.get::<String>("message_id")?);
        }
    }
    // An entry that stands twice in one group is new only the first time.
    Ok(entries.iter().map(|(entry, _)| if fresh.remove(&entry.message_id) { Accepted::New } else { Accepted::Again }).collect())
}

pub(super) async fn take(tx: &mut Tx, ids: &[String]) -> Result<(), StoreError> {
    for chunk in ids.chunks(500) {
        let statement = chunk.iter().fold(Sql::rows("DELETE FROM inbox WHERE message_id IN", 1, ""), |statement, id| statement.bind(id));
        tx.run(statement).await?;
    }
    Ok(())
}

pub(super) async fn backlog(store: &Store) -> Result<Vec<Entry>, StoreError> {
    let mut tx = store.begin().await?;
    tx.run(sql("UPDATE inbox SET attempts = attempts + 1 WHERE attempts < $1").bind(ATTEMPTS + 1)).await?;
    let rows = tx.all(sql("SELECT message_id, entity_id, body, attempts FROM inbox ORDER BY seq")).await?;
    tx.commit().await?;
    let mut entries = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.get::<i64>("attempts")? > ATTEMPTS {
            tracing::error!(message_id = row.get::<String>("message_id")?, "left in the inbox after {ATTEMPTS} attempts");
        } else {
            entries.push(read(row)?);
        }
    }
    Ok(entries)
}

pub(super) async fn count(store: &Store) -> Result<i64, StoreError> {
    store.one(sql("SELECT COUNT(*) AS entries FROM inbox")).await?.map_or(Ok(0), |row| row.get("entries"))
}

fn read(row: &Row) -> Result<Entry, StoreError> {
    Ok(Entry { message_id: row.get("message_id")?, entity: row.get("entity_id")?, body: row.get("body")? })
}
