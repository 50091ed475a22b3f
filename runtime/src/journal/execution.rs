//! The record that something ran: committed with what it wrote and what it answered.

use super::outbox::{self, Cause, Effect};
use crate::chat::{CommunityId, Millis};
use crate::response::Response;
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

/// How many executions are on record.
///
/// # Errors
/// When the store is gone.
pub async fn executed(store: &Store) -> Result<i64, StoreError> {
    let row = store.one(sql("SELECT count(*) AS total FROM executions")).await?;
    row.map_or(Ok(0), |row| row.get("total"))
}

/// What writes the record, first of all, and its effects; and the ids of these.
#[must_use]
pub fn recording(execution: &Execution, effects: &[Effect]) -> (Vec<Sql>, Vec<String>) {
    let head = "INSERT INTO executions (execution_id, entity_id, community_id, module, command, user_id, user_name, status, answer, epoch, \
                execution_time_ms, created_at) VALUES";
    let row = Sql::rows(head, 12, "ON CONFLICT (execution_id) DO NOTHING")
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
    let cause =
        Cause { id: &execution.id, community: execution.community, epoch: execution.epoch, holder: &execution.holder, at: execution.at };
    // Where the record is there already, its effects may be as well: nothing of this is kept then.
    let (ids, putting) = outbox::putting(cause, effects, "ON CONFLICT (id) DO NOTHING");
    ([Some(row), putting].into_iter().flatten().collect(), ids)
}

/// What was recorded when something ran before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// What was answered, as JSON.
    pub answer: String,
    /// Whether it failed.
    pub failed: bool,
    /// How long it took.
    pub millis: i64,
}

/// Writes what [`recording`] gave, and what else goes with it, into the module's own transaction. Gives what was recorded
/// where it had run before: undo the transaction then, and answer so once the store has [`settled`].
///
/// # Errors
/// When the store is gone, or the claim is lost.
pub async fn record(tx: &mut FencedTx, id: &str, writes: Vec<Sql>) -> Result<Option<First>, StoreError> {
    if tx.run_all(writes).await?.first() != Some(&0) {
        return Ok(None);
    }
    // In the same transaction: the first run may still wait for the disk, where no reader sees it.
    let row = tx.one(sql("SELECT answer, status, execution_time_ms FROM executions WHERE execution_id = $1").bind(id)).await?;
    let first = |row: Row| {
        let (answer, millis) = (row.get("answer")?, row.get("execution_time_ms")?);
        Ok(First { answer, failed: row.get::<String>("status")? != "success", millis })
    };
    row.map_or(Ok(First { answer: String::new(), failed: false, millis: 0 }), first).map(Some)
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

/// A run of something outside this program, as it is written down before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The same message and the same command have the same id.
    pub id: String,
    /// Where.
    pub entity: String,
    /// For whom.
    pub community: CommunityId,
    /// The module that is called.
    pub module: String,
    /// The command, or the kind of the event.
    pub command: String,
    /// The command's number.
    pub command_id: i64,
    /// On whose word.
    pub user_id: String,
    /// Their name.
    pub user_name: String,
    /// What they said.
    pub message: String,
    /// The words behind the command, as JSON.
    pub parameters: String,
    /// The epoch it runs under.
    pub epoch: i64,
    /// The node in the life it runs in: who sends what it answers.
    pub holder: String,
    /// When it begins.
    pub at: Millis,
}

/// What came of [`begin`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It never began before.
    New,
    /// It began before, and nobody knows how it ended.
    Open,
    /// It ended before.
    Ended {
        /// `success`, `failed` or `timeout`.
        status: String,
        /// What was answered, as JSON.
        answer: String,
        /// Why it failed, if it did.
        error: String,
        /// The command, or the kind of the event.
        command: String,
        /// The status of the other side's answer.
        code: Option<i64>,
        /// How long it took.
        millis: i64,
    },
}

/// Writes down that a run begins.
///
/// # Errors
/// When the store is gone.
pub async fn begin(tx: &mut FencedTx, run: &Run) -> Result<Begun, StoreError> {
    let text = "INSERT INTO executions (execution_id, entity_id, community_id, module, command, command_id, user_id, user_name, message_content, \
                parameters, status, epoch, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $11, $12) \
                ON CONFLICT (execution_id) DO NOTHING";
    let row = sql(text)
        .bind(&run.id)
        .bind(&run.entity)
        .bind(run.community)
        .bind(&run.module)
        .bind(&run.command)
        .bind(run.command_id)
        .bind(&run.user_id)
        .bind(&run.user_name)
        .bind(&run.message)
        .bind(&run.parameters)
        .bind(run.epoch)
        .bind(run.at);
    if tx.run(row).await? == 1 {
        return Ok(Begun::New);
    }
    let text = "SELECT status, answer, error_message, command, response_status, execution_time_ms FROM executions WHERE execution_id = $1";
    let row = tx.one(sql(text).bind(&run.id)).await?.ok_or_else(|| StoreError::Refused("a run is neither new nor known".into()))?;
    let status: String = row.get("status")?;
    if status == "pending" {
        return Ok(Begun::Open);
    }
    Ok(Begun::Ended {
        status,
        answer: row.get("answer")?,
        error: row.get("error_message")?,
        command: row.get("command")?,
        code: row.get("response_status")?,
        millis: row.get("execution_time_ms")?,
    })
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// `success`, `failed` or `timeout`.
    pub status: &'static str,
    /// What is answered, as JSON.
    pub answer: String,
    /// The status of the other side's answer.
    pub response_status: Option<i64>,
    /// The other side's answer.
    pub response_data: String,
    /// Why it failed.
    pub error: String,
    /// How often it was tried again.
    pub retries: i64,
    /// How long it took.
    pub millis: i64,
    /// When it ended.
    pub at: Millis,
}

