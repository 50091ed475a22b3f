//! The stored side of limits: what people used lately in a channel, and what communities say about commands.

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{CommunityId, Millis, Role};
use waddlebot_runtime::store::{Claim, FencedTx, Sql, Store, StoreError, sql};

use super::{Limits, Setting, Used};
use crate::channel::admit::Rate;
use std::time::Duration;

/// The most rows of one statement.
const CHUNK: usize = 500;

/// When somebody used a command, in milliseconds after the first time: once, or so often.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Offset {
    Once(i64),
    Often(i64, u32),
}

impl Offset {
    fn of(offset: i64, count: u32) -> Self {
        if count == 1 { Self::Once(offset) } else { Self::Often(offset, count) }
    }

    fn from(self, start: Millis) -> (Millis, u32) {
        match self {
            Self::Once(offset) => (start.saturating_add(offset), 1),
            Self::Often(offset, count) => (start.saturating_add(offset), count),
        }
    }
}

/// What a channel finds when it begins to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What was used within a window that is not over.
    pub used: Vec<Used>,
    /// Whether who counted before ended without writing everything down.
    pub crashed: bool,
}

/// Begins to count in a channel: reads what is there, and notes that it is not complete from now on.
///
/// # Errors
/// When the claim is lost or the store is gone.
pub async fn begin(store: &Store, claim: &Claim, now: Millis) -> Result<Found, StoreError> {
    let mut tx = store.begin_fenced(claim).await?;
    let keeper = tx.one(sql("SELECT is_open FROM rate_keepers WHERE entity_id = $1").bind(&claim.entity)).await?;
    let crashed = keeper.map_or(Ok(false), |row| row.get("is_open"))?;
    let text = "SELECT user_id, command, window_start, uses, expires_at FROM rate_limits WHERE entity_id = $1 AND expires_at > $2";
    let mut used = Vec::new();
    for row in tx.all(sql(text).bind(&claim.entity).bind(now)).await? {
        let offsets: Vec<Offset> = serde_json::from_str(&row.get::<String>("uses")?).unwrap_or_default();
        let start: Millis = row.get("window_start")?;
        let uses: Vec<_> = offsets.iter().map(|offset| offset.from(start)).collect();
        let last = uses.last().map_or(start, |(at, _)| *at);
        let window = u64::try_from(row.get::<Millis>("expires_at")? - last).unwrap_or(0);
        used.push(Used { user: row.get("user_id")?, command: row.get("command")?, uses, window: Duration::from_millis(window) });
    }
    mark(&mut tx, &claim.entity, true, now).await?;
    tx.into_inner().commit().await?;
    Ok(Found { used, crashed })
}

/// Writes down what was used, and forgets what is over; `last` says that nothing more is counted after it.
///
/// # Errors
/// When the claim is lost or the store is gone.
pub async fn save(store: &Store, claim: &Claim, used: &[Used], last: bool, now: Millis) -> Result<(), StoreError> {
    let mut tx = store.begin_fenced(claim).await?;
    let head = "INSERT INTO rate_limits (entity_id, user_id, command, window_start, request_count, uses, expires_at) VALUES";
    let tail = "ON CONFLICT (entity_id, user_id, command) DO UPDATE SET window_start = excluded.window_start, \
                request_count = excluded.request_count, uses = excluded.uses, expires_at = excluded.expires_at";
    for chunk in used.chunks(CHUNK) {
        let mut rows = Sql::rows(head, 7, tail);
        for one in chunk {
            let start = one.uses.first().map_or(now, |(at, _)| *at);
            let end = one.uses.last().map_or(now, |(at, _)| *at) + millis(one.window);
            let offsets: Vec<_> = one.uses.iter().map(|(at, count)| Offset::of(at - start, *count)).collect();
            let total: i64 = one.uses.iter().map(|(_, count)| i64::from(*count)).sum();
            let offsets = serde_json::to_string(&offsets).unwrap_or_default();
            rows = rows.bind(&claim.entity).bind(&one.user).bind(&one.command).bind(start);
            rows = rows.bind(total).bind(offsets).bind(end);
        }
        tx.run(rows).await?;
    }
    tx.run(sql("DELETE FROM rate_limits WHERE entity_id = $1 AND expires_at <= $2").bind(&claim.entity).bind(now)).await?;
    if last {
        mark(&mut tx, &claim.entity, false, now).await?;
    }
    tx.into_inner().commit().await
}

/// Forgets what was used in a channel; by one person, of one command, or all where they are empty.
///
/// # Errors
/// When the claim is lost or the store is gone.
pub async fn forget(store: &Store, claim: &Claim, user: &str, command: &str) -> Result<u64, StoreError> {
    let mut tx = store.begin_fenced(claim).await?;
    let text = "DELETE FROM rate_limits WHERE entity_id = $1 AND ($2 = '' OR user_id = $2) AND ($3 = '' OR command = $3)";
    let gone = tx.run(sql(text).bind(&claim.entity).bind(user).bind(command)).await?;
    tx.into_inner().commit().await?;
    Ok(gone)
}

