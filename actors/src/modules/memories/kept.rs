//! What a community keeps: quotes, links and notes, and how people like them.

use waddlebot_runtime::chat::{ChannelKey, CommunityId, Millis, User};
use waddlebot_runtime::store::{FencedTx, Row, Sql, Store, StoreError, sql};

use crate::listing::{anywhere, folded};

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something somebody said.
    Quote,
    /// A link.
    Url,
    /// A note.
    Note,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Quote, Self::Url, Self::Note];

    /// As it is kept and typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Url => "url",
            Self::Note => "note",
        }
    }

    /// Reads `quote`, `url`, `note` and their plurals.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        Self::ALL.into_iter().find(|kind| kind.name() == word.strip_suffix('s').unwrap_or(&word))
    }
}

/// One kept thing.
#[derive(Clone, Debug)]
pub struct Memory {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) title: String,
    pub(super) content: String,
    pub(super) url: String,
    pub(super) author: String,
    pub(super) tags: Vec<String>,
}

/// What keeps something under its number.
pub(super) fn adding(community: CommunityId, channel: &ChannelKey, by: &User, memory: &Memory, now: Millis) -> Sql {
    let head = "INSERT INTO memories (community_id, id, entity_id, memory_type, title, content, url, author, tags, search_text, created_by, \
                created_by_name, created_at, updated_at) VALUES";
    let row = Sql::rows(head, 14, "").bind(community).bind(memory.id).bind(channel.as_str()).bind(memory.kind.name());
    with_words(row, memory).bind(&by.id).bind(&by.name).bind(now).bind(now)
}

/// Binds what is kept: title, content, url, author, tags, and what is searched.
fn with_words(row: Sql, memory: &Memory) -> Sql {
    row.bind(&memory.title)
        .bind(&memory.content)
        .bind(&memory.url)
        .bind(&memory.author)
        .bind(tags_text(memory))
        .bind(search_text(memory))
}

/// The last number that was given to something.
pub(super) async fn last(store: &Store, community: CommunityId) -> Result<i64, StoreError> {
    let row = sql("SELECT COALESCE(MAX(id), 0) AS last FROM memories WHERE community_id = $1").bind(community);
    store.one(row).await?.map_or(Ok(0), |row| row.get("last"))
}

/// Changes what is kept under its number.
pub(super) async fn change(tx: &mut FencedTx, community: CommunityId, memory: &Memory, now: Millis) -> Result<(), StoreError> {
    let changed = sql("UPDATE memories SET title = $1, content = $2, url = $3, author = $4, tags = $5, search_text = $6, updated_at = $7 \
         WHERE community_id = $8 AND id = $9 AND is_active = TRUE");
    tx.run(with_words(changed, memory).bind(now).bind(community).bind(memory.id)).await?;
    Ok(())
}

/// Hides what is kept under a number. `false` when nothing is.
pub(super) async fn delete(tx: &mut FencedTx, community: CommunityId, id: i64, now: Millis) -> Result<bool, StoreError> {
    let hidden = sql("UPDATE memories SET is_active = FALSE, updated_at = $1 WHERE community_id = $2 AND id = $3 AND is_active = TRUE");
    Ok(tx.run(hidden.bind(now).bind(community).bind(id)).await? == 1)
}

/// What is kept under a number; counted as used when `used`.
pub(super) async fn get(tx: &mut FencedTx, community: CommunityId, id: i64, used: Option<Millis>) -> Result<Option<Memory>, StoreError> {
    if let Some(now) = used {
        let counted = sql("UPDATE memories SET usage_count = usage_count + 1, last_used = $1 \
             WHERE community_id = $2 AND id = $3 AND is_active = TRUE");
        tx.run(counted.bind(now).bind(community).bind(id)).await?;
    }
    let row = sql("SELECT id, memory_type, title, content, url, author, tags FROM memories \
         WHERE community_id = $1 AND id = $2 AND is_active = TRUE");
    tx.one(row.bind(community).bind(id)).await?.as_ref().map(memory).transpose()
}

