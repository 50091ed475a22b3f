//! Claims as an operator sees them: who holds what, who held it before, and what failed.

use super::{Row, Store, StoreError, sql, unheld};
use crate::chat::Millis;
use crate::store::nodes::owner_lives;

/// A claim, or something that could be one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// The entity.
    pub entity: String,
    /// `community`, `channel`, `connection` or `listen`.
    pub kind: String,
    /// Who holds it; empty when nobody who lives does.
    pub node: String,
    /// Since which change of hands.
    pub epoch: i64,
    /// Since when, in milliseconds since 1970.
    pub claimed_at: Option<Millis>,
    /// `available`, `claimed` or `error`; of what collectors hold also `live` and `offline`.
    pub status: String,
    /// Beside what it lives; empty for nothing.
    pub beside: String,
    /// The connection it would be near; empty for none.
    pub near: String,
    /// Whether it is at the node that holds that connection.
    pub is_near: bool,
    /// Whether its stream is live.
    pub is_live: bool,
    /// How often in a row it failed.
    pub errors: i64,
    /// What went wrong last.
    pub error: Option<String>,
}

/// One change of hands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// The entity.
    pub entity: String,
    /// Which change of hands it was.
    pub epoch: i64,
    /// Who got it.
    pub node: String,
    /// In which of its lives.
    pub incarnation: i64,
    /// When, in milliseconds since 1970.
    pub at: Millis,
}

/// Which claims are asked for; empty words mean all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sought<'a> {
    /// A pattern for `LIKE … ESCAPE '!'` of the entity.
    pub like: &'a str,
    /// Of this kind.
    pub kind: &'a str,
    /// Held by this node.
    pub node: &'a str,
    /// Those in error only.
    pub failed: bool,
    /// The most rows.
    pub limit: i64,
    /// How many rows are left out before.
    pub offset: i64,
}

macro_rules! kind {
    () => {
        "CASE WHEN c.entity_id LIKE 'community:%' THEN 'community' WHEN c.entity_id LIKE 'connection:%' THEN 'connection' \
         WHEN c.entity_id LIKE 'listen:%' THEN 'listen' ELSE 'channel' END"
    };
}

/// Claims by name, a page of them, and how many there are.
pub(crate) async fn find(store: &Store, sought: Sought<'_>) -> Result<(Vec<Shown>, i64), StoreError> {
    macro_rules! sought {
        () => {
            concat!(
                " FROM coordination c WHERE ($1 = '' OR c.entity_id LIKE $1 ESCAPE '!') AND ($2 = '' OR $2 = ",
                kind!(),
                ") AND ($3 = '' OR c.claimed_by = $3) AND ($4 OR c.status = 'error')"
            )
        };
    }
    let bound = |text: &'static str| sql(text).bind(sought.like).bind(sought.kind).bind(sought.node).bind(!sought.failed);
    let total = store.one(bound(concat!("SELECT COUNT(*) AS total", sought!()))).await?;
    let total = total.map_or(Ok(0), |row| row.get("total"))?;
    let text = concat!(
        "SELECT c.entity_id, ",
        kind!(),
        " AS kind, CASE WHEN ",
        unheld!(),
        " THEN '' ELSE c.claimed_by END AS holder, c.epoch, c.claimed_at, c.status, c.affinity, c.near, CAST(CASE WHEN EXISTS (SELECT 1 FROM coordination k WHERE k.entity_id = c.near \
         AND k.claimed_by = c.claimed_by AND k.incarnation = c.incarnation) THEN 1 ELSE 0 END AS BIGINT) AS is_near, c.is_live, c.error_count, c.error_message",
        sought!(),
        " ORDER BY c.entity_id LIMIT $5 OFFSET $6"
    );
    let read = |row: &Row| {
        let (node, status, beside): (String, String, String) = (row.get("holder")?, row.get("status")?, row.get("affinity")?);
        Ok(Shown {
            entity: row.get("entity_id")?,
            kind: row.get("kind")?,
            status: if node.is_empty() && status != "error" { "available".to_owned() } else { status },
            beside: if beside == "outside" { String::new() } else { beside },
            node,
            epoch: row.get("epoch")?,
            claimed_at: row.get("claimed_at")?,
            near: row.get("near")?,
            is_near: row.get::<i64>("is_near")? == 1,
            is_live: row.get("is_live")?,
            errors: row.get("error_count")?,
            error: row.get("error_message")?,
        })
    };
    let rows = store.all(bound(text).bind(sought.limit).bind(sought.offset)).await?;
    Ok((rows.iter().map(read).collect::<Result<_, StoreError>>()?, total))
}

/// How many of each kind each node holds (an empty name for nobody who lives), and how many are in error.
pub(crate) async fn counts(store: &Store) -> Result<Vec<(String, String, i64, i64)>, StoreError> {
    let text = concat!(
        "SELECT holder, kind, COUNT(*) AS many, COALESCE(SUM(failed), 0) AS failed FROM (SELECT CASE WHEN ",
        unheld!(),
        " THEN '' ELSE c.claimed_by END AS holder, ",
        kind!(),
        " AS kind, CASE WHEN c.status = 'error' THEN 1 ELSE 0 END AS failed FROM coordination c) s GROUP BY holder, kind ORDER BY holder, kind"
    );
    let read = |row: &Row| Ok((row.get("holder")?, row.get("kind")?, row.get("many")?, row.get("failed")?));
    store.all(sql(text)).await?.iter().map(read).collect()
}

/// Who held what, the last first: of one entity, or of all when it is empty; and how many there are.
pub(crate) async fn history(store: &Store, entity: &str, limit: i64, offset: i64) -> Result<(Vec<Held>, i64), StoreError> {
    let total = sql("SELECT COUNT(*) AS total FROM claim_history WHERE $1 = '' OR entity_id = $1").bind(entity);
    let total = store.one(total).await?.map_or(Ok(0), |row| row.get("total"))?;
    let text = "SELECT entity_id, epoch, owner, incarnation, claimed_at FROM claim_history WHERE $1 = '' OR entity_id = $1 \
                ORDER BY claimed_at DESC, entity_id, epoch DESC LIMIT $2 OFFSET $3";
    let read = |row: &Row| {
        let (entity, node) = (row.get("entity_id")?, row.get("owner")?);
        Ok(Held { entity, epoch: row.get("epoch")?, node, incarnation: row.get("incarnation")?, at: row.get("claimed_at")? })
    };
    let rows = store.all(sql(text).bind(entity).bind(limit).bind(offset)).await?;
    Ok((rows.iter().map(read).collect::<Result<_, StoreError>>()?, total))
}

/// Lets something that failed too often be served again. `false` when it was not in error.
pub(crate) async fn clear(store: &Store, entity: &str) -> Result<bool, StoreError> {
    let text = "UPDATE coordination SET status = 'available', error_count = 0, error_message = NULL, last_check = NULL \
                WHERE entity_id = $1 AND status = 'error'";
    super::changed(store, sql(text).bind(entity)).await
}
