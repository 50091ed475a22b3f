//! What collectors outside listen to, as rows beside those of the nodes: claimed with an epoch, never taken by a node.

use super::{Identity, Row, Sql, Store, StoreError, Tx, remember, sql};
use crate::chat::Millis;
use crate::store::claims::unheld;
use crate::store::nodes::owner_lives;

/// Before the entity's own name stands what is done with it: to listen is not to serve.
pub const LISTENS: &str = "listen:";

/// Something that a collector listens to, or might.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listened {
    /// The channel or server.
    pub entity: String,
    /// Its platform, its server and its channel.
    pub place: (String, String, String),
    /// Who listens; empty when nobody who lives does.
    pub claimed_by: String,
    /// Since which change of hands.
    pub epoch: i64,
    /// Since when, in milliseconds since 1970.
    pub claimed_at: Option<Millis>,
    /// `available`, `claimed`, `live`, `offline` or `error`.
    pub status: String,
    /// Whether its stream is live.
    pub is_live: bool,
    /// How many watch.
    pub viewers: i64,
    /// The smaller, the sooner.
    pub priority: i64,
    /// When something last happened there.
    pub last_activity: Option<Millis>,
    /// How often in a row it failed.
    pub errors: i64,
    /// What went wrong last.
    pub error: Option<String>,
    /// What the collector keeps there, as JSON.
    pub metadata: String,
}

macro_rules! columns {
    () => {
        concat!(
            "c.entity_id, c.platform, c.server_id, c.channel_id, c.epoch, c.claimed_at, c.is_live, c.viewer_count, c.priority, \
             c.last_activity, c.error_count, c.error_message, c.metadata, \
             CASE WHEN ",
            unheld!(),
            " THEN '' ELSE c.claimed_by END AS holder, \
             CASE WHEN c.status <> 'error' AND ",
            unheld!(),
            " THEN 'available' ELSE c.status END AS state"
        )
    };
}

fn listened(row: &Row) -> Result<Listened, StoreError> {
    let entity: String = row.get("entity_id")?;
    Ok(Listened {
        entity: entity.strip_prefix(LISTENS).unwrap_or(&entity).to_owned(),
        place: (row.get("platform")?, row.get("server_id")?, row.get("channel_id")?),
        claimed_by: row.get("holder")?,
        epoch: row.get("epoch")?,
        claimed_at: row.get("claimed_at")?,
        status: row.get("state")?,
        is_live: row.get("is_live")?,
        viewers: row.get("viewer_count")?,
        priority: row.get("priority")?,
        last_activity: row.get("last_activity")?,
        errors: row.get("error_count")?,
        error: row.get("error_message")?,
        metadata: row.get("metadata")?,
    })
}

/// Adds what may be listened to: name, platform, server, channel; how many are new.
pub(crate) async fn populate(store: &Store, places: &[(String, String, String, String)]) -> Result<u64, StoreError> {
    let (mut tx, mut new) = (store.begin().await?, 0);
    for chunk in places.chunks(500) {
        let head = "INSERT INTO coordination (entity_id, platform, server_id, channel_id, affinity) VALUES";
        let mut rows = Sql::rows(head, 5, "ON CONFLICT (entity_id) DO NOTHING");
        for (entity, platform, server, channel) in chunk {
            rows = rows.bind(format!("{LISTENS}{entity}")).bind(platform).bind(server).bind(channel).bind("outside");
        }
        new += tx.run(rows).await?;
    }
    tx.commit().await?;
    Ok(new)
}

/// Claims up to `room` things of a platform that nobody who lives listens to; those that want it most come first.
pub(crate) async fn claim(store: &Store, me: &Identity, platform: &str, room: i64, now: Millis) -> Result<Vec<String>, StoreError> {
    macro_rules! claim {
        ($locking:literal) => {
            concat!(
                "UPDATE coordination SET claimed_by = $1, incarnation = $2, epoch = epoch + 1, claimed_at = $3, last_checkin = $3, \
                 error_count = 0, status = CASE WHEN is_live THEN 'live' ELSE 'claimed' END \
                 WHERE entity_id IN (SELECT c.entity_id FROM coordination c WHERE c.affinity = 'outside' AND c.platform = $4 \
                 AND c.status <> 'error' AND ",
                unheld!(),
                " ORDER BY c.is_live DESC, c.priority, c.viewer_count DESC, COALESCE(c.last_activity, 0), c.entity_id LIMIT $5",
                $locking,
                ") RETURNING entity_id, epoch"
            )
        };
    }
    let text = if store.is_file() { claim!("") } else { claim!(" FOR UPDATE SKIP LOCKED") };
    let mut tx = store.begin().await?;
    let rows = tx.all(sql(text).bind(&me.node_id).bind(me.incarnation).bind(now).bind(platform).bind(room)).await?;
    let claims: Vec<_> = rows.iter().map(|row| super::row_claim(row, me)).collect::<Result<_, _>>()?;
    remember(&mut tx, &claims, now).await?;
    tx.commit().await?;
    Ok(claims.into_iter().map(|claim| claim.entity).collect())
}

