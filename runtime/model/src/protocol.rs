//! The protocol as a machine without clocks or wires: nodes, one claim, one database, and every order in which things happen.
//! A node that is paused is one to which nothing happens for a while.

use stateright::{Model, Property};

/// The protocol, its world, and what it leaves out to show that it is needed.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    /// How many nodes there are.
    pub(crate) nodes: usize,
    /// A lease lasts this many ticks from the sending of a renewal; silence for as long means death.
    pub(crate) ttl: u8,
    /// How many ticks the world lasts.
    pub(crate) ticks: u8,
    /// By how much a node stops acting before its lease ends.
    pub(crate) guard: u8,
    /// How many times one clock may miss a tick.
    pub(crate) slow_ticks: u8,
    /// How many statements may be lost or answered too late.
    pub(crate) losses: u8,
    /// How many processes may be cut off from the database. One that is killed too is one that does nothing from then on.
    pub(crate) cuts: u8,
    /// How many statements may be on their way at once; with none of them each is done as it is asked.
    pub(crate) at_once: usize,
    /// How many writes are begun.
    pub(crate) writes: u8,
    /// How many times the claim may be handed over.
    pub(crate) hand_overs: u8,
    /// Whether a node that looks dead from outside is declared dead before its lease ends.
    pub(crate) fast: bool,
    /// What is left out.
    pub(crate) without: Option<Rule>,
}

/// The rules that make it safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A node whose lease has ended does nothing.
    Freeze,
    /// The actor stops before its claim is handed over.
    StopFirst,
    /// An epoch that was given away is never learned again.
    Tombstone,
    /// A claim lives under its node's lease, not under a timer of its own.
    NodeLease,
    /// Death is declared for what was seen, and not when the node was renewed since.
    CompareSeq,
    /// A write commits only under the claim's present epoch.
    Fence,
    /// Who loses its connection to the database for a tick freezes.
    FreezeWhenCut,
    /// The quick look waits until a node that was cut off has frozen.
    WaitForFreeze,
}

/// A statement on its way to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Statement {
    Renew { age: u8 },
    Take { epoch: u8 },
    Give { to: u8, epoch: u8 },
    Dead { node: u8, seq: u8 },
    Write { epoch: u8 },
}

/// A node as its row shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) seq: u8,
    pub(crate) dead: bool,
}

/// What one node saw of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    seq: u8,
    /// For how many ticks of the observer's clock it has not moved.
    still: u8,
    /// For how many ticks its session with the database has been gone.
    gone: u8,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    /// Ticks until it may no longer act.
    lease: u8,
    /// The epoch under which it believes to own the claim.
    owns: Option<u8>,
    /// The timer of the claim, where claims have timers.
    timer: u8,
    /// The last epoch it gave away.
    released: u8,
    seen: Vec<Seen>,
    doing: Option<Statement>,
    /// Given up by the node, not by the wire.
    astray: Option<Statement>,
    /// Its connection to the database is gone.
    cut: bool,
    /// It has noticed.
    frozen: bool,
    slow: u8,
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    nodes: Vec<Node>,
    rows: Vec<Row>,
    owner: Option<u8>,
    epoch: u8,
    tick: u8,
    losses: u8,
    cuts: u8,
    writes: u8,
    hand_overs: u8,
    /// A write committed under an epoch that was over.
    stale: bool,
    /// Somebody took over from a dead owner.
    pub(crate) taken_over: bool,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Happens {
    Tick,
    /// A tick that one node's clock misses.
    TickWithout(u8),
    Send(u8, Statement),
    Applied(u8),
    AstrayApplied(u8),
    Lost(u8),
    Looked(u8, u8),
    Learned(u8),
    Cut(u8),
}

impl Protocol {
    fn lease(&self) -> u8 {
        self.ttl - self.guard
    }

    fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    fn acts(&self, node: &Node) -> bool {
        let alive = !self.keeps(Rule::Freeze) || if self.keeps(Rule::NodeLease) { node.lease > 0 } else { node.timer > 0 };
        node.owns.is_some() && alive && !(node.frozen && self.keeps(Rule::FreezeWhenCut))
    }

