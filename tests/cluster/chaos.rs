//! The cluster under everything that can go wrong, while people talk: whoever reads what happened finds every promise kept.
//! Long with `WADDLEBOT_CHAOS="seed=7 minutes=30 nodes=3 faults=kill,stop7"`, which `cargo xtask chaos` sets.

mod belief;
mod fault;
mod figures;
mod history;
mod load;
mod town;
mod verdict;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use waddlebot_testbed::{Deadline, passes};

use crate::rig::program;
use fault::{FAULTS, Fault};
use history::{Entry, History, Wish, entries, left};
use load::{Place, Ways, talks_on_irc};
use town::{ROOMS, Town, now, room};
use verdict::{Breach, judge};

/// What the short form does, in this order.
const SHORT: [&str; 16] = [
    "kill",
    "stop2",
    "refused",
    "kill",
    "stop7",
    "nodatabase",
    "noanswers",
    "cornered",
    "scattered",
    "mute",
    "unplugged",
    "dbdown",
    "clock",
    "redis",
    "rolling",
    "kill",
];
/// How long the first answer may take in the short form, on a machine that does other things as well.
const LENIENT: Duration = Duration::from_secs(30);
/// How long a probe asks.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long everything may take to come to its end.
const QUIET: Duration = Duration::from_secs(30);

/// What is to be done.
struct Plan {
    seed: u64,
    nodes: usize,
    /// For how long; without it each fault once, in order.
    minutes: Option<u64>,
    faults: Vec<Fault>,
    /// An older version of the program, which the nodes are exchanged from first.
    older: Option<String>,
}

impl Plan {
    fn read(text: Option<&str>) -> Self {
        let mut plan = Self { seed: 1, nodes: 3, minutes: None, faults: SHORT.map(named).to_vec(), older: None };
        let Some(text) = text else { return plan };
        (plan.minutes, plan.faults) = (Some(10), FAULTS.map(|(_, fault)| fault).to_vec());
        for word in text.split_whitespace() {
            let number = |value: &str| value.parse().unwrap_or_else(|_| panic!("{word} has no number"));
            match word.split_once('=') {
                Some(("seed", value)) => plan.seed = number(value),
                Some(("minutes", value)) => plan.minutes = Some(number(value)),
                Some(("nodes", value)) => plan.nodes = usize::try_from(number(value)).expect("a small number"),
                Some(("faults", value)) => plan.faults = value.split(',').map(named).collect(),
                Some(("older", value)) => plan.older = Some(value.to_owned()),
                _ => panic!("{word} is not seed=, minutes=, nodes=, faults= or older="),
            }
        }
        assert!((3..=5).contains(&plan.nodes), "there are 3 to 5 nodes");
        plan
    }
}

fn named(name: &str) -> Fault {
    let known = || FAULTS.map(|(name, _)| name).join(", ");
    FAULTS.iter().find(|(one, _)| *one == name).map_or_else(|| panic!("there is no fault {name:?}, but {}", known()), |(_, fault)| *fault)
}

/// Numbers that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) % most as u64).expect("it is below a usize")
    }
}

/// What one fault did.
struct Struck {
    fault: Fault,
    /// From when to when, in milliseconds since boot.
    from: u64,
    to: u64,
    /// How long it took until the rooms of the victim were answered.
    first: Vec<Duration>,
    /// What else was wrong.
    wrong: Option<String>,
}

