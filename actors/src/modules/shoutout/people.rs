//! Whom a community introduces, and when it did: the tables of the shout-outs.

use waddlebot_runtime::chat::{ChannelKey, CommunityId, Millis};
use waddlebot_runtime::command::UserName;
use waddlebot_runtime::store::{FencedTx, Row, Store, StoreError, sql};

use super::words::Reason;

/// What is kept about a person.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    pub(super) message: String,
    pub(super) links: Vec<String>,
}

/// One introduction, as it is written down.
pub(super) struct Entry<'a> {
    pub(super) community: CommunityId,
    pub(super) channel: &'a ChannelKey,
    pub(super) name: &'a UserName,
    pub(super) reason: Reason,
    pub(super) asked_by: &'a str,
    pub(super) game: Option<&'a str>,
    pub(super) now: Millis,
    /// An automatic one is made only when none was made since.
    pub(super) rested_since: Millis,
}

/// The names that are introduced by themselves, folded.
pub(super) async fn flagged(store: &Store, community: CommunityId) -> Result<Vec<String>, StoreError> {
    let rows = sql("SELECT user_key FROM shoutout_users WHERE community_id = $1 AND auto_shoutout = TRUE").bind(community);
    store.all(rows).await?.iter().map(|row| row.get("user_key")).collect()
}

/// The same names as people know them, a page of them.
pub(super) async fn flagged_names(store: &Store, community: CommunityId, skipped: i64, most: i64) -> Result<Vec<String>, StoreError> {
    let rows =
        sql("SELECT user_name FROM shoutout_users WHERE community_id = $1 AND auto_shoutout = TRUE ORDER BY user_key LIMIT $2 OFFSET $3");
    store.all(rows.bind(community).bind(most).bind(skipped)).await?.iter().map(|row| row.get("user_name")).collect()
}

/// What is kept about somebody.
pub(super) async fn find(store: &Store, community: CommunityId, name: &UserName) -> Result<Option<Person>, StoreError> {
    let row = sql("SELECT custom_message, links FROM shoutout_users WHERE community_id = $1 AND user_key = $2");
    store.one(row.bind(community).bind(name.folded())).await?.as_ref().map(person).transpose()
}

/// The same, in the transaction that is about to change it.
pub(super) async fn find_in(tx: &mut FencedTx, community: CommunityId, name: &UserName) -> Result<Person, StoreError> {
    let row = sql("SELECT custom_message, links FROM shoutout_users WHERE community_id = $1 AND user_key = $2");
    Ok(tx.one(row.bind(community).bind(name.folded())).await?.as_ref().map(person).transpose()?.unwrap_or_default())
}

fn person(row: &Row) -> Result<Person, StoreError> {
    let links: String = row.get("links")?;
    Ok(Person { message: row.get("custom_message")?, links: serde_json::from_str(&links).unwrap_or_default() })
}

/// Lets somebody be introduced by themselves, or no longer.
pub(super) async fn flag(tx: &mut FencedTx, community: CommunityId, name: &UserName, on: bool) -> Result<(), StoreError> {
    let written = sql("INSERT INTO shoutout_users (community_id, user_key, user_name, auto_shoutout) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (community_id, user_key) DO UPDATE SET user_name = excluded.user_name, auto_shoutout = excluded.auto_shoutout");
    tx.run(written.bind(community).bind(name.folded()).bind(name.as_str()).bind(on)).await?;
    Ok(())
}

/// Keeps somebody's own words and links.
pub(super) async fn keep(tx: &mut FencedTx, community: CommunityId, name: &UserName, person: &Person) -> Result<(), StoreError> {
    let links = serde_json::Value::from(person.links.clone()).to_string();
    let written = sql("INSERT INTO shoutout_users (community_id, user_key, user_name, custom_message, links) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (community_id, user_key) DO UPDATE SET custom_message = excluded.custom_message, links = excluded.links");
    tx.run(written.bind(community).bind(name.folded()).bind(name.as_str()).bind(&person.message).bind(links)).await?;
    Ok(())
}

/// Counts an introduction and writes it down. `false` when the person still rests from the last automatic one.
pub(super) async fn introduced(tx: &mut FencedTx, entry: &Entry<'_>) -> Result<bool, StoreError> {
    let key = entry.name.folded();
    let counted = if entry.reason == Reason::Asked {
        sql("INSERT INTO shoutout_users (community_id, user_key, user_name, shoutout_count, last_shoutout) VALUES ($1, $2, $3, 1, $4) \
             ON CONFLICT (community_id, user_key) DO UPDATE SET shoutout_count = shoutout_users.shoutout_count + 1, \
             last_shoutout = excluded.last_shoutout")
        .bind(entry.community)
        .bind(&key)
        .bind(entry.name.as_str())
        .bind(entry.now)
    } else {
        sql("INSERT INTO shoutout_users (community_id, user_key, user_name, shoutout_count, last_shoutout, last_auto) \
             VALUES ($1, $2, $3, 1, $4, $4) \
             ON CONFLICT (community_id, user_key) DO UPDATE SET shoutout_count = shoutout_users.shoutout_count + 1, \
             last_shoutout = excluded.last_shoutout, last_auto = excluded.last_auto \
             WHERE shoutout_users.last_auto IS NULL OR shoutout_users.last_auto <= $5")
        .bind(entry.community)
        .bind(&key)
        .bind(entry.name.as_str())
        .bind(entry.now)
        .bind(entry.rested_since)
    };
    if tx.run(counted).await? == 0 {
        return Ok(false);
    }
    let written =
        sql("INSERT INTO shoutout_history (community_id, id, user_key, user_name, entity_id, reason, asked_by, game, created_at) \
         VALUES ($1, (SELECT COALESCE(MAX(id), 0) + 1 FROM shoutout_history WHERE community_id = $1), $2, $3, $4, $5, $6, $7, $8)")
        .bind(entry.community)
        .bind(&key)
        .bind(entry.name.as_str())
        .bind(entry.channel.as_str())
        .bind(entry.reason.name())
        .bind(entry.asked_by)
        .bind(entry.game)
        .bind(entry.now);
    tx.run(written).await?;
    Ok(true)
}

/// Who was introduced most often, and how often.
pub(super) async fn most_introduced(store: &Store, community: CommunityId, most: i64) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sql("SELECT user_name, shoutout_count FROM shoutout_users WHERE community_id = $1 AND shoutout_count > 0 \
         ORDER BY shoutout_count DESC, user_key LIMIT $2");
    let rows = store.all(rows.bind(community).bind(most)).await?;
    rows.iter().map(|row| Ok((row.get("user_name")?, row.get("shoutout_count")?))).collect()
}

/// Who was introduced last: the name, why, and when.
pub(super) async fn last(store: &Store, community: CommunityId) -> Result<Option<(String, String, Millis)>, StoreError> {
    let row = sql("SELECT user_name, reason, created_at FROM shoutout_history WHERE community_id = $1 ORDER BY id DESC LIMIT 1");
    let row = store.one(row.bind(community)).await?;
    row.map(|row| Ok((row.get("user_name")?, row.get("reason")?, row.get("created_at")?))).transpose()
}
