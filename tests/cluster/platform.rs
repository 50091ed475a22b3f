//! A platform that only one node may be connected to: heard there, served elsewhere, answered there.

use waddlebot_testbed::{eventually, irc};

use crate::rig::{Cluster, LIMIT};

#[test]
fn one_node_keeps_the_connection_another_answers_and_takes_it_over() {
    let (cluster, server) = (Cluster::new(), irc::Server::ngircd());
    let address = server.address().to_string();
    let settings = [
        ("WADDLEBOT_IRC_SERVER", address.as_str()),
        ("WADDLEBOT_IRC_NICK", "waddle"),
        ("WADDLEBOT_IRC_CHANNELS", "#room"),
        ("WADDLEBOT_IRC_TLS", "false"),
        ("WADDLEBOT_IRC_FLOOD", "off"),
    ];
    let mut ana = server.person("ana");
    ana.joins("#room");
    let (mut one, mut two) = (cluster.node("n1"), cluster.node("n2"));
    one.start_with(&settings);
    ana.hears("JOIN");
    two.start_with(&settings);
    eventually("they reach each other", LIMIT, || one.reaches() == ["n2"] && two.reaches() == ["n1"]);
    assert_eq!(cluster.owner("connection:irc"), "n1");
    assert_eq!(two.hears("lobby", "!ping here"), "pong here");
    assert_eq!(cluster.owner("community:2"), "n2");

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