/// Writes down how a run ended, with its effects; their ids, or `None` when it had ended before.
///
/// # Errors
/// When the store is gone.
pub async fn end(tx: &mut FencedTx, run: &Run, ending: &Ending, effects: &[Effect]) -> Result<Option<Vec<String>>, StoreError> {
    let text = "UPDATE executions SET status = $2, answer = $3, response_status = $4, response_data = $5, error_message = $6, retry_count = $7, \
                execution_time_ms = $8, completed_at = $9 WHERE execution_id = $1 AND status = 'pending'";
    let row = sql(text)
        .bind(&run.id)
        .bind(ending.status)
        .bind(&ending.answer)
        .bind(ending.response_status)
        .bind(&ending.response_data)
        .bind(&ending.error)
        .bind(ending.retries)
        .bind(ending.millis)
        .bind(ending.at);
    if tx.run(row).await? == 0 {
        return Ok(None);
    }
    let cause = Cause { id: &run.id, community: run.community, epoch: run.epoch, holder: &run.holder, at: ending.at };
    outbox::put(tx, cause, effects).await.map(Some)
}

/// What is known of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where it ran.
    pub entity: String,
    /// For whom.
    pub community: CommunityId,
    /// Which module.
    pub module: String,
    /// The command, or the kind of the event.
    pub command: String,
    /// On whose word.
    pub user_name: String,
    /// `pending`, `success`, `failed` or `timeout`.
    pub status: String,
}

/// What was answered at once by an execution that is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Inline {
    /// The execution.
    pub id: String,
    /// Its channel.
    pub entity: String,
    /// Its community.
    pub community: CommunityId,
    /// Which module answered.
    pub module: String,
    /// Whether it went well.
    pub success: bool,
    /// What it answered, in order.
    pub responses: Vec<Response>,
    /// What went wrong.
    pub error: String,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// When it ended.
    pub at: Millis,
}

/// Which answers are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answers<'a> {
    /// Of this execution; of all when empty.
    pub execution: &'a str,
    /// Of this module; of all when empty.
    pub module: &'a str,
    /// With a response of this action among them, by its name in JSON; any when empty.
    pub action: &'a str,
    /// Only of those that went well.
    pub success_only: bool,
    /// So many executions at most.
    pub most: i64,
}

/// What executions answered at once, those of the last ones first.
///
/// # Errors
/// When the store is gone.
pub async fn answered(store: &Store, wanted: Answers<'_>) -> Result<Vec<Inline>, StoreError> {
    let text = "SELECT execution_id, entity_id, community_id, module, status, answer, error_message, execution_time_ms, \
        coalesce(completed_at, created_at) AS ended_at FROM executions WHERE status <> 'pending' AND answer <> '[]' AND answer <> '' \
        AND ($1 = '' OR execution_id = $1) AND ($2 = '' OR module = $2) AND ($3 = '' OR answer LIKE $3) AND (NOT $4 OR status = 'success') \
        ORDER BY created_at DESC, execution_id LIMIT $5";
    let like = if wanted.action.is_empty() { String::new() } else { format!("%\"{}\":%", wanted.action) };
    let statement = sql(text).bind(wanted.execution).bind(wanted.module).bind(like).bind(wanted.success_only).bind(wanted.most);
    let read = |row: &Row| {
        Ok(Inline {
            id: row.get("execution_id")?,
            entity: row.get("entity_id")?,
            community: row.get("community_id")?,
            module: row.get("module")?,
            success: row.get::<String>("status")? == "success",
            responses: serde_json::from_str(&row.get::<String>("answer")?).unwrap_or_default(),
            error: row.get("error_message")?,
            millis: row.get("execution_time_ms")?,
            at: row.get("ended_at")?,
        })
    };
    store.all_lately(statement).await?.iter().map(read).collect()
}

/// An execution, by its id.
///
/// # Errors
/// When the store is gone.
pub async fn known(store: &Store, id: &str) -> Result<Option<Known>, StoreError> {
    let text = "SELECT entity_id, community_id, module, command, user_name, status FROM executions WHERE execution_id = $1";
    let Some(row) = store.one(sql(text).bind(id)).await? else { return Ok(None) };
    let (entity, community) = (row.get("entity_id")?, row.get("community_id")?);
    let (module, command, user_name) = (row.get("module")?, row.get("command")?, row.get("user_name")?);
    Ok(Some(Known { entity, community, module, command, user_name, status: row.get("status")? }))
}
