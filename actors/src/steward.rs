//! Looks after what this node serves: takes what nobody serves, takes up what was left, hands over what others should serve.

mod choose;
mod crowded;
mod leaving;
mod step;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use waddlebot_runtime::actor::{Actor, Fault, Me};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::placement::{Placement, Unclaimed, choice};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Claim, Identity, Neighbour, StoreError};

use crate::household::{Household, Seen};
use crate::node::{Connection, community_of};
use crate::overlay::Overlays;
use choose::choose;
use leaving::Going;
use step::step;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// How many are taken at once, so that those who want it most are served before all are claimed.
const AT_ONCE: usize = 2000;
/// How many looks in a row a node must hold too much before it gives some away, and how many looks lie between; also how
/// many looks nobody must have taken anything before more than the fair share is taken.
const ROUNDS: u32 = 3;
const BETWEEN: u64 = 10;
/// With every so many looks it is asked what was handed to this node.
const LEARN: u64 = 5;
/// How long the last part of a stop takes, after everything was handed over.
const REST: Duration = Duration::from_secs(5);

/// What a steward is told.
pub enum Order {
    /// Look after everything, and again after a while.
    Look,
    /// Another node died: look now.
    Death,
    /// This node is about to go: hand everything over; answer when that is done, or there is no time left.
    /// Who waits for that ends this node's process afterwards.
    Drain(Duration, oneshot::Sender<()>),
    /// Hand over the next few, when there is still a drain.
    Stroke,
    /// This node stays after all: end a drain that runs, and take part again.
    Stay(oneshot::Sender<Result<(), String>>),
    /// Hand an entity and all that live beside it to this node.
    Move(String, String, oneshot::Sender<Result<usize, String>>),
    /// Every claim is lost: close what was open under one; answer when it is closed.
    Vacate(oneshot::Sender<()>),
}

/// What a steward is opened with.
pub struct Seed {
    /// Who lives here.
    pub household: Household,
    /// The claims.
    pub placement: Placement,
    /// What is shown.
    pub overlays: Overlays,
    /// Connections that only one node may have.
    pub connections: Vec<Arc<dyn Connection>>,
}

/// The actor that looks after the claims of this node.
pub struct Steward {
    seed: Seed,
    seen: Seen,
    /// The connections that are open here.
    connected: HashSet<String>,
    draining: bool,
    /// What is still to be handed over.
    going: Option<Going>,
    /// The connections that are closed and given back, beside a drain.
    closing: Option<JoinHandle<()>>,
    /// Whether its process ends after the drain.
    ends: bool,
    looks: u64,
    /// For how many rounds this node has held too much.
    above: u32,
    /// How many entities nobody served after the last look, and for how many looks there have not been fewer.
    untaken: usize,
    stuck_for: u32,
    given: u64,
    taken: u64,
}

impl Actor for Steward {
    const KIND: &'static str = "placement";
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, me: &Me<Order>) -> Result<Self, Fault> {
        me.address().send(Order::Look)?;
        let (address, mut deaths) = (me.address().clone(), seed.placement.here().deaths());
        spawn::task("deaths", async move { while deaths.changed().await.is_ok() && address.send(Order::Death).is_ok() {} });
        let (seen, connected) = (Seen::new(), HashSet::new());
        let (draining, going, closing, ends) = (false, None, None, false);
        Ok(Self { seed, seen, connected, draining, going, closing, ends, looks: 0, above: 0, untaken: 0, stuck_for: 0, given: 0, taken: 0 })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Look | Order::Death => {
                if !self.draining {
                    if let Err(error) = self.look().await {
                        tracing::warn!(%error, "what nobody serves cannot be looked after now");
                    }
                    if matches!(order, Order::Look) {
                        me.later(LOOK, Order::Look);
                    }
                }
            }
            Order::Drain(within, reply) => {
                self.draining = true;
                self.ends |= !reply.is_closed();
                self.begins(within.saturating_sub(REST), reply).await;
                me.address().send(Order::Stroke)?;
            }
            Order::Stroke => {
                if self.strokes().await {
                    me.address().send(Order::Stroke)?;
                }
            }
            Order::Stay(reply) if self.ends => {
                reply.send(Err("this node is about to end, and cannot stay".to_owned())).ok();
            }
            Order::Stay(reply) => {
                if self.going.take().is_some() {
                    tracing::info!(handed_over = self.given, "this node stays: the rest is not handed over");
                }
                self.closed().await;
                let stays = self.seed.placement.stays().await.map_err(|error| error.to_string());
                if stays.is_ok() && std::mem::take(&mut self.draining) {
                    me.later(LOOK, Order::Look);
                }
                reply.send(stays.map(drop)).ok();
            }
            Order::Move(entity, to, reply) => drop(reply.send(self.give_to(&entity, &to).await)),
            Order::Vacate(reply) => {
                self.closed().await;
                for key in std::mem::take(&mut self.connected) {
                    self.seed.household.disconnect(&key).await;
                }
                reply.send(()).ok();
            }
        }
        Ok(())
    }

    fn memory(&self) -> Value {
        json!({
            "held": self.seed.placement.load(),
            "connections": self.connected,
            "draining": self.draining,
            "taken": self.taken,
            "handed_over": self.given,
            "rounds_above_the_fair_share": self.above,
        })
    }
}