#[test]
fn whatever_goes_wrong_each_has_one_owner_and_what_is_accepted_is_done_once() {
    let long = std::env::var("WADDLEBOT_CHAOS").ok();
    let mut plan = Plan::read(long.as_deref());
    let mut town = Town::new(plan.nodes, &plan.older.clone().unwrap_or_else(program));
    if town.network.is_none() {
        plan.faults.retain(|fault| !fault.cuts());
        println!(
            "left out without a network of its own: {}",
            FAULTS.iter().filter(|(_, fault)| fault.cuts()).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        );
    }
    if plan.faults.contains(&Fault::Promoted) {
        town.is_followed();
    }
    let ways = Ways { nodes: town.members.iter().map(|member| member.node.address()).collect(), key: town.cluster.key.clone() };
    let (over, mut ana) = (AtomicBool::new(false), town.ana.take().expect("she is there"));
    let (mut wishes, struck, heard) = std::thread::scope(|scope| {
        let mut speakers = Vec::new();
        for number in 0..ROOMS {
            let (ways, over) = (&ways, &over);
            speakers.push(scope.spawn(move || ways.talks(&Place::Room(room(number).0), &format!("local{number}"), over)));
        }
        for server in ["ducks", "geese"] {
            let (ways, over) = (&ways, &over);
            speakers.push(scope.spawn(move || ways.talks(&Place::Collected(server), server, over)));
        }
        let irc = scope.spawn(|| talks_on_irc(&mut ana, "irc", &over));
        let talk = Talk(&over);
        passes(Duration::from_secs(3));
        let (struck, probed) = befalls(&plan, &mut town, &ways);
        passes(Duration::from_secs(3));
        drop(talk);
        let mut wishes: Vec<Wish> = speakers.into_iter().flat_map(|speaker| speaker.join().expect("it ends")).collect();
        wishes.extend(probed);
        (wishes, struck, irc.join().expect("it ends"))
    });
    wishes.extend(heard.wishes);
    let quiet = Deadline::within(QUIET);
    while !quiet.passed() && !left(&town.cluster).is_empty() {
        passes(Duration::from_millis(200));
    }
    let (entries, left) = (entries(&town.cluster), left(&town.cluster));
    let history = History { wishes, entries, beliefs: town.beliefs(), left, spoken: heard.spoken, told: heard.told };
    let breaches = judge(&history);
    table(&plan, &struck, &history, &breaches);
    // A checker that was shown nothing finds nothing.
    let ran = history.entries.iter().filter(|entry| matches!(entry, Entry::Ran { .. })).count();
    assert!(ran >= history.wishes.iter().filter(|wish| wish.answered).count(), "{ran} executions are written down");
    assert!(town.members.iter().all(|member| history.beliefs.iter().any(|belief| belief.node == member.node.id)), "every node has beliefs");
    let wrong: Vec<_> = struck.iter().filter_map(|one| one.wrong.as_ref()).collect();
    let limit = |fault: Fault| if long.is_some() { fault.promised() * 2 } else { LENIENT };
    let late: Vec<_> = struck.iter().filter(|one| one.first.iter().any(|took| *took > limit(one.fault))).collect();
    if !breaches.is_empty() || !late.is_empty() || !wrong.is_empty() {
        keep_logs(&mut town);
    }
    assert!(breaches.is_empty() && wrong.is_empty(), "{wrong:?} {:#?}", &breaches[..breaches.len().min(20)]);
    assert!(history.told.len() > 3, "the channel on IRC was served: {:?}", history.told);
    let late: Vec<_> =
        late.iter().map(|one| format!("{}: {:?}, {:?} are allowed", one.fault.name(), one.first, limit(one.fault))).collect();
    assert!(late.is_empty(), "{late:?}");
    println!("the longest silence on IRC: {:?}", heard.silence);
}

/// While people talk; it ends with this, also where a fault could not be made, or nobody would hear of it.
struct Talk<'a>(&'a AtomicBool);

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// Lets one thing after the other go wrong.
fn befalls(plan: &Plan, town: &mut Town, ways: &Ways) -> (Vec<Struck>, Vec<Wish>) {
    let (mut dice, mut struck, mut probed) = (Dice(plan.seed), Vec::new(), Vec::new());
    if plan.older.is_some() {
        let (one, wishes) = strike(Fault::Upgraded, 0, 0, town, ways);
        println!("   - upgrade: {:?}", one.first);
        probed.extend(wishes);
        struck.push(one);
    }
    let end = plan.minutes.map(|minutes| Deadline::within(Duration::from_secs(60 * minutes)));
    for turn in 1.. {
        let fault = match &end {
            Some(end) if end.passed() => break,
            Some(_) => plan.faults[dice.below(plan.faults.len())],
            None => match plan.faults.get(turn - 1) {
                Some(fault) => *fault,
                None => break,
            },
        };
        let victim = town.owner(&room(dice.below(usize::try_from(ROOMS).expect("few")) as u64).1);
        let (one, wishes) = strike(fault, victim, turn, town, ways);
        println!(
            "{turn:>4} {:<10} at {}: {:?} {}",
            fault.name(),
            town.members[victim].node.id,
            one.first,
            one.wrong.as_deref().unwrap_or("")
        );
        probed.extend(wishes);
        struck.push(one);
        passes(Duration::from_millis(500 + 100 * dice.below(20) as u64));
    }
    (struck, probed)
}

