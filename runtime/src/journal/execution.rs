//! The record that something ran: committed with what it wrote and what it answered.

use super::outbox::{self, Effect};
use crate::chat::{CommunityId, Millis};
use crate::store::{FencedTx, Store, StoreError, sql};

/// The record that a module ran for a message. The same id can be recorded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Message id and module: what makes it one.
    pub id: String,
    /// Where.
    pub entity: String,
    /// For whom.
    pub community: CommunityId,
    /// Which module ran.
    pub module: &'static str,
    /// Which command, or the kind of the event.
    pub command: String,
    /// On whose word.
    pub user_id: String,
    /// Their name.
    pub user_name: String,
    /// `success` or `failed`.
    pub status: &'static str,
    /// What was answered, as JSON.
    pub answer: String,
    /// The epoch it ran under.
    pub epoch: i64,
    /// How long the module took.
    pub millis: i64,
    /// When.
    pub at: Millis,
}

/// Writes the record and its effects into the module's own transaction; gives the effects' ids.
/// `None` when it had run before: undo the transaction and give the first answer.
///
/// # Errors
/// When the store is gone.
pub async fn record(tx: &mut FencedTx, execution: &Execution, effects: &[Effect]) -> Result<Option<Vec<String>>, StoreError> {
    let text = "INSERT INTO executions (execution_id, entity_id, community_id, module, command, user_id, user_name, status, answer, epoch, execution_time_ms, created_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (execution_id) DO NOTHING";
    let row = sql(text)
        .bind(&execution.id)
        .bind(&execution.entity)
        .bind(execution.community)
        .bind(execution.module)
        .bind(&execution.command)
        .bind(&execution.user_id)
        .bind(&execution.user_name)
        .bind(execution.status)
        .bind(&execution.answer)
        .bind(execution.epoch)
        .bind(execution.millis)
        .bind(execution.at);
    if tx.run(row).await? == 0 {
        return Ok(None);
    }
    outbox::put(tx, execution, effects).await.map(Some)
}

/// What was answered when this ran before, as JSON.
///
/// # Errors
/// When the store is gone.
pub async fn answered(store: &Store, id: &str) -> Result<Option<String>, StoreError> {
    let row = store.one(sql("SELECT answer FROM executions WHERE execution_id = $1").bind(id)).await?;
    row.map(|row| row.get("answer")).transpose()
}
