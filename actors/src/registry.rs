//! The communities of this installation, and which channel belongs to which.

use std::collections::HashMap;

use waddlebot_runtime::chat::{ChannelKey, CommunityId, GLOBAL_COMMUNITY, Millis};
use waddlebot_runtime::store::{Row, Sql, Store, StoreError, Tx, sql};

/// A community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its number.
    pub id: CommunityId,
    /// Its name.
    pub name: String,
    /// Its IANA time zone.
    pub timezone: String,
}

/// All communities that have channels, oldest first: not the global one, which everybody belongs to.
///
/// # Errors
/// When the store is gone.
pub async fn communities(store: &Store) -> Result<Vec<Registered>, StoreError> {
    let text = "SELECT id, name, timezone FROM communities WHERE is_active AND id <> $1 ORDER BY id";
    let rows = store.all(sql(text).bind(GLOBAL_COMMUNITY)).await?;
    rows.iter().map(registered).collect()
}

/// Communities that have channels, oldest first: a page of those whose name, in small letters, is like `like` (all when it
/// is empty; `!` escapes).
///
/// # Errors
/// When the store is gone.
pub async fn page(store: &Store, like: &str, most: i64, skipped: i64) -> Result<Vec<Registered>, StoreError> {
    let text = "SELECT id, name, timezone FROM communities WHERE is_active AND id <> $1 AND ($2 = '' OR LOWER(name) LIKE $2 ESCAPE '!') \
                ORDER BY id LIMIT $3 OFFSET $4";
    let rows = store.all(sql(text).bind(GLOBAL_COMMUNITY).bind(like).bind(most).bind(skipped)).await?;
    rows.iter().map(registered).collect()
}

/// The community that is meant where nobody says which: the only one there is.
///
/// # Errors
/// When the store is gone.
pub async fn only(store: &Store) -> Result<Option<CommunityId>, StoreError> {
    let some = page(store, "", 2, 0).await?;
    Ok(if let [only] = some.as_slice() { Some(only.id) } else { None })
}

/// How many [`page`] finds on all its pages.
///
/// # Errors
/// When the store is gone.
pub async fn count(store: &Store, like: &str) -> Result<u64, StoreError> {
    let text = "SELECT COUNT(*) AS found FROM communities WHERE is_active AND id <> $1 AND ($2 = '' OR LOWER(name) LIKE $2 ESCAPE '!')";
    let row = store.one(sql(text).bind(GLOBAL_COMMUNITY).bind(like)).await?;
    let found: i64 = row.map_or(Ok(0), |row| row.get("found"))?;
    Ok(u64::try_from(found).unwrap_or(0))
}

fn registered(row: &Row) -> Result<Registered, StoreError> {
    Ok(Registered { id: row.get("id")?, name: row.get("name")?, timezone: row.get("timezone")? })
}

/// One community.
///
/// # Errors
/// When the store is gone.
pub async fn community(store: &Store, id: CommunityId) -> Result<Option<Registered>, StoreError> {
    let text = "SELECT id, name, timezone FROM communities WHERE is_active AND id = $1 AND id <> $2";
    store.one(sql(text).bind(id).bind(GLOBAL_COMMUNITY)).await?.map(|row| registered(&row)).transpose()
}

/// The community that channels without one of their own belong to: the oldest. Made when there is none.
///
/// # Errors
/// When the store is gone.
pub async fn home(store: &Store, now: Millis) -> Result<Registered, StoreError> {
    if let Some(first) = first(store).await? {
        return Ok(first);
    }
    let mut tx = store.begin().await?;
    let text = "INSERT INTO communities (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    tx.run(sql(text).bind(GLOBAL_COMMUNITY + 1).bind("My community").bind(now)).await?;
    tx.commit().await?;
    first(store).await?.ok_or_else(|| StoreError::Refused("the first community was not made".into()))
}

async fn first(store: &Store) -> Result<Option<Registered>, StoreError> {
    let text = "SELECT id, name, timezone FROM communities WHERE is_active AND id <> $1 ORDER BY id LIMIT 1";
    store.one(sql(text).bind(GLOBAL_COMMUNITY)).await?.map(|row| registered(&row)).transpose()
}

/// The community a channel belongs to; `None` when it was never heard of.
///
/// # Errors
/// When the store is gone.
pub async fn community_of(store: &Store, channel: &ChannelKey) -> Result<Option<CommunityId>, StoreError> {
    let row = store.one(sql("SELECT community_id FROM channels WHERE entity_id = $1 AND is_active").bind(channel.as_str())).await?;
    row.map(|row| row.get("community_id")).transpose()
}

/// The communities of these channels, as far as they were heard of.
///
/// # Errors
/// When the store is gone.
pub async fn communities_of(store: &Store, channels: &[&str]) -> Result<HashMap<String, CommunityId>, StoreError> {
    let mut found = HashMap::with_capacity(channels.len());
    for chunk in channels.chunks(1000) {
        let rows = Sql::rows("SELECT entity_id, community_id FROM channels WHERE is_active AND entity_id IN", 1, "");
        for row in store.all(chunk.iter().fold(rows, |rows, channel| rows.bind(*channel))).await? {
            found.insert(row.get("entity_id")?, row.get("community_id")?);
        }
    }
    Ok(found)
}

/// Where a channel belongs, as it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its community.
    pub community: CommunityId,
    /// Whether it is known who was there first.
    pub owned: bool,
}

/// Where a channel belongs; `None` when it was never heard of.
///
/// # Errors
/// When the store is gone.
pub async fn home_of(store: &Store, channel: &ChannelKey) -> Result<Option<Home>, StoreError> {
    let text = "SELECT community_id, owner FROM channels WHERE entity_id = $1 AND is_active";
    let row = store.one(sql(text).bind(channel.as_str())).await?;
    row.map(|row| Ok(Home { community: row.get("community_id")?, owned: !row.get::<String>("owner")?.is_empty() })).transpose()
}

