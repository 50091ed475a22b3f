//! The shell every actor lives in: one place for mailboxes, measuring, supervision and looking inside.

mod address;
mod meter;
mod nursery;
mod roster;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{ActorCell, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use serde_json::Value;

pub use address::{Address, Gone, Refusal};
pub use meter::{Meter, Reading};
pub use nursery::Ended;
pub use roster::Roster;

use crate::clock::Clock;
use crate::gate::Gate;
use crate::spawn;
use crate::supervision::Policy;
use address::Letter;
use nursery::Nursery;

/// Why an actor cannot go on. Leaving `handle` with one ends the actor; a module's failure is no such reason.
pub type Fault = ActorProcessingErr;

/// Somebody who lives here: gets orders one at a time, in the order they were sent by each sender.
pub trait Actor: Sized + Send + 'static {
    /// What the inspector calls it.
    const KIND: &'static str;
    /// How many orders may wait before an entrance is told that it is busy.
    const BOUND: usize = 4096;
    /// What it gets.
    type Order: Send + 'static;
    /// What it is opened with.
    type Seed: Send + 'static;

    /// Opens it. Nothing is handled before this is done.
    fn open(seed: Self::Seed, me: &Me<Self::Order>) -> impl Future<Output = Result<Self, Fault>> + Send;

    /// Handles one order.
    fn handle(&mut self, order: Self::Order, me: &Me<Self::Order>) -> impl Future<Output = Result<(), Fault>> + Send;

    /// One of its children ended.
    fn ended(&mut self, child: Ended, me: &Me<Self::Order>) -> impl Future<Output = Result<(), Fault>> + Send {
        let _ = (child, me);
        async { Ok(()) }
    }

    /// It was stopped in good order: save what must be saved. Not called after a fault or a panic.
    fn close(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// What it remembers, for the inspector; no secrets.
    fn memory(&self) -> Value {
        Value::Null
    }
}

/// What every actor is given: time, the list of who lives here, and how often one may fail.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub clock: Clock,
    /// Everybody who lives on this node.
    pub roster: Roster,
    /// When a failed actor is opened again.
    pub policy: Policy,
    /// Whether effects may start.
    pub gate: Gate,
}

impl World {
    /// A world with the usual supervision policy.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, roster: Roster::default(), policy: Policy::default(), gate: Gate::always() }
    }

    /// The same, on a node with a lease: its effects ask this gate.
    #[must_use]
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }
}

/// An actor's view of itself.
pub struct Me<O: Send + 'static> {
    address: Address<O>,
    cell: ActorCell,
    world: World,
    nursery: Nursery,
}

impl<O: Send + 'static> Me<O> {
    /// Its own address.
    #[must_use]
    pub fn address(&self) -> &Address<O> {
        &self.address
    }

    /// Its key, as the inspector shows it.
    #[must_use]
    pub fn key(&self) -> &str {
        self.address.meter().key()
    }

    /// The world it lives in.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.world.clock
    }

    /// Ends it after the order at hand; what waits is dropped.
    pub fn stop(&self) {
        self.cell.stop(None);
    }

    /// Handles what waits, takes no more, then ends: the way to close without losing an order.
    pub fn drain(&self) {
        self.cell.drain().ok();
    }

    /// Sends itself an order after `time`. Dropped silently when it has ended by then.
    pub fn later(&self, time: Duration, order: O) -> tokio::task::AbortHandle {
        let (slept, address) = (self.world.clock.sleep(time), self.address.clone());
        let wait = spawn::task("later", async move {
            slept.await;
            address.send(order).ok();
        });
        wait.abort_handle()
    }

    /// Opens a child under this actor's supervision.
    ///
    /// # Errors
    /// When its `open` fails, or it failed so often that it must rest (the supervision policy).
    pub async fn open<A: Actor>(&self, key: impl Into<String>, seed: A::Seed) -> Result<Address<A::Order>, Fault> {
        let key = key.into();
        let restarts = self.nursery.may_open(&key, self.world.clock.since_boot())?;
        let meter = Arc::new(Meter::new(key.clone(), A::KIND, Some(self.key().to_owned()), A::BOUND, restarts));
        // In a box: rare, and large in every future that may open somebody.
        match Box::pin(spawn_shell::<A>(seed, meter, &self.world, Some(self.cell.clone()))).await {
            Ok((address, cell)) => {
                self.nursery.born(cell.get_id(), key);
                Ok(address)
            }
            Err(error) => {
                let verdict = self.nursery.failed(&key, &self.world);
                tracing::error!(actor = key, kind = A::KIND, %error, ?verdict, "an actor could not be opened");
                Err(error)
            }
        }
    }
}

