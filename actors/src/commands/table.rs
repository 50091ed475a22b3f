//! The stored commands: whose each is, where it is on, how often it was used; its headers are sealed.

use std::collections::{BTreeMap, HashMap};

use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY, Millis, Role};
use waddlebot_runtime::engine::{EngineKind, Method};
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::secret::Secret;
use waddlebot_runtime::store::{FencedTx, Row, Sql, Store, StoreError, Tx, sql};

use super::{Command, Mode, Trigger};
use crate::listing::{anywhere, folded};

/// Of so many commands is asked at once where they were used.
const AT_ONCE: usize = 500;
/// What headers are sealed for.
const SEALED: &str = "command headers";

/// A command as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The command.
    pub command: Command,
    /// How often it was used; a few seconds old.
    pub uses: i64,
    /// When last.
    pub last_used: Option<Millis>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Millis,
    /// Who changed it last.
    pub updated_by: String,
    /// When.
    pub updated_at: Millis,
}

/// Which commands are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Only this one.
    pub id: Option<i64>,
    /// Those of one community and everybody's; all when `None`.
    pub community: Option<CommunityId>,
    /// With this in their name or description, whatever its case.
    pub text: &'a str,
    /// Those that begin so, `!` or `#`; all when `None`.
    pub prefix: Option<&'a str>,
    /// Switched on, or off; all when `None`.
    pub active: Option<bool>,
    /// So many at most, after leaving out so many; all when `None`.
    pub page: Option<(i64, i64)>,
}

impl Wanted<'_> {
    /// Binds what the `WHERE` of every statement here names as `$1` to `$5`.
    fn bound(&self, statement: Sql) -> Sql {
        let active = self.active.map_or(2, i64::from);
        let text = anywhere(self.text);
        statement.bind(self.id.unwrap_or(0)).bind(self.community.unwrap_or(0)).bind(text).bind(self.prefix.unwrap_or_default()).bind(active)
    }
}

const COLUMNS: &str = "SELECT id, community_id, prefix, command, module_id, version, description, type, location_url, method, headers, timeout, \
    is_idempotent, signing_key, permission_level, cooldown, rate_limit, trigger_type, event_types, priority, execution_mode, is_active, created_by, \
    created_at, updated_by, updated_at FROM commands WHERE deleted_at IS NULL AND ($1 = 0 OR id = $1) \
    AND ($2 = 0 OR community_id = $2 OR community_id = 1) AND search_text LIKE $3 ESCAPE '!' AND ($4 = '' OR prefix = $4) \
    AND ($5 = 2 OR is_active = ($5 = 1)) ORDER BY prefix, command, community_id, priority, id LIMIT $6 OFFSET $7";

/// Stored commands by name.
///
/// # Errors
/// When the store is gone.
pub async fn find(store: &Store, secret: &Secret, wanted: Wanted<'_>) -> Result<Vec<Kept>, StoreError> {
    let (most, skipped) = wanted.page.unwrap_or((i64::MAX, 0));
    let rows = store.all(wanted.bound(sql(COLUMNS)).bind(most).bind(skipped)).await?;
    let mut found: Vec<_> = rows.iter().map(|row| read(row, secret)).collect::<Result<_, _>>()?;
    let mut by_id: HashMap<_, _> = found.iter_mut().map(|kept| (kept.command.id, kept)).collect();
    let ids: Vec<_> = by_id.keys().copied().collect();
    for few in ids.chunks(AT_ONCE) {
        let of = |head, tail| few.iter().fold(Sql::rows(head, 1, tail), |statement, id| statement.bind(*id));
        // A command may have been used in very many channels: they are added up where they are.
        let head = "SELECT command_id, CAST(sum(usage_count) AS BIGINT) AS uses, max(last_used) AS last_used FROM command_permissions WHERE command_id IN";
        for row in store.all(of(head, "GROUP BY command_id")).await? {
            if let Some(kept) = by_id.get_mut(&row.get("command_id")?) {
                (kept.uses, kept.last_used) = (row.get("uses")?, row.get("last_used")?);
            }
        }
        let head = "SELECT command_id, entity_id, is_enabled FROM command_permissions WHERE is_enabled IS NOT NULL AND command_id IN";
        for row in store.all(of(head, "")).await? {
            if let Some(kept) = by_id.get_mut(&row.get("command_id")?) {
                kept.command.places.insert(row.get("entity_id")?, row.get("is_enabled")?);
            }
        }
    }
    Ok(found)
}

/// How many there are of those that [`find`] gives, whatever the page.
///
/// # Errors
/// When the store is gone.
pub async fn found(store: &Store, wanted: Wanted<'_>) -> Result<usize, StoreError> {
    let text = "SELECT count(*) AS total FROM commands WHERE deleted_at IS NULL AND ($1 = 0 OR id = $1) \
        AND ($2 = 0 OR community_id = $2 OR community_id = 1) AND search_text LIKE $3 ESCAPE '!' AND ($4 = '' OR prefix = $4) \
        AND ($5 = 2 OR is_active = ($5 = 1))";
    let total: i64 = store.one(wanted.bound(sql(text))).await?.map_or(Ok(0), |row| row.get("total"))?;
    Ok(usize::try_from(total).unwrap_or(0))
}

