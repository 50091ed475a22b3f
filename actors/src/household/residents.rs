//! Who lives on all nodes: asked of each, and who does not answer in time is said so.

use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waddlebot_runtime::actor::Reading;

use super::Household;
use super::afar::Afar;
use super::errands::{Errand, written};

/// How long a node may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many actors come in one answer, and so many of one node at most.
const PAGE: usize = 400;
const MOST: usize = 10_000;
/// A memory larger than this, in bytes, is looked at on its own node.
const LARGE: usize = 200 * 1024;

/// One actor on one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resident {
    /// The node it lives on.
    pub node: String,
    /// Its key.
    pub key: String,
    /// What it is.
    pub kind: String,
    /// Who supervises it.
    pub parent: Option<String>,
    /// `working` while orders wait, else `idle`; `full` when entrances are refused.
    pub state: String,
    /// Orders that wait.
    pub mailbox: usize,
    /// Orders handled since it was opened.
    pub handled: u64,
    /// Orders per second since the last look.
    pub rate: f64,
    /// Median time of an order, in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the time of an order, in microseconds.
    pub p99_us: f64,
    /// How often it was opened anew after a failure.
    pub restarts: u32,
    /// The last failure, its own or of what it hosts.
    pub last_error: Option<String>,
    /// The epoch of its claim, where it has one.
    pub epoch: Option<i64>,
}

/// Who lives on the nodes that were asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gathered {
    /// All, by node and key.
    pub actors: Vec<Resident>,
    /// How each node answered.
    pub nodes: Vec<Asked>,
}

/// How a node answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The node.
    pub node: String,
    /// How many live there; of those that did not answer nobody knows.
    pub actors: Option<usize>,
    /// Why there is no answer, or not a whole one.
    pub why: Option<String>,
}

impl Household {
    /// Who lives on all nodes, or on one of them.
    pub async fn residents(&self, only: Option<&str>) -> Gathered {
        let mut gathered = Gathered::default();
        let wanted = |node: &str| only.is_none_or(|only| only == node);
        if wanted(self.node()) {
            let actors = self.residents_here();
            gathered.nodes.push(Asked { node: self.node().to_owned(), actors: Some(actors.len()), why: None });
            gathered.actors = actors;
        }
        let others = self.other_nodes().await;
        let asked = others.iter().filter(|(node, _)| wanted(node)).map(async |(node, afar)| {
            let told = tokio::time::timeout(PATIENCE, all_of(afar, node)).await;
            (node.clone(), told.unwrap_or_else(|_| Err("it did not answer within a second".into())))
        });
        for (node, told) in join_all(asked).await {
            match told {
                Ok((actors, total)) => {
                    let why = (actors.len() < total).then(|| format!("only the first {} are shown", actors.len()));
                    gathered.nodes.push(Asked { node, actors: Some(total), why });
                    gathered.actors.extend(actors);
                }
                Err(why) => gathered.nodes.push(Asked { node, actors: None, why: Some(why) }),
            }
        }
        gathered
    }

    /// One actor and what it remembers: here, or on the first node that has it, or on the one that is named.
    pub async fn resident(&self, key: &str, only: Option<&str>) -> Option<(Resident, Value)> {
        if only.is_none_or(|only| only == self.node())
            && let Some(found) = self.resident_here(key).await
        {
            return Some(found);
        }
        let errand = written(&Errand::Actor(key.to_owned())).ok()?;
        let others = self.other_nodes().await;
        let asked = others.iter().filter(|(node, _)| only.is_none_or(|only| only == node)).map(async |(node, afar)| {
            // The actor itself may take a second.
            let answer = tokio::time::timeout(PATIENCE * 2, afar.errand_at(node, errand.clone())).await.ok()?.ok()?;
            serde_json::from_str::<Option<(Resident, Value)>>(&answer).ok()?
        });
        join_all(asked).await.into_iter().flatten().next()
    }

    async fn other_nodes(&self) -> Vec<(String, &Afar)> {
        let (Some(operator), Some(afar)) = (self.0.operator.get(), self.0.afar.get()) else { return Vec::new() };
        let nodes = operator.placement.nodes().await.unwrap_or_default();
        let names = nodes.into_iter().map(|node| node.identity.node_id).filter(|node| *node != operator.node);
        names.map(|node| (node, afar)).collect()
    }

    fn residents_here(&self) -> Vec<Resident> {
        let world = self.world();
        world.roster.readings(world.clock.since_boot()).into_iter().map(|reading| Resident::of(self.node(), reading)).collect()
    }

    /// A part of those who live here, and how many do.
    pub(super) fn some_residents(&self, from: usize) -> (Vec<Resident>, usize) {
        let all = self.residents_here();
        let total = all.len();
        (all.into_iter().skip(from).take(PAGE).collect(), total)
    }

    pub(super) async fn resident_here(&self, key: &str) -> Option<(Resident, Value)> {
        let world = self.world();
        let (reading, memory) = world.roster.look(key, world.clock.since_boot()).await?;
        Some((Resident::of(self.node(), reading), memory))
    }

    /// The same for another node, which takes no more than a line carries.
    pub(super) async fn resident_told(&self, key: &str) -> Option<(Resident, Value)> {
        let (resident, memory) = self.resident_here(key).await?;
        let large = memory.to_string().len() > LARGE;
        Some((resident, if large { Value::from("it remembers too much to be sent: look on its own node") } else { memory }))
    }
}

async fn all_of(afar: &Afar, node: &str) -> Result<(Vec<Resident>, usize), String> {
    let (mut actors, mut total) = (Vec::new(), 1);
    while actors.len() < total.min(MOST) {
        let answer = afar.errand_at(node, written(&Errand::Actors(actors.len()))?).await.map_err(|missed| missed.to_string())?;
        let (some, of): (Vec<Resident>, usize) = serde_json::from_str(&answer).map_err(|_| "its answer cannot be read".to_owned())?;
        total = of;
        if some.is_empty() {
            break;
        }
        actors.extend(some);
    }
    Ok((actors, total))
}

impl Resident {
    fn of(node: &str, reading: Reading) -> Self {
        Self {
            node: node.to_owned(),
            key: reading.key,
            kind: reading.kind.to_owned(),
            parent: reading.parent,
            state: reading.state.to_owned(),
            mailbox: reading.mailbox,
            handled: reading.handled,
            rate: reading.rate,
            p50_us: reading.p50_us,
            p99_us: reading.p99_us,
            restarts: reading.restarts,
            last_error: reading.last_error,
            epoch: reading.epoch,
        }
    }
}
