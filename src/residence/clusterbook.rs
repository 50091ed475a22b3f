//! The hub's view of the cluster, over the real thing.

use waddlebot_actors::household::NotOperated;
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::store::{Held, Known, Shown, Sought};

use super::{Residence, store, unavailable};
use crate::hub::house::{Answer, ClusterBook, Count, Unanswered};

impl ClusterBook for Residence {
    fn nodes(&self) -> Boxed<'_, Answer<Vec<Known>>> {
        Box::pin(async move { self.household.ledger().nodes().await.map_err(store) })
    }

    fn counts(&self) -> Boxed<'_, Answer<Vec<Count>>> {
        Box::pin(async move {
            let counts = self.household.ledger().counts().await.map_err(store)?;
            Ok(counts.into_iter().map(|(node, kind, many, failed)| Count { node, kind, many, failed }).collect())
        })
    }

    fn claims<'a>(&'a self, sought: Sought<'a>) -> Boxed<'a, Answer<(Vec<Shown>, i64)>> {
        Box::pin(async move { self.household.ledger().claims(sought).await.map_err(store) })
    }

    fn history<'a>(&'a self, entity: &'a str, limit: i64) -> Boxed<'a, Answer<Vec<Held>>> {
        Box::pin(async move { Ok(self.household.ledger().history(entity, limit, 0).await.map_err(store)?.0) })
    }

    fn move_claim<'a>(&'a self, entity: &'a str, to: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.move_entity(entity, to).await.map(drop).map_err(not_done) })
    }

    fn clear_claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let cleared = self.household.ledger().clear(entity).await.map_err(store)?;
            if cleared { Ok(()) } else { Err(Unanswered::Unknown("claim in error")) }
        })
    }

    fn drain<'a>(&'a self, node: &'a str, go: bool) -> Boxed<'a, Answer<()>> {
        Box::pin(async move { self.household.drain_node(node, go).await.map_err(not_done) })
    }
}

fn not_done(why: NotOperated) -> Unanswered {
    match why {
        NotOperated::Unavailable(why) => unavailable("the node", &why),
        NotOperated::Alone | NotOperated::Unknown(_) | NotOperated::Refused(_) => Unanswered::Refused(why.to_string()),
    }
}
