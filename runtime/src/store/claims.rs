//! The rows that say who holds what: the only SQL on them, here and in this folder.

pub(crate) mod crowded;
pub(crate) mod left;
pub(crate) mod near;
pub(crate) mod outside;
pub(crate) mod shown;
pub(crate) mod stroke;

use super::nodes::{alone, from_nodes, owner_lives, takes};
use super::{Claim, Row, Sql, Store, StoreError, Tx, sql};
use crate::chat::{ChannelKey, Millis};

/// Asks whether a claim is still held: entity, owner, incarnation, epoch.
macro_rules! held {
    () => {
        "SELECT 1 AS held FROM coordination WHERE entity_id = $1 AND claimed_by = $2 AND incarnation = $3 AND epoch = $4"
    };
}

/// Asks whether a claim is still held.
pub(super) const HELD: &str = held!();

/// The same, and keeps the row as it is until the transaction ends. Not `FOR KEY SHARE`: that would
/// let a take-over pass.
pub(super) const HELD_AND_LOCKED: &str = concat!(held!(), " FOR SHARE");

/// Asks which of many claims are held.
pub(super) const HELD_OF: &str = "SELECT entity_id, epoch FROM coordination WHERE (entity_id, claimed_by, incarnation, epoch) IN (VALUES";
/// Keeps those rows as they are, and leaves out at once whatever moves just now: who holds several waits for none.
pub(super) const ALL_LOCKED: &str = ") FOR SHARE SKIP LOCKED";

/// Of a row of `coordination` called `c`: nobody who lives holds it.
macro_rules! unheld {
    () => {
        concat!("(c.claimed_by IS NULL OR NOT ", owner_lives!(), ")")
    };
}
use unheld;

/// Of a row of `coordination` called `c`: the taker ($1, $2) may have it, because nobody who lives holds it and it
/// lives beside nothing, or beside what the taker holds.
macro_rules! takeable {
    () => {
        concat!(
            "c.status <> 'error' AND ",
            unheld!(),
            " AND (c.affinity = '' OR EXISTS (SELECT 1 FROM coordination l WHERE l.entity_id = c.affinity \
              AND l.claimed_by = $1 AND l.incarnation = $2))"
        )
    };
}

/// Takes the best of what nobody holds: $1 node, $2 incarnation, $3 time, $4 how many; of what is not claimed, and of up to
/// three who are gone ($5 to $10). Each of these is one range of an index. Of what wants it alike comes first what is near
/// this node, and last what is near another; that is left to it where $11 is false and it is not live.
macro_rules! take {
    ($locking:literal) => {
        concat!(
            "UPDATE coordination SET claimed_by = $1, incarnation = $2, epoch = epoch + 1, claimed_at = $3, last_checkin = $3, status = 'claimed', handed = FALSE \
             WHERE entity_id IN (SELECT c.entity_id FROM coordination c WHERE (c.claimed_by IS NULL \
             OR (c.claimed_by = $5 AND c.incarnation <= $6) OR (c.claimed_by = $7 AND c.incarnation <= $8) \
             OR (c.claimed_by = $9 AND c.incarnation <= $10)) AND ",
            takeable!(),
            " AND ",
            takes!("$1", "$2"),
            " AND ($11 OR c.is_live OR ",
            near::rank!(),
            " < 2) ORDER BY c.is_live DESC, c.priority, ",
            near::rank!(),
            ", c.viewer_count DESC, COALESCE(c.last_activity, 0), c.entity_id LIMIT $4",
            $locking,
            ") RETURNING entity_id, epoch, is_live, priority, viewer_count, last_activity, affinity"
        )
    };
}

/// Who asks: a node in one of its incarnations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The node.
    pub node_id: String,
    /// Which of its lives.
    pub incarnation: i64,
}

/// Who holds an entity, and how it fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) claim: Option<Claim>,
    pub(crate) epoch: i64,
    pub(crate) status: String,
    pub(crate) error_message: Option<String>,
    /// Whether its owner's incarnation lives.
    pub(crate) alive: bool,
}

/// How much one entity wants to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The entity.
    pub entity: String,
    /// What it lives beside; empty for nothing.
    pub beside: String,
    /// Whether its stream is live.
    pub is_live: bool,
    /// The smaller, the sooner.
    pub priority: i64,
    /// How many watch.
    pub viewers: i64,
    /// When something last happened there; 0 for never.
    pub last_activity: Millis,
}

/// An installation that nobody else serves forgets its errors: a fresh start is another chance. What was held long ago is forgotten too.
pub(super) async fn start_anew(tx: &mut Tx, me: &str, now: Millis) -> Result<(), StoreError> {
    let again =
        concat!("UPDATE coordination SET status = 'available', error_count = 0, last_check = NULL WHERE status = 'error' AND ", alone!());
    tx.run(sql(again).bind(me)).await?;
    tx.run(sql("DELETE FROM claim_history WHERE claimed_at < $1").bind(now - HISTORY)).await?;
    Ok(())
}

