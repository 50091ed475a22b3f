//! Programs outside that listen to platforms (collectors), and the servers they are to listen to: what is stored of both.

use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::store::{Row, Store, StoreError, sql};

/// A collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collector {
    /// What it calls itself; there is one of each name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The platform it listens to.
    pub platform: String,
    /// Where it is reached.
    pub endpoint_url: String,
    /// Where it says how it is.
    pub health_check_url: String,
    /// How it said it is.
    pub status: String,
    /// What it said about itself, as JSON.
    pub config: String,
    /// What its last heartbeat said, as JSON.
    pub report: String,
    /// How often it says that it lives, in seconds.
    pub heartbeat_interval: i64,
    /// When it said so last.
    pub last_heartbeat: Millis,
}

impl Collector {
    /// How it is now: who missed two heartbeats is gone, whatever it said.
    #[must_use]
    pub fn status_at(&self, now: Millis) -> &str {
        let silence = self.heartbeat_interval.saturating_mul(2000);
        if now.saturating_sub(self.last_heartbeat) > silence { "gone" } else { &self.status }
    }
}

/// Takes a collector in, or its new word about itself; from now on it lives.
///
/// # Errors
/// When the store is gone.
pub async fn register(store: &Store, one: &Collector, by: &str, now: Millis) -> Result<(), StoreError> {
    let text = "INSERT INTO collector_modules (module_name, module_version, platform, endpoint_url, health_check_url, status, config, \
         heartbeat_interval, registered_by, registered_at, last_heartbeat) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (module_name) DO UPDATE SET module_version = excluded.module_version, platform = excluded.platform, \
         endpoint_url = excluded.endpoint_url, health_check_url = excluded.health_check_url, status = excluded.status, \
         config = excluded.config, heartbeat_interval = excluded.heartbeat_interval, registered_by = excluded.registered_by, \
         registered_at = excluded.registered_at, last_heartbeat = excluded.last_heartbeat";
    let row = sql(text).bind(&one.name).bind(&one.version).bind(&one.platform).bind(&one.endpoint_url).bind(&one.health_check_url);
    let row = row.bind(&one.status).bind(&one.config).bind(one.heartbeat_interval).bind(by).bind(now).bind(now);
    let mut tx = store.begin().await?;
    tx.run(row).await?;
    tx.commit().await
}

/// A collector lives; `false` when it never registered.
///
/// # Errors
/// When the store is gone.
pub async fn lives(store: &Store, name: &str, status: &str, report: &str, now: Millis) -> Result<bool, StoreError> {
    let text = "UPDATE collector_modules SET status = $1, report = $2, last_heartbeat = $3 WHERE module_name = $4";
    let mut tx = store.begin().await?;
    let found = tx.run(sql(text).bind(status).bind(report).bind(now).bind(name)).await?;
    tx.commit().await?;
    Ok(found > 0)
}

/// All collectors, by name.
///
/// # Errors
/// When the store is gone.
pub async fn all(store: &Store) -> Result<Vec<Collector>, StoreError> {
    let text = "SELECT module_name, module_version, platform, endpoint_url, health_check_url, status, config, report, heartbeat_interval, \
                last_heartbeat FROM collector_modules ORDER BY module_name";
    let read = |row: &Row| {
        Ok(Collector {
            name: row.get("module_name")?,
            version: row.get("module_version")?,
            platform: row.get("platform")?,
            endpoint_url: row.get("endpoint_url")?,
            health_check_url: row.get("health_check_url")?,
            status: row.get("status")?,
            config: row.get("config")?,
            report: row.get("report")?,
            heartbeat_interval: row.get("heartbeat_interval")?,
            last_heartbeat: row.get("last_heartbeat")?,
        })
    };
    store.all(sql(text)).await?.iter().map(read).collect()
}

/// A server, or one channel of it, that a collector is to listen to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its platform.
    pub platform: String,
    /// Its id there.
    pub server_id: String,
    /// One channel of it; empty for all, or where the platform has no servers.
    pub channel: String,
    /// Whose it is.
    pub owner: String,
    /// Whether it is listened to.
    pub active: bool,
    /// Where its platform sends what happens.
    pub webhook_url: String,
    /// Whatever the collector needs to know, as JSON.
    pub config: String,
    /// When something was heard there last.
    pub last_activity: Option<Millis>,
}

/// Stores a server, a new one or its new words.
///
/// # Errors
/// When the store is gone.
pub async fn activate(store: &Store, one: &Server, now: Millis) -> Result<(), StoreError> {
    let text = "INSERT INTO servers (platform, server_id, channel, owner, is_active, webhook_url, config, created_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (platform, server_id, channel) DO UPDATE SET \
                owner = CASE WHEN excluded.owner = '' THEN servers.owner ELSE excluded.owner END, is_active = excluded.is_active, \
                webhook_url = CASE WHEN excluded.webhook_url = '' THEN servers.webhook_url ELSE excluded.webhook_url END, \
                config = CASE WHEN excluded.config = '{}' THEN servers.config ELSE excluded.config END";
    let row = sql(text).bind(&one.platform).bind(&one.server_id).bind(&one.channel).bind(&one.owner).bind(one.active);
    let mut tx = store.begin().await?;
    tx.run(row.bind(&one.webhook_url).bind(&one.config).bind(now)).await?;
    tx.commit().await
}

/// Something was heard on a server.
///
/// # Errors
/// When the store is gone.
pub async fn active(store: &Store, platform: &str, server: &str, now: Millis) -> Result<(), StoreError> {
    // Who sends a thousand events a minute writes this once.
    let text = "UPDATE servers SET last_activity = $1 WHERE platform = $2 AND server_id = $3 AND coalesce(last_activity, 0) < $4";
    let mut tx = store.begin().await?;
    tx.run(sql(text).bind(now).bind(platform).bind(server).bind(now - 60_000)).await?;
    tx.commit().await
}

/// The servers of a platform, or all; those that are listened to, those that are not, or all.
///
/// # Errors
/// When the store is gone.
pub async fn servers(store: &Store, platform: &str, active: Option<bool>) -> Result<Vec<Server>, StoreError> {
    let text = "SELECT platform, server_id, channel, owner, is_active, webhook_url, config, last_activity FROM servers \
                WHERE ($1 = '' OR platform = $1) AND ($2 OR is_active = $3) ORDER BY platform, server_id, channel LIMIT 10000";
    let read = |row: &Row| {
        Ok(Server {
            platform: row.get("platform")?,
            server_id: row.get("server_id")?,
            channel: row.get("channel")?,
            owner: row.get("owner")?,
            active: row.get("is_active")?,
            webhook_url: row.get("webhook_url")?,
            config: row.get("config")?,
            last_activity: row.get("last_activity")?,
        })
    };
    let asked = sql(text).bind(platform).bind(active.is_none()).bind(active.unwrap_or(true));
    store.all(asked).await?.iter().map(read).collect()
}