fn strike(fault: Fault, victim: usize, turn: usize, town: &mut Town, ways: &Ways) -> (Struck, Vec<Wish>) {
    let id = town.members[victim].node.id.clone();
    let life = |town: &Town| town.cluster.sql(&format!("SELECT incarnation FROM nodes WHERE node_id = '{id}'"));
    let (before, rooms) = (life(town), town.rooms_of(victim));
    let mut elsewhere = ways.clone();
    elsewhere.nodes.remove(victim);
    let from = now();
    fault.strikes(town, victim);
    // While there is no database nobody can be answered: it counts from when it is there again.
    let since = if matches!(fault, Fault::DatabaseDown(_) | Fault::Promoted) { now() } else { from };
    let mut wishes = Vec::new();
    let probe = |number: u64| {
        let (place, by) = (Place::Room(room(number).0), format!("probe{turn}-{number}"));
        let wish = elsewhere.wishes_for(&place, &by, 0, PATIENCE);
        (Duration::from_millis(now() - since), wish)
    };
    let probe = &probe;
    let first = std::thread::scope(|scope| {
        let probes: Vec<_> = rooms.iter().map(|number| scope.spawn(move || probe(*number))).collect();
        let (mut first, mut ended) = (Vec::new(), false);
        if fault != Fault::Killed {
            passes(fault.lasts());
            fault.ends(town, victim);
            ended = true;
        }
        for probe in probes {
            let (took, wish) = probe.join().expect("it ends");
            first.push(took);
            wishes.push(wish);
        }
        if !ended {
            fault.ends(town, victim);
        }
        first
    });
    town.is_whole();
    let wrong =
        (fault.keeps_the_owner() && life(town) != before).then(|| format!("{}: {id} was declared dead though it lived", fault.name()));
    (Struck { fault, from, to: now(), first, wrong }, wishes)
}

/// Prints what came of it.
fn table(plan: &Plan, struck: &[Struck], history: &History, breaches: &[Breach]) {
    let mut kinds = BTreeMap::<&str, Vec<&Struck>>::new();
    for one in struck {
        kinds.entry(one.fault.name()).or_default().push(one);
    }
    let count = |wanted: fn(&Breach) -> bool| breaches.iter().filter(|breach| wanted(breach)).count();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\nseed {}, {} nodes, load {}", plan.seed, plan.nodes, load.split(' ').take(3).collect::<Vec<_>>().join(" "));
    println!("| fault | times | answers | first answer: median | p99 | worst | promised | longest wait of a caller |");
    println!("|---|---|---|---|---|---|---|---|");
    for (name, all) in kinds {
        let mut first: Vec<_> = all.iter().flat_map(|one| &one.first).copied().collect();
        first.sort();
        let at = |share: usize| first.get((first.len() * share / 100).min(first.len().saturating_sub(1))).copied().unwrap_or_default();
        let waits = all.iter().flat_map(|one| history.wishes.iter().filter(|wish| wish.asked >= one.from && wish.asked <= one.to));
        let wait = Duration::from_millis(waits.map(|wish| wish.took).max().unwrap_or(0));
        let (median, p99, worst) = (at(50), at(99), first.last().copied().unwrap_or_default());
        println!(
            "| {name} | {} | {} | {median:.1?} | {p99:.1?} | {worst:.1?} | {:?} | {wait:.1?} |",
            all.len(),
            first.len(),
            all[0].fault.promised()
        );
    }
    let answered = history.wishes.iter().filter(|wish| wish.answered).count();
    println!(
        "{} asked, {answered} answered as done; lost {}, doubled {}, never answered {}, out of order {}; overlapping owners {}, \
         epochs given twice {}, commits under an old epoch {}; left over {}, too fast {}, told twice {}\n",
        history.wishes.len(),
        count(|breach| matches!(breach, Breach::Lost(_))),
        count(|breach| matches!(breach, Breach::Doubled(..))),
        count(|breach| matches!(breach, Breach::Unanswered(_))),
        count(|breach| matches!(breach, Breach::Disorder(_))),
        count(|breach| matches!(breach, Breach::Overlap { .. })),
        count(|breach| matches!(breach, Breach::Epoch { .. })),
        count(|breach| matches!(breach, Breach::Stale { .. })),
        history.left.len(),
        count(|breach| matches!(breach, Breach::TooFast(_))),
        count(|breach| matches!(breach, Breach::ToldTwice(_))),
    );
}

/// Keeps what the nodes logged where somebody can look at it.
fn keep_logs(town: &mut Town) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for member in &mut town.members {
        std::fs::write(folder.join(format!("{}.log", member.node.id)), member.node.log()).expect("a file");
    }
    let log = town.cluster.sql("SELECT * FROM chaos_log ORDER BY seq");
    std::fs::write(folder.join("database.log"), log).expect("a file");
    println!("the logs are in {}", folder.display());
}