/// What a collector holds.
pub(crate) async fn held(store: &Store, me: &Identity) -> Result<Vec<Listened>, StoreError> {
    let text = concat!(
        "SELECT ",
        columns!(),
        " FROM coordination c WHERE c.claimed_by = $1 AND c.incarnation = $2 \
         ORDER BY c.is_live DESC, c.priority, c.viewer_count DESC, c.entity_id"
    );
    store.all(sql(text).bind(&me.node_id).bind(me.incarnation)).await?.iter().map(listened).collect()
}

/// Which of what is listened to is asked for; empty words mean all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listening<'a> {
    /// Of this platform.
    pub platform: &'a str,
    /// In this state.
    pub status: &'a str,
    /// Held by this collector.
    pub claimed_by: &'a str,
    /// Live, or not.
    pub is_live: Option<bool>,
    /// The most rows.
    pub limit: i64,
    /// How many rows are left out before.
    pub offset: i64,
}

/// What is listened to, a page of it, and how much there is.
pub(crate) async fn list(store: &Store, wanted: Listening<'_>) -> Result<(Vec<Listened>, i64), StoreError> {
    macro_rules! wanted {
        () => {
            concat!(
                " FROM coordination c WHERE c.affinity = 'outside' AND ($1 = '' OR c.platform = $1) AND ($2 OR c.is_live = $3) AND ($4 = '' OR $4 = \
                 CASE WHEN c.status <> 'error' AND ",
                unheld!(),
                " THEN 'available' ELSE c.status END) AND ($5 = '' OR $5 = CASE WHEN ",
                unheld!(),
                " THEN '' ELSE c.claimed_by END)"
            )
        };
    }
    let bound = |text: &'static str| {
        let live = sql(text).bind(wanted.platform).bind(wanted.is_live.is_none()).bind(wanted.is_live.unwrap_or(false));
        live.bind(wanted.status).bind(wanted.claimed_by)
    };
    let total = store.one(bound(concat!("SELECT COUNT(*) AS total", wanted!()))).await?;
    let total = total.map_or(Ok(0), |row| row.get("total"))?;
    let page = bound(concat!("SELECT ", columns!(), wanted!(), " ORDER BY c.entity_id LIMIT $6 OFFSET $7"));
    let rows = store.all(page.bind(wanted.limit).bind(wanted.offset)).await?;
    Ok((rows.iter().map(listened).collect::<Result<_, _>>()?, total))
}

/// How much there is of each collector (empty for none) and state, and how much of it is live.
pub(crate) async fn counts(store: &Store) -> Result<Vec<(String, String, i64, i64)>, StoreError> {
    let text = concat!(
        "SELECT holder, state, COUNT(*) AS many, COALESCE(SUM(live), 0) AS live FROM (SELECT CASE WHEN c.is_live THEN 1 ELSE 0 END AS live, \
         CASE WHEN ",
        unheld!(),
        " THEN '' ELSE c.claimed_by END AS holder, CASE WHEN c.status <> 'error' AND ",
        unheld!(),
        " THEN 'available' ELSE c.status END AS state FROM coordination c WHERE c.affinity = 'outside') s GROUP BY holder, state"
    );
    let read = |row: &Row| Ok((row.get("holder")?, row.get("state")?, row.get("many")?, row.get("live")?));
    store.all(sql(text)).await?.iter().map(read).collect()
}

/// Gives back what a collector holds of these, or all; what it was.
pub(crate) async fn release(store: &Store, me: &Identity, entities: Option<&[String]>) -> Result<Vec<String>, StoreError> {
    let mut tx = store.begin().await?;
    let mut gone = Vec::new();
    match entities {
        None => {
            let text = "UPDATE coordination SET claimed_by = NULL, claimed_at = NULL, status = 'available' \
                        WHERE claimed_by = $1 AND incarnation = $2 RETURNING entity_id";
            gone = tx.all(sql(text).bind(&me.node_id).bind(me.incarnation)).await?;
        }
        Some(entities) => {
            let text = "UPDATE coordination SET claimed_by = NULL, claimed_at = NULL, status = 'available' \
                        WHERE claimed_by = $1 AND incarnation = $2 AND entity_id = $3 RETURNING entity_id";
            for entity in entities {
                let one = sql(text).bind(&me.node_id).bind(me.incarnation).bind(format!("{LISTENS}{entity}"));
                gone.extend(tx.all(one).await?);
            }
        }
    }
    tx.commit().await?;
    gone.iter().map(name).collect()
}

