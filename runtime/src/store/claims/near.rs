//! What is best served by the node that holds a certain connection: which connection that is, and who holds it.

use super::{changed, row_claim};
use crate::store::{Claim, Identity, Store, StoreError, sql};

/// Of a row of `coordination` called `c`: how the node $1 in its life $2 stands to it. 0 when it holds the connection that
/// the row would be near, 2 when another node does that takes more, 1 when nobody has a better right.
macro_rules! rank {
    () => {
        concat!(
            "CASE WHEN c.near = '' THEN 1 \
             WHEN EXISTS (SELECT 1 FROM coordination k WHERE k.entity_id = c.near AND k.claimed_by = $1 AND k.incarnation = $2) THEN 0 \
             WHEN EXISTS (SELECT 1 FROM coordination k WHERE k.entity_id = c.near AND ",
            crate::store::nodes::owner_has_room!(),
            ") THEN 2 ELSE 1 END"
        )
    };
}
pub(super) use rank;

/// What a node holds beside nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The claim.
    pub claim: Claim,
    /// Whether its stream is live.
    pub is_live: bool,
    /// The node that holds the connection it would be near; empty for none.
    pub near: String,
}

/// Notes which connection a claim that is held would be near.
pub(crate) async fn note(store: &Store, claim: &Claim, connection: &str) -> Result<bool, StoreError> {
    let text =
        "UPDATE coordination SET near = $5 WHERE entity_id = $1 AND claimed_by = $2 AND incarnation = $3 AND epoch = $4 AND near <> $5";
    changed(store, super::bound(text, claim).bind(connection)).await
}

/// What a node holds beside nothing else: those that are missed least come first, of these those that are not near.
pub(crate) async fn leaders(store: &Store, me: &Identity) -> Result<Vec<Leader>, StoreError> {
    let text = "SELECT c.entity_id, c.epoch, c.is_live, CASE WHEN c.near = '' THEN '' ELSE \
                COALESCE((SELECT k.claimed_by FROM coordination k WHERE k.entity_id = c.near), '') END AS holder \
                FROM coordination c WHERE c.claimed_by = $1 AND c.incarnation = $2 AND c.affinity = '' \
                ORDER BY c.is_live, c.priority DESC, c.viewer_count, c.entity_id";
    let rows = store.all(sql(text).bind(&me.node_id).bind(me.incarnation)).await?;
    let read = |row| -> Result<Leader, StoreError> {
        Ok(Leader { claim: row_claim(row, me)?, is_live: row.get("is_live")?, near: row.get("holder")? })
    };
    let mut leaders = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    leaders.sort_by_key(|leader| (leader.is_live, leader.near == me.node_id));
    Ok(leaders)
}
