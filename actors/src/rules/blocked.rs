//! What was blocked lately, for the moderators: each message with its rule, for thirty days.

use serde::Serialize;
use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::store::{FencedTx, Sql, Store, StoreError, sql};

use super::history::{Erased, Said};

/// For how long it is told, in milliseconds.
const KEPT: Millis = 30 * 24 * 3600 * 1000;

/// A message that a rule blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// By this rule.
    pub rule_id: i64,
    /// What was said, by whom, where and when.
    #[serde(flatten)]
    pub said: Said,
}

/// Writes down what was blocked, and forgets what is older than thirty days.
///
/// # Errors
/// When the store is gone.
pub async fn add(tx: &mut FencedTx, community: CommunityId, blocked: &[Blocked], now: Millis) -> Result<(), StoreError> {
    for chunk in blocked.chunks(500) {
        let head = "INSERT INTO blocked_messages (community_id, entity_id, rule_id, user_id, user_name, text, said_at) VALUES";
        let mut statement = Sql::rows(head, 7, "");
        for Blocked { rule_id, said } in chunk {
            statement = statement.bind(community).bind(&said.entity_id).bind(*rule_id).bind(&said.user_id);
            statement = statement.bind(&said.user_name).bind(&said.text).bind(said.said_at);
        }
        tx.run(statement).await?;
    }
    tx.run(sql("DELETE FROM blocked_messages WHERE community_id = $1 AND said_at < $2").bind(community).bind(now - KEPT)).await?;
    Ok(())
}

/// What was blocked last, the newest first.
///
/// # Errors
/// When the store is gone.
pub async fn last(store: &Store, community: CommunityId, most: u32) -> Result<Vec<Blocked>, StoreError> {
    let text = "SELECT rule_id, entity_id, user_id, user_name, text, said_at FROM blocked_messages \
        WHERE community_id = $1 ORDER BY said_at DESC LIMIT $2";
    let rows = store.all_lately(sql(text).bind(community).bind(most)).await?;
    let blocked = rows.iter().map(|row| {
        let said = Said {
            entity_id: row.get("entity_id")?,
            user_id: row.get("user_id")?,
            user_name: row.get("user_name")?,
            text: row.get("text")?,
            said_at: row.get("said_at")?,
        };
        Ok(Blocked { rule_id: row.get("rule_id")?, said })
    });
    blocked.collect()
}

/// Erases what somebody asked to be erased.
///
/// # Errors
/// When the store is gone.
pub async fn erase(tx: &mut FencedTx, community: CommunityId, what: &Erased) -> Result<u64, StoreError> {
    let text = "DELETE FROM blocked_messages WHERE community_id = $1 AND ($2 = '' OR entity_id = $2) AND ($3 = '' OR user_id = $3)";
    let entity = what.entity.clone().unwrap_or_default();
    tx.run(sql(text).bind(community).bind(entity).bind(what.user.clone().unwrap_or_default())).await
}
