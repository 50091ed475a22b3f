//! The inbox: accepted, and not acted on yet.

use std::collections::HashSet;

use super::flush::{Accepting, Arrival, Withdrawn};
use super::loose::Shelf;
use super::{Entry, Stray};
use crate::store::{Row, Sql, Store, StoreError, Tx, sql};

/// Tried this often without an end, an entry is left for a person to look at.
const ATTEMPTS: i64 = 3;

/// The entries of an inbox, as they are put in.
macro_rules! put {
    ($rows:literal) => {
        concat!("INSERT INTO inbox (message_id, entity_id, seq, body, held_by, received_at) ", $rows)
    };
}

/// What stands there already stays as it is, in the hands of who accepted it last.
macro_rules! again {
    ($rows:literal) => {
        concat!($rows, "ON CONFLICT (message_id) DO UPDATE SET held_by = excluded.held_by WHERE excluded.held_by <> ''")
    };
}

/// Entries in the order in which they arrived at their node.
const IN_ORDER: (&str, &str) = (put!("VALUES"), again!(""));

/// The same behind all that stands there by then ($1 is the place of the first): all are moved up by as much.
const BEHIND: (&str, &str) = (
    put!(
        "WITH above (places) AS (SELECT COALESCE(MAX(seq) + 1 - $1, 0) FROM inbox WHERE seq >= $1), \
         coming (message_id, entity_id, seq, body, held_by, received_at) AS (VALUES"
    ),
    again!(
        ") SELECT c.message_id, c.entity_id, c.seq + a.places, c.body, c.held_by, c.received_at \
         FROM coming c, above a WHERE TRUE "
    ),
);

/// Puts entries in, in order. What this node acts on itself is in the order in which it arrived here. What is left for
/// others goes behind all that anybody left before: their clocks may be ahead of ours.
pub(super) async fn put(tx: &mut Tx, entries: &[(Accepting, Arrival)]) -> Result<(), StoreError> {
    let leaves = entries.iter().any(|(one, _)| one.holder.is_empty());
    for chunk in entries.chunks(500) {
        let mut statement = match chunk.first() {
            Some((_, first)) if leaves => Sql::rows(BEHIND.0, 6, BEHIND.1).of(first.seq),
            _ => Sql::rows(IN_ORDER.0, 6, IN_ORDER.1),
        };
        // No statement changes a row twice.
        let mut once = HashSet::new();
        for (Accepting { entry, holder, .. }, arrival) in chunk.iter().filter(|(one, _)| once.insert(&one.entry.message_id)) {
            statement = statement.bind(&entry.message_id).bind(&entry.entity).bind(arrival.seq).bind(&entry.body);
            statement = statement.bind(holder).bind(arrival.at);
        }
        tx.run(statement).await?;
    }
    Ok(())
}

/// Takes entries out that a life acted on, and that no other life has taken up meanwhile.
pub(super) async fn take(tx: &mut Tx, life: &str, ids: &[String]) -> Result<(), StoreError> {
    for chunk in ids.chunks(500) {
        let head = "DELETE FROM inbox WHERE ($1 = '' OR held_by = $1) AND message_id IN";
        tx.run(chunk.iter().fold(Sql::rows(head, 1, "").of(life), |statement, id| statement.bind(id))).await?;
    }
    Ok(())
}

/// Takes entries out of which who accepted them was told that they are not there, unless somebody has taken them up.
pub(super) async fn withdraw(tx: &mut Tx, entries: &[Withdrawn]) -> Result<(), StoreError> {
    for Withdrawn { id, holder, at } in entries {
        let text = "DELETE FROM inbox WHERE message_id = $1 AND held_by = $2 AND received_at = $3 AND attempts = 0";
        tx.run(sql(text).bind(id).bind(holder).bind(*at)).await?;
    }
    Ok(())
}

/// Entries that are not in this life's hands, or nobody works on, in their order, and the place of the last.
pub(super) async fn strays(store: &Store, me: &str, shelf: &Shelf) -> Result<(Vec<Stray>, i64), StoreError> {
    let text =
        "SELECT message_id, entity_id, seq FROM inbox WHERE (held_by <> $1 OR held_by = '') AND attempts <= $2 ORDER BY seq LIMIT $3";
    let mut rows = store.all(sql(text).bind(me).bind(ATTEMPTS).bind(STRAYS)).await?;
    let loose = shelf.some();
    if !loose.is_empty() {
        let head = "SELECT message_id, entity_id, seq FROM inbox WHERE held_by = $1 AND held_by <> '' AND attempts <= $2 AND message_id IN";
        let of_mine = Sql::rows(head, 1, "").of(me).of(ATTEMPTS);
        rows.extend(store.all(loose.iter().fold(of_mine, |statement, id| statement.bind(id))).await?);
    }
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push((row.get::<i64>("seq")?, Stray { id: row.get("message_id")?, entity: row.get("entity_id")? }));
    }
    found.sort_by_key(|(seq, _)| *seq);
    let there: HashSet<_> = found.iter().map(|(_, stray)| &stray.id).collect();
    shelf.missed(loose.iter().filter(|id| !there.contains(id)));
    let last = found.last().map_or(0, |(seq, _)| *seq);
    Ok((found.into_iter().map(|(_, stray)| stray).collect(), last))
}

/// The most that are looked at together.
pub(super) const STRAYS: i64 = 1000;

/// Takes entries into this life's hands; gives those that nobody else took meanwhile. Each one's
/// attempts are raised first, and what was tried too often is left where it is.
pub(super) async fn adopt(store: &Store, me: &str, ids: &[String], shelf: &Shelf) -> Result<Vec<Entry>, StoreError> {
    let text = "UPDATE inbox SET held_by = $1, attempts = attempts + 1 WHERE message_id = $2 AND (held_by <> $1 OR held_by = '' OR $3) \
                RETURNING message_id, entity_id, body, attempts";
    let (mut tx, mut entries, loose) = (store.begin().await?, Vec::with_capacity(ids.len()), shelf.among(ids));
    let mut touched = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(row) = tx.one(sql(text).bind(me).bind(id).bind(loose.contains(id))).await? else { continue };
        touched.push(id.clone());
        if row.get::<i64>("attempts")? > ATTEMPTS {
            tracing::error!(message_id = id, "left in the inbox after {ATTEMPTS} attempts");
        } else {
            entries.push(read(&row)?);
        }
    }
    // Until the database says so they are in nobody's hands; that it says nothing does not mean that it did nothing.
    shelf.put(touched);
    tx.commit().await?;
    shelf.taken(ids);
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
