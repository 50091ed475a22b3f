//! What every keeper of sessions must do, played to the one in this process and to a real Redis.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::time::Duration;

use fred::interfaces::{ClientLike as _, KeysInterface as _};
use fred::types::Builder;
use fred::types::config::Config;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::sessions::{MemorySessions, PREFIX, RedisSessions, SessionError, Sessions, Statistics, TTL, Validity};
use waddlebot_testbed::{Deadline, Redis};

/// A keeper and a way to let time pass for it.
struct Rig {
    sessions: Arc<dyn Sessions>,
    clock: Clock,
    redis: Option<fred::clients::Client>,
}

impl Rig {
    fn memory() -> Self {
        let clock = Clock::turned();
        Self { sessions: Arc::new(MemorySessions::new(clock.clone(), TTL)), clock, redis: None }
    }

    async fn redis(url: &str) -> Self {
        let clock = Clock::turned();
        let sessions = Arc::new(RedisSessions::connect(url, clock.clone(), TTL).await.unwrap());
        let client = Builder::from_config(Config::from_url(url).unwrap()).build().unwrap();
        client.init().await.unwrap();
        Self { sessions, clock, redis: Some(client) }
    }

    /// Turns the clock; what Redis counts down by itself is shortened by the same time.
    async fn pass(&self, time: Duration) {
        self.clock.turn(time);
        let Some(client) = &self.redis else { return };
        let (_, keys): (String, Vec<String>) = client.scan_page("0", format!("{PREFIX}*"), Some(1000), None).await.unwrap();
        for key in keys {
            let left: i64 = client.pttl(&key).await.unwrap();
            assert!(left > 0, "{key} would never end");
            let left = left - i64::try_from(time.as_millis()).unwrap();
            let _: i64 = client.pexpire(&key, left, None).await.unwrap();
        }
    }
}

async fn a_session_is_found_again_with_all_that_was_noted(rig: &Rig) {
    let made = rig.sessions.create("twitch:ducks", &[("name", "Ana \r\n: ✨"), ("role", "owner")]).await.unwrap();
    let found = rig.sessions.get(&made.id).await.unwrap().unwrap();
    assert_eq!(found, made);
    assert_eq!(found.facts["name"], "Ana \r\n: ✨");
    assert_eq!((found.request_count, found.created_at), (0, rig.clock.now()));
}

async fn ids_cannot_be_guessed_and_are_never_twice_the_same(rig: &Rig) {
    let mut ids = std::collections::HashSet::new();
    for _ in 0..100 {
        let id = rig.sessions.create("a", &[]).await.unwrap().id;
        assert_eq!((id.len(), &id[..5]), (37, "sess_"));
        assert!(ids.insert(id));
    }
}

async fn a_session_of_a_given_name_begins_anew_when_it_is_there(rig: &Rig) {
    let id = waddlebot_runtime::sessions::id_of(*b"sixteen letters!");
    let before = rig.sessions.statistics().await.unwrap().total;
    rig.sessions.open(id.clone(), "a", &[("old", "1")]).await.unwrap();
    rig.sessions.touch(&id).await.unwrap();
    rig.pass(TTL / 2).await;
    let again = rig.sessions.open(id.clone(), "a", &[("new", "2")]).await.unwrap();
    assert_eq!((&again.id, again.request_count, again.facts.len()), (&id, 0, 1));
    assert_eq!(rig.sessions.statistics().await.unwrap().total, before + 1, "one name, one session");
    rig.pass(TTL - Duration::from_secs(1)).await;
    assert_eq!(rig.sessions.get(&id).await.unwrap().unwrap(), again, "its time began anew");
    assert!(rig.sessions.delete(&id).await.unwrap());
}

async fn a_session_ends_an_hour_after_its_last_use(rig: &Rig) {
    let used = rig.sessions.create("a", &[]).await.unwrap();
    let left = rig.sessions.create("a", &[]).await.unwrap();
    rig.pass(TTL - Duration::from_secs(60)).await;
    let touched = rig.sessions.touch(&used.id).await.unwrap().unwrap();
    assert_eq!((touched.request_count, touched.last_activity), (1, rig.clock.now()));
    assert!(rig.sessions.get(&left.id).await.unwrap().is_some());
    rig.pass(Duration::from_secs(61)).await;
    assert!(rig.sessions.get(&left.id).await.unwrap().is_none());
    assert!(rig.sessions.touch(&left.id).await.unwrap().is_none(), "an ended session does not come back");
    assert!(rig.sessions.get(&left.id).await.unwrap().is_none());
    assert_eq!(rig.sessions.get(&used.id).await.unwrap().unwrap(), touched);
    rig.pass(TTL).await;
    assert!(rig.sessions.get(&used.id).await.unwrap().is_none());
}

async fn looking_does_not_make_a_session_live_longer(rig: &Rig) {
    let made = rig.sessions.create("a", &[]).await.unwrap();
    rig.pass(TTL / 2).await;
    assert_eq!(rig.sessions.get(&made.id).await.unwrap().unwrap(), made);
    rig.pass(TTL / 2 + Duration::from_secs(1)).await;
    assert!(rig.sessions.get(&made.id).await.unwrap().is_none());
}