    fn sends(&self, world: &World, me: usize, actions: &mut Vec<Happens>) {
        let node = &world.nodes[me];
        let mut send = |statement| actions.push(Happens::Send(me as u8, statement));
        // Once a tick is enough: the first of a tick's renewals is as good as the last.
        if node.lease < self.lease() {
            send(Statement::Renew { age: 0 });
        }
        if node.lease == 0 {
            return;
        }
        let free = world.owner.is_none_or(|owner| world.rows[owner as usize].dead);
        if node.owns.is_none() && free {
            send(Statement::Take { epoch: world.epoch });
        }
        if let Some(epoch) = node.owns {
            if self.acts(node) && world.writes < self.writes {
                send(Statement::Write { epoch });
            }
            if world.hand_overs < self.hand_overs {
                (0..world.nodes.len()).filter(|to| *to != me).for_each(|to| send(Statement::Give { to: to as u8, epoch }));
            }
        }
        for (other, seen) in node.seen.iter().enumerate().filter(|(other, _)| *other != me) {
            let rest = if self.keeps(Rule::WaitForFreeze) { 2 } else { 0 };
            let looks_gone = self.fast && world.nodes[other].cut && seen.gone >= rest;
            if (seen.still >= self.ttl || looks_gone) && !world.rows[other].dead {
                send(Statement::Dead { node: other as u8, seq: seen.seq });
            }
        }
    }

    fn apply(&self, world: &mut World, me: usize, statement: Statement) -> bool {
        let alive = !world.rows[me].dead;
        match statement {
            Statement::Renew { .. } if alive => world.rows[me].seq += 1,
            Statement::Take { epoch } => {
                let free = world.owner.is_none_or(|owner| world.rows[owner as usize].dead);
                if !alive || !free || world.epoch != epoch {
                    return false;
                }
                world.taken_over |= world.owner.is_some();
                (world.owner, world.epoch) = (Some(me as u8), epoch + 1);
            }
            Statement::Give { to, epoch } => {
                if world.owner != Some(me as u8) || world.epoch != epoch {
                    return false;
                }
                (world.owner, world.epoch) = (Some(to), epoch + 1);
            }
            Statement::Dead { node, seq } => {
                let row = &mut world.rows[node as usize];
                if row.dead || (row.seq != seq && self.keeps(Rule::CompareSeq)) {
                    return false;
                }
                row.dead = true;
            }
            Statement::Write { epoch } => {
                let current = world.owner == Some(me as u8) && world.epoch == epoch;
                if !current && self.keeps(Rule::Fence) {
                    return false;
                }
                world.stale |= !current;
            }
            Statement::Renew { .. } => return false,
        }
        true
    }

    fn hear(&self, node: &mut Node, statement: Statement, done: bool) {
        match statement {
            Statement::Renew { age } if done => node.lease = node.lease.max(self.lease().saturating_sub(age)),
            // Declared dead: it surrenders and comes back, if ever, as somebody else.
            Statement::Renew { .. } => (node.lease, node.owns) = (0, None),
            Statement::Take { epoch } if done => (node.owns, node.timer) = (Some(epoch + 1), self.lease()),
            Statement::Give { .. } if done => node.owns = None,
            Statement::Write { .. } if !done => node.owns = None,
            _ => {}
        }
    }

