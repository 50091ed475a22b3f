//! The outbox: committed with what caused it, and still to be sent.

use std::collections::HashSet;

use super::Stray;
use super::inbox::STRAYS;
use super::loose::Shelf;
use crate::chat::{CommunityId, Millis};
use crate::store::{Sql, Store, StoreError, Tx, sql};

/// One thing to be sent, as it stands in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Where to.
    pub entity: String,
    /// The response as JSON.
    pub body: String,
}

/// A row of the outbox that was found at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The row's id; also the key under which a platform drops a second one.
    pub id: String,
    /// Where to.
    pub entity: String,
    /// Whose.
    pub community: i64,
    /// The response as JSON.
    pub body: String,
}

/// The id of an execution's n-th effect.
#[must_use]
pub(super) fn id(execution: &str, effect: usize) -> String {
    format!("{execution}#{effect}")
}

/// Whose effects they are: an execution's, or a later answer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause<'a> {
    /// Its id.
    pub id: &'a str,
    /// For whom.
    pub community: CommunityId,
    /// The epoch it happened under.
    pub epoch: i64,
    /// The node in the life it happened in: who sends them.
    pub holder: &'a str,
    /// When.
    pub at: Millis,
}

/// Puts effects in, in the transaction of what caused them; gives their ids.
///
/// # Errors
/// When the store is gone.
pub async fn put(tx: &mut Tx, cause: Cause<'_>, effects: &[Effect]) -> Result<Vec<String>, StoreError> {
    let (ids, putting) = putting(cause, effects, "");
    if let Some(statement) = putting {
        tx.run(statement).await?;
    }
    Ok(ids)
}

/// The ids of effects, and what puts them in; nothing does where there are none.
pub(super) fn putting(cause: Cause<'_>, effects: &[Effect], tail: &'static str) -> (Vec<String>, Option<Sql>) {
    let head = "INSERT INTO outbox (id, execution_id, entity_id, community_id, effect, body, epoch, held_by, created_at) VALUES";
    let mut statement = Sql::rows(head, 9, tail);
    let mut ids = Vec::with_capacity(effects.len());
    for (at, effect) in effects.iter().enumerate() {
        let id = id(cause.id, at);
        statement = statement
            .bind(&id)
            .bind(cause.id)
            .bind(&effect.entity)
            .bind(cause.community)
            .bind(i64::try_from(at).unwrap_or(i64::MAX))
            .bind(&effect.body)
            .bind(cause.epoch)
            .bind(cause.holder)
            .bind(cause.at);
        ids.push(id);
    }
    let putting = (!ids.is_empty()).then_some(statement);
    (ids, putting)
}

pub(super) async fn mark(tx: &mut Tx, head: &'static str, ids: &[String]) -> Result<(), StoreError> {
    for chunk in ids.chunks(500) {
        tx.run(chunk.iter().fold(Sql::rows(head, 1, ""), |statement, id| statement.bind(id))).await?;
    }
    Ok(())
}

/// Marks rows that a life marked as about to be sent, and that are its own still.
pub(super) async fn mark_own(tx: &mut Tx, head: &'static str, life: &str, ids: &[String]) -> Result<(), StoreError> {
    for chunk in ids.chunks(500) {
        tx.run(chunk.iter().fold(Sql::rows(head, 1, "").of(life), |statement, id| statement.bind(id))).await?;
    }
    Ok(())
}

/// Marks rows as about to be sent: those that wait and that no other life has taken up meanwhile. Gives their ids.
pub(super) async fn sending(tx: &mut Tx, life: &str, ids: &[String]) -> Result<Vec<String>, StoreError> {
    let head = "UPDATE outbox SET state = 'sending' WHERE ($1 = '' OR held_by = $1) AND state = 'waiting' AND id IN";
    let mut marked = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(500) {
        let rows = tx.all(chunk.iter().fold(Sql::rows(head, 1, "RETURNING id").of(life), |statement, id| statement.bind(id))).await?;
        for row in rows {
            marked.push(row.get("id")?);
        }
    }
    Ok(marked)
}