impl Steward {
    async fn look(&mut self) -> Result<(), Unclaimed> {
        self.looks += 1;
        let placement = self.seed.placement.clone();
        self.connect().await;
        // Whatever was handed over is learned of with its first message at the latest; this is for who waits for an alarm.
        let given = if self.looks % LEARN == 1 { placement.learn().await? } else { Vec::new() };
        let taken = self.take().await?;
        self.taken += taken.len() as u64;
        if !(given.is_empty() && taken.is_empty()) {
            tracing::info!(given = given.len(), taken = taken.len(), "serves more than before");
            self.seed.household.wake().await?;
        }
        self.seed.household.take_up(&mut self.seen).await?;
        if self.looks.is_multiple_of(BETWEEN) {
            self.rebalance().await?;
        }
        Ok(())
    }

    /// Takes what nobody serves, up to the fair share; a part of the rest when nobody has taken anything of it for a while.
    async fn take(&mut self) -> Result<Vec<Claim>, Unclaimed> {
        let placement = &self.seed.placement;
        let untaken = placement.untaken().await?;
        // At the first look what is not live is left to who holds the connection it comes through.
        let patient = self.untaken == 0;
        let stuck = untaken > 0 && untaken >= self.untaken;
        self.stuck_for = if stuck { self.stuck_for + 1 } else { 0 };
        self.untaken = untaken;
        let kept_free = self.makes_room().await?;
        if untaken == 0 {
            return Ok(Vec::new());
        }
        let placement = &self.seed.placement;
        let room = if self.stuck_for > ROUNDS {
            untaken.div_ceil(placement.nodes().await?.len().max(1))
        } else {
            placement.fair_share(untaken).await?.saturating_sub(placement.load())
        };
        let room = room.saturating_sub(kept_free);
        let room = room.min(AT_ONCE);
        let taken = if patient { placement.take_patiently(room).await? } else { placement.take(room).await? };
        // What this node took itself is no sign that the others do.
        self.untaken = untaken - taken.len().min(untaken);
        Ok(taken)
    }

    /// Opens the connections that no other node has.
    async fn connect(&mut self) {
        for connection in self.seed.connections.clone() {
            let key = connection.key();
            let mine = self.seed.placement.claim(&key).await;
            match (mine.is_ok(), self.connected.contains(&key)) {
                (true, false) => {
                    tracing::info!(connection = key, "is this node's to keep");
                    self.connected.insert(key);
                    self.seed.household.connect(connection);
                }
                (false, true) if matches!(mine, Err(Unclaimed::Elsewhere { .. })) => {
                    self.connected.remove(&key);
                    self.seed.household.disconnect(&key).await;
                }
                _ => {}
            }
        }
    }

