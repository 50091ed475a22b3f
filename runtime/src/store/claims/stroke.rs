//! Many claims handed over in one stroke.

use super::{remember, row_claim};
use crate::chat::Millis;
use crate::store::nodes::takes;
use crate::store::{Claim, Identity, Sql, Store, StoreError};

/// The head of a statement that hands over: to whom and in which life, when, from whom and from which life.
macro_rules! hand_over {
    () => {
        "UPDATE coordination SET claimed_by = $1, incarnation = $2, epoch = epoch + 1, claimed_at = $3, handed = TRUE \
         WHERE claimed_by = $4 AND incarnation = $5 AND "
    };
}

/// Gives many entities and all that live beside them to another node that lives, at once; the claims as that node has them.
pub(crate) async fn hand_over_many(
    store: &Store,
    me: &Identity,
    leaders: &[String],
    to: &Identity,
    now: Millis,
) -> Result<Vec<Claim>, StoreError> {
    let heads =
        [concat!(hand_over!(), takes!("$1", "$2"), " AND entity_id IN"), concat!(hand_over!(), takes!("$1", "$2"), " AND affinity IN")];
    let (mut tx, mut given) = (store.begin().await?, Vec::with_capacity(leaders.len()));
    for head in heads {
        let statement = Sql::rows(head, 1, "RETURNING entity_id, epoch").of(&to.node_id).of(to.incarnation).of(now);
        let statement = leaders.iter().fold(statement.of(&me.node_id).of(me.incarnation), |statement, id| statement.bind(id));
        for row in tx.all(statement).await? {
            given.push(row_claim(&row, to)?);
        }
    }
    remember(&mut tx, &given, now).await?;
    tx.commit().await?;
    Ok(given)
}
