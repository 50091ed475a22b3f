//! API keys: made once, shown once, kept as a hash, and each good for one role.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use serde::{Deserialize, Serialize};

use crate::chat::Millis;
use crate::clock::Clock;
use crate::secret::{digest, fingerprint, hexadecimal, random_bytes, random_text};
use crate::store::{Row, Store, StoreError, sql};

/// What a service's key begins with; 43 letters follow.
const SERVICE: &str = "wbot_";

/// What a person's key begins with; 43 letters follow.
const PERSON: &str = "wbot_user_";

/// The longest name of a key, in characters.
const LONGEST_NAME: usize = 100;

/// For so long a good key is believed without asking the store again: a thousand requests ask once.
const BELIEVED: Duration = Duration::from_secs(1);

/// So many keys are remembered as good; then all are asked about again.
const REMEMBERED: usize = 10_000;

/// The last use of a key is written down at most so often, in milliseconds.
const NOTED_EVERY: Millis = 60_000;

/// A lent key that nobody used for so long was forgotten, in milliseconds: a day.
const LENT_FOR: Millis = 24 * 3600 * 1000;

/// What the holder of a key may do (spec 05 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyRole {
    /// A collector: sends events in, claims channels, takes responses.
    Trigger,
    /// An interaction module: answers commands, reads commands and entities.
    Action,
    /// A core service.
    Core,
    /// Everything.
    Admin,
    /// A person's own program.
    User,
}

impl KeyRole {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Trigger, Self::Action, Self::Core, Self::Admin, Self::User];

    /// The role's name as stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Action => "action",
            Self::Core => "core",
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    /// Reads a role's name, the gateway's old group names and account types included.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "trigger" | "collector" | "collectors" => Self::Trigger,
            "action" | "interaction" | "webhook" => Self::Action,
            "core" | "service" | "services" => Self::Core,
            "admin" | "admins" | "super-admins" => Self::Admin,
            "user" | "api-users" => Self::User,
            _ => return None,
        })
    }
}

impl fmt::Display for KeyRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What is known of a key; the key itself is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Names it for ever.
    pub id: String,
    /// Whose it is, in the owner's words.
    pub name: String,
    /// What it is good for.
    pub role: KeyRole,
    /// When it was made.
    pub created_at: Millis,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Millis>,
    /// Since when it is good for nothing.
    pub revoked_at: Option<Millis>,
}

/// Why a key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, too long, or holds line breaks and the like.
    #[error("a key needs a name of 1 to {LONGEST_NAME} characters without line breaks")]
    Name,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The keys in the store. Cloning shares it.
#[derive(Clone)]
pub struct Keys {
    store: Store,
    clock: Clock,
    /// Keys that were found good lately, by their hash, and until when that is believed.
    good: Arc<DashMap<[u8; 32], (Arc<KeyInfo>, Duration)>>,
}

