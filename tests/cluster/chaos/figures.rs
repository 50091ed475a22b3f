//! Two figures that were promised: how long a node with many claims takes to hand them over and how long anybody waits
//! meanwhile, and how much memory a node spends on a peer that stands still.
//! `WADDLEBOT_DRAIN=5000`, which `cargo xtask drain` sets, hands over so many.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use serde_json::json;
use waddlebot_platforms::local::Local;
use waddlebot_testbed::{eventually, passes, request_within};

use super::load::{Place, Ways};
use super::town::now;
use crate::rig::{Cluster, LIMIT, Node, meet};

/// How many communities are handed over where nobody says how many, and how many of them talk meanwhile.
const CLAIMS: u64 = 300;
const TALKING: u64 = 20;
/// The promise for all of them.
const DRAINED: Duration = Duration::from_secs(25);
/// How long anybody may wait on a machine that does other things as well; 200 ms on one that does not.
const WAIT: Duration = Duration::from_secs(5);
/// The promise for what is on its way to a peer that stands still.
const MEMORY: u64 = 8 * 1024;

#[test]
fn a_node_with_many_claims_is_drained_in_time_and_nobody_waits_long() {
    let many = std::env::var("WADDLEBOT_DRAIN").map_or(CLAIMS, |text| text.parse().expect("a number"));
    let (cluster, last) = (Cluster::new(), 999 + many);
    let mut one = cluster.node("n1");
    one.start();
    cluster.sql(&format!("INSERT INTO communities (id, name, created_at) SELECT g, 'c' || g, 0 FROM generate_series(1000, {last}) g"));
    for number in 0..TALKING {
        let key = Local::key(&format!("busy{number}")).expect("a good name");
        cluster.sql(&format!(
            "INSERT INTO channels (entity_id, community_id, platform, channel_id, created_at) VALUES ('{key}', {}, '{}', '{}', 0)",
            1000 + number,
            key.platform(),
            key.channel()
        ));
    }
    cluster.sql(&format!(
        "INSERT INTO coordination (entity_id, platform, channel_id) SELECT 'community:' || g, 'community', g FROM generate_series(1000, {last}) g"
    ));
    let held = || cluster.sql("SELECT count(*) FROM coordination WHERE claimed_by = 'n1' AND entity_id >= 'community:1000'");
    eventually("n1 serves them all", LIMIT * 3, || held().parse::<u64>().is_ok_and(|held| held >= many));
    let mut others = [cluster.node("n2"), cluster.node("n3")];
    others.iter_mut().for_each(Node::start);
    eventually("all reach n1", LIMIT, || others.iter().all(|node| node.reaches().len() == 2));

    let ways = Ways { nodes: others.iter().map(Node::address).collect(), key: cluster.key.clone() };
    let over = AtomicBool::new(false);
    let (from, took, wishes) = std::thread::scope(|scope| {
        let talkers: Vec<_> = (0..TALKING)
            .map(|number| {
                let (ways, over) = (&ways, &over);
                scope.spawn(move || ways.talks(&Place::Room(format!("busy{number}")), &format!("busy{number}"), over))
            })
            .collect();
        passes(Duration::from_secs(10));
        let from = now();
        let status = one.bot().terminate();
        let took = now() - from;
        assert!(status.success(), "{status:?}");
        passes(Duration::from_secs(1));
        over.store(true, SeqCst);
        (from, took, talkers.into_iter().flat_map(|talker| talker.join().expect("it ends")).collect::<Vec<_>>())
    });
    assert!(wishes.iter().all(|wish| wish.answered));
    let longest = |when: &dyn Fn(u64) -> bool| {
        let mut waits: Vec<_> = (0..TALKING)
            .map(|number| {
                let by = format!("busy{number}");
                wishes.iter().filter(|wish| wish.by == by && when(wish.asked)).map(|wish| wish.took).max().unwrap_or(0)
            })
            .collect();
        waits.sort_unstable();
        (waits[waits.len() / 2], *waits.last().expect("somebody talks"))
    };
    let (before, during) = (longest(&|at| at < from && at + 2000 > from), longest(&|at| at + 2000 > from && at < from + took));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{many} claims handed over in {took} ms (load {}); longest wait of a channel, median and worst of {TALKING}: {before:?} ms before, {during:?} ms during",
        load.split(' ').next().unwrap_or_default()
    );
    let left = cluster.sql("SELECT count(*) FROM coordination WHERE claimed_by = 'n1' OR claimed_by IS NULL");
    assert_eq!(left, "0", "everything was handed over");
    assert!(Duration::from_millis(took) <= DRAINED, "{took} ms");
    assert!(Duration::from_millis(during.1) <= WAIT, "{during:?} ms");
    let there = cluster.sql("SELECT count(*) || ' ' || count(DISTINCT content) FROM memories");
    assert_eq!(there, format!("{0} {0}", wishes.len()), "each wish is there once");
}

/// The memory a node asked for and has in use, in KiB.
fn memory(node: &mut Node) -> u64 {
    let id = node.bot().id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("its size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The most it has in use for so many seconds.
fn most(node: &mut Node, seconds: u64) -> u64 {
    let (until, mut most) = (now() + 1000 * seconds, 0);
    while now() < until {
        most = most.max(memory(node));
        passes(Duration::from_millis(50));
    }
    most
}

#[test]
fn a_peer_that_stands_still_costs_no_more_memory_than_was_promised() {
    let cluster = Cluster::new();
    let mut nodes = cluster.nodes(2);
    meet(&nodes);
    assert_eq!(nodes[1].hears("lobby", "!ping here"), "pong here");
    assert_eq!(cluster.owner("community:2"), "n2");
    let (address, key, over) = (nodes[0].address(), cluster.key.clone(), AtomicBool::new(false));
    let events: Vec<_> = (0..40)
        .map(|number| {
            json!({
                "platform": "local", "channel_id": "lobby", "user_id": number.to_string(), "user_name": "ana",
                "message_type": "chatMessage", "message_content": "talk ".repeat(400),
            })
        })
        .collect();
    let body = json!({ "events": events }).to_string();
    let (warm, still, sent) = std::thread::scope(|scope| {
        let talkers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let fields = [("X-API-Key", key.as_str()), ("Content-Type", "application/json")];
                    let mut sent = 0;
                    while !over.load(SeqCst) {
                        // Who gets no answer in time goes away and comes again: nothing of it may stay.
                        let limit = Duration::from_millis(250);
                        drop(request_within(limit, address, "POST", "/router/events/batch", &fields, &body));
                        sent += body.len();
                    }
                    sent
                })
            })
            .collect();
        let warm = most(&mut nodes[0], 8);
        nodes[1].bot().pause();
        let still = most(&mut nodes[0], 5);
        nodes[1].bot().resume();
        over.store(true, SeqCst);
        (warm, still, talkers.into_iter().map(|talker| talker.join().expect("it ends")).sum::<usize>())
    });
    let grown = still.saturating_sub(warm);
    println!("{} MiB were sent; {warm} KiB while the peer listens, {still} KiB while it stands still: {grown} KiB more", sent >> 20);
    assert!(grown <= MEMORY, "{grown} KiB more; {MEMORY} are promised");
}
