//! The rows that say which node lives: the only SQL on them.

use super::{Identity, Row, Store, StoreError, Tx, claims, sql};
use crate::chat::Millis;
use claims::changed;

/// Of a row of `coordination` called `c`: its owner lives, in the life that holds it.
macro_rules! owner_lives {
    () => {
        "EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = c.claimed_by AND n.incarnation = c.incarnation \
         AND n.state IN ('up', 'draining', 'outside'))"
    };
}
pub(super) use owner_lives;

/// Of a row of `coordination` called `k`: its owner lives, is not about to go, and may hold more.
macro_rules! owner_has_room {
    () => {
        "EXISTS (SELECT 1 FROM nodes h WHERE h.node_id = k.claimed_by AND h.incarnation = k.incarnation \
         AND h.state = 'up' AND h.load < h.capacity)"
    };
}
pub(super) use owner_has_room;

/// Nodes as `n`, to be joined with what they hold.
macro_rules! from_nodes {
    () => {
        "FROM nodes n"
    };
}
pub(super) use from_nodes;

/// The node with these two placeholders lives and is not about to go.
macro_rules! takes {
    ($node:literal, $incarnation:literal) => {
        concat!("EXISTS (SELECT 1 FROM nodes m WHERE m.node_id = ", $node, " AND m.incarnation = ", $incarnation, " AND m.state = 'up')")
    };
}
pub(super) use takes;

/// No other node than $1 lives.
macro_rules! alone {
    () => {
        "NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node_id <> $1 AND n.state IN ('up', 'draining'))"
    };
}
pub(super) use alone;

/// Whether a node lives in this life, as [`Identity::life`] writes it.
pub(crate) async fn lives(tx: &mut Tx, life: &str) -> Result<bool, StoreError> {
    let Some((node, incarnation)) = life.rsplit_once('@') else { return Ok(false) };
    let text = "SELECT 1 AS here FROM nodes WHERE node_id = $1 AND incarnation = $2 AND state IN ('up', 'draining')";
    let incarnation: i64 = incarnation.parse().unwrap_or(0);
    Ok(tx.one(sql(text).bind(node).bind(incarnation)).await?.is_some())
}

/// A node as its row tells it to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its name, unlike any other node's.
    pub node_id: String,
    /// Where peers reach it.
    pub address: String,
    /// Where people and platforms reach it.
    pub http_address: String,
    /// The program's version.
    pub version: String,
    /// A digest of the settings that must be the same on all nodes.
    pub config_hash: String,
    /// How much it can carry compared with others: its most claims.
    pub capacity: i64,
}

/// What was last seen of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) incarnation: i64,
    pub(crate) seq: i64,
    pub(crate) state: String,
}

impl Seen {
    /// Whether it counts as alive.
    pub(crate) fn lives(&self) -> bool {
        self.state == "up" || self.state == "draining"
    }
}

pub(crate) async fn node(store: &Store, id: &str) -> Result<Option<Seen>, StoreError> {
    let row = store.one(sql("SELECT incarnation, seq, state FROM nodes WHERE node_id = $1").bind(id)).await?;
    row.as_ref().map(seen).transpose()
}

fn seen(row: &Row) -> Result<Seen, StoreError> {
    Ok(Seen { incarnation: row.get("incarnation")?, seq: row.get("seq")?, state: row.get("state")? })
}

/// Registers a node whose row is still as it was seen; gives its new incarnation, or `None` when
/// somebody was faster. An installation that nobody else serves forgets its errors: a fresh start
/// is another chance.
pub(crate) async fn register(store: &Store, me: &Member, seen: Option<&Seen>, now: Millis) -> Result<Option<i64>, StoreError> {
    let mut tx = store.begin().await?;
    let put = match seen {
        None => {
            sql("INSERT INTO nodes (address, http_address, version, config_hash, capacity, renewed_at, node_id, incarnation, seq, state) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, 'up') ON CONFLICT (node_id) DO NOTHING RETURNING incarnation")
        }
        Some(_) => {
            sql("UPDATE nodes SET address = $1, http_address = $2, version = $3, config_hash = $4, capacity = $5, renewed_at = $6, \
                        incarnation = incarnation + 1, seq = seq + 1, state = 'up' \
                        WHERE node_id = $7 AND incarnation = $8 AND seq = $9 AND state = $10 RETURNING incarnation")
        }
    };
    let put =
        put.bind(&me.address).bind(&me.http_address).bind(&me.version).bind(&me.config_hash).bind(me.capacity).bind(now).bind(&me.node_id);
    let put = match seen {
        None => put,
        Some(seen) => put.bind(seen.incarnation).bind(seen.seq).bind(&seen.state),
    };
    let Some(row) = tx.one(put).await? else { return Ok(None) };
    let incarnation = row.get("incarnation")?;
    claims::start_anew(&mut tx, &me.node_id, now).await?;
    tx.commit().await?;
    Ok(Some(incarnation))
}