impl Keys {
    /// The keys of this store.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, good: Arc::default() }
    }

    /// Makes a key. It is returned this once; the store only keeps its hash.
    ///
    /// # Errors
    /// [`KeyError::Name`], or when the store is gone.
    pub async fn create(&self, name: &str, role: KeyRole) -> Result<(KeyInfo, String), KeyError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(KeyError::Name);
        }
        let key = format!("{}{}", if role == KeyRole::User { PERSON } else { SERVICE }, random_text());
        let id = hexadecimal("key_", &random_bytes::<8>());
        let info = KeyInfo { id, name: name.to_owned(), role, created_at: self.clock.now(), last_used_at: None, revoked_at: None };
        let row = sql("INSERT INTO api_keys (id, name, role, key_hash, created_at) VALUES ($1, $2, $3, $4, $5)");
        let row = row.bind(&info.id).bind(&info.name).bind(role.name()).bind(fingerprint(&key)).bind(info.created_at);
        let mut tx = self.store.begin().await?;
        tx.run(row).await?;
        tx.commit().await?;
        Ok((info, key))
    }

    /// Makes a key for a program that gives it back with [`Keys::give_back`] when it ends. Those that ended
    /// otherwise gave nothing back: keys of this name that nobody used for a day are dropped.
    ///
    /// # Errors
    /// [`KeyError::Name`], or when the store is gone.
    pub async fn lend(&self, name: &str, role: KeyRole) -> Result<(KeyInfo, String), KeyError> {
        let mut tx = self.store.begin().await?;
        let forgotten = sql("DELETE FROM api_keys WHERE name = $1 AND COALESCE(last_used_at, created_at) < $2");
        tx.run(forgotten.bind(name).bind(self.clock.now() - LENT_FOR)).await?;
        tx.commit().await?;
        self.good.clear();
        self.create(name, role).await
    }

    /// Drops a key that was lent: as good for nothing as a revoked one, and listed no more.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn give_back(&self, id: &str) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        tx.run(sql("DELETE FROM api_keys WHERE id = $1").bind(id)).await?;
        tx.commit().await?;
        self.good.clear();
        Ok(())
    }

    /// All keys, revoked ones too, oldest first.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn list(&self) -> Result<Vec<KeyInfo>, StoreError> {
        let query = sql("SELECT id, name, role, created_at, last_used_at, revoked_at FROM api_keys ORDER BY created_at, id");
        self.store.all(query).await?.iter().map(read).collect()
    }

    /// Makes the key of this id, or all keys of this name, good for nothing: at once here, within a
    /// second on other nodes; returns how many there were.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn revoke(&self, which: &str) -> Result<u64, StoreError> {
        let mut tx = self.store.begin().await?;
        let change = sql("UPDATE api_keys SET revoked_at = $1 WHERE revoked_at IS NULL AND (id = $2 OR name = $3)");
        let changed = tx.run(change.bind(self.clock.now()).bind(which).bind(which)).await?;
        tx.commit().await?;
        self.good.clear();
        Ok(changed)
    }

    /// Whose key this is; `None` for one that was never made or is revoked. The store is asked by
    /// hash, so nothing is compared that could tell how close a guess was; a good answer holds for a second.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn holder(&self, key: &str) -> Result<Option<Arc<KeyInfo>>, StoreError> {
        if !is_key(key) {
            return Ok(None);
        }
        let (hash, asked) = (digest(key), self.clock.since_boot());
        if let Some(good) = self.good(&hash) {
            return Ok(Some(good));
        }
        let query =
            sql("SELECT id, name, role, created_at, last_used_at, revoked_at FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL");
        let Some(row) = self.store.one(query.bind(fingerprint(key))).await? else {
            self.good.remove(&hash);
            return Ok(None);
        };
        let info = Arc::new(read(&row)?);
        let now = self.clock.now();
        if info.last_used_at.is_none_or(|last| now - last >= NOTED_EVERY)
            && let Err(error) = self.note_use(&info.id, now).await
        {
            tracing::warn!(key = info.id, %error, "the use of an API key could not be noted");
        }
        if self.good.len() >= REMEMBERED {
            self.good.clear();
        }
        self.good.insert(hash, (info.clone(), asked + BELIEVED));
        Ok(Some(info))
    }

    /// Whose key it is, when it was asked for just now: without a look at the store, or a wait.
    #[must_use]
    pub fn remembered(&self, key: &str) -> Option<Arc<KeyInfo>> {
        is_key(key).then(|| self.good(&digest(key))).flatten()
    }

    fn good(&self, hash: &[u8; 32]) -> Option<Arc<KeyInfo>> {
        let good = self.good.get(hash).filter(|good| self.clock.since_boot() < good.1)?;
        Some(good.0.clone())
    }

    /// Many requests at once with one key write it down once.
    async fn note_use(&self, id: &str, now: Millis) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let change = sql("UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at <= $3)");
        tx.run(change.bind(now).bind(id).bind(now - NOTED_EVERY)).await?;
        tx.commit().await
    }
}

fn is_key(text: &str) -> bool {
    let is_rest =
        |rest: &str| rest.len() == 43 && rest.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'));
    [PERSON, SERVICE].iter().any(|start| text.strip_prefix(start).is_some_and(is_rest))
}