/// For how long it is kept who held what.
const HISTORY: Millis = 30 * 24 * 3_600_000;

/// Lets go of everything a node holds.
pub(super) async fn free(tx: &mut Tx, me: &Identity) -> Result<(), StoreError> {
    let text =
        "UPDATE coordination SET claimed_by = NULL, claimed_at = NULL, status = 'available' WHERE claimed_by = $1 AND incarnation = $2";
    tx.run(sql(text).bind(&me.node_id).bind(me.incarnation)).await?;
    Ok(())
}

pub(crate) async fn holding(store: &Store, entity: &str) -> Result<Option<Holding>, StoreError> {
    let text = concat!(
        "SELECT c.claimed_by, c.incarnation, c.epoch, c.status, c.error_message, CAST(CASE WHEN ",
        unheld!(),
        " THEN 0 ELSE 1 END AS BIGINT) AS alive FROM coordination c WHERE c.entity_id = $1"
    );
    let Some(row) = store.one(sql(text).bind(entity)).await? else { return Ok(None) };
    let (incarnation, epoch) = (row.get("incarnation")?, row.get("epoch")?);
    let claim = row.get::<Option<String>>("claimed_by")?.map(|owner| Claim { entity: entity.to_owned(), owner, incarnation, epoch });
    let alive = row.get::<i64>("alive")? == 1;
    Ok(Some(Holding { claim, epoch, status: row.get("status")?, error_message: row.get("error_message")?, alive }))
}

/// Takes one entity that nobody who lives holds and that is still at this epoch; gives the new epoch.
/// With `own` also from the taker itself: what it gave away and perhaps did not.
pub(crate) async fn take_one(
    store: &Store,
    me: &Identity,
    (entity, beside): (&str, &str),
    epoch: i64,
    own: bool,
    now: Millis,
) -> Result<Option<Claim>, StoreError> {
    let mut tx = store.begin().await?;
    if epoch == 0 {
        let key = ChannelKey::parse(entity);
        let (platform, server, channel) =
            key.map(|key| (key.platform().to_owned(), key.server().to_string(), key.channel())).unwrap_or_default();
        let add = "INSERT INTO coordination (entity_id, platform, server_id, channel_id) VALUES ($1, $2, $3, $4) ON CONFLICT (entity_id) DO NOTHING";
        tx.run(sql(add).bind(entity).bind(platform).bind(server).bind(channel)).await?;
    }
    let take = concat!(
        "UPDATE coordination AS c SET claimed_by = $1, incarnation = $2, epoch = epoch + 1, claimed_at = $3, last_checkin = $3, affinity = $7, status = 'claimed', handed = FALSE \
         WHERE c.entity_id = $4 AND c.epoch = $5 AND c.status <> 'error' AND (",
        unheld!(),
        " OR ($6 AND c.claimed_by = $1 AND c.incarnation = $2)) AND ",
        takes!("$1", "$2"),
        " RETURNING epoch"
    );
    let take = sql(take).bind(&me.node_id).bind(me.incarnation).bind(now).bind(entity).bind(epoch).bind(own).bind(beside);
    let Some(row) = tx.one(take).await? else { return Ok(None) };
    let claim = me.claim(entity, row.get("epoch")?);
    remember(&mut tx, std::slice::from_ref(&claim), now).await?;
    tx.commit().await?;
    Ok(Some(claim))
}

/// How many entities a node might take. Asked every second by every node: it looks at what is not claimed, and at what
/// those left who are gone, each by an index of its own, and not at what is served.
pub(crate) async fn untaken(store: &Store, me: &Identity) -> Result<i64, StoreError> {
    let text = "SELECT (SELECT COUNT(*) FROM coordination c WHERE c.claimed_by IS NULL AND c.affinity = '' AND c.status <> 'error') \
                + (SELECT COUNT(*) FROM coordination c JOIN coordination l ON l.entity_id = c.affinity AND l.claimed_by = $1 \
                   AND l.incarnation = $2 WHERE c.claimed_by IS NULL AND c.affinity <> '' AND c.affinity <> 'outside' \
                   AND c.status <> 'error') AS untaken";
    let row = store.one(sql(text).bind(&me.node_id).bind(me.incarnation)).await?;
    let unclaimed: i64 = row.map_or(Ok(0), |row| row.get("untaken"))?;
    Ok(unclaimed + gone(store, me).await?.iter().map(|gone| gone.left).sum::<i64>())
}

/// Who is gone and left something.
struct Gone {
    node_id: String,
    /// The last of its lives that is over.
    incarnation: i64,
    /// How much of what it left the asker might take.
    left: i64,
}

