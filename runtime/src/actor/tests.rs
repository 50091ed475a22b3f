//! What an actor may rely on: order, bounds, supervision, and being looked into.

use serde_json::json;

use super::*;

struct Counter {
    total: u32,
}

enum Ask {
    Add(u32),
    Total(tokio::sync::oneshot::Sender<u32>),
    Fail,
    Panic,
    Wait(tokio::sync::oneshot::Receiver<()>),
}

impl Actor for Counter {
    const KIND: &'static str = "counter";
    const BOUND: usize = 8;
    type Order = Ask;
    type Seed = ();

    async fn open((): (), _: &Me<Ask>) -> Result<Self, Fault> {
        Ok(Self { total: 0 })
    }

    async fn handle(&mut self, order: Ask, _: &Me<Ask>) -> Result<(), Fault> {
        match order {
            Ask::Add(more) => self.total += more,
            Ask::Total(reply) => drop(reply.send(self.total)),
            Ask::Fail => return Err("told to fail".into()),
            Ask::Panic => panic!("told to panic"),
            Ask::Wait(until) => drop(until.await),
        }
        Ok(())
    }

    fn memory(&self) -> Value {
        json!({ "total": self.total })
    }
}

struct Parent {
    ended: tokio::sync::mpsc::UnboundedSender<Ended>,
}

enum Open {
    Child(tokio::sync::oneshot::Sender<Result<Address<Ask>, String>>),
}

impl Actor for Parent {
    const KIND: &'static str = "parent";
    type Order = Open;
    type Seed = tokio::sync::mpsc::UnboundedSender<Ended>;

    async fn open(ended: Self::Seed, _: &Me<Open>) -> Result<Self, Fault> {
        Ok(Self { ended })
    }

    async fn handle(&mut self, Open::Child(reply): Open, me: &Me<Open>) -> Result<(), Fault> {
        reply.send(me.open::<Counter>("counter/1", ()).await.map_err(|fault| fault.to_string())).ok();
        Ok(())
    }

    async fn ended(&mut self, child: Ended, _: &Me<Open>) -> Result<(), Fault> {
        self.ended.send(child)?;
        Ok(())
    }
}

#[tokio::test]
async fn orders_are_handled_in_the_order_they_were_sent_and_can_be_looked_at() {
    let world = World::new(Clock::turned());
    let root = open_root::<Counter>("counter", (), &world).await.expect("opened");
    for more in 1..=4 {
        root.address.send(Ask::Add(more)).expect("alive");
    }
    assert_eq!(root.address.ask(Ask::Total).await.expect("alive"), 10);
    let (reading, memory) = world.roster.look("counter", world.clock.since_boot()).await.expect("listed");
    assert_eq!((reading.kind, reading.handled, memory), ("counter", 5, json!({ "total": 10 })));
    root.stop(Duration::from_secs(5)).await;
    assert!(world.roster.is_empty());
}

#[tokio::test]
async fn an_entrance_is_told_when_an_actor_is_busy_and_when_it_has_eased() {
    let world = World::new(Clock::turned());
    let root = open_root::<Counter>("counter", (), &world).await.expect("opened");
    let (go, wait) = tokio::sync::oneshot::channel();
    root.address.send(Ask::Wait(wait)).expect("alive");
    let mut refused = 0;
    for _ in 0..20 {
        refused += u32::from(matches!(root.address.offer(Ask::Add(1)), Err((Refusal::Busy, Ask::Add(1)))));
    }
    assert!(refused >= 11, "{refused}");
    go.send(()).expect("still waiting");
    root.address.eased().await;
    assert_eq!(root.address.ask(Ask::Total).await.expect("alive"), 20 - refused);
}

#[tokio::test]
async fn a_child_that_fails_or_panics_ends_alone_and_rests_before_it_is_opened_again() {
    let world = World::new(Clock::turned());
    let (sender, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let root = open_root::<Parent>("parent", sender, &world).await.expect("opened");
    for order in [Ask::Fail, Ask::Panic] {
        let child = root.address.ask(Open::Child).await.expect("alive").expect("opened");
        child.send(order).expect("alive");
        let ended = ends.recv().await.expect("the parent is told");
        assert_eq!(ended.key, "counter/1");
        assert!(ended.failure.expect("a failure").contains("told to"));
        let refused = root.address.ask(Open::Child).await.expect("alive").expect_err("it rests");
        assert!(refused.contains("rests"), "{refused}");
        world.clock.turn(Duration::from_secs(1));
    }
    let child = root.address.ask(Open::Child).await.expect("alive").expect("opened");
    assert_eq!(child.meter().read(world.clock.since_boot()).restarts, 2);
}
