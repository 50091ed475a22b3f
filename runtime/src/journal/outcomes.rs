//! What came of entries that were left in the inbox and that somebody waits for: told through the database, for whoever
//! left one and whoever acts on it may not reach each other.

use crate::chat::Millis;
use crate::store::{Sql, Store, StoreError, Tx, sql};

/// Who waits has given up long before, also where the clocks of two nodes are hours apart.
const FORGOTTEN: Millis = 24 * 3_600_000;

/// Notes that somebody waits for what comes of these; forgets those that nobody waits for any more. What is known already stays.
pub(super) async fn want(tx: &mut Tx, ids: &[&str], now: Millis) -> Result<(), StoreError> {
    if !ids.is_empty() {
        tx.run(sql("DELETE FROM outcomes WHERE wanted_at < $1").bind(now - FORGOTTEN)).await?;
    }
    for chunk in ids.chunks(500) {
        let rows = Sql::rows("INSERT INTO outcomes (message_id, wanted_at) VALUES", 2, "ON CONFLICT (message_id) DO NOTHING");
        tx.run(chunk.iter().fold(rows, |rows, id| rows.bind(*id).bind(now))).await?;
    }
    Ok(())
}

/// Tells what came of entries, where somebody waits for it and was not told yet.
pub(super) async fn tell(tx: &mut Tx, outcomes: &[(String, String)]) -> Result<(), StoreError> {
    for (id, body) in outcomes {
        tx.run(sql("UPDATE outcomes SET body = $2 WHERE message_id = $1 AND body = ''").bind(id).bind(body)).await?;
    }
    Ok(())
}

/// What came of an entry, as far as it was told.
pub(super) async fn of(store: &Store, id: &str) -> Result<Option<String>, StoreError> {
    let row = store.one(sql("SELECT body FROM outcomes WHERE message_id = $1").bind(id)).await?;
    let body = row.map(|row| row.get::<String>("body")).transpose()?;
    Ok(body.filter(|body| !body.is_empty()))
}