/// Those who are gone and left something that a node might take, those that left most first. The count is a query of its
/// own for each node, never joined: a planner that guesses wrong how much there is would read all that is served.
async fn gone(store: &Store, me: &Identity) -> Result<Vec<Gone>, StoreError> {
    let text = concat!(
        "SELECT n.node_id, n.incarnation - CASE WHEN n.state IN ('up', 'draining', 'outside') THEN 1 ELSE 0 END AS life, \
         (SELECT COUNT(*) FROM coordination c WHERE c.claimed_by = n.node_id \
          AND c.incarnation <= n.incarnation - CASE WHEN n.state IN ('up', 'draining', 'outside') THEN 1 ELSE 0 END \
          AND c.status <> 'error' AND c.affinity <> 'outside' AND (c.affinity = '' OR EXISTS (SELECT 1 FROM coordination l \
          WHERE l.entity_id = c.affinity AND l.claimed_by = $1 AND l.incarnation = $2))) AS untaken ",
        from_nodes!()
    );
    let rows = store.all(sql(text).bind(&me.node_id).bind(me.incarnation)).await?;
    let read = |row: &Row| Ok(Gone { node_id: row.get("node_id")?, incarnation: row.get("life")?, left: row.get("untaken")? });
    let mut all = rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
    all.retain(|gone| gone.left > 0);
    all.sort_by_key(|gone| std::cmp::Reverse(gone.left));
    Ok(all)
}

/// Takes up to `room` entities that nobody who lives holds, those that want it most; what is near others only if `all`.
pub(crate) async fn take_some(store: &Store, me: &Identity, room: i64, all: bool, now: Millis) -> Result<Vec<(Claim, Demand)>, StoreError> {
    // Two takers at once pass each other by where rows can be locked; elsewhere there is one writer anyway.
    let text = if store.is_file() { take!("") } else { take!(" FOR UPDATE SKIP LOCKED") };
    let mut statement = sql(text).bind(&me.node_id).bind(me.incarnation).bind(now).bind(room);
    let gone = gone(store, me).await?;
    for place in 0..3 {
        let (node_id, incarnation) = gone.get(place).map_or(("", 0), |gone| (&gone.node_id, gone.incarnation));
        statement = statement.bind(node_id).bind(incarnation);
    }
    let mut tx = store.begin().await?;
    let rows = tx.all(statement.bind(all)).await?;
    let taken: Vec<_> = rows.iter().map(|row| demand(row, me)).collect::<Result<_, _>>()?;
    let claims: Vec<_> = taken.iter().map(|(claim, _)| claim.clone()).collect();
    remember(&mut tx, &claims, now).await?;
    tx.commit().await?;
    Ok(taken)
}

fn demand(row: &Row, me: &Identity) -> Result<(Claim, Demand), StoreError> {
    let entity: String = row.get("entity_id")?;
    let claim = me.claim(&entity, row.get("epoch")?);
    let last_activity = row.get::<Option<i64>>("last_activity")?.unwrap_or(0);
    let (is_live, priority, viewers) = (row.get("is_live")?, row.get("priority")?, row.get("viewer_count")?);
    Ok((claim, Demand { entity, beside: row.get("affinity")?, is_live, priority, viewers, last_activity }))
}

/// Gives an entity to another node that lives. `None` when it was held no longer, or the other does not live.
pub(crate) async fn hand_over(store: &Store, claim: &Claim, to: &Identity, now: Millis) -> Result<Option<Claim>, StoreError> {
    let mut tx = store.begin().await?;
    let text = concat!(
        "UPDATE coordination SET claimed_by = $5, incarnation = $6, epoch = epoch + 1, claimed_at = $7, handed = TRUE \
                WHERE entity_id = $1 AND claimed_by = $2 AND incarnation = $3 AND epoch = $4 \
                AND ",
        takes!("$5", "$6"),
        " RETURNING epoch"
    );
    let Some(row) = tx.one(bound(text, claim).bind(&to.node_id).bind(to.incarnation).bind(now)).await? else { return Ok(None) };
    let given = to.claim(&claim.entity, row.get("epoch")?);
    remember(&mut tx, std::slice::from_ref(&given), now).await?;
    tx.commit().await?;
    Ok(Some(given))
}

/// Notes what is on air beside one leader: entity, whether it is live, how many watch. The leader is live when any of them is.
pub(crate) async fn air(store: &Store, leader: &str, news: &[(String, bool, i64)], now: Millis) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (entity, is_live, viewers) in news {
        let text = "UPDATE coordination SET is_live = $2, viewer_count = $3, last_activity = $4 WHERE entity_id = $1";
        tx.run(sql(text).bind(entity).bind(*is_live).bind(*viewers).bind(now)).await?;
    }
    let text = "UPDATE coordination SET last_activity = $2, \
                is_live = EXISTS (SELECT 1 FROM coordination c WHERE c.affinity = $1 AND c.is_live), \
                viewer_count = (SELECT CAST(COALESCE(SUM(c.viewer_count), 0) AS BIGINT) FROM coordination c WHERE c.affinity = $1 AND c.is_live) \
                WHERE entity_id = $1";
    tx.run(sql(text).bind(leader).bind(now)).await?;
    tx.commit().await
}

