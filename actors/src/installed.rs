//! What a community has installed: which modules are on, their settings, and their saved memory.

use std::collections::HashMap;

use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::store::{FencedTx, Sql, Store, StoreError, sql};

/// One module as a community has it.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Switched on; core modules are unless the community says otherwise.
    pub enabled: bool,
    /// Settings as JSON.
    pub settings: String,
    /// Memory as JSON.
    pub memory: String,
    /// When it wants to be woken.
    pub wakes_at: Option<Millis>,
}

impl Default for Installed {
    fn default() -> Self {
        Self { enabled: true, settings: "{}".into(), memory: "null".into(), wakes_at: None }
    }
}

/// Everything a community has installed, by module.
///
/// # Errors
/// When the store is gone.
pub async fn load(store: &Store, community: CommunityId) -> Result<HashMap<String, Installed>, StoreError> {
    let text = "SELECT module, is_enabled, settings, memory, wake_at FROM community_modules WHERE community_id = $1";
    let mut found = HashMap::new();
    for row in store.all(sql(text).bind(community)).await? {
        let installed = Installed {
            enabled: row.get("is_enabled")?,
            settings: row.get("settings")?,
            memory: row.get("memory")?,
            wakes_at: row.get("wake_at")?,
        };
        found.insert(row.get("module")?, installed);
    }
    Ok(found)
}

/// Communities in which some module waits to be woken.
///
/// # Errors
/// When the store is gone.
pub async fn with_alarms(store: &Store) -> Result<Vec<CommunityId>, StoreError> {
    let rows = store.all(sql("SELECT DISTINCT community_id FROM community_modules WHERE wake_at IS NOT NULL AND is_enabled")).await?;
    rows.iter().map(|row| row.get("community_id")).collect()
}

/// When the next module wants to be woken, wherever it is.
///
/// # Errors
/// When the store is gone.
pub async fn next_alarm(store: &Store) -> Result<Option<Millis>, StoreError> {
    let row = store.one(sql("SELECT MIN(wake_at) AS next FROM community_modules WHERE is_enabled")).await?;
    row.map_or(Ok(None), |row| row.get("next"))
}

/// What saves a module's memory and when it wants to be woken.
#[must_use]
pub fn saving((community, module): (CommunityId, &str), memory: &str, wakes_at: Option<Millis>, now: Millis) -> Sql {
    let head = "INSERT INTO community_modules (community_id, module, memory, wake_at, updated_at) VALUES";
    let tail = "ON CONFLICT (community_id, module) DO UPDATE \
                SET memory = excluded.memory, wake_at = excluded.wake_at, updated_at = excluded.updated_at";
    Sql::rows(head, 5, tail).bind(community).bind(module).bind(memory).bind(wakes_at).bind(now)
}

/// Switches a module on or off.
///
/// # Errors
/// When the store is gone.
pub async fn switch(tx: &mut FencedTx, community: CommunityId, module: &str, on: bool, now: Millis) -> Result<(), StoreError> {
    let text = "INSERT INTO community_modules (community_id, module, is_enabled, updated_at) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (community_id, module) DO UPDATE SET is_enabled = excluded.is_enabled, updated_at = excluded.updated_at";
    tx.run(sql(text).bind(community).bind(module).bind(on).bind(now)).await?;
    Ok(())
}

/// Saves a module's settings, given as JSON.
///
/// # Errors
/// When the store is gone.
pub async fn set(tx: &mut FencedTx, community: CommunityId, module: &str, settings: &str, now: Millis) -> Result<(), StoreError> {
    let text = "INSERT INTO community_modules (community_id, module, settings, updated_at) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (community_id, module) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at";
    tx.run(sql(text).bind(community).bind(module).bind(settings).bind(now)).await?;
    Ok(())
}
