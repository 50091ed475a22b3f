//! What makes room where everybody serves as much as they may: the rows of what waits, and of what is given back for it.

use super::{Claim, Identity, Sql, Store, StoreError, row_claim, sql};
use crate::store::nodes::from_nodes;

/// How much that is live nobody serves. As [`super::untaken`], it looks at nothing that is served.
pub(crate) async fn live_unserved(store: &Store) -> Result<i64, StoreError> {
    let text = concat!(
        "SELECT (SELECT COUNT(*) FROM coordination c WHERE c.claimed_by IS NULL AND c.is_live AND c.affinity = '' AND c.status <> 'error') \
         + (SELECT COALESCE(CAST(SUM(left_live) AS BIGINT), 0) FROM (SELECT (SELECT COUNT(*) FROM coordination c \
            WHERE c.claimed_by = n.node_id AND c.incarnation <= n.incarnation - CASE WHEN n.state IN ('up', 'draining', 'outside') \
            THEN 1 ELSE 0 END AND c.is_live AND c.affinity = '' AND c.status <> 'error') AS left_live ",
        from_nodes!(),
        ") g) AS waiting"
    );
    store.one(sql(text)).await?.map_or(Ok(0), |row| row.get("waiting"))
}

/// Gives many entities back, and all that live beside them, at once; the claims as they were.
pub(crate) async fn release_many(store: &Store, me: &Identity, leaders: &[String]) -> Result<Vec<Claim>, StoreError> {
    macro_rules! release {
        ($which:literal) => {
            concat!(
                "UPDATE coordination SET claimed_by = NULL, claimed_at = NULL, status = 'available', error_count = 0 \
                 WHERE claimed_by = $1 AND incarnation = $2 AND ",
                $which,
                " IN"
            )
        };
    }
    let (mut tx, mut gone) = (store.begin().await?, Vec::with_capacity(leaders.len()));
    for head in [release!("entity_id"), release!("affinity")] {
        let statement = Sql::rows(head, 1, "RETURNING entity_id, epoch").of(&me.node_id).of(me.incarnation);
        for row in tx.all(leaders.iter().fold(statement, |statement, id| statement.bind(id))).await? {
            gone.push(row_claim(&row, me)?);
        }
    }
    tx.commit().await?;
    Ok(gone)
}