fn read(row: &Row) -> Result<KeyInfo, StoreError> {
    let role: String = row.get("role")?;
    let role = KeyRole::parse(&role).ok_or_else(|| StoreError::Refused(format!("an API key has the unknown role {role:?}")))?;
    Ok(KeyInfo {
        id: row.get("id")?,
        name: row.get("name")?,
        role,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Place;

    async fn keys(folder: &tempfile::TempDir) -> Keys {
        let store = Store::open(&Place::Sqlite(folder.path().join("keys.db"))).await.unwrap();
        store.migrate().await.unwrap();
        Keys::new(store, Clock::turned())
    }

    #[tokio::test]
    async fn a_key_opens_for_its_role_and_is_nowhere_in_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder).await;
        let (info, key) = keys.create(" stream deck ", KeyRole::Trigger).await.unwrap();
        assert_eq!((key.len(), &key[..5], info.name.as_str()), (48, "wbot_", "stream deck"));
        let holder = keys.holder(&key).await.unwrap().unwrap();
        assert_eq!((&holder.id, holder.role), (&info.id, KeyRole::Trigger));
        keys.store.close().await;
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(key.len()).any(|part| part == key.as_bytes()));
        }
    }

    #[tokio::test]
    async fn a_persons_key_can_be_told_from_a_services() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder).await;
        let (_, key) = keys.create("ana", KeyRole::User).await.unwrap();
        assert_eq!((key.len(), &key[..10]), (53, "wbot_user_"));
        assert!(keys.holder(&key).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_revoked_or_invented_key_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder).await;
        let (info, key) = keys.create("a", KeyRole::Admin).await.unwrap();
        let (_, other) = keys.create("b", KeyRole::Admin).await.unwrap();
        assert_eq!(keys.revoke(&info.id).await.unwrap(), 1);
        assert_eq!(keys.revoke(&info.id).await.unwrap(), 0);
        assert!(keys.holder(&key).await.unwrap().is_none());
        assert!(keys.holder(&other).await.unwrap().is_some());
        assert_eq!(keys.revoke("b").await.unwrap(), 1);
        let invented = format!("wbot_{}", "A".repeat(43));
        for wrong in ["", "wbot_", "' OR 1=1 --", &invented, &info.id, &other] {
            assert!(keys.holder(wrong).await.unwrap().is_none(), "{wrong:?}");
        }
        assert!(keys.list().await.unwrap().iter().all(|info| info.revoked_at.is_some()));
    }

    #[tokio::test]
    async fn a_key_that_another_node_revoked_is_refused_within_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let here = keys(&folder).await;
        let there = Keys::new(here.store.clone(), here.clock.clone());
        let (info, key) = here.create("a", KeyRole::Admin).await.unwrap();
        assert!(here.holder(&key).await.unwrap().is_some());
        there.revoke(&info.id).await.unwrap();
        here.clock.turn(BELIEVED);
        assert!(here.holder(&key).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_lent_key_is_given_back_or_forgotten_after_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder).await;
        let (first, key) = keys.lend("terminal", KeyRole::Trigger).await.unwrap();
        assert!(keys.holder(&key).await.unwrap().is_some());
        keys.give_back(&first.id).await.unwrap();
        assert!(keys.holder(&key).await.unwrap().is_none());
        let (_, lost) = keys.lend("terminal", KeyRole::Trigger).await.unwrap();
        keys.create("another", KeyRole::Trigger).await.unwrap();
        keys.clock.turn(Duration::from_secs(23 * 3600));
        keys.holder(&lost).await.unwrap();
        keys.clock.turn(Duration::from_secs(23 * 3600));
        keys.lend("terminal", KeyRole::Trigger).await.unwrap();
        assert_eq!(keys.list().await.unwrap().len(), 3);
        keys.clock.turn(Duration::from_secs(25 * 3600));
        keys.lend("terminal", KeyRole::Trigger).await.unwrap();
        assert!(keys.holder(&lost).await.unwrap().is_none());
        assert_eq!(keys.list().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn the_last_use_is_noted_once_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder).await;
        let (_, key) = keys.create("a", KeyRole::Core).await.unwrap();
        let mut noted = Vec::new();
        for _ in 0..5 {
            keys.holder(&key).await.unwrap();
            noted.push(keys.list().await.unwrap()[0].last_used_at.unwrap());
            keys.clock.turn(Duration::from_secs(20));
        }
        let first = noted[0];
        assert_eq!(noted, [first, first, first, first + 60_000, first + 60_000]);
    }

    #[tokio::test]
    async fn a_key_without_a_proper_name_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder).await;
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(matches!(keys.create(name, KeyRole::Core).await, Err(KeyError::Name)), "{name:?}");
        }
    }

    #[test]
    fn old_group_names_are_understood() {
        assert_eq!(KeyRole::parse("collectors"), Some(KeyRole::Trigger));
        assert_eq!(KeyRole::parse("super-admins"), Some(KeyRole::Admin));
        assert_eq!(KeyRole::parse("root"), None);
        assert!(KeyRole::ALL.into_iter().all(|role| KeyRole::parse(role.name()) == Some(role)));
    }
}
