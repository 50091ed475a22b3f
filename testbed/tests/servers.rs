//! Every server of the testbed really starts, answers and stops.

use std::net::TcpStream;
use std::time::Duration;

use waddlebot_testbed::{Place, Postgres, Redis, eventually, irc};

#[test]
fn each_test_gets_an_empty_database_of_the_shared_postgres() {
    let postgres = Postgres::shared();
    let (one, other) = (postgres.database(), postgres.database());
    assert_ne!(one, other);
    assert!(one.starts_with("postgres://waddlebot@127.0.0.1:"));
    assert_eq!(postgres.sql("SHOW fsync"), "off");
}

#[test]
fn postgres_keeps_its_data_over_a_crash() {
    let mut postgres = Postgres::start();
    postgres.sql("CREATE TABLE kept AS SELECT 7 AS x");
    postgres.sql("CHECKPOINT");
    postgres.kill_9();
    postgres.start_again();
    assert_eq!(postgres.sql("SELECT x FROM kept"), "7");
}

#[test]
fn a_postgres_may_have_a_clock_of_its_own() {
    let postgres = Postgres::start_turned_at(&Place::here());
    let time = |of: &Postgres| of.sql("SELECT round(extract(epoch FROM clock_timestamp()))").parse::<i64>().unwrap();
    let off = || time(&postgres) - time(Postgres::shared());
    for (seconds, near) in [(3600, 3500..3700), (-7200, -7300..-7100), (0, -100..100)] {
        postgres.clock_is_off(seconds);
        eventually("its clock was turned", Duration::from_secs(30), || near.contains(&off()));
    }
}

#[test]
fn redis_answers_and_is_gone_when_dropped() {
    let redis = Redis::start();
    let address = ("127.0.0.1", redis.port());
    assert!(TcpStream::connect(address).is_ok());
    drop(redis);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn two_people_talk_on_ngircd() {
    talk(&irc::Server::ngircd());
}

#[test]
fn two_people_talk_on_inspircd() {
    talk(&irc::Server::inspircd());
}

fn talk(server: &irc::Server) {
    let (mut ana, mut bob) = (server.person("ana"), server.person("bob"));
    ana.joins("#room");
    bob.joins("#room");
    bob.says("#room", "hello ana");
    assert!(ana.hears("hello ana").starts_with(":bob!"));
    server.wait_for_nick("ana", Duration::from_secs(5));
    ana.catches_up();
    assert!(ana.has_heard("hello ana"));
}

#[test]
fn an_irc_server_can_be_stopped_and_started_again() {
    let mut server = irc::Server::inspircd();
    assert!(TcpStream::connect(server.tls_address()).is_ok());
    server.stop();
    assert!(TcpStream::connect(server.address()).is_err());
    server.start_again();
    server.person("ana").joins("#room");
}

#[test]
fn an_account_can_be_registered_and_used() {
    let server = irc::Server::inspircd_with_services();
    server.register("wade", "secret");
    let mut wade = server.person("wade");
    wade.says("NickServ", "IDENTIFY secret");
    wade.hears("You are now identified");
}
