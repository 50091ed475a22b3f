//! The chat a community keeps to try its rules on: off unless it says so, gone after some days or when asked.

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::store::{FencedTx, Sql, Store, StoreError, sql};

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Where.
    pub entity_id: String,
    /// Who, on their platform.
    pub user_id: String,
    /// Who, as shown.
    pub user_name: String,
    /// What.
    pub text: String,
    /// When.
    pub said_at: Millis,
}

/// What is erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Of one channel, or of all.
    pub entity: Option<String>,
    /// Of one person, or of all.
    pub user: Option<String>,
}

impl Erased {
    /// Whether something that was said is meant.
    #[must_use]
    pub fn means(&self, said: &Said) -> bool {
        self.entity.as_ref().is_none_or(|entity| *entity == said.entity_id) && self.user.as_ref().is_none_or(|user| *user == said.user_id)
    }
}

/// Writes down what was said.
///
/// # Errors
/// When the store is gone.
pub async fn add(tx: &mut FencedTx, community: CommunityId, said: &[Said]) -> Result<(), StoreError> {
    for chunk in said.chunks(500) {
        let mut statement =
            Sql::rows("INSERT INTO chat_history (community_id, entity_id, user_id, user_name, text, said_at) VALUES", 6, "");
        for one in chunk {
            statement =
                statement.bind(community).bind(&one.entity_id).bind(&one.user_id).bind(&one.user_name).bind(&one.text).bind(one.said_at);
        }
        tx.run(statement).await?;
    }
    Ok(())
}

/// The last things that were said in one channel, or in all when `entity` is empty; the newest first.
///
/// # Errors
/// When the store is gone.
pub async fn last(store: &Store, community: CommunityId, entity: &str, most: u32) -> Result<Vec<Said>, StoreError> {
    let text = "SELECT entity_id, user_id, user_name, text, said_at FROM chat_history \
        WHERE community_id = $1 AND ($2 = '' OR entity_id = $2) ORDER BY said_at DESC LIMIT $3";
    let rows = store.all_lately(sql(text).bind(community).bind(entity).bind(most)).await?;
    let said = rows.iter().map(|row| {
        Ok(Said {
            entity_id: row.get("entity_id")?,
            user_id: row.get("user_id")?,
            user_name: row.get("user_name")?,
            text: row.get("text")?,
            said_at: row.get("said_at")?,
        })
    });
    said.collect()
}

/// Erases what was said before a moment.
///
/// # Errors
/// When the store is gone.
pub async fn expire(tx: &mut FencedTx, community: CommunityId, before: Millis) -> Result<u64, StoreError> {
    tx.run(sql("DELETE FROM chat_history WHERE community_id = $1 AND said_at < $2").bind(community).bind(before)).await
}

/// Erases what somebody asked to be erased; says how many lines it was.
///
/// # Errors
/// When the store is gone.
pub async fn erase(tx: &mut FencedTx, community: CommunityId, what: &Erased) -> Result<u64, StoreError> {
    let text = "DELETE FROM chat_history WHERE community_id = $1 AND ($2 = '' OR entity_id = $2) AND ($3 = '' OR user_id = $3)";
    let entity = what.entity.clone().unwrap_or_default();
    tx.run(sql(text).bind(community).bind(entity).bind(what.user.clone().unwrap_or_default())).await
}