/// Gives back what a collector holds and found offline; what it was.
pub(crate) async fn release_offline(store: &Store, me: &Identity) -> Result<Vec<String>, StoreError> {
    let text = "UPDATE coordination SET claimed_by = NULL, claimed_at = NULL, status = 'available' \
                WHERE claimed_by = $1 AND incarnation = $2 AND status = 'offline' RETURNING entity_id";
    let mut tx = store.begin().await?;
    let gone = tx.all(sql(text).bind(&me.node_id).bind(me.incarnation)).await?;
    tx.commit().await?;
    gone.iter().map(name).collect()
}

fn name(row: &Row) -> Result<String, StoreError> {
    let entity: String = row.get("entity_id")?;
    Ok(entity.strip_prefix(LISTENS).unwrap_or(&entity).to_owned())
}

/// What a collector says of something it listens to; what is not said stays.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Whether its stream is live.
    pub is_live: Option<bool>,
    /// How many watch.
    pub viewers: Option<i64>,
    /// JSON that the collector keeps there.
    pub metadata: Option<String>,
    /// Something happened there: failures count from none.
    pub active: bool,
}

/// Notes what a collector says of something it holds, there and where its channel is served. Whether it holds it.
pub(crate) async fn tell(store: &Store, me: &Identity, entity: &str, told: &Told, now: Millis) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let text = "UPDATE coordination SET last_check = $4, metadata = COALESCE($5, metadata), \
                error_count = CASE WHEN $6 THEN 0 ELSE error_count END, error_message = CASE WHEN $6 THEN NULL ELSE error_message END \
                WHERE entity_id = $1 AND claimed_by = $2 AND incarnation = $3";
    let row = sql(text).bind(format!("{LISTENS}{entity}")).bind(&me.node_id).bind(me.incarnation).bind(now);
    if tx.run(row.bind(told.metadata.clone()).bind(told.active)).await? == 0 {
        return Ok(false);
    }
    for name in [format!("{LISTENS}{entity}"), entity.to_owned()] {
        lively(&mut tx, &name, told, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

async fn lively(tx: &mut Tx, name: &str, told: &Told, now: Millis) -> Result<(), StoreError> {
    if told.active {
        tx.run(sql("UPDATE coordination SET last_activity = $2 WHERE entity_id = $1").bind(name).bind(now)).await?;
    }
    if let Some(viewers) = told.viewers {
        tx.run(sql("UPDATE coordination SET viewer_count = $2 WHERE entity_id = $1").bind(name).bind(viewers)).await?;
    }
    if let Some(is_live) = told.is_live {
        let text = "UPDATE coordination SET live_since = CASE WHEN NOT $2 THEN NULL WHEN is_live THEN live_since ELSE $3 END, is_live = $2, \
                    status = CASE WHEN affinity <> 'outside' THEN status WHEN $2 THEN 'live' ELSE 'offline' END WHERE entity_id = $1";
        tx.run(sql(text).bind(name).bind(is_live).bind(now)).await?;
    }
    Ok(())
}

/// Notes a failure of something a collector holds; how many in a row it was, `None` when it does not hold it. The last
/// one of so many (`most`) takes it from the collector, and from everybody.
pub(crate) async fn fails(
    store: &Store,
    me: &Identity,
    entity: &str,
    why: &str,
    most: i64,
    now: Millis,
) -> Result<Option<i64>, StoreError> {
    let mut tx = store.begin().await?;
    let text = "UPDATE coordination SET error_count = error_count + 1, error_message = $4, last_check = $5 \
                WHERE entity_id = $1 AND claimed_by = $2 AND incarnation = $3 RETURNING error_count";
    let entity = format!("{LISTENS}{entity}");
    let row = sql(text).bind(&entity).bind(&me.node_id).bind(me.incarnation).bind(why).bind(now);
    let Some(row) = tx.one(row).await? else { return Ok(None) };
    let count: i64 = row.get("error_count")?;
    if count >= most {
        let text = "UPDATE coordination SET claimed_by = NULL, claimed_at = NULL, status = 'error' WHERE entity_id = $1";
        tx.run(sql(text).bind(&entity)).await?;
    }
    tx.commit().await?;
    Ok(Some(count))
}

/// Whether there is something of this name to listen to.
pub(crate) async fn is_known(store: &Store, entity: &str) -> Result<bool, StoreError> {
    let text = "SELECT 1 AS known FROM coordination WHERE entity_id = $1";
    Ok(store.one(sql(text).bind(format!("{LISTENS}{entity}"))).await?.is_some())
}
