//! A platform that only one node may be connected to: heard there, served elsewhere, answered there.

use std::time::Duration;

use waddlebot_testbed::{Postgres, eventually, get, irc, passes};

use crate::irc_room::{IrcRoom, NO_FLOOD_LIMIT, connected};
use crate::rig::{Cluster, LIMIT};

#[test]
fn one_node_keeps_the_connection_another_answers_and_takes_it_over() {
    let IrcRoom { cluster, server: _server, mut ana, mut one, two: _two } = IrcRoom::new(&[NO_FLOOD_LIMIT]);
    ana.says("#room", "!ping across");
    ana.hears("pong across");
    ana.says("#room", "!memories add quote \"To be or not to be\" Hamlet");
    ana.hears("Kept as #1");
    let said = ana.heard().iter().filter(|line| line.contains("PRIVMSG") && line.contains("Kept as #1")).count();
    assert_eq!(said, 1);
    assert_eq!(cluster.sql("SELECT count(*) FROM outbox"), "0");

    one.bot().kill_9();
    ana.hears("JOIN");
    assert_eq!(cluster.owner("connection:irc"), "n2");
    ana.says("#room", "!ping alone");
    ana.hears("pong alone");
    ana.quit();
}

#[test]
fn a_node_whose_lease_ran_out_says_nothing_and_keeps_its_connection() {
    let mut postgres = Postgres::start();
    let (cluster, server) = (Cluster::on(postgres.database()), irc::Server::ngircd());
    let address = server.address().to_string();
    let mut ana = server.person("ana");
    ana.joins("#room");
    let mut one = cluster.node("n1");
    one.start_with(&[&connected(&address)[..], &[NO_FLOOD_LIMIT]].concat());
    ana.hears("JOIN");
    ana.says("#room", "!ping before");
    ana.hears("pong before");
    let leaves = |heard: &[String]| heard.iter().filter(|line| ["JOIN", "PART", "QUIT"].iter().any(|word| line.contains(word))).count();
    let moves = leaves(ana.heard());

    postgres.kill_9();
    eventually("its lease ran out", LIMIT, || get(one.address(), "/health/ready").is_ok_and(|reply| reply.body.contains("no lease")));
    // It answers from memory, and may not: another node could be at it by now.
    ana.says("#room", "!ping frozen");
    passes(Duration::from_secs(1));
    ana.catches_up();
    assert!(!ana.has_heard("pong frozen"));

    postgres.start_again();
    ana.hears("pong frozen");
    assert_eq!(leaves(ana.heard()), moves, "it stayed in the channel all the while");
    ana.quit();
}

#[test]
fn what_is_heard_through_a_connection_is_served_where_it_is_when_shares_allow_it() {
    let IrcRoom { cluster, server: _server, mut ana, one, two: _two } = IrcRoom::new(&[NO_FLOOD_LIMIT]);
    let near = |which: &str| cluster.sql(&format!("SELECT count(*) FROM coordination WHERE near = 'connection:irc' AND {which}"));
    ana.says("#room", "!ping across");
    ana.hears("pong across");
    eventually("it is noted through what the community is heard", LIMIT, || near("entity_id = 'community:2'") == "1");
    cluster.sql("INSERT INTO communities (id, name, created_at) SELECT g, 'c' || g, 0 FROM generate_series(100, 123) g");
    cluster.sql(
        "INSERT INTO coordination (entity_id, platform, channel_id, near) \
         SELECT 'community:' || g, 'community', g, CASE WHEN g % 2 = 0 THEN 'connection:irc' ELSE '' END FROM generate_series(100, 123) g",
    );
    let held =
        |node: &str| cluster.sql(&format!("SELECT count(*) FROM coordination WHERE claimed_by {node} AND entity_id LIKE 'community:1%'"));
    eventually("all are served", LIMIT, || held("IS NOT NULL") == "24");
    let (here, there) = (near("claimed_by = 'n1'"), held("= 'n2'"));
    assert!(here.parse::<u32>().is_ok_and(|here| here >= 11), "{here} of 12 are served by n1, which has the connection");
    assert!(there.parse::<u32>().is_ok_and(|there| there >= 10), "{there} of 24 are served by n2: each has its share");
    let url = format!("http://{}", one.address());
    let told = cluster.runs(&["cluster", "--url", &url, "--key", &cluster.key, "claims", "--search", "community:1", "--node", "n1"]);
    assert!(told.contains("connection:irc (here)"), "{told}");
    ana.quit();
}
