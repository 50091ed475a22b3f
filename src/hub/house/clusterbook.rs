//! What the hub asks about the cluster: nodes, claims, who held them, and moving or clearing one.

use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::store::{Held, Known, Shown, Sought};

use super::Answer;

/// The cluster, as the hub's page sees it.
pub(crate) trait ClusterBook: Send + Sync + 'static {
    /// Every node and collector, by name.
    fn nodes(&self) -> Boxed<'_, Answer<Vec<Known>>>;

    /// How many claims each of them holds, by kind.
    fn counts(&self) -> Boxed<'_, Answer<Vec<Count>>>;

    /// Claims, a page of them, and how many there are.
    fn claims<'a>(&'a self, sought: Sought<'a>) -> Boxed<'a, Answer<(Vec<Shown>, i64)>>;

    /// Who held what lately, the last first: of one entity, or of all when it is empty.
    fn history<'a>(&'a self, entity: &'a str, limit: i64) -> Boxed<'a, Answer<Vec<Held>>>;

    /// Hands a community and its channels to a node.
    fn move_claim<'a>(&'a self, entity: &'a str, to: &'a str) -> Boxed<'a, Answer<()>>;

    /// Lets something that failed too often be served again.
    fn clear_claim<'a>(&'a self, entity: &'a str) -> Boxed<'a, Answer<()>>;

    /// Has a node hand everything over and stay, or take part again.
    fn drain<'a>(&'a self, node: &'a str, go: bool) -> Boxed<'a, Answer<()>>;
}

/// How many claims of one kind a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// The node; empty for what nobody who lives holds.
    pub(crate) node: String,
    /// `community`, `channel`, `connection` or `listen`.
    pub(crate) kind: String,
    /// How many.
    pub(crate) many: i64,
    /// How many of these failed too often.
    pub(crate) failed: i64,
}
