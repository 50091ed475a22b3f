//! Thousands of clusters in time that is turned: the lease, the claims, the gate and the fence as they are in the program,
//! with their own statements, under pauses, lost answers, an unreachable database and deaths, in an order that a number
//! decides. `WADDLEBOT_SEEDS=10000` visits so many; one that fails is told, and visited alone with `WADDLEBOT_SEED`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::runtime::Handle;

use super::join::{self, Before};
use super::lease::Renewal;
use super::lookout::Lookout;
use super::{Here, Seed, Terms};
use crate::clock::Clock;
use crate::placement::Placement;
use crate::store::{Claim, Identity, Member, Place, Store, StoreError, sql};

/// How many clusters are visited where nobody says how many.
const SEEDS: u64 = 150;
/// How many entities there are.
const ENTITIES: usize = 4;
/// How many steps things go wrong, and how many they go well afterwards.
const WRONG: usize = 120;
const WELL: usize = 100;
/// The longest step.
const STEP: u64 = 500;
/// What an effect needs.
const NEED: Duration = Duration::from_millis(200);

fn entity(number: usize) -> String {
    format!("community:{number}")
}

/// A process of the simulated cluster.
struct Process {
    seed: Seed,
    renewal: Renewal,
    placement: Placement,
    watch: Lookout,
    incarnation: i64,
    well: bool,
    refused: Arc<AtomicBool>,
    next: Duration,
    /// A renewal whose answer is on its way: when it was sent, what it is, and when it arrives.
    answer: Option<(Duration, Result<bool, StoreError>, Duration)>,
    /// Until when it stands still, and until when it does not reach the database.
    paused: Duration,
    cut: Duration,
}

/// An effect that was begun while it was allowed, and is committed later.
struct Begun {
    claim: Claim,
    at: Duration,
}

struct Cluster {
    clock: Clock,
    store: Store,
    chance: StdRng,
    processes: Vec<Process>,
    begun: Vec<Begun>,
    /// Broken on purpose: the lease is counted from when the answer arrives, not from when it was asked for.
    counts_from_the_answer: bool,
    done: u64,
    refused: u64,
    deaths: u64,
}

impl Process {
    async fn start(id: String, before: Before, store: &Store, clock: &Clock) -> Self {
        let here = Here::new(&id, clock.clone());
        let member = Member { node_id: id, capacity: 10, ..Member::default() };
        let seed = Seed { here: here.clone(), member, store: store.clone(), terms: Terms::default(), before };
        let refused = Arc::new(AtomicBool::new(false));
        let told = refused.clone();
        let renewal = Renewal {
            here: here.clone(),
            store: store.clone(),
            clock: clock.clone(),
            terms: Terms::default(),
            main: Handle::current(),
            alone: false,
            refused: Box::new(move |_| told.store(true, Ordering::SeqCst)),
        };
        let placement = Placement::new(here, store.clone(), clock.clone(), 10);
        let now = clock.since_boot();
        let mut process = Self {
            seed,
            renewal,
            placement,
            watch: Lookout::default(),
            incarnation: 0,
            well: true,
            refused,
            next: now,
            answer: None,
            paused: Duration::ZERO,
            cut: Duration::ZERO,
        };
        process.joins(clock).await;
        process
    }

    async fn joins(&mut self, clock: &Clock) {
        self.incarnation = join::join(&self.seed, clock).await.expect("nobody else has its name");
        self.refused.store(false, Ordering::SeqCst);
        (self.well, self.answer, self.next) = (true, None, clock.since_boot() + self.renewal.rest(true));
        self.watch.forget();
    }

    fn me(&self) -> Identity {
        Identity { node_id: self.seed.member.node_id.clone(), incarnation: self.incarnation }
    }

    fn may_act(&self) -> bool {
        self.seed.here.gate().open(NEED)
    }

    /// Whether it would act for an entity now.
    fn believes(&self, entity: &str) -> bool {
        self.placement.held_here(entity).is_some() && self.seed.here.gate().open(Duration::ZERO)
    }
}

