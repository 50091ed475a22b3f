//! What is best served by the node that holds a connection goes there first, and is never kept waiting for it.

use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::store::{Claim, Place, Store, sql};

use crate::house::{House, declared_dead};
use crate::place::opened;

const SHARD: &str = "connection:discord:shard/3";

/// Entities that nobody holds: which connection each would be near, its priority, whether it is live.
async fn free(store: &Store, rows: &[(&str, &str, i64, bool)]) {
    let mut tx = store.begin().await.expect("a transaction");
    for (entity, near, priority, is_live) in rows {
        let row = "INSERT INTO coordination (entity_id, near, priority, is_live, viewer_count) VALUES ($1, $2, $3, $4, $5)";
        // Whoever is near nothing has more who watch.
        let viewers = if near.is_empty() { 9_i64 } else { 0 };
        tx.run(sql(row).bind(*entity).bind(*near).bind(*priority).bind(*is_live).bind(viewers)).await.expect("a row");
    }
    tx.commit().await.expect("a commit");
}

fn names(mut taken: Vec<Claim>) -> Vec<String> {
    taken.sort_by(|one, other| one.entity.cmp(&other.entity));
    taken.into_iter().map(|claim| claim.entity).collect()
}

async fn given_back(house: &House, entities: &[&str]) {
    for entity in entities {
        assert!(house.placement.release(entity).await.expect("it is given back"), "{entity}");
    }
}

pub(crate) async fn what_is_near_a_connection_goes_first_to_who_holds_it(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let (mut one, mut two) = (House::open("n1", &store, &clock).await, House::open("n2", &store, &clock).await);
    two.placement.claim(SHARD).await.expect("nobody holds it");
    free(&store, &[("a", SHARD, 100, false), ("b", "", 100, false), ("c", SHARD, 100, false), ("d", "", 1, false)]).await;
    // Who holds the connection takes what is near it before what is not, but not before what is more important.
    assert_eq!(names(two.placement.take(1).await.expect("it takes")), ["d"]);
    assert_eq!(names(two.placement.take(2).await.expect("it takes")), ["a", "c"]);
    given_back(&two, &["a", "c", "d"]).await;
    // Another node leaves it at the first look, and takes it last at the next.
    assert_eq!(names(one.placement.take_patiently(9).await.expect("it takes")), ["b", "d"]);
    given_back(&one, &["b", "d"]).await;
    assert_eq!(names(one.placement.take(3).await.expect("it takes")), ["a", "b", "d"]);
    assert_eq!(names(one.placement.take(3).await.expect("it takes")), ["c"]);
    one.leave().await;
    two.leave().await;
}

pub(crate) async fn nothing_waits_for_a_node_that_is_gone_goes_or_is_full_nor_does_what_is_live(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let (mut one, mut two) = (House::open("n1", &store, &clock).await, House::open("n2", &store, &clock).await);
    two.placement.claim(SHARD).await.expect("nobody holds it");
    free(&store, &[("idle", SHARD, 100, false), ("live", SHARD, 100, true), ("lost", "connection:nobody", 100, false)]).await;
    assert_eq!(names(one.placement.take_patiently(9).await.expect("it takes")), ["live", "lost"]);
    let full = async |text: &'static str| {
        let mut tx = store.begin().await.expect("a transaction");
        assert_eq!(tx.run(sql(text)).await.expect("a change"), 1);
        tx.commit().await.expect("a commit");
    };
    full("UPDATE nodes SET load = capacity WHERE node_id = 'n2'").await;
    assert_eq!(names(one.placement.take_patiently(9).await.expect("it takes")), ["idle"]);
    given_back(&one, &["idle"]).await;
    full("UPDATE nodes SET load = 1 WHERE node_id = 'n2'").await;
    assert!(one.placement.take_patiently(9).await.expect("it looks").is_empty());
    two.placement.drains().await.expect("it says so");
    assert_eq!(names(one.placement.take_patiently(9).await.expect("it takes")), ["idle"]);
    given_back(&one, &["idle"]).await;
    assert!(two.placement.stays().await.expect("it says so"));
    two.die().await;
    declared_dead(&store, "n2").await;
    assert_eq!(names(one.placement.take_patiently(9).await.expect("it takes")), [SHARD, "idle"]);
    one.leave().await;
}

pub(crate) async fn where_something_is_near_is_noted_by_its_owner_and_it_is_given_away_last(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    one.placement.claim(SHARD).await.expect("nobody holds it");
    for entity in ["community:1", "community:2", "community:3"] {
        one.placement.claim(entity).await.expect("nobody holds it");
    }
    one.placement.note_near("community:1", SHARD);
    one.placement.note_near("community:9", SHARD);
    let near = async || {
        let rows = store.all(sql("SELECT entity_id FROM coordination WHERE near = $1").bind(SHARD)).await.expect("an answer");
        rows.iter().map(|row| row.get("entity_id").expect("a name")).collect::<Vec<String>>()
    };
    let limit = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while near().await.is_empty() {
            tokio::task::yield_now().await;
        }
    });
    limit.await.expect("it is written");
    assert_eq!(near().await, ["community:1"]);
    let leaders = one.placement.leaders().await.expect("an answer");
    let communities: Vec<_> = leaders.iter().filter(|leader| leader.claim.entity != SHARD).collect();
    assert_eq!(
        communities.iter().map(|leader| (leader.claim.entity.as_str(), leader.near.as_str())).collect::<Vec<_>>(),
        [("community:2", ""), ("community:3", ""), ("community:1", "n1")]
    );
    one.leave().await;
}