async fn a_session_is_valid_for_its_own_entity_only(rig: &Rig) {
    let made = rig.sessions.create("twitch:ducks", &[]).await.unwrap();
    assert_eq!(rig.sessions.validate(&made.id, "twitch:ducks").await.unwrap(), Validity::Valid(made.clone()));
    assert_eq!(rig.sessions.validate(&made.id, "twitch:geese").await.unwrap(), Validity::Foreign);
    rig.sessions.delete(&made.id).await.unwrap();
    assert_eq!(rig.sessions.validate(&made.id, "twitch:ducks").await.unwrap(), Validity::Missing);
}

async fn a_deleted_session_is_gone_at_once(rig: &Rig) {
    let made = rig.sessions.create("a", &[]).await.unwrap();
    assert!(rig.sessions.delete(&made.id).await.unwrap());
    assert!(!rig.sessions.delete(&made.id).await.unwrap());
    assert!(rig.sessions.get(&made.id).await.unwrap().is_none());
    assert!(rig.sessions.touch(&made.id).await.unwrap().is_none());
}

async fn what_is_no_session_id_is_never_found(rig: &Rig) {
    for id in ["", "*", "sess_", "sess_*", "sess_0123456789ABCDEF0123456789ABCDEF", "sess_\0", &"x".repeat(100_000)] {
        assert!(rig.sessions.get(id).await.unwrap().is_none(), "{id:?}");
        assert!(rig.sessions.touch(id).await.unwrap().is_none(), "{id:?}");
        assert!(!rig.sessions.delete(id).await.unwrap(), "{id:?}");
    }
}

async fn too_many_facts_are_refused(rig: &Rig) {
    let long = "x".repeat(20_000);
    assert_eq!(rig.sessions.create("a", &[("long", &long)]).await.unwrap_err(), SessionError::Oversized);
}

async fn statistics_count_what_is_kept(rig: &Rig) {
    rig.pass(TTL * 2).await;
    assert_eq!(rig.sessions.statistics().await.unwrap(), Statistics::default());
    let mut ids = Vec::new();
    for _ in 0..1_200 {
        ids.push(rig.sessions.create("a", &[]).await.unwrap().id);
    }
    rig.clock.turn(Duration::from_secs(600));
    for id in &ids[..300] {
        rig.sessions.touch(id).await.unwrap();
        rig.sessions.touch(id).await.unwrap();
    }
    let all = rig.sessions.statistics().await.unwrap();
    assert_eq!(all, Statistics { total: 1_200, active: 300, requests: 600, average: 0.5 });
}

async fn everything(rig: &Rig) {
    a_session_is_found_again_with_all_that_was_noted(rig).await;
    ids_cannot_be_guessed_and_are_never_twice_the_same(rig).await;
    a_session_of_a_given_name_begins_anew_when_it_is_there(rig).await;
    a_session_ends_an_hour_after_its_last_use(rig).await;
    looking_does_not_make_a_session_live_longer(rig).await;
    a_session_is_valid_for_its_own_entity_only(rig).await;
    a_deleted_session_is_gone_at_once(rig).await;
    what_is_no_session_id_is_never_found(rig).await;
    too_many_facts_are_refused(rig).await;
    statistics_count_what_is_kept(rig).await;
}

#[tokio::test]
async fn sessions_in_this_process_do_all_of_it() {
    everything(&Rig::memory()).await;
}

#[tokio::test]
async fn sessions_in_redis_do_all_of_it() {
    let server = Redis::start();
    everything(&Rig::redis(&server.url()).await).await;
}

#[tokio::test]
async fn two_nodes_see_the_same_sessions_in_redis() {
    let server = Redis::start();
    let (one, other) = (Rig::redis(&server.url()).await, Rig::redis(&server.url()).await);
    let made = one.sessions.create("a", &[("name", "ana")]).await.unwrap();
    assert_eq!(other.sessions.get(&made.id).await.unwrap().unwrap(), made);
    other.sessions.delete(&made.id).await.unwrap();
    assert!(one.sessions.get(&made.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_redis_that_went_away_is_told_soon_and_used_again_when_it_is_back() {
    let mut server = Redis::start();
    let rig = Rig::redis(&server.url()).await;
    server.stop();
    let soon = Deadline::within(Duration::from_secs(30));
    assert!(matches!(rig.sessions.create("a", &[]).await, Err(SessionError::Lost(_))));
    assert!(!soon.passed());
    server.start_again();
    let limit = Deadline::within(Duration::from_secs(60));
    while rig.sessions.create("a", &[]).await.is_err() {
        assert!(!limit.passed(), "Redis is back and not used");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_repeated() {
    let error = RedisSessions::connect("postgres://ana:geheim@x", Clock::real(), TTL).await.err().unwrap();
    assert!(!error.to_string().contains("geheim"), "{error}");
    let nobody = format!("127.0.0.1:{}", waddlebot_testbed::free_port());
    let error = RedisSessions::connect(&format!("redis://{nobody}"), Clock::real(), TTL).await.err().unwrap();
    assert!(matches!(error, SessionError::Lost(_)));
}
