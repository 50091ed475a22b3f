//! What an operator does to the cluster from any node: make a node hand everything over, move one community, clear an error.

use waddlebot_runtime::actor::Address;
use waddlebot_runtime::placement::Placement;
use waddlebot_runtime::placement::ledger::Ledger;
use waddlebot_runtime::store::{Sought, StoreError};

use super::Household;
use super::afar::Missed;
use super::errands::{Errand, written};
use crate::steward;

/// How long a node takes at most to hand everything over when an operator says so.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(120);

/// What an operator's word reaches on this node.
pub struct Operator {
    /// This node's name.
    pub node: String,
    /// Its claims.
    pub placement: Placement,
    /// Who hands over; nobody on a node that is alone.
    pub steward: Option<Address<steward::Order>>,
    /// Tells balancers that this node is about to go, or stays.
    pub leaving: Box<dyn Fn(bool) + Send + Sync>,
}

/// Why something was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotOperated {
    /// There is only one node, and can be no other.
    #[error("this node is alone: set cluster.name on it and on others to have something to hand over to")]
    Alone,
    /// There is no such node or entity.
    #[error("{0}")]
    Unknown(String),
    /// It is not to be had.
    #[error("{0}")]
    Refused(String),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for NotOperated {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Household {
    /// Learns what an operator's word reaches on this node.
    pub fn operated_by(&self, operator: Operator) {
        self.0.operator.set(operator).ok();
    }

    /// This node's name; empty before it has one.
    #[must_use]
    pub fn node(&self) -> &str {
        self.0.operator.get().map_or("", |operator| operator.node.as_str())
    }

    /// Nodes, claims and their history, as the database has them.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.store().clone())
    }

    /// Has a node hand everything over and stay (`true`), or take part again. It has begun when this is answered.
    ///
    /// # Errors
    /// When there is no such node, nobody to hand over to, or it cannot be reached.
    pub async fn drain_node(&self, node: &str, go: bool) -> Result<(), NotOperated> {
        let (_, placement) = self.clustered()?;
        let nodes = placement.nodes().await?;
        if !nodes.iter().any(|one| one.identity.node_id == node) {
            return Err(NotOperated::Unknown(format!("there is no node {node:?} that lives")));
        }
        if go && !nodes.iter().any(|one| one.identity.node_id != node && !one.draining) {
            return Err(NotOperated::Refused("there is no other node to hand over to".into()));
        }
        self.at_node(node, Errand::Drain(go)).await.map(drop)
    }

    /// Hands a community and its channels to a node: named by itself or by one of its channels. How many claims went.
    ///
    /// # Errors
    /// When there is no such node or claim, it goes nowhere alone, or its node cannot be reached.
    pub async fn move_entity(&self, entity: &str, to: &str) -> Result<usize, NotOperated> {
        let (_, placement) = self.clustered()?;
        let like: String =
            entity.chars().flat_map(|letter| matches!(letter, '%' | '_' | '!').then_some('!').into_iter().chain([letter])).collect();
        let (found, _) = self.ledger().claims(Sought { like: &like, limit: 1, ..Sought::default() }).await?;
        let unknown = || NotOperated::Unknown(format!("there is no claim {entity:?}"));
        let found = found.into_iter().next().ok_or_else(unknown)?;
        let leader = if found.beside.is_empty() { found.entity } else { found.beside };
        if !leader.starts_with("community:") {
            return Err(NotOperated::Refused(format!("{leader} goes by itself to who may have it, and cannot be moved")));
        }
        let owner = placement.whose(&leader).await?.ok_or_else(|| NotOperated::Refused(format!("nobody serves {leader} now")))?.owner;
        if !placement.nodes().await?.iter().any(|node| node.identity.node_id == to && !node.draining) {
            return Err(NotOperated::Unknown(format!("there is no node {to:?} that lives and does not drain")));
        }
        if owner == to {
            return Ok(0);
        }
        let answer = self.at_node(&owner, Errand::Move(leader, to.to_owned())).await?;
        serde_json::from_str(&answer).map_err(|error| NotOperated::Unavailable(error.to_string()))
    }

    fn clustered(&self) -> Result<(&Address<steward::Order>, &Placement), NotOperated> {
        let operator = self.0.operator.get().ok_or(NotOperated::Alone)?;
        Ok((operator.steward.as_ref().ok_or(NotOperated::Alone)?, &operator.placement))
    }

    async fn at_node(&self, node: &str, errand: Errand) -> Result<String, NotOperated> {
        if node == self.node() {
            return self.do_here(errand).await.map_err(NotOperated::Refused);
        }
        let afar = self.0.afar.get().ok_or(NotOperated::Alone)?;
        let text = written(&errand).map_err(NotOperated::Unavailable)?;
        afar.errand_at(node, text).await.map_err(|missed| match missed {
            Missed::Refused(why) => NotOperated::Refused(why),
            Missed::NotBrought(why) | Missed::Unknown(why) => NotOperated::Unavailable(why),
        })
    }

    /// Begins to hand everything over, or takes part again.
    pub(super) async fn drain_here(&self, go: bool) -> Result<(), String> {
        let (steward, placement) = self.clustered().map_err(|why| why.to_string())?;
        if go {
            // Who asks is answered when everybody can see it.
            placement.drains().await.map_err(|error| error.to_string())?;
        }
        let leaving = |goes| {
            if let Some(operator) = self.0.operator.get() {
                (operator.leaving)(goes);
            }
        };
        if go {
            leaving(true);
            let (told, _) = tokio::sync::oneshot::channel();
            return steward.send(steward::Order::Drain(DRAIN, told)).map_err(|gone| gone.to_string());
        }
        steward.ask(steward::Order::Stay).await.map_err(|gone| gone.to_string())??;
        leaving(false);
        Ok(())
    }

    /// Hands a community that this node serves to another.
    pub(super) async fn move_here(&self, entity: String, to: String) -> Result<usize, String> {
        let (steward, _) = self.clustered().map_err(|why| why.to_string())?;
        steward.ask(|reply| steward::Order::Move(entity, to, reply)).await.map_err(|gone| gone.to_string())?
    }
}
