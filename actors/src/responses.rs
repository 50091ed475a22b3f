//! What programs elsewhere answered later: each answer stored once, for thirty days.

use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::store::{FencedTx, Row, Store, StoreError, sql};

/// For how long they are kept, in milliseconds.
pub const KEPT: Millis = 30 * 24 * 3600 * 1000;
/// The most later answers of one execution.
pub const MOST: i64 = 100;

/// A later answer, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Later {
    /// Its id.
    pub id: String,
    /// The execution it answers.
    pub execution_id: String,
    /// For whom.
    pub community: CommunityId,
    /// Where.
    pub entity: String,
    /// Who answers.
    pub module: String,
    /// Whether it did what it was asked for.
    pub success: bool,
    /// `chat`, `media`, `ticker`, `general` or `form`.
    pub action: String,
    /// What is to be done; nothing when it only failed.
    pub response: Option<Response>,
    /// What went wrong.
    pub error: String,
    /// How long it worked.
    pub processing_time_ms: i64,
    /// When it came.
    pub at: Millis,
}

/// Stores one, unless it is there; says whether it is new.
///
/// # Errors
/// When the store is gone.
pub async fn add(tx: &mut FencedTx, later: &Later) -> Result<bool, StoreError> {
    let text = "INSERT INTO module_responses (id, execution_id, community_id, entity_id, module_name, success, response_action, response_data, \
        error_message, processing_time_ms, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING";
    let statement = sql(text)
        .bind(&later.id)
        .bind(&later.execution_id)
        .bind(later.community)
        .bind(&later.entity)
        .bind(&later.module)
        .bind(later.success)
        .bind(&later.action)
        .bind(serde_json::to_string(&later.response).unwrap_or_default())
        .bind(&later.error)
        .bind(later.processing_time_ms)
        .bind(later.at);
    Ok(tx.run(statement).await? == 1)
}

/// How many answers an execution has.
///
/// # Errors
/// When the store is gone.
pub async fn total(tx: &mut FencedTx, execution: &str) -> Result<i64, StoreError> {
    let row = tx.one(sql("SELECT COUNT(*) AS total FROM module_responses WHERE execution_id = $1").bind(execution)).await?;
    row.map_or(Ok(0), |row| row.get("total"))
}

/// The later answers of an execution, oldest first.
///
/// # Errors
/// When the store is gone.
pub async fn of(store: &Store, execution: &str) -> Result<Vec<Later>, StoreError> {
    let text = "SELECT id, execution_id, community_id, entity_id, module_name, success, response_action, response_data, error_message, \
        processing_time_ms, created_at FROM module_responses WHERE execution_id = $1 ORDER BY created_at, id";
    store.all(sql(text).bind(execution)).await?.iter().map(read).collect()
}

/// Which are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Of this module; of all when empty.
    pub module: &'a str,
    /// With this action; any when empty.
    pub action: &'a str,
    /// Only those that went well.
    pub success_only: bool,
    /// So many at most.
    pub most: i64,
}

/// The last ones, the newest first.
///
/// # Errors
/// When the store is gone.
pub async fn lately(store: &Store, wanted: Wanted<'_>) -> Result<Vec<Later>, StoreError> {
    let text = "SELECT id, execution_id, community_id, entity_id, module_name, success, response_action, response_data, error_message, \
        processing_time_ms, created_at FROM module_responses WHERE ($1 = '' OR module_name = $1) AND ($2 = '' OR response_action = $2) \
        AND (NOT $3 OR success) ORDER BY created_at DESC, id LIMIT $4";
    let statement = sql(text).bind(wanted.module).bind(wanted.action).bind(wanted.success_only).bind(wanted.most);
    store.all_lately(statement).await?.iter().map(read).collect()
}

/// Forgets what came before this moment.
///
/// # Errors
/// When the store is gone.
pub async fn expire(tx: &mut FencedTx, community: CommunityId, before: Millis) -> Result<u64, StoreError> {
    tx.run(sql("DELETE FROM module_responses WHERE community_id = $1 AND created_at < $2").bind(community).bind(before)).await
}

fn read(row: &Row) -> Result<Later, StoreError> {
    Ok(Later {
        id: row.get("id")?,
        execution_id: row.get("execution_id")?,
        community: row.get("community_id")?,
        entity: row.get("entity_id")?,
        module: row.get("module_name")?,
        success: row.get("success")?,
        action: row.get("response_action")?,
        response: serde_json::from_str(&row.get::<String>("response_data")?).unwrap_or_default(),
        error: row.get("error_message")?,
        processing_time_ms: row.get("processing_time_ms")?,
        at: row.get("created_at")?,
    })
}
