//! The record that something ran: committed with what it wrote and what it answered.

use super::outbox::{self, Effect};
use crate::chat::{CommunityId, Millis};
use crate::store::{FencedTx, Row, Sql, Store, StoreError, sql};

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
    /// The node in the life it ran in: who sends what it answered.
    pub holder: String,
    /// How long the module took.
    pub millis: i64,
    /// When.
    pub at: Millis,
}

/// What came of [`record`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It had not run before; the ids of its effects.
    New(Vec<String>),
    /// It had run before: undo the transaction, and give what was answered then (JSON) once the store has [`settled`].
    Before(String),
}

/// Writes the record and its effects into the module's own transaction.
///
/// # Errors
/// When the store is gone.
pub async fn record(tx: &mut FencedTx, execution: &Execution, effects: &[Effect]) -> Result<Recorded, StoreError> {
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
        // In the same transaction: the first run may still wait for the disk, where no reader sees it.
        let row = tx.one(sql("SELECT answer FROM executions WHERE execution_id = $1").bind(&execution.id)).await?;
        return Ok(Recorded::Before(row.map_or(Ok(String::new()), |row| row.get("answer"))?));
    }
    outbox::put(tx, execution, effects).await.map(Recorded::New)
}

/// What these executions are recorded to have done, in the order of their names.
pub(super) async fn of(store: &Store, ids: &[String]) -> Result<Vec<Told>, StoreError> {
    let head = "SELECT module, command, status, answer, execution_time_ms FROM executions WHERE execution_id IN";
    let statement = ids.iter().fold(Sql::rows(head, 1, "ORDER BY execution_id"), |statement, id| statement.bind(id));
    let told = |row: &Row| {
        Ok(Told {
            module: row.get("module")?,
            command: row.get("command")?,
            failed: row.get::<String>("status")? != "success",
            answer: row.get("answer")?,
            millis: row.get("execution_time_ms")?,
        })
    };
    if ids.is_empty() { Ok(Vec::new()) } else { store.all(statement).await?.iter().map(told).collect() }
}

/// What a recorded execution tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which module ran.
    pub module: String,
    /// Which command, or the kind of the event.
    pub command: String,
    /// Whether it failed.
    pub failed: bool,
    /// What was answered, as JSON.
    pub answer: String,
    /// How long it took.
    pub millis: i64,
}

/// Waits until everything that was finished before is on disk, or undone.
///
/// # Errors
/// When the store is gone, or what was finished before could not be written.
pub async fn settled(store: &Store) -> Result<(), StoreError> {
    store.begin().await?.commit().await
}
