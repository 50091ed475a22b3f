//! A drain, stroke by stroke.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Leader, Neighbour};

use super::Steward;
use super::choose::choose;
use super::step::step;
use crate::node::community_of;

/// How many in which nobody is active are handed over in one stroke.
const IDLE: usize = 250;
/// How many others are handed over at once: few, so that none waits for many.
const TOGETHER: usize = 4;

/// A drain between two strokes: who asks for something else meanwhile is heard.
pub(super) struct Going {
    idle: Vec<Leader>,
    active: Vec<Leader>,
    targets: Vec<Neighbour>,
    /// Until when, in time since boot.
    until: Duration,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Steward {
    /// Begins a drain: closes what only one node may have open, and looks what else is to be handed over.
    pub(super) async fn begins(&mut self, within: Duration, reply: oneshot::Sender<()>) {
        let now = self.since_boot();
        let before = self.going.take();
        let until = before.as_ref().map_or(now + within, |before| before.until.min(now + within));
        let mut going = match tokio::time::timeout(until.saturating_sub(now), self.lets_go()).await {
            Ok(Some((idle, active, targets))) => Going { idle, active, targets, until, waiting: Vec::new() },
            Ok(None) | Err(_) => Going { idle: Vec::new(), active: Vec::new(), targets: Vec::new(), until, waiting: Vec::new() },
        };
        going.waiting.extend(before.map(|before| before.waiting).unwrap_or_default());
        going.waiting.push(reply);
        self.going = Some(going);
    }

    fn since_boot(&self) -> Duration {
        self.seed.household.world().clock.since_boot()
    }

    /// What is idle, what is active, and who may have it; none when that cannot be known.
    async fn lets_go(&mut self) -> Option<(Vec<Leader>, Vec<Leader>, Vec<Neighbour>)> {
        let placement = self.seed.placement.clone();
        if let Err(error) = placement.drains().await {
            tracing::warn!(%error, "nobody was told that this node goes");
        }
        self.closes().await;
        let clock = self.seed.household.world().clock.clone();
        step(&clock, "what was lent is handed on", "", self.seed.household.hand_budgets_on()).await;
        let (leaders, targets) = match (placement.leaders().await, self.targets().await) {
            (Ok(leaders), Ok(targets)) => (leaders, targets),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "nothing can be handed over");
                return None;
            }
        };
        let communities = leaders.into_iter().filter(|leader| community_of(&leader.claim.entity).is_some());
        // Where nobody is active nobody waits: those need no more than the stroke of a pen.
        let open = self.seed.household.open_communities().await;
        let (active, mut idle): (Vec<_>, Vec<_>) =
            communities.partition(|leader| community_of(&leader.claim.entity).is_some_and(|id| open.contains(&id)));
        // What goes to one node goes in one stroke.
        idle.sort_by(|one, other| one.near.cmp(&other.near));
        Some((idle, active, targets))
    }

    /// Closes what only one node may have open, and gives it back, while the rest is handed over.
    async fn closes(&mut self) {
        self.closed().await;
        let (household, placement) = (self.seed.household.clone(), self.seed.placement.clone());
        let connected = std::mem::take(&mut self.connected);
        self.closing = Some(spawn::task("good-bye", async move {
            for key in connected {
                step(&household.world().clock, "a connection is closed", &key, household.disconnect(&key)).await;
                if let Err(error) = placement.release(&key).await {
                    tracing::warn!(connection = key, %error, "was not given back");
                }
            }
        }));
    }

    /// Waits until what was about to be closed is closed and given back.
    pub(super) async fn closed(&mut self) {
        if let Some(closing) = self.closing.take() {
            closing.await.ok();
        }
    }

    /// Hands the next few over; whether there are more.
    pub(super) async fn strokes(&mut self) -> bool {
        // None when this node stays after all.
        let Some(mut going) = self.going.take() else { return false };
        let left = going.until.saturating_sub(self.since_boot());
        match tokio::time::timeout(left, self.hands_over_some(&mut going)).await {
            Ok(0) => tracing::info!(handed_over = self.given, "this node serves nothing any more"),
            Ok(_) => {
                self.going = Some(going);
                return true;
            }
            Err(_) => tracing::warn!("there was no time to hand everything over: the rest is given back"),
        }
        self.closed().await;
        going.waiting.into_iter().for_each(|waiting| {
            waiting.send(()).ok();
        });
        false
    }

    /// How many were tried: none when nothing is left, or nobody may have it.
    async fn hands_over_some(&mut self, going: &mut Going) -> usize {
        if let Some(near) = going.idle.first().map(|leader| leader.near.clone()) {
            let many = going.idle.iter().take(IDLE).take_while(|leader| leader.near == near).count();
            let together: Vec<_> = going.idle.drain(..many).map(|leader| leader.claim.entity).collect();
            let Some(to) = choose(&mut going.targets, together.len(), &near) else { return 0 };
            self.given += self.hand_over_idle(&together, &to).await as u64;
            return together.len();
        }
        let together: Vec<_> = going.active.drain(..TOGETHER.min(going.active.len())).collect();
        let to = |leader: &Leader| choose(&mut going.targets, 1, &leader.near);
        let pairs: Vec<_> = together.iter().map(|leader| &leader.claim.entity).zip(together.iter().map_while(to)).collect();
        let moves = pairs.iter().map(|(entity, to)| self.hand_over(entity, to));
        let given: usize = join_all(moves).await.into_iter().map(|given| given.unwrap_or(0)).sum();
        self.given += given as u64;
        pairs.len()
    }
}