/// Shows that this incarnation lives. `false` when it was declared dead: it may not come back.
pub(crate) async fn renew(store: &Store, me: &Identity, load: i64, now: Millis) -> Result<bool, StoreError> {
    let text = "UPDATE nodes SET seq = seq + 1, load = $3, renewed_at = $4 \
                WHERE node_id = $1 AND incarnation = $2 AND state IN ('up', 'draining')";
    changed(store, sql(text).bind(&me.node_id).bind(me.incarnation).bind(load).bind(now)).await
}

/// The living nodes but this one, and the collectors outside with the milliseconds of silence after which they count as
/// gone (0 for a node).
pub(crate) async fn others(store: &Store, id: &str) -> Result<Vec<(String, Seen, i64)>, StoreError> {
    let text = "SELECT node_id, incarnation, seq, state, silence FROM nodes WHERE node_id <> $1 AND state IN ('up', 'draining', 'outside')";
    let rows = store.all(sql(text).bind(id)).await?;
    rows.iter().map(|row| Ok((row.get("node_id")?, seen(row)?, row.get("silence")?))).collect()
}

/// A living node, as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The node in its present life.
    pub identity: Identity,
    /// Where peers reach it; empty for a node that has none.
    pub address: String,
    /// Where people and platforms reach it.
    pub http_address: String,
    /// The program's version.
    pub version: String,
    /// A digest of the settings that must be the same on all nodes.
    pub config_hash: String,
    /// Whether it is about to go.
    pub draining: bool,
    /// The most claims it can hold.
    pub capacity: i64,
    /// How many it holds.
    pub load: i64,
}

/// All living nodes, by name.
pub(crate) async fn living(store: &Store) -> Result<Vec<Neighbour>, StoreError> {
    let text = "SELECT node_id, incarnation, address, http_address, version, config_hash, state, capacity, load FROM nodes \
                WHERE state IN ('up', 'draining') ORDER BY node_id";
    let read = |row: &Row| {
        Ok(Neighbour {
            identity: Identity { node_id: row.get("node_id")?, incarnation: row.get("incarnation")? },
            address: row.get("address")?,
            http_address: row.get("http_address")?,
            version: row.get("version")?,
            config_hash: row.get("config_hash")?,
            draining: row.get::<String>("state")? == "draining",
            capacity: row.get("capacity")?,
            load: row.get("load")?,
        })
    };
    store.all(sql(text)).await?.iter().map(read).collect()
}

/// Says that a node is about to go: it takes nothing more.
pub(crate) async fn drains(store: &Store, me: &Identity) -> Result<bool, StoreError> {
    let text = "UPDATE nodes SET state = 'draining' WHERE node_id = $1 AND incarnation = $2 AND state IN ('up', 'draining')";
    changed(store, sql(text).bind(&me.node_id).bind(me.incarnation)).await
}

/// Declares a node dead that did not renew since it was seen.
pub(crate) async fn declare_dead(store: &Store, id: &str, seen: &Seen) -> Result<bool, StoreError> {
    let text = "UPDATE nodes SET state = 'dead' WHERE node_id = $1 AND incarnation = $2 AND seq = $3 \
                AND state IN ('up', 'draining', 'outside')";
    changed(store, sql(text).bind(id).bind(seen.incarnation).bind(seen.seq)).await
}

/// Lets go of everything a node holds, and says that it went in good order.
pub(crate) async fn leave(store: &Store, me: &Identity) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    claims::free(&mut tx, me).await?;
    let down = "UPDATE nodes SET state = 'down', load = 0 WHERE node_id = $1 AND incarnation = $2";
    tx.run(sql(down).bind(&me.node_id).bind(me.incarnation)).await?;
    tx.commit().await
}