impl Cluster {
    async fn new(number: u64, store: &Store) -> Self {
        let mut tx = store.begin().await.expect("it is there");
        for table in ["DELETE FROM nodes", "DELETE FROM claim_history", "DELETE FROM coordination"] {
            tx.run(sql(table)).await.expect("a table");
        }
        for number in 0..ENTITIES {
            let row = sql("INSERT INTO coordination (entity_id, platform) VALUES ($1, 'community')").bind(entity(number));
            tx.run(row).await.expect("a row");
        }
        tx.commit().await.expect("committed");
        let (clock, chance) = (Clock::turned(), StdRng::seed_from_u64(number));
        let mut processes = Vec::new();
        for number in 1..=3 {
            processes.push(Process::start(format!("n{number}"), Before::Unknown, store, &clock).await);
        }
        Self {
            clock,
            store: store.clone(),
            chance,
            processes,
            begun: Vec::new(),
            counts_from_the_answer: false,
            done: 0,
            refused: 0,
            deaths: 0,
        }
    }

    fn upto(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.chance.random_range(0..=most))
    }

    /// Lets some time pass; whatever is due is done, and nobody may ever believe what another believes.
    async fn step(&mut self, wrong: bool) {
        let some = self.upto(STEP);
        self.clock.turn(some);
        self.is_disjoint();
        for at in 0..self.processes.len() {
            self.lives(at, wrong).await;
            self.is_disjoint();
        }
        self.commit_what_is_due().await;
    }

    fn is_disjoint(&self) {
        for number in 0..ENTITIES {
            let owners: Vec<_> = self.processes.iter().filter(|one| one.believes(&entity(number))).map(Process::me).collect();
            assert!(owners.len() < 2, "{} has {owners:?} at {:?}", entity(number), self.clock.since_boot());
        }
    }

    async fn lives(&mut self, at: usize, wrong: bool) {
        let now = self.clock.since_boot();
        if wrong {
            self.goes_wrong(at, now).await;
        }
        let lost = wrong && self.chance.random_bool(0.1);
        let delay = if wrong { self.upto(1500) } else { Duration::ZERO };
        let process = &mut self.processes[at];
        if now < process.paused {
            return;
        }
        if process.refused.load(Ordering::SeqCst) {
            if now >= process.cut {
                process.seed.before = Before::Ended(process.incarnation);
                process.joins(&self.clock).await;
            }
            return;
        }
        if let Some((sent, answer, _)) = process.answer.take_if(|(_, _, arrives)| *arrives <= now) {
            let sent = if self.counts_from_the_answer { now } else { sent };
            let renewed = process.renewal.means(sent, answer);
            process.well = process.renewal.judge(renewed, process.incarnation, process.well);
            process.next = now + process.renewal.rest(process.well);
            process.renewal.looks_around(process.well && now >= process.cut, &mut process.watch).await;
        } else if process.answer.is_none() && now >= process.next {
            let gone = || Err(StoreError::Lost("it is not there".into()));
            let answer = if now < process.cut { gone() } else { process.renewal.asks(&process.me()).await };
            // What the database did may stay unknown.
            process.answer = Some((now, if lost { gone() } else { answer }, now + delay));
        }
        if !process.refused.load(Ordering::SeqCst) && now >= process.cut && process.may_act() {
            self.acts(at).await;
        }
    }

    async fn goes_wrong(&mut self, at: usize, now: Duration) {
        match self.chance.random_range(0..200) {
            0..4 => self.processes[at].paused = now + self.upto(12_000),
            4..8 => self.processes[at].cut = now + self.upto(12_000),
            8 => {
                let until = now + self.upto(15_000);
                self.processes.iter_mut().for_each(|process| process.cut = until);
            }
            9 if now >= self.processes[at].cut => {
                self.deaths += 1;
                let old = &self.processes[at];
                let (id, before) = (old.seed.member.node_id.clone(), Before::Ended(old.incarnation));
                self.processes[at] = Process::start(id, before, &self.store, &self.clock).await;
            }
            _ => {}
        }
    }

    /// What a node does while it may: takes what nobody has, learns what it was given, begins effects, hands over.
    async fn acts(&mut self, at: usize) {
        let (choice, number) = (self.chance.random_range(0..12), self.chance.random_range(0..ENTITIES));
        let (later, other) = (self.upto(9_000), self.chance.random_range(0..self.processes.len()));
        let to = self.processes[other].me();
        let placement = &self.processes[at].placement;
        match choice {
            // Somebody else may be faster, or have it: that is no fault.
            0..2 => drop(placement.take(2).await),
            2 => drop(placement.learn().await),
            3 if placement.held_here(&entity(number)).is_some() && other != at => drop(placement.hand_over(&entity(number), &to).await),
            4 if placement.held_here(&entity(number)).is_some() => drop(placement.release(&entity(number)).await),
            5..10 => {
                if let Ok(claim) = placement.claim(&entity(number)).await {
                    self.begun.push(Begun { claim, at: self.clock.since_boot() + later });
                }
            }
            _ => {}
        }
    }

    /// Commits the effects that are due: each under the epoch that is current then, or not at all.
    async fn commit_what_is_due(&mut self) {
        let now = self.clock.since_boot();
        let (due, later) = std::mem::take(&mut self.begun).into_iter().partition(|begun: &Begun| begun.at <= now);
        self.begun = later;
        for Begun { claim, .. } in due {
            match self.store.begin_fenced(&claim).await {
                Ok(mut tx) => {
                    let row =
                        tx.one(sql("SELECT epoch, claimed_by, incarnation FROM coordination WHERE entity_id = $1").bind(&claim.entity));
                    let row = row.await.expect("read").expect("it is there");
                    let held = Claim {
                        entity: claim.entity.clone(),
                        owner: row.get("claimed_by").expect("somebody"),
                        incarnation: row.get("incarnation").expect("a number"),
                        epoch: row.get("epoch").expect("a number"),
                    };
                    assert_eq!(held, claim, "a commit under an old epoch");
                    tx.into_inner().commit().await.expect("committed");
                    self.done += 1;
                }
                Err(StoreError::Stale { .. }) => self.refused += 1,
                Err(error) => panic!("{claim:?}: {error}"),
            }
        }
    }

    /// When all is well again, everything is served, by somebody who may act and whose writes are taken.
    async fn is_well(&mut self) {
        let well = self.clock.since_boot();
        for process in &mut self.processes {
            (process.paused, process.cut) = (process.paused.min(well), process.cut.min(well));
        }
        for _ in 0..WELL {
            self.step(false).await;
        }
        for at in 0..self.processes.len() {
            drop(self.processes[at].placement.learn().await);
            drop(self.processes[at].placement.take(ENTITIES).await);
        }
        self.is_disjoint();
        for number in 0..ENTITIES {
            let owner = self.processes.iter().find(|one| one.believes(&entity(number)));
            let claim = owner.and_then(|one| one.placement.held_here(&entity(number)));
            let claim = claim.unwrap_or_else(|| panic!("nobody serves {}", entity(number)));
            drop(self.store.begin_fenced(&claim).await.expect("its writes are taken"));
        }
    }
}