async fn mark(tx: &mut FencedTx, entity: &str, open: bool, now: Millis) -> Result<(), StoreError> {
    let text = "INSERT INTO rate_keepers (entity_id, is_open, changed_at) VALUES ($1, $2, $3) \
                ON CONFLICT (entity_id) DO UPDATE SET is_open = excluded.is_open, changed_at = excluded.changed_at";
    tx.run(sql(text).bind(entity).bind(open).bind(now)).await.map(drop)
}

/// Which counts are looked for; empty means any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// In this channel.
    pub entity: &'a str,
    /// Of this person.
    pub user: &'a str,
    /// Of this command.
    pub command: &'a str,
    /// So many at most.
    pub limit: i64,
    /// After leaving out so many.
    pub offset: i64,
}

/// A count as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The channel.
    pub entity: String,
    /// The person.
    pub user: String,
    /// The command.
    pub command: String,
    /// When the oldest use that counts was.
    pub window_start: Millis,
    /// How many count.
    pub uses: i64,
    /// When the youngest of them is over.
    pub expires_at: Millis,
}

/// A page of the counts whose windows are not over, and how many there are; at most two seconds old.
///
/// # Errors
/// When the store is gone.
pub async fn counts(store: &Store, wanted: Wanted<'_>, now: Millis) -> Result<(Vec<Count>, i64), StoreError> {
    macro_rules! from {
        ($what:literal, $end:literal) => {
            concat!(
                "SELECT ",
                $what,
                " FROM rate_limits WHERE expires_at > $1 AND ($2 = '' OR entity_id = $2) AND ($3 = '' OR user_id = $3) \
                 AND ($4 = '' OR command = $4)",
                $end
            )
        };
    }
    const PAGE: &str = from!(
        "entity_id, user_id, command, window_start, request_count, expires_at",
        " ORDER BY entity_id, user_id, command LIMIT $5 OFFSET $6"
    );
    const TOTAL: &str = from!("count(*) AS total", "");
    let of = |text| sql(text).bind(now).bind(wanted.entity).bind(wanted.user).bind(wanted.command);
    let mut counts = Vec::new();
    for row in store.all(of(PAGE).bind(wanted.limit).bind(wanted.offset)).await? {
        counts.push(Count {
            entity: row.get("entity_id")?,
            user: row.get("user_id")?,
            command: row.get("command")?,
            window_start: row.get("window_start")?,
            uses: row.get("request_count")?,
            expires_at: row.get("expires_at")?,
        });
    }
    let total = store.one(of(TOTAL)).await?.map_or(Ok(0), |row| row.get("total"))?;
    Ok((counts, total))
}

/// What a community says about its commands.
///
/// # Errors
/// When the store is gone.
pub async fn load(store: &Store, community: CommunityId) -> Result<Limits, StoreError> {
    let mut limits = Limits::default();
    for row in store.all(sql("SELECT command, role, uses, window_ms FROM command_limits WHERE community_id = $1").bind(community)).await? {
        let uses = usize::try_from(row.get::<i64>("uses")?).unwrap_or(0);
        let window = Duration::from_millis(u64::try_from(row.get::<i64>("window_ms")?).unwrap_or(0));
        let role = Role::parse(&row.get::<String>("role")?);
        limits.set(&Setting { command: row.get("command")?, role, rate: Some(Rate { uses, window }) });
    }
    Ok(limits)
}

/// Stores what a community says about commands.
///
/// # Errors
/// When the claim is lost or the store is gone.
pub async fn set(tx: &mut FencedTx, community: CommunityId, settings: &[Setting], (by, now): (&str, Millis)) -> Result<(), StoreError> {
    for Setting { command, role, rate } in settings {
        let role = role.map_or("", Role::name);
        let Some(rate) = rate else {
            let text = "DELETE FROM command_limits WHERE community_id = $1 AND command = $2 AND role = $3";
            tx.run(sql(text).bind(community).bind(command).bind(role)).await?;
            continue;
        };
        let text = "INSERT INTO command_limits (community_id, command, role, uses, window_ms, updated_by, updated_at) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (community_id, command, role) DO UPDATE SET uses = excluded.uses, \
                    window_ms = excluded.window_ms, updated_by = excluded.updated_by, updated_at = excluded.updated_at";
        let row = sql(text).bind(community).bind(command).bind(role).bind(i64::try_from(rate.uses).unwrap_or(i64::MAX));
        tx.run(row.bind(millis(rate.window)).bind(by).bind(now)).await?;
    }
    Ok(())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