/// How often something was looked at.
pub(super) async fn uses(tx: &mut FencedTx, community: CommunityId, id: i64) -> Result<i64, StoreError> {
    let row = sql("SELECT usage_count FROM memories WHERE community_id = $1 AND id = $2").bind(community).bind(id);
    tx.one(row).await?.map_or(Ok(0), |row| row.get("usage_count"))
}

/// How many of a kind there are.
pub(super) async fn count(store: &Store, community: CommunityId, kind: Kind) -> Result<i64, StoreError> {
    let row = sql("SELECT COUNT(*) AS kept FROM memories WHERE community_id = $1 AND memory_type = $2 AND is_active = TRUE");
    store.one(row.bind(community).bind(kind.name())).await?.map_or(Ok(0), |row| row.get("kept"))
}

/// Some of a kind, the newest first.
pub(super) async fn list(store: &Store, community: CommunityId, kind: Kind, skipped: i64, most: i64) -> Result<Vec<Memory>, StoreError> {
    let rows = sql("SELECT id, memory_type, title, content, url, author, tags FROM memories \
         WHERE community_id = $1 AND memory_type = $2 AND is_active = TRUE ORDER BY id DESC LIMIT $3 OFFSET $4");
    let rows = store.all(rows.bind(community).bind(kind.name()).bind(most).bind(skipped)).await?;
    rows.iter().map(memory).collect()
}

/// Where the text stands in a title, a content, an author or a tag; the newest first, at most `most`.
pub(super) async fn search(store: &Store, community: CommunityId, text: &str, most: i64) -> Result<Vec<Memory>, StoreError> {
    let rows = sql("SELECT id, memory_type, title, content, url, author, tags FROM memories \
         WHERE community_id = $1 AND is_active = TRUE AND search_text LIKE $2 ESCAPE '!' ORDER BY id DESC LIMIT $3");
    let rows = store.all(rows.bind(community).bind(anywhere(text)).bind(most)).await?;
    rows.iter().map(memory).collect()
}

/// Adds somebody's reaction, once. `false` when they reacted like that already.
pub(super) async fn react(
    tx: &mut FencedTx,
    community: CommunityId,
    id: i64,
    user: &str,
    like: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let added = sql("INSERT INTO memory_reactions (community_id, memory_id, user_id, reaction_type, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (community_id, memory_id, user_id, reaction_type) DO NOTHING");
    Ok(tx.run(added.bind(community).bind(id).bind(user).bind(like).bind(now)).await? == 1)
}

/// How people reacted, and how many.
pub(super) async fn reactions(tx: &mut FencedTx, community: CommunityId, id: i64) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sql("SELECT reaction_type, COUNT(*) AS times FROM memory_reactions WHERE community_id = $1 AND memory_id = $2 \
         GROUP BY reaction_type ORDER BY reaction_type");
    tx.all(rows.bind(community).bind(id)).await?.iter().map(|row| Ok((row.get("reaction_type")?, row.get("times")?))).collect()
}

fn memory(row: &Row) -> Result<Memory, StoreError> {
    let kind: String = row.get("memory_type")?;
    let tags: String = row.get("tags")?;
    Ok(Memory {
        id: row.get("id")?,
        kind: Kind::parse(&kind).unwrap_or(Kind::Note),
        title: row.get("title")?,
        content: row.get("content")?,
        url: row.get("url")?,
        author: row.get("author")?,
        tags: serde_json::from_str(&tags).unwrap_or_default(),
    })
}

fn tags_text(memory: &Memory) -> String {
    serde_json::Value::from(memory.tags.as_slice()).to_string()
}

fn search_text(memory: &Memory) -> String {
    [folded(&memory.title), folded(&memory.content), folded(&memory.author), memory.tags.join("\n")].join("\n")
}
