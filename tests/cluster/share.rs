//! Who serves what: shares, take-overs, and the hand-over of a node that goes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde_json::Value;
use waddlebot_testbed::{eventually, get};

use crate::rig::{Cluster, LIMIT, meet, replies};

/// How many of the new communities each living node serves.
fn shares(cluster: &Cluster) -> Vec<usize> {
    let rows = cluster.sql(
        "SELECT count(*) FROM coordination c JOIN nodes n ON n.node_id = c.claimed_by AND n.incarnation = c.incarnation AND n.state = 'up' \
         WHERE entity_id LIKE 'community:1__' GROUP BY claimed_by",
    );
    rows.lines().map(|row| row.parse().expect("a number")).collect()
}

#[test]
fn new_communities_are_shared_and_those_of_a_dead_node_taken_over() {
    let cluster = Cluster::new();
    let mut nodes = cluster.nodes(3);
    meet(&nodes);
    cluster.sql("INSERT INTO communities (id, name, created_at) SELECT g, 'c' || g, 0 FROM generate_series(100, 129) g");
    cluster.sql(
        "INSERT INTO coordination (entity_id, platform, channel_id) SELECT 'community:' || g, 'community', g FROM generate_series(100, 129) g",
    );
    eventually("all are served, by all alike", LIMIT, || {
        let shares = shares(&cluster);
        shares.len() == 3 && shares.iter().sum::<usize>() == 30 && shares.iter().all(|share| (8..=12).contains(share))
    });
    nodes[2].bot().kill_9();
    eventually("the others have them", LIMIT, || {
        let shares = shares(&cluster);
        shares.len() == 2 && shares.iter().sum::<usize>() == 30
    });
    let owners = cluster.sql("SELECT count(*) FROM (SELECT entity_id, epoch FROM claim_history GROUP BY 1, 2 HAVING count(*) > 1) x");
    assert_eq!(owners, "0", "an epoch has one owner");
}

#[test]
fn a_node_that_goes_hands_over_and_nothing_that_was_answered_is_lost_or_doubled() {
    let cluster = Cluster::new();
    let mut nodes = cluster.nodes(3);
    meet(&nodes);
    nodes[0].hears("lobby", "!ping first");
    let owner = cluster.owner("community:2");
    let at = nodes.iter().position(|node| node.id == owner).expect("it is one of them");
    let mut going = nodes.swap_remove(at);
    let (others, over, next) = (nodes, AtomicBool::new(false), AtomicUsize::new(0));
    let (address, stopped) = (going.address(), AtomicBool::new(false));
    let (answered, unready) = std::thread::scope(|scope| {
        let speakers: Vec<_> = (0..4)
            .map(|speaker| {
                let (others, over, next) = (&others, &over, &next);
                scope.spawn(move || {
                    let mut answered = Vec::new();
                    while !over.load(SeqCst) {
                        let number = next.fetch_add(1, SeqCst);
                        let said = format!("!memories add quote \"line {number}\" somebody");
                        let answer = others[speaker % 2].says("lobby", &said, &format!("m{number}"));
                        if answer.as_ref().is_ok_and(|answer| replies(answer).starts_with("Kept as #")) {
                            answered.push(number);
                        } else {
                            println!("not answered: {number}: {answer:?}");
                        }
                    }
                    answered
                })
            })
            .collect();
        eventually("some are answered before", LIMIT, || next.load(SeqCst) > 40);
        let watch = scope.spawn(|| {
            let mut unready = false;
            while !stopped.load(SeqCst) {
                unready |= get(address, "/health/ready").is_ok_and(|reply| reply.status == 503 && reply.body.contains("draining"));
            }
            unready
        });
        let status = going.bot().terminate();
        stopped.store(true, SeqCst);
        assert!(status.success(), "{status:?}\n{}", going.log());
        let before = next.load(SeqCst);
        eventually("some are answered after", LIMIT, || next.load(SeqCst) > before + 40);
        over.store(true, SeqCst);
        let answered: Vec<usize> = speakers.into_iter().flat_map(|speaker| speaker.join().expect("it ends")).collect();
        (answered, watch.join().expect("it ends"))
    });
    assert!(unready, "it never said that it goes");
    assert_ne!(cluster.owner("community:2"), owner);
    let kept = others[0].hears("lobby", "!memories list");
    let sent = next.load(SeqCst);
    println!("{} of {sent} were answered; {kept:.60}", answered.len());
    assert_eq!(answered.len(), sent, "everything is answered");
    assert!(kept.starts_with(&format!("quotes ({sent})")), "{sent} were sent: {kept}");
    let state = cluster.sql(&format!("SELECT state FROM nodes WHERE node_id = '{owner}'"));
    assert_eq!(state, "down");
}