/// Opens an actor that nobody supervises: the root of a tree.
///
/// # Errors
/// When its `open` fails.
pub async fn open_root<A: Actor>(key: impl Into<String>, seed: A::Seed, world: &World) -> Result<Root<A::Order>, Fault> {
    let meter = Arc::new(Meter::new(key.into(), A::KIND, None, A::BOUND, 0));
    let (address, cell) = spawn_shell::<A>(seed, meter, world, None).await?;
    Ok(Root { address, cell })
}

/// The root of a tree, to be stopped.
pub struct Root<O: Send + 'static> {
    /// Where it is reached.
    pub address: Address<O>,
    cell: ActorCell,
}

impl<O: Send + 'static> Root<O> {
    /// Stops the root and waits for its `close`; it stops its own children in the order it needs.
    pub async fn stop(self, within: Duration) {
        self.cell.stop_and_wait(None, Some(within)).await.ok();
    }
}

async fn spawn_shell<A: Actor>(
    seed: A::Seed,
    meter: Arc<Meter>,
    world: &World,
    parent: Option<ActorCell>,
) -> Result<(Address<A::Order>, ActorCell), Fault> {
    let args = Birth::<A> { seed, meter: meter.clone(), world: world.clone() };
    let shell = Shell::<A>(PhantomData);
    let spawned = match parent {
        Some(parent) => ractor::Actor::spawn_linked(None, shell, args, parent).await,
        None => ractor::Actor::spawn(None, shell, args).await,
    };
    let (actor, _) = spawned.map_err(|error| match error {
        SpawnErr::StartupFailed(cause) => cause,
        other => other.into(),
    })?;
    let cell = actor.get_cell();
    Ok((Address::new(actor, meter), cell))
}

struct Shell<A>(PhantomData<fn() -> A>);

struct Birth<A: Actor> {
    seed: A::Seed,
    meter: Arc<Meter>,
    world: World,
}

struct Live<A: Actor> {
    actor: A,
    me: Me<A::Order>,
}

impl<A: Actor> ractor::Actor for Shell<A> {
    type Msg = Letter<A::Order>;
    type State = Live<A>;
    type Arguments = Birth<A>;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, birth: Birth<A>) -> Result<Live<A>, ActorProcessingErr> {
        let cell = myself.get_cell();
        let address = Address::new(myself, birth.meter);
        let me = Me { address, cell, world: birth.world, nursery: Nursery::default() };
        let actor = A::open(birth.seed, &me).await?;
        me.world.roster.add(&me.address);
        Ok(Live { actor, me })
    }

    async fn handle(&self, _: ActorRef<Self::Msg>, letter: Self::Msg, live: &mut Live<A>) -> Result<(), ActorProcessingErr> {
        let meter = live.me.address.meter();
        match letter {
            Letter::Order(order) => {
                meter.took();
                let started = stopwatch();
                let done = live.actor.handle(order, &live.me).await;
                let meter = live.me.address.meter();
                meter.handled(started.elapsed());
                if let Err(fault) = &done {
                    meter.fault(fault.to_string());
                }
                done
            }
            Letter::Look(reply) => {
                reply.send(live.actor.memory()).ok();
                Ok(())
            }
        }
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        live: &mut Live<A>,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, why) = match event {
            SupervisionEvent::ActorTerminated(cell, _, _) => (cell, None),
            SupervisionEvent::ActorFailed(cell, error) => (cell, Some(error.to_string())),
            _ => return Ok(()),
        };
        let Some(ended) = live.me.nursery.ended(cell.get_id(), why, &live.me.world) else { return Ok(()) };
        live.actor.ended(ended, &live.me).await
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, live: &mut Live<A>) -> Result<(), ActorProcessingErr> {
        live.actor.close().await;
        live.me.world.roster.remove(live.me.key());
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "how long an order took is measured, nothing is decided by it")]
fn stopwatch() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
