//! A node that goes says so at once, works on until everything is handed over, and stays when it is told to in the middle.

use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_testbed::{Deadline, eventually, get, irc, passes};

use crate::irc_room::IrcRoom;
use crate::rig::{Cluster, LIMIT, Node, meet};

/// How many communities there are to hand over: eight strokes.
const CLAIMS: u64 = 2000;
/// Each change of owner takes four milliseconds, so that everybody can look on: a stroke a second.
const SLOWLY: &str = "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END $$;
     CREATE TRIGGER slowly BEFORE UPDATE ON coordination FOR EACH ROW
         WHEN (OLD.claimed_by = 'n1' AND NEW.claimed_by IS DISTINCT FROM 'n1') EXECUTE FUNCTION slowly()";
/// How soon a node must say that it goes, on a machine that does other things as well.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A node that holds everything, and one that could.
fn laden() -> (Cluster, Node, Node) {
    let cluster = Cluster::new();
    let (mut one, mut two) = (cluster.node("n1"), cluster.node("n2"));
    one.start();
    cluster.sql(&format!(
        "INSERT INTO communities (id, name, created_at) SELECT g, 'c' || g, 0 FROM generate_series(1000, {}) g",
        999 + CLAIMS
    ));
    cluster.sql(
        "INSERT INTO coordination (entity_id, platform, channel_id) SELECT 'community:' || id, 'community', id FROM communities WHERE id >= 1000",
    );
    eventually("n1 serves them all", LIMIT * 3, || held(&cluster) >= CLAIMS);
    two.start();
    meet(&[&one, &two]);
    assert_eq!(one.hears("lobby", "!ping"), "pong");
    cluster.sql(SLOWLY);
    (cluster, one, two)
}

/// How much n1 holds.
fn held(cluster: &Cluster) -> u64 {
    cluster.sql("SELECT count(*) FROM coordination WHERE claimed_by = 'n1' AND entity_id >= 'community:1000'").parse().expect("a number")
}

fn ready(node: &Node) -> u16 {
    get(node.address(), "/health/ready").map_or(0, |reply| reply.status)
}

#[test]
fn a_node_that_is_ended_says_at_once_that_it_is_not_ready_and_works_on_until_all_is_handed_over() {
    let (cluster, mut one, _two) = laden();
    assert_eq!((ready(&one), one.is_ready()), (200, true));
    let deadline = Deadline::within(AT_ONCE);
    one.bot().is_asked_to_end();
    let mut looks = 1;
    while ready(&one) != 503 {
        assert!(!deadline.passed(), "it did not say so within {AT_ONCE:?}");
        looks += 1;
    }
    println!("not ready {:?} after the signal, at look {looks}", AT_ONCE.saturating_sub(deadline.left()));
    assert!(get(one.address(), "/health/ready").unwrap().body.contains("draining"));
    assert!(one.is_ready(), "it is well, and lives");
    assert_eq!(one.hears("lobby", "!ping still"), "pong still", "and answers");
    assert!(held(&cluster) > 0, "and has not handed everything over yet");
    // Who is about to end does not stay.
    let stay = one.asks("POST", "/api/v1/cluster/nodes/n1/undrain", &Value::Null).unwrap();
    assert!(stay.status == 409 && stay.body.contains("about to end"), "{}: {}", stay.status, stay.body);
    assert_eq!(ready(&one), 503);
    assert!(one.bot().wait_exit(LIMIT).success());
    assert_eq!(held(&cluster), 0);
}

#[test]
fn a_drain_ends_when_the_node_is_told_to_take_part_again() {
    let (cluster, one, two) = laden();
    let told = |what: &str| two.asks("POST", &format!("/api/v1/cluster/nodes/n1/{what}"), &json!({})).expect("it answers").status;
    assert_eq!((told("drain"), ready(&one)), (200, 503));
    assert_eq!((told("undrain"), ready(&one)), (200, 200));
    let left = held(&cluster);
    assert!(left > 0, "it was answered before everything was gone");
    assert_eq!(cluster.sql("SELECT state FROM nodes WHERE node_id = 'n1'"), "up");
    // A stroke or two more would have come in this time; what is rebalanced is little.
    passes(Duration::from_secs(2));
    let still = held(&cluster);
    assert!(still + 100 > left, "{left} were left, {still} are: it goes on handing over");
    assert_eq!(one.memory("placement")["draining"], json!(false));
    assert_eq!(one.hears("lobby", "!ping here"), "pong here");
}

/// How many answers wait when the node is ended: at one in two seconds more than the ten seconds that one which does
/// its best to say them first is given.
const WAITING: usize = 8;

#[test]
fn a_node_that_is_ended_leaves_what_an_irc_server_takes_slowly_to_the_next_and_each_answer_is_said_once() {
    let IrcRoom { cluster, server: _server, mut ana, one, mut two } = IrcRoom::new(&[]);
    let mut said = 0;
    let waiting = || cluster.sql("SELECT count(*) FROM outbox").parse::<usize>().expect("a number");
    let deadline = Deadline::within(LIMIT * 3);
    while waiting() < WAITING {
        assert!(!deadline.passed(), "{said} were asked for, {} wait", waiting());
        said += 1;
        ana.says("#room", &format!("!memories add quote \"Line {said}\" ana"));
    }
    let done = || cluster.sql("SELECT count(*) FROM executions WHERE module = 'memories'").parse::<usize>().expect("a number");
    eventually("all is done", LIMIT, || done() == said);

    let began = Deadline::within(LIMIT);
    two.bot().is_asked_to_end();
    eventually("the other node answers in its place", LIMIT, || one.says("lobby", "!ping still", "").is_ok());
    assert!(two.bot().wait_exit(LIMIT).success());
    println!("{said} asked for, ended {:?} after the signal", LIMIT.saturating_sub(began.left()));
    assert!(!two.log().contains("did not stop in time"), "{}", two.log());

    let times = |ana: &irc::Person, number| {
        let answer = format!("Kept as #{number}:");
        ana.heard().iter().filter(|line| line.contains(" PRIVMSG ") && line.contains(&answer)).count()
    };
    for number in 1..=said {
        eventually(&format!("answer {number} is said"), LIMIT * 2, || {
            ana.catches_up();
            times(&ana, number) > 0
        });
    }
    (1..=said).for_each(|number| assert_eq!(times(&ana, number), 1, "answer {number}"));
    ana.quit();
}
