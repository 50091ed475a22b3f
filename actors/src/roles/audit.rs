//! Who changed whose role: written in the transaction of the change, kept for two years.

use waddlebot_runtime::chat::{CommunityId, Millis, Role};
use waddlebot_runtime::store::{FencedTx, Row, Sql, Store, StoreError, sql};

use super::table::Person;

/// How long a line is kept, in milliseconds: 730 days.
const KEPT: Millis = 730 * 24 * 3600 * 1000;
/// The most rows of one statement.
const CHUNK: usize = 500;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleChange {
    /// Whose role; their name as it was known then.
    pub who: Person,
    /// In this channel only, or in the whole community.
    pub entity: Option<String>,
    /// What they had been given before.
    pub before: Option<Role>,
    /// What they are given from then on.
    pub after: Option<Role>,
    /// Whether their membership ended.
    pub left: bool,
    /// Who changed it.
    pub by: String,
    /// When.
    pub at: Millis,
}

/// Writes down changes in the order in which they were made.
///
/// # Errors
/// When the claim is lost or the store is gone.
pub async fn record(tx: &mut FencedTx, community: CommunityId, changes: &[RoleChange], now: Millis) -> Result<(), StoreError> {
    let last = tx.one(sql("SELECT coalesce(max(id), 0) AS last FROM role_changes WHERE community_id = $1").bind(community)).await?;
    let mut id: i64 = last.map_or(Ok(0), |row| row.get("last"))?;
    let head = "INSERT INTO role_changes (community_id, id, platform, user_id, user_name, entity_id, role_before, role_after, has_left, \
                changed_by, changed_at) VALUES";
    for chunk in changes.chunks(CHUNK) {
        let mut rows = Sql::rows(head, 11, "");
        for one in chunk {
            id += 1;
            rows = rows.bind(community).bind(id).bind(&one.who.platform).bind(&one.who.id).bind(&one.who.name);
            rows = rows.bind(one.entity.as_deref().unwrap_or_default()).bind(name(one.before)).bind(name(one.after));
            rows = rows.bind(one.left).bind(&one.by).bind(one.at);
        }
        tx.run(rows).await?;
    }
    let old = sql("DELETE FROM role_changes WHERE community_id = $1 AND changed_at < $2");
    tx.run(old.bind(community).bind(now - KEPT)).await.map(drop)
}

/// A page of a community's changes, newest first, and how many there are.
///
/// # Errors
/// When the store is gone.
pub async fn changes(store: &Store, community: CommunityId, limit: i64, offset: i64) -> Result<(Vec<RoleChange>, i64), StoreError> {
    let text = "SELECT platform, user_id, user_name, entity_id, role_before, role_after, has_left, changed_by, changed_at FROM role_changes \
                WHERE community_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3";
    let rows = store.all(sql(text).bind(community).bind(limit).bind(offset)).await?;
    let found = rows.iter().map(read).collect::<Result<_, _>>()?;
    let total = store.one(sql("SELECT count(*) AS total FROM role_changes WHERE community_id = $1").bind(community)).await?;
    Ok((found, total.map_or(Ok(0), |row| row.get("total"))?))
}

fn read(row: &Row) -> Result<RoleChange, StoreError> {
    let entity: String = row.get("entity_id")?;
    Ok(RoleChange {
        who: Person { platform: row.get("platform")?, id: row.get("user_id")?, name: row.get("user_name")? },
        entity: Some(entity).filter(|entity| !entity.is_empty()),
        before: Role::parse(&row.get::<String>("role_before")?),
        after: Role::parse(&row.get::<String>("role_after")?),
        left: row.get("has_left")?,
        by: row.get("changed_by")?,
        at: row.get("changed_at")?,
    })
}

fn name(role: Option<Role>) -> &'static str {
    role.map_or("", Role::name)
}
