//! The things a community lends, and what was done with them: the tables of the inventory.

use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::store::{FencedTx, Row, Sql, Store, StoreError, sql};

use super::read::Filter;
use crate::listing::{anywhere, folded};

/// One thing.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) labels: Vec<String>,
    pub(super) holder: Option<String>,
    pub(super) out_since: Option<Millis>,
}

/// One thing that was done, as it is written down.
pub(super) struct Act<'a> {
    pub(super) community: CommunityId,
    pub(super) action: &'static str,
    pub(super) by: &'a str,
    pub(super) details: &'a str,
    pub(super) now: Millis,
}

/// How many there are, and how many are out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) all: i64,
    pub(super) out: i64,
}

/// Puts a new thing in. `false` when there is one of that name already.
pub(super) async fn add(tx: &mut FencedTx, act: &Act<'_>, name: &str, description: &str, labels: &[String]) -> Result<bool, StoreError> {
    let id = sql("SELECT COALESCE(MAX(item_id), 0) + 1 AS id FROM inventory_activity WHERE community_id = $1").bind(act.community);
    let id: i64 = tx.one(id).await?.map_or(Ok(1), |row| row.get("id"))?;
    let written = sql("INSERT INTO inventory_items (community_id, id, item_name, item_key, description, labels, search_text, created_by, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT (community_id, item_key) DO NOTHING")
    .bind(act.community)
    .bind(id)
    .bind(name)
    .bind(folded(name))
    .bind(description)
    .bind(labels_text(labels))
    .bind(search_text(name, description, labels))
    .bind(act.by)
    .bind(act.now);
    if tx.run(written).await? == 0 {
        return Ok(false);
    }
    write_down(tx, act, id, name).await?;
    Ok(true)
}

/// Gives a thing to somebody, unless somebody has it: one statement decides.
pub(super) async fn check_out(tx: &mut FencedTx, act: &Act<'_>, item: &Item, holder: &str) -> Result<bool, StoreError> {
    let given = sql("UPDATE inventory_items SET is_checked_out = TRUE, checked_out_to = $1, checked_out_at = $2, updated_at = $2 \
         WHERE community_id = $3 AND id = $4 AND is_checked_out = FALSE");
    let given = tx.run(given.bind(holder).bind(act.now).bind(act.community).bind(item.id)).await? == 1;
    if given {
        write_down(tx, act, item.id, &item.name).await?;
    }
    Ok(given)
}

/// Takes a thing back, unless nobody has it: one statement decides.
pub(super) async fn check_in(tx: &mut FencedTx, act: &Act<'_>, item: &Item) -> Result<bool, StoreError> {
    let taken =
        sql("UPDATE inventory_items SET is_checked_out = FALSE, checked_out_to = NULL, checked_out_at = NULL, checked_in_at = $1, \
         updated_at = $1 WHERE community_id = $2 AND id = $3 AND is_checked_out = TRUE");
    let taken = tx.run(taken.bind(act.now).bind(act.community).bind(item.id)).await? == 1;
    if taken {
        write_down(tx, act, item.id, &item.name).await?;
    }
    Ok(taken)
}

/// Removes a thing; what was done with it stays written down.
pub(super) async fn delete(tx: &mut FencedTx, act: &Act<'_>, item: &Item) -> Result<(), StoreError> {
    tx.run(sql("DELETE FROM inventory_items WHERE community_id = $1 AND id = $2").bind(act.community).bind(item.id)).await?;
    write_down(tx, act, item.id, &item.name).await
}

/// Changes the labels, unless somebody changed them since they were read: one statement decides.
pub(super) async fn relabel(tx: &mut FencedTx, act: &Act<'_>, item: &Item, labels: &[String]) -> Result<bool, StoreError> {
    let changed = sql("UPDATE inventory_items SET labels = $1, search_text = $2, updated_at = $3 \
         WHERE community_id = $4 AND id = $5 AND labels = $6")
    .bind(labels_text(labels))
    .bind(search_text(&item.name, &item.description, labels))
    .bind(act.now)
    .bind(act.community)
    .bind(item.id)
    .bind(labels_text(&item.labels));
    let changed = tx.run(changed).await? == 1;
    if changed {
        write_down(tx, act, item.id, &item.name).await?;
    }
    Ok(changed)
}

async fn write_down(tx: &mut FencedTx, act: &Act<'_>, item: i64, name: &str) -> Result<(), StoreError> {
    let written = sql("INSERT INTO inventory_activity (community_id, id, item_id, item_name, action, performed_by, details, created_at) \
         VALUES ($1, (SELECT COALESCE(MAX(id), 0) + 1 FROM inventory_activity WHERE community_id = $1), $2, $3, $4, $5, $6, $7)")
    .bind(act.community)
    .bind(item)
    .bind(name)
    .bind(act.action)
    .bind(act.by)
    .bind(act.details)
    .bind(act.now);
    tx.run(written).await?;
    Ok(())
}

