//! A cluster of cardboard: nodes and claims in memory, moved and cleared at once.

use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::store::{Held, Known, Shown, Sought};

use super::Pretend;
use crate::hub::house::{Answer, ClusterBook, Count, Unanswered};

impl ClusterBook for Pretend {
    fn nodes(&self) -> Boxed<'_, Answer<Vec<Known>>> {
        Box::pin(async move { Ok(self.state.lock().nodes.clone()) })
    }

    fn counts(&self) -> Boxed<'_, Answer<Vec<Count>>> {
        Box::pin(async move {
            let count = |claim: &Shown| {
                let failed = i64::from(claim.status == "error");
                Count { node: claim.node.clone(), kind: claim.kind.clone(), many: 1, failed }
            };
            Ok(self.state.lock().claims.iter().map(count).collect())
        })
    }

    fn claims<'a>(&'a self, sought: Sought<'a>) -> Boxed<'a, Answer<(Vec<Shown>, i64)>> {
        Box::pin(async move {
            let part = sought.like.trim_matches('%');
            let fits = |one: &&Shown| {
                one.entity.contains(part)
                    && (sought.node.is_empty() || one.node == sought.node)
                    && (!sought.failed || one.status == "error")
            };
            let found: Vec<_> = self.state.lock().claims.iter().filter(fits).cloned().collect();
            let total = i64::try_from(found.len()).unwrap();
            let (skip, take) = (usize::try_from(sought.offset).unwrap(), usize::try_from(sought.limit).unwrap());
            Ok((found.into_iter().skip(skip).take(take).collect(), total))
        })
    }

    fn history<'a>(&'a self, _: &'a str, limit: i64) -> Boxed<'a, Answer<Vec<Held>>> {
        Box::pin(async move { Ok(self.state.lock().history.iter().rev().take(usize::try_from(limit).unwrap()).cloned().collect()) })
    }

    fn move_claim<'a>(&'a self, entity: &'a str, to: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let mut state = self.state.lock();
            if !state.nodes.iter().any(|node| node.node == to && node.state == "up") {
                return Err(Unanswered::Refused(format!("there is no node {to:?} that takes more")));
            }
            let claim = state.claims.iter_mut().find(|claim| claim.entity == entity).ok_or(Unanswered::Unknown("claim"))?;
            (claim.node, claim.epoch) = (to.to_owned(), claim.epoch + 1);
            let held = Held { entity: entity.into(), epoch: claim.epoch, node: to.into(), incarnation: 1, at: 1_767_225_600_000 };
            state.history.push(held);
            Ok(())
        })
    }

    fn clear_claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let mut state = self.state.lock();
            let failed = state.claims.iter_mut().find(|claim| claim.entity == entity && claim.status == "error");
            failed.ok_or(Unanswered::Unknown("claim in error"))?.status = "available".into();
            Ok(())
        })
    }

    fn drain<'a>(&'a self, node: &'a str, go: bool) -> Boxed<'a, Answer<()>> {
        Box::pin(async move {
            let mut state = self.state.lock();
            let node = state.nodes.iter_mut().find(|one| one.node == node).ok_or(Unanswered::Unknown("node"))?;
            node.state = if go { "draining" } else { "up" }.into();
            Ok(())
        })
    }
}