/// What the capacities of all living nodes add up to, and how many claims they hold.
pub(crate) async fn totals(store: &Store) -> Result<(i64, i64), StoreError> {
    let text = "SELECT CAST(COALESCE(SUM(capacity), 0) AS BIGINT) AS capacity, CAST(COALESCE(SUM(load), 0) AS BIGINT) AS load \
                FROM nodes WHERE state = 'up'";
    let row = store.one(sql(text)).await?.ok_or_else(|| StoreError::Refused("a sum without a row".into()))?;
    Ok((row.get("capacity")?, row.get("load")?))
}

/// Says that a node that was about to go stays. `false` when it was not about to go.
pub(crate) async fn stays(store: &Store, me: &Identity) -> Result<bool, StoreError> {
    let text = "UPDATE nodes SET state = 'up' WHERE node_id = $1 AND incarnation = $2 AND state = 'draining'";
    changed(store, sql(text).bind(&me.node_id).bind(me.incarnation)).await
}

/// A node or collector as an operator sees it, living or not.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Known {
    /// Its name.
    pub node: String,
    /// Which of its lives.
    pub incarnation: i64,
    /// `up`, `draining`, `down` or `dead`; `outside` for a collector that lives.
    pub state: String,
    /// Where peers reach it.
    pub address: String,
    /// Where people and platforms reach it.
    pub http_address: String,
    /// The program's version.
    pub version: String,
    /// The most claims it can hold.
    pub capacity: i64,
    /// How many it holds, as it said last.
    pub load: i64,
    /// When it last showed that it lives, on its own clock, in milliseconds since 1970. To look at only.
    pub renewed_at: Millis,
}

/// Every node and collector that was ever seen, by name.
pub(crate) async fn known(store: &Store) -> Result<Vec<Known>, StoreError> {
    let text = "SELECT node_id, incarnation, state, address, http_address, version, capacity, load, renewed_at FROM nodes \
                ORDER BY node_id LIMIT 2000";
    let read = |row: &Row| {
        Ok(Known {
            node: row.get("node_id")?,
            incarnation: row.get("incarnation")?,
            state: row.get("state")?,
            address: row.get("address")?,
            http_address: row.get("http_address")?,
            version: row.get("version")?,
            capacity: row.get("capacity")?,
            load: row.get("load")?,
            renewed_at: row.get("renewed_at")?,
        })
    };
    store.all(sql(text)).await?.iter().map(read).collect()
}

/// Lets a collector in that was not heard of, or was gone; as it is known from now on. One that lives shows that it does.
pub(crate) async fn joins(store: &Store, id: &str, silence: i64, capacity: i64, now: Millis) -> Result<Identity, StoreError> {
    let text = "INSERT INTO nodes (node_id, incarnation, seq, state, capacity, silence, renewed_at) VALUES ($1, 1, 1, 'outside', $2, $3, $4) \
                ON CONFLICT (node_id) DO UPDATE SET seq = nodes.seq + 1, capacity = $2, silence = $3, renewed_at = $4, state = 'outside', \
                incarnation = CASE WHEN nodes.state = 'outside' THEN nodes.incarnation ELSE nodes.incarnation + 1 END RETURNING incarnation";
    let mut tx = store.begin().await?;
    let row = tx.one(sql(text).bind(id).bind(capacity).bind(silence).bind(now)).await?;
    let row = row.ok_or_else(|| StoreError::Refused("a row that was written is not there".into()))?;
    let incarnation = row.get("incarnation")?;
    tx.commit().await?;
    Ok(Identity { node_id: id.to_owned(), incarnation })
}

/// A collector as it is known, with its state; `None` when nobody of this name was ever seen.
pub(crate) async fn collector(store: &Store, id: &str) -> Result<Option<(Identity, String)>, StoreError> {
    let seen = node(store, id).await?;
    Ok(seen.map(|seen| (Identity { node_id: id.to_owned(), incarnation: seen.incarnation }, seen.state)))
}

/// A collector shows that it lives, and how much it holds. `false` when it counts as gone.
pub(crate) async fn beats(store: &Store, me: &Identity, load: i64, now: Millis) -> Result<bool, StoreError> {
    let text = "UPDATE nodes SET seq = seq + 1, load = $3, renewed_at = $4 WHERE node_id = $1 AND incarnation = $2 AND state = 'outside'";
    changed(store, sql(text).bind(&me.node_id).bind(me.incarnation).bind(load).bind(now)).await
}