/// Marks rows of which nobody knows whether they were sent.
pub(super) const UNKNOWN: &str = "UPDATE outbox SET state = 'unknown' WHERE id IN";
/// Marks rows that did not leave after all.
pub(super) const UNSENT: &str = "UPDATE outbox SET state = 'waiting' WHERE ($1 = '' OR held_by = $1) AND state = 'sending' AND id IN";
/// Forgets rows that were sent.
pub(super) const SENT: &str = "DELETE FROM outbox WHERE id IN";

/// Lines that should have gone out and are not in this life's hands, or nobody works on, oldest first.
pub(super) async fn strays(store: &Store, me: &str, shelf: &Shelf) -> Result<Vec<Stray>, StoreError> {
    let text = "SELECT id, entity_id, created_at, execution_id, effect FROM outbox WHERE state IN ('waiting', 'sending') \
                AND (held_by <> $1 OR held_by = '') ORDER BY created_at, execution_id, effect LIMIT $2";
    let mut rows = store.all(sql(text).bind(me).bind(STRAYS)).await?;
    let loose = shelf.some();
    if !loose.is_empty() {
        let head = "SELECT id, entity_id, created_at, execution_id, effect FROM outbox WHERE state IN ('waiting', 'sending') \
                    AND held_by = $1 AND held_by <> '' AND id IN";
        rows.extend(store.all(loose.iter().fold(Sql::rows(head, 1, "").of(me), |statement, id| statement.bind(id))).await?);
    }
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let place: (i64, String, i64) = (row.get("created_at")?, row.get("execution_id")?, row.get("effect")?);
        found.push((place, Stray { id: row.get("id")?, entity: row.get("entity_id")? }));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let there: HashSet<_> = found.iter().map(|(_, stray)| &stray.id).collect();
    shelf.missed(loose.iter().filter(|id| !there.contains(id)));
    Ok(found.into_iter().map(|(_, stray)| stray).collect())
}

/// Takes lines into this life's hands; gives those that are to be sent. What may have gone out is marked unknown. What this
/// life had marked and lies on its shelf did not go out.
pub(super) async fn adopt(
    store: &Store,
    me: &str,
    ids: &[String],
    shelf: &Shelf,
    idempotent: impl Fn(&str) -> bool + Send,
) -> Result<Vec<Waiting>, StoreError> {
    let text = "UPDATE outbox SET held_by = $1, state = CASE WHEN $3 AND held_by = $1 THEN 'waiting' ELSE state END \
                WHERE id = $2 AND (held_by <> $1 OR held_by = '' OR $3) AND state IN ('waiting', 'sending') \
                RETURNING id, entity_id, community_id, body, state";
    let (mut waiting, mut unknown, mut touched) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tx, loose) = (store.begin().await?, shelf.among(ids));
    for id in ids {
        let Some(row) = tx.one(sql(text).bind(me).bind(id).bind(loose.contains(id))).await? else { continue };
        touched.push(id.clone());
        let found =
            Waiting { id: row.get("id")?, entity: row.get("entity_id")?, community: row.get("community_id")?, body: row.get("body")? };
        if row.get::<String>("state")? == "sending" && !idempotent(&found.entity) {
            unknown.push(found.id);
        } else {
            waiting.push(found);
        }
    }
    if !unknown.is_empty() {
        metrics::counter!("waddlebot_replies_unknown_total").increment(unknown.len() as u64);
        tracing::warn!(
            count = unknown.len(),
            "replies of which nobody knows whether they went out before the last stop are not sent again"
        );
        mark(&mut tx, UNKNOWN, &unknown).await?;
    }
    // As in the inbox; but a line that may have gone out is not known to have stayed.
    shelf.put(touched.into_iter().filter(|id| !unknown.contains(id)));
    tx.commit().await?;
    shelf.taken(ids);
    Ok(waiting)
}

/// How many are still to be sent, and of how many nobody knows whether they were.
pub(super) async fn count(store: &Store) -> Result<(i64, i64), StoreError> {
    let (mut open, mut unknown) = (0, 0);
    for row in store.all(sql("SELECT state, COUNT(*) AS replies FROM outbox GROUP BY state")).await? {
        let replies: i64 = row.get("replies")?;
        *(if row.get::<String>("state")? == "unknown" { &mut unknown } else { &mut open }) += replies;
    }
    Ok((open, unknown))
}