/// Everything a node holds, and what each lives beside.
pub(crate) async fn of(store: &Store, me: &Identity) -> Result<Vec<(Claim, String)>, StoreError> {
    let text = "SELECT entity_id, epoch, affinity FROM coordination WHERE claimed_by = $1 AND incarnation = $2";
    let rows = store.all(sql(text).bind(&me.node_id).bind(me.incarnation)).await?;
    rows.iter().map(|row| Ok((row_claim(row, me)?, row.get("affinity")?))).collect()
}

/// What was handed to a node since it was asked last, and what each lives beside.
pub(crate) async fn handed(store: &Store, me: &Identity) -> Result<Vec<(Claim, String)>, StoreError> {
    let mine = |text| sql(text).bind(&me.node_id).bind(me.incarnation);
    let any = "SELECT 1 AS given FROM coordination WHERE claimed_by = $1 AND incarnation = $2 AND handed LIMIT 1";
    if store.one(mine(any)).await?.is_none() {
        return Ok(Vec::new());
    }
    // In one statement: what is handed over meanwhile keeps its mark.
    let text = "UPDATE coordination SET handed = FALSE WHERE claimed_by = $1 AND incarnation = $2 AND handed \
                RETURNING entity_id, epoch, affinity";
    let mut tx = store.begin().await?;
    let rows = tx.all(mine(text)).await?;
    tx.commit().await?;
    rows.iter().map(|row| Ok((row_claim(row, me)?, row.get("affinity")?))).collect()
}

fn row_claim(row: &Row, owner: &Identity) -> Result<Claim, StoreError> {
    Ok(owner.claim(&row.get::<String>("entity_id")?, row.get("epoch")?))
}

/// Notes a failure of an entity's actor: the last of so many in a row (`most`), or one after which
/// nobody tries again (`last`), gives the entity back as failed. Whether it did.
pub(crate) async fn failed(store: &Store, claim: &Claim, why: &str, most: i64, last: bool, now: Millis) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let count = "UPDATE coordination SET error_message = $5, last_check = $6, \
                 error_count = CASE WHEN last_check IS NULL OR last_check < $7 THEN 1 ELSE error_count + 1 END \
                 WHERE entity_id = $1 AND claimed_by = $2 AND incarnation = $3 AND epoch = $4 RETURNING error_count";
    let Some(row) = tx.one(bound(count, claim).bind(why).bind(now).bind(now - WELL)).await? else { return Ok(false) };
    let over = last || row.get::<i64>("error_count")? >= most;
    if over {
        let text = "UPDATE coordination SET claimed_by = NULL, claimed_at = NULL, status = 'error' WHERE entity_id = $1 AND epoch = $2";
        tx.run(sql(text).bind(&claim.entity).bind(claim.epoch)).await?;
    }
    tx.commit().await?;
    Ok(over)
}

/// What did not fail for this long goes well: its failures count from none.
const WELL: Millis = 10 * 60_000;

/// Writes down who holds an epoch. The table's key refuses a second owner, and with it the take-over.
async fn remember(tx: &mut Tx, claims: &[Claim], now: Millis) -> Result<(), StoreError> {
    for chunk in claims.chunks(500) {
        let mut rows = Sql::rows("INSERT INTO claim_history (entity_id, epoch, owner, incarnation, claimed_at) VALUES", 5, "");
        for claim in chunk {
            rows = rows.bind(&claim.entity).bind(claim.epoch).bind(&claim.owner).bind(claim.incarnation).bind(now);
        }
        tx.run(rows).await?;
    }
    Ok(())
}

fn bound(text: &'static str, claim: &Claim) -> Sql {
    sql(text).bind(&claim.entity).bind(&claim.owner).bind(claim.incarnation).bind(claim.epoch)
}

pub(super) async fn changed(store: &Store, statement: Sql) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let rows = tx.run(statement).await?;
    tx.commit().await?;
    Ok(rows == 1)
}

impl Identity {
    /// The node and which of its lives, as one word.
    #[must_use]
    pub fn life(&self) -> String {
        format!("{}@{}", self.node_id, self.incarnation)
    }

    fn claim(&self, entity: &str, epoch: i64) -> Claim {
        Claim { entity: entity.to_owned(), owner: self.node_id.clone(), incarnation: self.incarnation, epoch }
    }
}