    /// Gives away a few when this node has held clearly more than its fair share for a while; never what is live.
    async fn rebalance(&mut self) -> Result<(), StoreError> {
        let placement = &self.seed.placement;
        let (held, fair) = (placement.load(), placement.fair_share(0).await?);
        self.above = if choice::is_too_much(held, fair) { self.above + 1 } else { 0 };
        if self.above < ROUNDS {
            return Ok(());
        }
        let many = choice::moves(held, fair);
        let leaders = placement.leaders().await?.into_iter().filter(|leader| !leader.is_live);
        let mut idle: Vec<_> = leaders.filter(|leader| community_of(&leader.claim.entity).is_some()).collect();
        let mut targets = self.targets().await?;
        // What would be near one of them goes first.
        idle.sort_by_key(|leader| !targets.iter().any(|target| target.identity.node_id == leader.near));
        for leader in idle.into_iter().take(many) {
            let Some(to) = choose(&mut targets, 1, &leader.near) else { break };
            self.given += self.hand_over(&leader.claim.entity, &to).await.unwrap_or(0) as u64;
        }
        Ok(())
    }

    async fn give_to(&mut self, entity: &str, to: &str) -> Result<usize, String> {
        let nodes = self.seed.placement.nodes().await.map_err(|error| error.to_string())?;
        let target = nodes.into_iter().find(|node| node.identity.node_id == to && !node.draining);
        let target = target.ok_or_else(|| format!("there is no node {to:?} that lives and does not drain"))?;
        if self.seed.placement.held_here(entity).is_none() {
            return Err(format!("{entity} is not served here"));
        }
        if target.identity.node_id == self.seed.placement.here().node_id() {
            return Ok(0);
        }
        let given = self.hand_over(entity, &target.identity).await.map_err(|error| error.to_string())?;
        self.given += given as u64;
        Ok(given)
    }

    /// Stops a community and gives it to another node with all that live beside it; how many went.
    async fn hand_over(&self, entity: &str, to: &Identity) -> Result<usize, StoreError> {
        let Some(id) = community_of(entity) else {
            return Err(StoreError::Refused(format!("{entity} goes with what it lives beside, or stays")));
        };
        let (clock, placement) = (&self.seed.household.world().clock, &self.seed.placement);
        step(clock, "what lives there ends", entity, self.seed.household.release(id)).await;
        step(clock, "its overlays end", entity, self.seed.overlays.release(id)).await;
        let given = step(clock, "its claims are handed over", entity, placement.hand_over_many(&[entity.to_owned()], to)).await;
        self.seed.household.released(id);
        self.seed.overlays.released(id);
        match &given {
            Ok(0) => tracing::warn!(entity, to = to.node_id, "was not handed over"),
            Ok(many) => tracing::info!(entity, to = to.node_id, many, "handed over"),
            Err(error) => tracing::warn!(entity, to = to.node_id, %error, "it is not known whether it was handed over"),
        }
        given
    }

    /// Gives many communities, in which nobody is active, to another node; how many claims went.
    async fn hand_over_idle(&self, entities: &[String], to: &Identity) -> usize {
        let ids: Vec<_> = entities.iter().filter_map(|entity| community_of(entity)).collect();
        let (clock, placement, first) = (&self.seed.household.world().clock, &self.seed.placement, entities.first().map_or("", |it| it));
        step(clock, "what lives there and in others ends", first, self.end_many(&ids)).await;
        let given = step(clock, "the claims of many are handed over", first, placement.hand_over_many(entities, to)).await;
        self.ended_many(&ids);
        match given {
            Ok(many) => {
                tracing::info!(to = to.node_id, communities = entities.len(), many, "handed over");
                many
            }
            Err(error) => {
                tracing::warn!(to = to.node_id, %error, "it is not known whether many were handed over");
                0
            }
        }
    }

    /// Ends all that lives in communities that go: idle ones, where somebody may have come since it was looked.
    async fn end_many(&self, ids: &[CommunityId]) {
        join_all(ids.iter().map(async |id| {
            self.seed.household.release(*id).await;
            self.seed.overlays.release(*id).await;
        }))
        .await;
    }

    /// They have gone, or stay after all: who asks for them is no longer held up here.
    fn ended_many(&self, ids: &[CommunityId]) {
        for id in ids {
            self.seed.household.released(*id);
            self.seed.overlays.released(*id);
        }
    }

    /// The nodes that may be given something.
    async fn targets(&self) -> Result<Vec<Neighbour>, StoreError> {
        let here = self.seed.placement.here().node_id().to_owned();
        let nodes = self.seed.placement.nodes().await?;
        Ok(nodes.into_iter().filter(|node| node.identity.node_id != here && !node.draining).collect())
    }
}