/// Notes who was first in a channel, once. It gives them no rights: those come from badges and roles.
///
/// # Errors
/// When the store is gone.
pub async fn set_owner(tx: &mut Tx, channel: &str, (id, name): (&str, &str)) -> Result<(), StoreError> {
    let text = "UPDATE channels SET owner = $1, owner_name = $2 WHERE entity_id = $3 AND owner = ''";
    tx.run(sql(text).bind(id).bind(name).bind(channel)).await.map(drop)
}

/// A server as a whole: its channels go to one community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its platform.
    pub platform: String,
    /// Its id there.
    pub server: String,
    /// Whose it is.
    pub community: CommunityId,
    /// As shown.
    pub name: String,
}

/// The group of a server; made, for this community, when there is none.
///
/// # Errors
/// When the store is gone.
pub async fn add_group(store: &Store, platform: &str, server: &str, community: CommunityId, now: Millis) -> Result<Group, StoreError> {
    let mut letters = platform.chars();
    let shown: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let text = "INSERT INTO entity_groups (platform, server_id, community_id, name, created_at) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (platform, server_id) DO NOTHING";
    let row = sql(text).bind(platform).bind(server).bind(community).bind(format!("{shown} Server {server}")).bind(now);
    let mut tx = store.begin().await?;
    tx.run(row).await?;
    tx.commit().await?;
    group(store, platform, server).await?.ok_or_else(|| StoreError::Refused("the group was not made".into()))
}

/// The group of a server, when there is one.
///
/// # Errors
/// When the store is gone.
pub async fn group(store: &Store, platform: &str, server: &str) -> Result<Option<Group>, StoreError> {
    let text = "SELECT platform, server_id, community_id, name FROM entity_groups WHERE platform = $1 AND server_id = $2";
    store.one(sql(text).bind(platform).bind(server)).await?.as_ref().map(read_group).transpose()
}

/// A page of all groups, or of one platform's, by platform and server.
///
/// # Errors
/// When the store is gone.
pub async fn groups(store: &Store, platform: Option<&str>, limit: i64, offset: i64) -> Result<Vec<Group>, StoreError> {
    let text = "SELECT platform, server_id, community_id, name FROM entity_groups WHERE $1 = '' OR platform = $1 \
                ORDER BY platform, server_id LIMIT $2 OFFSET $3";
    let rows = store.all(sql(text).bind(platform.unwrap_or_default()).bind(limit).bind(offset)).await?;
    rows.iter().map(read_group).collect()
}

fn read_group(row: &Row) -> Result<Group, StoreError> {
    Ok(Group { platform: row.get("platform")?, server: row.get("server_id")?, community: row.get("community_id")?, name: row.get("name")? })
}

/// Adds a channel to a community, unless it belongs to one already; gives the one it belongs to.
///
/// # Errors
/// When the store is gone.
pub async fn add_channel(store: &Store, channel: &ChannelKey, community: CommunityId, now: Millis) -> Result<CommunityId, StoreError> {
    let text = "INSERT INTO channels (entity_id, community_id, platform, server_id, channel_id, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
                ON CONFLICT (entity_id) DO NOTHING";
    let row =
        sql(text).bind(channel.as_str()).bind(community).bind(channel.platform()).bind(channel.server()).bind(channel.channel()).bind(now);
    let mut tx = store.begin().await?;
    tx.run(row).await?;
    tx.commit().await?;
    Ok(community_of(store, channel).await?.unwrap_or(community))
}

/// A channel that was heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its name.
    pub key: ChannelKey,
    /// Whose it is.
    pub community: CommunityId,
    /// Whether it is served.
    pub active: bool,
    /// Who was first in it: their id and their name; empty when that is not known.
    pub owner: (String, String),
}

/// A page of all channels, by name, and how many there are.
///
/// # Errors
/// When the store is gone.
pub async fn entities(store: &Store, platform: Option<&str>, limit: i64, offset: i64) -> Result<(Vec<Entity>, i64), StoreError> {
    let text = "SELECT entity_id, community_id, is_active, owner, owner_name FROM channels WHERE $1 = '' OR platform = $1 ORDER BY entity_id LIMIT $2 OFFSET $3";
    let platform = platform.unwrap_or_default();
    let rows = store.all(sql(text).bind(platform).bind(limit).bind(offset)).await?;
    let mut entities = Vec::with_capacity(rows.len());
    for row in &rows {
        let name: String = row.get("entity_id")?;
        if let Some(key) = ChannelKey::parse(&name) {
            let owner = (row.get("owner")?, row.get("owner_name")?);
            entities.push(Entity { key, community: row.get("community_id")?, active: row.get("is_active")?, owner });
        }
    }
    let count = store.one(sql("SELECT count(*) AS total FROM channels WHERE $1 = '' OR platform = $1").bind(platform)).await?;
    let total = count.map_or(Ok(0), |row| row.get("total"))?;
    Ok((entities, total))
}

/// A community's channels.
///
/// # Errors
/// When the store is gone.
pub async fn channels(store: &Store, community: CommunityId) -> Result<Vec<ChannelKey>, StoreError> {
    let rows =
        store.all(sql("SELECT entity_id FROM channels WHERE community_id = $1 AND is_active ORDER BY entity_id").bind(community)).await?;
    let keys: Result<Vec<String>, _> = rows.iter().map(|row| row.get("entity_id")).collect();
    Ok(keys?.iter().filter_map(|key| ChannelKey::parse(key)).collect())
}