#[test]
fn nodes_that_do_not_reach_each_other_answer_through_the_database() {
    let cluster = Cluster::new();
    let (mut one, mut two) = (cluster.node("n1"), cluster.node("n2"));
    // Each says that it is where nobody is.
    for node in [&mut one, &mut two] {
        let nowhere = format!("127.0.0.1:{}", waddlebot_testbed::free_port());
        node.start_with(&[("CLUSTER_ADVERTISE", &nowhere)]);
    }
    assert_eq!(one.hears("lobby", "!ping here"), "pong here");
    assert_eq!(cluster.owner("community:2"), "n1");
    for number in 1..=3 {
        let answer = two.says("lobby", &format!("!memories add quote \"line {number}\" somebody"), "").unwrap();
        assert!(replies(&answer).starts_with(&format!("Kept as #{number}")), "{answer}");
        assert_eq!(answer["verdict"], Value::from("done"));
    }
    assert!(two.reaches().is_empty() && one.reaches().is_empty());
    // What writes nothing is answered as well, with all that is known of it.
    let answer = two.says("lobby", "!ping across", "").unwrap();
    assert_eq!((replies(&answer).as_str(), &answer["ran"][0]["command"]), ("pong across", &Value::from("ping")), "{answer}");
    assert_eq!(two.says("lobby", "!pong", "").unwrap()["verdict"], "unknown");
    // Who may not, may not this way either, and is told.
    let line = serde_json::json!({ "user": "eve", "role": "viewer", "text": "!memories add quote \"mine\" eve" });
    let refused = two.asks("POST", "/api/v1/local/lobby/messages", &line).unwrap();
    assert!(refused.body.contains("denied") && refused.body.contains("is for moderators"), "{}", refused.body);
    assert!(one.hears("lobby", "!memories list").starts_with("quotes (3)"));
}

#[test]
fn a_node_that_joins_gets_its_share_in_small_steps_and_what_is_live_stays() {
    let cluster = Cluster::new();
    let mut first = cluster.node("n1");
    first.start();
    cluster.sql("INSERT INTO communities (id, name, created_at) SELECT g, 'c' || g, 0 FROM generate_series(100, 105) g");
    cluster.sql(
        "INSERT INTO coordination (entity_id, platform, channel_id, is_live) \
         SELECT 'community:' || g, 'community', g, g > 101 FROM generate_series(100, 105) g",
    );
    eventually("the first has all", LIMIT, || shares(&cluster) == [6]);
    let mut second = cluster.node("n2");
    second.start();
    // Six are too many for one of two; four are not.
    eventually("both have their share", Duration::from_secs(90), || {
        let mut shares = shares(&cluster);
        shares.sort_unstable();
        shares == [2, 4]
    });
    let moved = cluster.sql("SELECT entity_id FROM claim_history WHERE owner = 'n2' AND entity_id LIKE 'community:1__' ORDER BY 1");
    assert_eq!(moved, "community:100\ncommunity:101", "what is live is not moved");
    let between =
        cluster.sql("SELECT max(claimed_at) - min(claimed_at) FROM claim_history WHERE owner = 'n2' AND entity_id LIKE 'community:1__'");
    assert!(between.parse::<i64>().is_ok_and(|millis| millis > 5_000), "one, and ten looks later the next: {between} ms");
}

#[test]
fn a_node_that_serves_as_much_as_it_may_gives_back_what_is_idle_for_what_is_live_or_asked_for() {
    let cluster = Cluster::new();
    let mut node = cluster.node("n1");
    node.start_with(&[("MAX_CLAIMS", "6")]);
    let add = |first: u32, last: u32, live: bool| {
        cluster
            .sql(&format!("INSERT INTO communities (id, name, created_at) SELECT g, 'c' || g, 0 FROM generate_series({first}, {last}) g"));
        cluster.sql(&format!(
            "INSERT INTO coordination (entity_id, platform, channel_id, is_live) \
             SELECT 'community:' || g, 'community', g, {live} FROM generate_series({first}, {last}) g"
        ));
    };
    let held = |which: &str| cluster.sql(&format!("SELECT count(*) FROM coordination WHERE claimed_by = 'n1' AND {which}"));
    add(100, 107, false);
    eventually("it serves as many as it may", LIMIT, || held("TRUE") == "6");
    add(200, 201, true);
    eventually("what is live is served", LIMIT, || held("is_live") == "2");
    assert_eq!(held("TRUE"), "6");
    // Somebody speaks where nobody is served: room is made for the community, and for its channel.
    eventually("it answers", LIMIT, || node.says("lobby", "!ping", "").is_ok_and(|answer| replies(&answer) == "pong"));
    assert_eq!((held("is_live").as_str(), held("entity_id IN ('community:2', 'local:lobby')").as_str()), ("2", "2"));
    assert!(held("TRUE").parse::<u32>().is_ok_and(|held| held <= 6), "{}", held("TRUE"));
}