/// One command.
///
/// # Errors
/// When the store is gone.
pub async fn one(store: &Store, secret: &Secret, id: i64) -> Result<Option<Kept>, StoreError> {
    if id <= 0 {
        return Ok(None);
    }
    Ok(find(store, secret, Wanted { id: Some(id), ..Wanted::default() }).await?.into_iter().next())
}

fn read(row: &Row, secret: &Secret) -> Result<Kept, StoreError> {
    let id: i64 = row.get("id")?;
    let unread = |what: &str| StoreError::Refused(format!("the stored command {id} has a {what} that cannot be read"));
    let text = |column: &str| row.get::<String>(column);
    let number = |column: &str| row.get::<i64>(column).and_then(|number| u32::try_from(number).map_err(|_| unread(column)));
    let headers = match secret.unseal(SEALED, &place(id), &row.get::<Vec<u8>>("headers")?) {
        Ok(open) => serde_json::from_slice(&open).map_err(|_| unread("list of headers"))?,
        Err(why) => {
            tracing::error!(command = id, %why, "a command's headers cannot be read; it is called without them");
            BTreeMap::new()
        }
    };
    let rate: Option<i64> = row.get("rate_limit")?;
    let command = Command {
        id,
        community: row.get("community_id")?,
        word: format!("{}{}", text("prefix")?, text("command")?).into(),
        module: text("module_id")?,
        version: text("version")?,
        about: text("description")?,
        engine: EngineKind::parse(&text("type")?).ok_or_else(|| unread("type"))?,
        location: text("location_url")?,
        method: if text("method")? == "GET" { Method::Get } else { Method::Post },
        headers,
        timeout: number("timeout")?,
        idempotent: row.get("is_idempotent")?,
        signing_key: row.get("signing_key")?,
        role: Role::parse(&text("permission_level")?).ok_or_else(|| unread("permission_level"))?,
        cooldown: number("cooldown")?,
        rate_limit: rate.map(|uses| u32::try_from(uses).map_err(|_| unread("rate_limit"))).transpose()?,
        trigger: Trigger::parse(&text("trigger_type")?).ok_or_else(|| unread("trigger_type"))?,
        events: serde_json::from_str::<Vec<EventKind>>(&text("event_types")?).map_err(|_| unread("list of events"))?,
        priority: row.get("priority")?,
        mode: Mode::parse(&text("execution_mode")?).ok_or_else(|| unread("execution_mode"))?,
        enabled: row.get("is_active")?,
        places: BTreeMap::new(),
    };
    Ok(Kept {
        command,
        uses: 0,
        last_used: None,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_by: row.get("updated_by")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Stores a new command; gives its number.
///
/// # Errors
/// [`StoreError::Taken`] when its module has one of this name there; else when the store is gone.
pub async fn add(tx: &mut Tx, secret: &Secret, command: &Command, by: &str, now: Millis) -> Result<i64, StoreError> {
    let text = "INSERT INTO commands (id, community_id, prefix, command, module_id, version, description, search_text, type, location_url, method, \
        headers, timeout, is_idempotent, signing_key, permission_level, cooldown, rate_limit, trigger_type, event_types, priority, execution_mode, \
        is_active, module_type, created_by, created_at, updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
        $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $25, $26) ON CONFLICT (id) DO NOTHING";
    loop {
        let next = tx.one(sql("SELECT COALESCE(MAX(id), 0) + 1 AS next FROM commands")).await?;
        let id: i64 = next.map_or(Ok(1), |row| row.get("next"))?;
        let kind = if command.word.starts_with('#') { "community" } else { "local" };
        let statement = bound(sql(text).bind(id).bind(command.community), secret, id, command).bind(kind).bind(by).bind(now);
        // Another community on another node may have taken the number meanwhile.
        if tx.run(statement).await? == 1 {
            return Ok(id);
        }
    }
}

/// Stores a changed command; says whether it is there.
///
/// # Errors
/// As [`add`].
pub async fn change(tx: &mut Tx, secret: &Secret, command: &Command, by: &str, now: Millis) -> Result<bool, StoreError> {
    let text = "UPDATE commands SET prefix = $3, command = $4, module_id = $5, version = $6, description = $7, search_text = $8, type = $9, \
        location_url = $10, method = $11, headers = $12, timeout = $13, is_idempotent = $14, signing_key = $15, permission_level = $16, cooldown = $17, \
        rate_limit = $18, trigger_type = $19, event_types = $20, priority = $21, execution_mode = $22, is_active = $23, updated_by = $24, \
        updated_at = $25 WHERE id = $1 AND community_id = $2 AND deleted_at IS NULL";
    let statement = bound(sql(text).bind(command.id).bind(command.community), secret, command.id, command);
    Ok(tx.run(statement.bind(by).bind(now)).await? == 1)
}

/// The values from `prefix` to `is_active`, in the order in which both statements name them.
fn bound(statement: Sql, secret: &Secret, id: i64, command: &Command) -> Sql {
    let (prefix, word) = command.word.split_at(1);
    let headers = serde_json::to_vec(&command.headers).expect("texts are always JSON");
    statement
        .bind(prefix)
        .bind(word)
        .bind(&command.module)
        .bind(&command.version)
        .bind(&command.about)
        .bind(folded(&format!("{} {} {}", command.word, command.module, command.about)))
        .bind(command.engine.name())
        .bind(&command.location)
        .bind(if command.method == Method::Get { "GET" } else { "POST" })
        .bind(secret.seal(SEALED, &place(id), &headers))
        .bind(command.timeout)
        .bind(command.idempotent)
        .bind(command.signing_key)
        .bind(command.role.name())
        .bind(command.cooldown)
        .bind(command.rate_limit.map(i64::from))
        .bind(command.trigger.name())
        .bind(serde_json::to_string(&command.events).expect("names are always JSON"))
        .bind(command.priority)
        .bind(command.mode.name())
        .bind(command.enabled)
}

fn place(id: i64) -> String {
    format!("command {id}")
}

/// Takes a command out of use for good, and keeps its row for who asks later; says whether it was there.
///
/// # Errors
/// When the store is gone.
pub async fn remove(tx: &mut Tx, community: CommunityId, id: i64, by: &str, now: Millis) -> Result<bool, StoreError> {
    let text = "UPDATE commands SET is_active = FALSE, deleted_at = $4, updated_by = $3, updated_at = $4 \
        WHERE id = $1 AND community_id = $2 AND deleted_at IS NULL";
    Ok(tx.run(sql(text).bind(id).bind(community).bind(by).bind(now)).await? == 1)
}

/// Switches a command on or off in one place, or lets it be there as everywhere.
///
/// # Errors
/// When the store is gone.
pub async fn place_in(tx: &mut Tx, id: i64, place: &str, on: Option<bool>, by: &str, now: Millis) -> Result<(), StoreError> {
    // A truth value that is unknown cannot be bound on its own.
    let text = match on {
        Some(_) => {
            "INSERT INTO command_permissions (command_id, entity_id, updated_by, updated_at, is_enabled) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (command_id, entity_id) DO UPDATE SET is_enabled = excluded.is_enabled, updated_by = excluded.updated_by, \
             updated_at = excluded.updated_at"
        }
        None => {
            "UPDATE command_permissions SET is_enabled = NULL, updated_by = $3, updated_at = $4 WHERE command_id = $1 AND entity_id = $2"
        }
    };
    let statement = sql(text).bind(id).bind(place).bind(by).bind(now);
    tx.run(on.into_iter().fold(statement, |statement, on| statement.bind(on))).await?;
    Ok(())
}

/// How often commands were used in which channel since the last time, and when last.
pub type Uses = HashMap<(i64, String), (i64, Millis)>;

/// Adds up how often commands were used.
///
/// # Errors
/// When the store is gone.
pub async fn count(tx: &mut FencedTx, uses: &Uses) -> Result<(), StoreError> {
    let text = "INSERT INTO command_permissions (command_id, entity_id, usage_count, last_used) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (command_id, entity_id) DO UPDATE SET usage_count = command_permissions.usage_count + excluded.usage_count, \
        last_used = excluded.last_used";
    for ((id, entity), (times, last)) in uses {
        tx.run(sql(text).bind(*id).bind(entity).bind(*times).bind(*last)).await?;
    }
    Ok(())
}

/// How many commands a community has, or how many are everybody's.
///
/// # Errors
/// When the store is gone.
pub async fn total(store: &Store, community: CommunityId) -> Result<usize, StoreError> {
    let text = "SELECT COUNT(*) AS total FROM commands WHERE community_id = $1 AND deleted_at IS NULL";
    let row = store.one(sql(text).bind(community)).await?;
    let total: i64 = row.map_or(Ok(0), |row| row.get("total"))?;
    Ok(usize::try_from(total).unwrap_or(0))
}

/// How many commands there are, of all communities and everybody's.
///
/// # Errors
/// When the store is gone.
pub async fn everywhere(store: &Store) -> Result<usize, StoreError> {
    let row = store.one(sql("SELECT COUNT(*) AS total FROM commands WHERE deleted_at IS NULL")).await?;
    let total: i64 = row.map_or(Ok(0), |row| row.get("total"))?;
    Ok(usize::try_from(total).unwrap_or(0))
}

/// The number under which everybody's commands are stored stands in the statement above, too.
const _: () = assert!(GLOBAL_COMMUNITY == 1);