#[tokio::test]
async fn in_every_order_of_faults_each_entity_has_one_owner_and_is_served_in_the_end() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let alone = number("WADDLEBOT_SEED");
    let seeds = alone.map_or(0..number("WADDLEBOT_SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1);
    let (_folder, store) = opened().await;
    let (mut done, mut refused, mut deaths) = (0, 0, 0);
    for seed in seeds.clone() {
        let told = Told(seed);
        let mut cluster = Cluster::new(seed, &store).await;
        for _ in 0..WRONG {
            cluster.step(true).await;
        }
        cluster.is_well().await;
        std::mem::forget(told);
        (done, refused, deaths) = (done + cluster.done, refused + cluster.refused, deaths + cluster.deaths);
    }
    println!("{} seeds: {done} commits, {refused} refused as stale, {deaths} deaths", seeds.end - seeds.start);
    assert!(alone.is_some() || (done > 0 && refused > 0 && deaths > 0), "it simulates something");
}

#[tokio::test]
#[should_panic(expected = "has [Identity")]
async fn a_lease_that_is_counted_from_the_answer_makes_two_owners() {
    let (_folder, store) = opened().await;
    for seed in 0..SEEDS {
        let mut cluster = Cluster::new(seed, &store).await;
        cluster.counts_from_the_answer = true;
        for _ in 0..WRONG {
            cluster.step(true).await;
        }
    }
}

/// A database on a file that lives in memory where there is such a place.
async fn opened() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    let store = Store::open(&Place::Sqlite(folder.path().join("simulated.db"))).await.expect("a file");
    store.migrate().await.expect("tables");
    (folder, store)
}

/// Tells the seed should the test end while it is visited.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        println!("it was seed {}: WADDLEBOT_SEED={}", self.0, self.0);
    }
}