const ONE: &str = "SELECT id, item_name, description, labels, checked_out_to, checked_out_at FROM inventory_items \
     WHERE community_id = $1 AND item_key = $2";

/// The thing of that name, case and spaces aside.
pub(super) async fn find(store: &Store, community: CommunityId, name: &str) -> Result<Option<Item>, StoreError> {
    store.one(sql(ONE).bind(community).bind(folded(name))).await?.as_ref().map(item).transpose()
}

/// The same, in the transaction that is about to change it.
pub(super) async fn find_in(tx: &mut FencedTx, community: CommunityId, name: &str) -> Result<Option<Item>, StoreError> {
    tx.one(sql(ONE).bind(community).bind(folded(name))).await?.as_ref().map(item).transpose()
}

/// How many things the filter lets through.
pub(super) async fn count(store: &Store, community: CommunityId, filter: Filter) -> Result<i64, StoreError> {
    let totals = totals(store, community).await?;
    Ok(match filter {
        Filter::All => totals.all,
        Filter::Available => totals.all - totals.out,
        Filter::CheckedOut => totals.out,
    })
}

/// How many there are, and how many are out.
pub(super) async fn totals(store: &Store, community: CommunityId) -> Result<Totals, StoreError> {
    let counted = sql("SELECT COUNT(*) AS items, CAST(COALESCE(SUM(CASE WHEN is_checked_out THEN 1 ELSE 0 END), 0) AS BIGINT) AS out_now \
         FROM inventory_items WHERE community_id = $1");
    match store.one(counted.bind(community)).await? {
        Some(row) => Ok(Totals { all: row.get("items")?, out: row.get("out_now")? }),
        None => Ok(Totals::default()),
    }
}

/// A page of the things the filter lets through, by name.
pub(super) async fn list(store: &Store, community: CommunityId, filter: Filter, skipped: i64, most: i64) -> Result<Vec<Item>, StoreError> {
    let rows = match filter {
        Filter::All => sql("SELECT id, item_name, description, labels, checked_out_to, checked_out_at FROM inventory_items \
             WHERE community_id = $1 ORDER BY item_key LIMIT $2 OFFSET $3"),
        Filter::Available => sql("SELECT id, item_name, description, labels, checked_out_to, checked_out_at FROM inventory_items \
             WHERE community_id = $1 AND is_checked_out = FALSE ORDER BY item_key LIMIT $2 OFFSET $3"),
        Filter::CheckedOut => sql("SELECT id, item_name, description, labels, checked_out_to, checked_out_at FROM inventory_items \
             WHERE community_id = $1 AND is_checked_out = TRUE ORDER BY item_key LIMIT $2 OFFSET $3"),
    };
    items(store, rows.bind(community).bind(most).bind(skipped)).await
}

/// Things whose name, description or labels hold the text, at most `most`.
pub(super) async fn search(store: &Store, community: CommunityId, text: &str, most: i64) -> Result<Vec<Item>, StoreError> {
    let rows = sql("SELECT id, item_name, description, labels, checked_out_to, checked_out_at FROM inventory_items \
         WHERE community_id = $1 AND search_text LIKE $2 ESCAPE '!' ORDER BY item_key LIMIT $3");
    items(store, rows.bind(community).bind(anywhere(text)).bind(most)).await
}

/// The labels of every thing that has one.
pub(super) async fn all_labels(store: &Store, community: CommunityId) -> Result<Vec<Vec<String>>, StoreError> {
    let rows = sql("SELECT labels FROM inventory_items WHERE community_id = $1 AND labels <> '[]'").bind(community);
    store.all(rows).await?.iter().map(labels).collect()
}

/// What was done last: what, with which thing, by whom, and when.
pub(super) async fn latest(store: &Store, community: CommunityId, most: i64) -> Result<Vec<(String, String, String)>, StoreError> {
    let rows = sql("SELECT action, item_name, performed_by FROM inventory_activity WHERE community_id = $1 ORDER BY id DESC LIMIT $2");
    let rows = store.all(rows.bind(community).bind(most)).await?;
    rows.iter().map(|row| Ok((row.get("action")?, row.get("item_name")?, row.get("performed_by")?))).collect()
}

async fn items(store: &Store, rows: Sql) -> Result<Vec<Item>, StoreError> {
    store.all(rows).await?.iter().map(item).collect()
}

fn item(row: &Row) -> Result<Item, StoreError> {
    Ok(Item {
        id: row.get("id")?,
        name: row.get("item_name")?,
        description: row.get("description")?,
        labels: labels(row)?,
        holder: row.get("checked_out_to")?,
        out_since: row.get("checked_out_at")?,
    })
}

fn labels(row: &Row) -> Result<Vec<String>, StoreError> {
    let text: String = row.get("labels")?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn labels_text(labels: &[String]) -> String {
    serde_json::Value::from(labels).to_string()
}

fn search_text(name: &str, description: &str, labels: &[String]) -> String {
    [folded(name), folded(description), labels.join("\n")].join("\n")
}
