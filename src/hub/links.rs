//! Log-in links: good once, for a day, and kept as a hash.

use waddlebot_runtime::chat::{Millis, Role};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::secret::{fingerprint, random_text};
use waddlebot_runtime::store::{Store, StoreError, sql};

/// How long a link is good, in milliseconds: 24 hours.
const GOOD_FOR: Millis = 24 * 3600 * 1000;

/// The links in the store. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Links {
    store: Store,
    clock: Clock,
}

/// What a link is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It opens, once.
    Good,
    /// It opened already.
    Used,
    /// Its day is over.
    Expired,
    /// It was never made.
    Unknown,
}

impl Links {
    /// The links of this store.
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Makes a link for an owner, under the address the hub is reached at. Shown this once.
    pub(crate) async fn make(&self, base_url: &str) -> Result<String, StoreError> {
        let now = self.clock.now();
        let link = random_text();
        let mut tx = self.store.begin().await?;
        tx.run(sql("DELETE FROM login_links WHERE used_at IS NULL AND expires_at < $1").bind(now - GOOD_FOR)).await?;
        let row = sql("INSERT INTO login_links (link_hash, role, created_at, expires_at) VALUES ($1, $2, $3, $4)");
        tx.run(row.bind(fingerprint(&link)).bind(Role::Owner.name()).bind(now).bind(now + GOOD_FOR)).await?;
        tx.commit().await?;
        Ok(format!("{}/login/{link}", base_url.trim_end_matches('/')))
    }

    /// Whether anybody ever came in by a link; until then each start prints a new one.
    pub(crate) async fn anybody_came(&self) -> Result<bool, StoreError> {
        let row = self.store.one(sql("SELECT 1 AS one FROM login_links WHERE used_at IS NOT NULL LIMIT 1")).await?;
        Ok(row.is_some())
    }

    /// What a link is worth, without using it.
    pub(crate) async fn worth(&self, link: &str) -> Result<Worth, StoreError> {
        let query = sql("SELECT expires_at, used_at FROM login_links WHERE link_hash = $1").bind(fingerprint(link));
        let Some(row) = self.store.one(query).await? else { return Ok(Worth::Unknown) };
        if row.get::<Option<i64>>("used_at")?.is_some() {
            return Ok(Worth::Used);
        }
        Ok(if row.get::<i64>("expires_at")? > self.clock.now() { Worth::Good } else { Worth::Expired })
    }

    /// Uses a link: the role it gives, to the first who asks, and to nobody after.
    pub(crate) async fn spend(&self, link: &str) -> Result<Option<Role>, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let change = sql("UPDATE login_links SET used_at = $1 WHERE link_hash = $2 AND used_at IS NULL AND expires_at > $3 RETURNING role");
        let row = tx.one(change.bind(now).bind(fingerprint(link)).bind(now)).await?;
        tx.commit().await?;
        match row {
            Some(row) => Ok(Role::parse(&row.get::<String>("role")?)),
            None => Ok(None),
        }
    }
}