    fn turn(&self, world: &mut World, but: Option<usize>) {
        world.tick += 1;
        for (number, node) in world.nodes.iter_mut().enumerate() {
            if but == Some(number) {
                node.slow += 1;
                continue;
            }
            (node.lease, node.timer) = (node.lease.saturating_sub(1), node.timer.saturating_sub(1));
            node.frozen |= node.cut;
            if let Some(Statement::Renew { age }) = &mut node.doing {
                *age = (*age + 1).min(self.ttl);
            }
            let may_judge = node.lease > 0;
            for seen in &mut node.seen {
                seen.still = if may_judge { (seen.still + 1).min(self.ttl) } else { 0 };
                seen.gone = if may_judge { (seen.gone + 1).min(2) } else { 0 };
            }
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        let node = Node {
            lease: self.lease(),
            owns: None,
            timer: 0,
            released: 0,
            seen: vec![Seen::default(); self.nodes],
            doing: None,
            astray: None,
            cut: false,
            frozen: false,
            slow: 0,
        };
        let mut nodes = vec![node; self.nodes];
        (nodes[0].owns, nodes[0].timer) = (Some(1), self.lease());
        vec![World {
            nodes,
            rows: vec![Row { seq: 0, dead: false }; self.nodes],
            owner: Some(0),
            epoch: 1,
            tick: 0,
            losses: 0,
            cuts: 0,
            writes: 0,
            hand_overs: 0,
            stale: false,
            taken_over: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        if world.tick < self.ticks {
            actions.push(Happens::Tick);
            let slow = world.nodes.iter().map(|node| node.slow).sum::<u8>();
            if slow < self.slow_ticks {
                actions.extend((0..world.nodes.len()).map(|node| Happens::TickWithout(node as u8)));
            }
        }
        for (me, node) in world.nodes.iter().enumerate() {
            let number = me as u8;
            if node.astray.is_some() {
                actions.push(Happens::AstrayApplied(number));
            }
            if node.doing.is_some() {
                actions.push(Happens::Applied(number));
            }
            if world.cuts < self.cuts && !node.cut {
                actions.push(Happens::Cut(number));
            }
            match node.doing {
                None if node.cut || self.at_once > 0 && world.nodes.iter().filter(|node| node.doing.is_some()).count() >= self.at_once => {}
                None => self.sends(world, me, actions),
                Some(_) if node.astray.is_none() && world.losses < self.losses => actions.push(Happens::Lost(number)),
                Some(_) => {}
            }
            if node.cut || (node.lease == 0 && self.keeps(Rule::NodeLease)) {
                continue;
            }
            for (other, seen) in node.seen.iter().enumerate() {
                if other != me && (seen.seq != world.rows[other].seq) {
                    actions.push(Happens::Looked(number, other as u8));
                }
            }
            let known = if self.keeps(Rule::Tombstone) { node.released } else { 0 };
            if node.owns.is_none() && world.owner == Some(number) && world.epoch > known {
                actions.push(Happens::Learned(number));
            }
        }
    }

    fn next_state(&self, last: &World, happens: Happens) -> Option<World> {
        let mut world = last.clone();
        match happens {
            Happens::Tick => self.turn(&mut world, None),
            Happens::TickWithout(node) => self.turn(&mut world, Some(node as usize)),
            Happens::Send(me, statement) => {
                let node = &mut world.nodes[me as usize];
                world.writes += u8::from(matches!(statement, Statement::Write { .. }));
                if let Statement::Give { epoch, .. } = statement {
                    world.hand_overs += 1;
                    node.released = epoch;
                    if self.keeps(Rule::StopFirst) {
                        node.owns = None;
                    }
                }
                node.doing = Some(statement);
                if self.at_once == 0 {
                    return self.next_state(&world, Happens::Applied(me));
                }
            }
            Happens::Applied(node) => {
                // Whether the answer is heard now or later changes only what the node knows less of.
                let statement = world.nodes[node as usize].doing.take()?;
                let done = self.apply(&mut world, node as usize, statement);
                self.hear(&mut world.nodes[node as usize], statement, done);
            }
            Happens::AstrayApplied(node) => {
                let statement = world.nodes[node as usize].astray.take()?;
                self.apply(&mut world, node as usize, statement);
            }
            Happens::Lost(node) => {
                let node = &mut world.nodes[node as usize];
                node.astray = Some(node.doing.take()?);
                world.losses += 1;
            }
            Happens::Looked(node, other) => {
                let seq = world.rows[other as usize].seq;
                let seen = &mut world.nodes[node as usize].seen[other as usize];
                *seen = Seen { seq, still: 0, gone: seen.gone };
            }
            Happens::Learned(node) => {
                let epoch = world.epoch;
                let node = &mut world.nodes[node as usize];
                (node.owns, node.timer) = (Some(epoch), self.lease());
            }
            Happens::Cut(node) => {
                let cut = &mut world.nodes[node as usize];
                (cut.cut, cut.astray) = (true, cut.doing.take().or(cut.astray));
                world.cuts += 1;
                for other in &mut world.nodes {
                    other.seen[node as usize].gone = 0;
                }
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one owner at a time", |protocol: &Self, world: &World| {
                world.nodes.iter().filter(|node| protocol.acts(node)).count() <= 1
            }),
            Property::always("no write under an old epoch", |_, world: &World| !world.stale),
            Property::sometimes("a dead owner's claim is taken over", |_, world: &World| world.taken_over),
        ]
    }
}
