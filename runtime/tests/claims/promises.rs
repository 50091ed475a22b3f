//! What claims promise, whatever is below them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::gate::Shut;
use waddlebot_runtime::membership::{Before, JoinError};
use waddlebot_runtime::placement::Unclaimed;
use waddlebot_runtime::store::{Claim, Identity, Place, Store, StoreError, sql};

use crate::house::{House, declared_dead, pass, pass_until, soon};
pub(crate) use crate::near::{
    nothing_waits_for_a_node_that_is_gone_goes_or_is_full_nor_does_what_is_live, what_is_near_a_connection_goes_first_to_who_holds_it,
    where_something_is_near_is_noted_by_its_owner_and_it_is_given_away_last,
};
use crate::place::opened;
pub(crate) use crate::words::the_word_an_owner_leaves_reaches_the_next_one_and_nobody_after_a_crash;

const ROOM: &str = "local:lobby";

async fn write(store: &Store, claim: &Claim) -> Result<(), StoreError> {
    let mut tx = store.begin_fenced(claim).await?;
    tx.run(sql("INSERT INTO activity_points (community_id, platform, user_id) VALUES (1, 'local', $1)").bind(claim.epoch.to_string()))
        .await?;
    tx.into_inner().commit().await
}

async fn seq(store: &Store, node: &str) -> i64 {
    let row = store.one(sql("SELECT seq FROM nodes WHERE node_id = $1").bind(node)).await.expect("a query").expect("a row");
    row.get("seq").expect("a number")
}

/// Lets time pass until the last of these nodes has renewed its lease so many times, and all of them may act.
async fn live_on(clock: &Clock, houses: &[&House], steps: usize) {
    let last = houses.last().expect("at least one");
    for _ in 0..steps {
        let before = seq(&last.store, last.here.node_id()).await;
        pass_until("the lease is renewed", clock, houses, async || seq(&last.store, last.here.node_id()).await != before).await;
    }
}

pub(crate) async fn an_epoch_rises_at_each_change_of_owner_and_at_no_other_time(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let first = one.placement.claim(ROOM).await.expect("nobody holds it");
    assert_eq!((first.epoch, first.owner.as_str()), (1, "n1"));
    assert_eq!(one.placement.claim(ROOM).await.expect("it is held"), first);
    assert!(one.placement.release(ROOM).await.expect("it is given back"));
    assert!(!one.placement.release(ROOM).await.expect("it is held no longer"));
    let mut two = House::open("n2", &store, &clock).await;
    let second = two.placement.claim(ROOM).await.expect("it is free");
    assert_eq!((second.epoch, second.owner.as_str()), (2, "n2"));
    assert!(matches!(write(&store, &first).await, Err(StoreError::Stale { .. })));
    write(&store, &second).await.expect("the owner writes");
    one.leave().await;
    two.leave().await;
}

pub(crate) async fn what_another_node_serves_is_not_taken_and_its_owner_is_named(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let mut two = House::open("n2", &store, &clock).await;
    one.placement.claim(ROOM).await.expect("nobody holds it");
    match two.placement.claim(ROOM).await {
        Err(Unclaimed::Elsewhere { owner, epoch, .. }) => assert_eq!((owner.as_str(), epoch), ("n1", 1)),
        other => panic!("{other:?}"),
    }
    assert!(two.placement.take(10).await.expect("it looks").is_empty());
    one.leave().await;
    two.leave().await;
}

pub(crate) async fn a_dead_nodes_claims_are_taken_and_it_can_write_nothing_more(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let mut two = House::open("n2", &store, &clock).await;
    let stale = one.placement.claim(ROOM).await.expect("nobody holds it");
    let gone = one.identity();
    one.die().await;
    declared_dead(&store, "n1").await;
    let taken = two.placement.take(10).await.expect("it is orphaned");
    assert_eq!(taken.iter().map(|claim| (claim.entity.as_str(), claim.epoch)).collect::<Vec<_>>(), [(ROOM, 2)]);
    assert!(matches!(write(&store, &stale).await, Err(StoreError::Stale { .. })));
    assert_eq!(gone.incarnation, stale.incarnation);
    two.leave().await;
}

pub(crate) async fn a_node_that_went_in_good_order_is_followed_at_once(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let first = one.placement.claim(ROOM).await.expect("nobody holds it");
    one.leave().await;
    assert_eq!(one.here.gate().wait(Duration::ZERO, Duration::ZERO).await, Err(Shut::Surrendered));
    // The clock stands still: nobody waited for anything.
    let mut again = House::open("n1", &store, &clock).await;
    assert_eq!(again.identity().incarnation, first.incarnation + 1);
    assert_eq!(again.placement.claim(ROOM).await.expect("it is free").epoch, 2);
    again.leave().await;
}

pub(crate) async fn two_nodes_that_ask_at_once_get_one_claim(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut houses = vec![House::open("n1", &store, &clock).await, House::open("n2", &store, &clock).await];
    for round in 0..20 {
        let room = format!("local:room{round}");
        let asked = join_all((0..6).map(|at| houses[at % 2].placement.claim(&room))).await;
        let mut owners: Vec<_> = asked.iter().flatten().map(|claim| (claim.owner.clone(), claim.epoch)).collect();
        owners.dedup();
        assert_eq!(owners.len(), 1, "{asked:?}");
        assert_eq!(owners[0].1, 1);
    }
    for house in &mut houses {
        house.leave().await;
    }
}

pub(crate) async fn what_wants_it_most_is_taken_first_and_no_more_than_the_most(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut tx = store.begin().await.expect("a transaction");
    for (entity, live, priority, viewers) in [
        ("a:idle", false, 100, 0),
        ("a:live", true, 100, 5),
        ("a:busy", true, 100, 50),
        ("a:first", false, 1, 0),
        ("a:broken", true, 1, 99),
    ] {
        let text = "INSERT INTO coordination (entity_id, is_live, priority, viewer_count, status) VALUES ($1, $2, $3, $4, $5)";
        let status = if entity == "a:broken" { "error" } else { "available" };
        tx.run(sql(text).bind(entity).bind(live).bind(i64::from(priority)).bind(i64::from(viewers)).bind(status)).await.expect("a row");
    }
    tx.commit().await.expect("a commit");
    // Somebody else lives, so the errors stay.
    let mut other = House::open("n2", &store, &clock).await;
    let text = "UPDATE coordination SET status = 'error' WHERE entity_id = 'a:broken'";
    let mut tx = store.begin().await.expect("a transaction");
    tx.run(sql(text)).await.expect("an update");
    tx.commit().await.expect("a commit");
    let mut one = House::joined("n1", &store, &clock, Before::Unknown, 3).await.expect("it joins");
    let taken = one.placement.take(2).await.expect("it takes");
    assert_eq!(taken.iter().map(|claim| claim.entity.as_str()).collect::<Vec<_>>(), ["a:busy", "a:live"]);
    let taken = one.placement.take(9).await.expect("it takes");
    assert_eq!(taken.iter().map(|claim| claim.entity.as_str()).collect::<Vec<_>>(), ["a:first"]);
    assert!(matches!(one.placement.claim("a:idle").await, Err(Unclaimed::Full(3))));
    assert!(one.placement.claim("a:live").await.is_ok());
    assert_eq!(one.placement.held().len(), 3);
    one.leave().await;
    other.leave().await;
}

pub(crate) async fn what_is_live_and_what_is_asked_for_waits_for_room_and_what_is_given_back_is_free(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let (mut one, mut two) =
        (House::joined("n1", &store, &clock, Before::Unknown, 2).await.expect("it joins"), House::open("n2", &store, &clock).await);
    let claim = one.placement.claim(ROOM).await.expect("it is free");
    assert!(!one.placement.is_full());
    one.placement.claim_beside("local:beside", ROOM).await.expect("it is free");
    assert!(one.placement.is_full());
    assert_eq!(one.placement.waiting_for_room().await.expect("counted"), (0, 0));
    let add = async |text: &'static str| {
        let mut tx = store.begin().await.expect("a transaction");
        tx.run(sql(text)).await.expect("a row");
        tx.commit().await.expect("a commit");
    };
    add("INSERT INTO coordination (entity_id, is_live) VALUES ('a:live', TRUE), ('a:idle', FALSE)").await;
    add("INSERT INTO coordination (entity_id, is_live, claimed_by, incarnation) VALUES ('a:left', TRUE, 'n2', 0)").await;
    add("INSERT INTO coordination (entity_id, is_live, affinity) VALUES ('a:beside', TRUE, 'a:live'), ('a:outside', TRUE, 'outside')")
        .await;
    add("INSERT INTO coordination (entity_id, is_live, status) VALUES ('a:broken', TRUE, 'error')").await;
    assert!(matches!(one.placement.claim("a:idle").await, Err(Unclaimed::Full(2))));
    assert_eq!(one.placement.waiting_for_room().await.expect("counted"), (2, 1), "what nobody has, and what a former life left");
    assert_eq!(one.placement.waiting_for_room().await.expect("counted"), (2, 0), "who asks again says so again");
    assert_eq!(one.placement.release_many(&[ROOM.to_owned()]).await.expect("an answer"), 2, "and what lives beside it");
    assert!(one.placement.held().is_empty());
    assert!(one.placement.learn().await.expect("it may act").is_empty(), "it is not taken up again");
    assert!(matches!(write(&store, &claim).await, Err(StoreError::Stale { .. })));
    assert_eq!(two.placement.claim(ROOM).await.expect("it is free").epoch, 2);
    one.leave().await;
    two.leave().await;
}

/// An actor that fails again and again takes its entity out of service.
pub(crate) async fn an_entity_that_failed_three_times_is_left_alone_until_a_fresh_start(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    one.placement.claim(ROOM).await.expect("nobody holds it");
    for _ in 0..2 {
        assert!(!one.placement.fails(ROOM, "out of luck", false).await.expect("it is noted"));
    }
    // Nothing failed for a while: it counts from none.
    clock.turn(Duration::from_secs(700));
    pass_until("the lease is renewed", &clock, &[&one], async || true).await;
    for round in 1..=3 {
        assert_eq!(one.placement.fails(ROOM, "out of tea", false).await.expect("it is noted"), round == 3);
    }
    assert!(one.placement.held().is_empty());
    let error = one.placement.claim(ROOM).await.expect_err("it is in error");
    assert_eq!(error.to_string(), "local:lobby failed too often and is left alone (out of tea)");
    assert!(one.placement.take(9).await.expect("it looks").is_empty());
    one.placement.claim("local:other").await.expect("nobody holds it");
    assert!(one.placement.fails("local:other", "gave up", true).await.expect("it is noted"));
    one.leave().await;
    let mut again = House::open("n1", &store, &clock).await;
    assert_eq!(again.placement.claim(ROOM).await.expect("another chance").epoch, 2);
    again.leave().await;
}

pub(crate) async fn what_was_given_away_is_never_taken_up_at_its_old_epoch(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let first = one.placement.claim(ROOM).await.expect("nobody holds it");
    // The target does not live, so the row still names this node: as when the answer to a hand-over was lost.
    let nobody = Identity { node_id: "n9".into(), incarnation: 1 };
    assert_eq!(one.placement.hand_over(ROOM, &nobody).await.expect("an answer"), None);
    assert!(one.placement.held().is_empty());
    let again = one.placement.claim(ROOM).await.expect("nobody else holds it");
    assert_eq!((again.epoch, again.owner.as_str()), (2, "n1"));
    assert!(matches!(write(&store, &first).await, Err(StoreError::Stale { .. })));
    assert_eq!(one.placement.claim(ROOM).await.expect("it is held"), again);
    one.leave().await;
}

pub(crate) async fn a_hand_over_goes_to_a_living_node_only(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let mut two = House::open("n2", &store, &clock).await;
    one.placement.claim(ROOM).await.expect("nobody holds it");
    let given = one.placement.hand_over(ROOM, &two.identity()).await.expect("an answer").expect("it lives");
    assert_eq!((given.epoch, given.owner.as_str()), (2, "n2"));
    assert_eq!(two.placement.claim(ROOM).await.expect("it was given it"), given);
    match one.placement.claim(ROOM).await {
        Err(Unclaimed::Elsewhere { owner, epoch, .. }) => assert_eq!((owner.as_str(), epoch), ("n2", 2)),
        other => panic!("{other:?}"),
    }
    assert_eq!(one.placement.hand_over(ROOM, &two.identity()).await.expect("an answer"), None);
    one.leave().await;
    two.leave().await;
}

pub(crate) async fn what_was_handed_over_is_learned_of_once_and_what_is_held_is_not_read_for_it(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let mut two = House::open("n2", &store, &clock).await;
    // A new life looks at all it holds, once.
    assert!(two.placement.learn().await.expect("it may act").is_empty());
    one.placement.claim(ROOM).await.expect("nobody holds it");
    one.placement.claim_beside("local:beside", ROOM).await.expect("nobody holds it");
    assert_eq!(one.placement.hand_over_many(&[ROOM.into()], &two.identity()).await.expect("an answer"), 2);
    // What the rows say without a mark is not looked at: as a claim whose answer is on its way.
    let text =
        "INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch, status) VALUES ('local:marked', 'n2', 1, 1, 'claimed')";
    let mut tx = store.begin().await.expect("begun");
    tx.run(sql(text)).await.expect("written");
    tx.commit().await.expect("committed");
    let mut learned: Vec<_> = two.placement.learn().await.expect("it may act").into_iter().map(|claim| claim.entity).collect();
    learned.sort();
    assert_eq!(learned, ["local:beside", ROOM]);
    assert!(two.placement.learn().await.expect("it may act").is_empty());
    // Now and then all is read, as a net.
    let mut late = Vec::new();
    for _ in 0..60 {
        late.extend(two.placement.learn().await.expect("it may act").into_iter().map(|claim| claim.entity));
    }
    assert_eq!(late, ["local:marked"]);
    one.leave().await;
    two.leave().await;
}

pub(crate) async fn what_several_who_are_gone_left_is_taken_with_what_nobody_had(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let text = "INSERT INTO nodes (node_id, incarnation, seq, state) VALUES ('g1', 3, 1, 'dead'), ('g2', 1, 1, 'down'), ('g3', 2, 1, 'up'), \
                ('g4', 1, 1, 'dead'), ('g5', 1, 1, 'up')";
    let claims = "INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch, status) VALUES ('local:a', 'g1', 2, 1, 'claimed'), \
                  ('local:b', 'g2', 1, 1, 'claimed'), ('local:c', 'g3', 1, 1, 'claimed'), ('local:d', NULL, 0, 0, 'available'), \
                  ('local:e', 'g4', 1, 1, 'claimed'), ('local:f', 'g4', 1, 1, 'claimed'), ('local:held', 'g5', 1, 1, 'claimed'), \
                  ('local:held too', 'g3', 2, 1, 'claimed')";
    let mut tx = store.begin().await.expect("begun");
    tx.run(sql(text)).await.expect("written");
    tx.run(sql(claims)).await.expect("written");
    tx.commit().await.expect("committed");
    assert_eq!(one.placement.untaken().await.expect("counted"), 6);
    let (mut taken, mut looks) = (Vec::new(), 0);
    while one.placement.untaken().await.expect("counted") > 0 {
        taken.extend(one.placement.take(10).await.expect("it may take").into_iter().map(|claim| claim.entity));
        looks += 1;
    }
    taken.sort();
    assert_eq!((taken.join(" "), looks), ("local:a local:b local:c local:d local:e local:f".to_owned(), 2));
    one.leave().await;
}

pub(crate) async fn a_second_process_of_the_same_name_is_refused(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let (second, turned) = (store.clone(), clock.clone());
    let joining =
        waddlebot_runtime::spawn::task("second", async move { House::joined("n1", &second, &turned, Before::Unknown, 9).await.map(drop) });
    while !joining.is_finished() {
        live_on(&clock, &[&one], 1).await;
    }
    let refusal = joining.await.expect("it ends").expect_err("the name is taken");
    assert!(matches!(refusal.downcast_ref::<JoinError>(), Some(JoinError::Taken { .. })), "{refusal}");
    assert!(refusal.to_string().contains("another process runs as node \"n1\""), "{refusal}");
    assert_eq!(one.identity().incarnation, 1);
    one.leave().await;
}

pub(crate) async fn a_silent_predecessor_is_followed_after_a_whole_lease(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let stale = one.placement.claim(ROOM).await.expect("nobody holds it");
    one.die().await;
    let (second, turned) = (store.clone(), clock.clone());
    let joining = waddlebot_runtime::spawn::task("second", async move { House::open("n1", &second, &turned).await });
    let from = clock.since_boot();
    while !joining.is_finished() {
        pass(&clock, &[]).await;
    }
    assert!(clock.since_boot() - from >= Duration::from_secs(6), "it watched for a whole lease");
    let mut again = joining.await.expect("it joins");
    // The clock went on while it joined, so its lease may have to be renewed before it acts.
    pass_until("it may act", &clock, &[&again], async || true).await;
    assert_eq!(again.identity().incarnation, 2);
    assert_eq!(again.placement.claim(ROOM).await.expect("its owner is gone").epoch, stale.epoch + 1);
    assert!(matches!(write(&store, &stale).await, Err(StoreError::Stale { .. })));
    again.leave().await;
}

pub(crate) async fn a_proven_end_is_followed_at_once(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let ended = one.identity().incarnation;
    one.die().await;
    let mut two = House::joined("n1", &store, &clock, Before::Ended(ended), 9).await.expect("it joins at once");
    assert_eq!(two.identity().incarnation, ended + 1);
    two.die().await;
    let mut three = House::joined("n1", &store, &clock, Before::Alone, 9).await.expect("it joins at once");
    assert_eq!(three.identity().incarnation, ended + 2);
    three.leave().await;
}

pub(crate) async fn a_lease_that_is_not_renewed_freezes_and_a_later_renewal_goes_on_with_the_same_epochs(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let claim = one.placement.claim(ROOM).await.expect("nobody holds it");
    live_on(&clock, &[&one], 3).await;
    assert!(one.here.gate().open(Duration::from_secs(1)));
    // Whoever holds this row keeps the renewal from its answer.
    let mut held = store.begin().await.expect("a transaction");
    held.run(sql("UPDATE nodes SET load = 0 WHERE node_id = 'n1'")).await.expect("an update");
    clock.turn(Duration::from_secs(6));
    assert!(!one.here.gate().open(Duration::ZERO));
    let (frozen, placement) = (clock.clone(), one.placement.clone());
    let waiting = waddlebot_runtime::spawn::task("waiting", async move { placement.claim("local:other").await });
    soon("it gives up", || {
        frozen.turn(Duration::from_millis(500));
        waiting.is_finished()
    })
    .await;
    let refusal = waiting.await.expect("it ends").expect_err("a frozen node takes nothing");
    assert!(matches!(refusal, Unclaimed::Shut(Shut::Frozen)), "{refusal}");
    drop(held);
    pass_until("it renews and goes on", &clock, &[&one], async || true).await;
    assert_eq!(one.placement.claim(ROOM).await.expect("it is still held"), claim);
    write(&store, &claim).await.expect("the same epoch writes");
    assert_eq!(one.tenants.vacated.load(Ordering::SeqCst), 0);
    one.leave().await;
}

pub(crate) async fn a_node_declared_dead_stops_its_tenants_and_returns_in_a_new_life(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let stale = one.placement.claim(ROOM).await.expect("nobody holds it");
    declared_dead(&store, "n1").await;
    let tenants = one.tenants.clone();
    soon("it hears that it is dead", || {
        clock.turn(Duration::from_millis(20));
        tenants.vacated.load(Ordering::SeqCst) == 1
    })
    .await;
    soon("it is back", || tenants.resumed.load(Ordering::SeqCst) == 1).await;
    assert_eq!(one.identity().incarnation, stale.incarnation + 1);
    assert!(one.placement.held().is_empty());
    assert!(one.here.gate().open(Duration::from_secs(1)));
    let claim = one.placement.claim(ROOM).await.expect("it is claimed anew");
    assert_eq!(claim.epoch, stale.epoch + 1);
    assert!(matches!(write(&store, &stale).await, Err(StoreError::Stale { .. })));
    live_on(&clock, &[&one], 2).await;
    one.leave().await;
}

pub(crate) async fn an_epoch_never_has_two_owners_in_the_history(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let mut two = House::open("n2", &store, &clock).await;
    for _ in 0..3 {
        one.placement.claim(ROOM).await.expect("nobody holds it");
        one.placement.hand_over(ROOM, &two.identity()).await.expect("an answer").expect("it lives");
        two.placement.claim(ROOM).await.expect("it was given it");
        two.placement.release(ROOM).await.expect("it is given back");
    }
    let rows = store.all(sql("SELECT epoch, owner FROM claim_history ORDER BY epoch")).await.expect("a query");
    let owners: Vec<(i64, String)> = rows.iter().map(|row| (row.get("epoch").expect("it"), row.get("owner").expect("it"))).collect();
    let expected: Vec<_> = (1..=6).map(|epoch| (epoch, if epoch % 2 == 1 { "n1".to_owned() } else { "n2".to_owned() })).collect();
    assert_eq!(owners, expected);
    let text = "INSERT INTO claim_history (entity_id, epoch, owner, incarnation, claimed_at) VALUES ($1, 6, 'n3', 1, 0)";
    let mut tx = store.begin().await.expect("a transaction");
    assert!(matches!(tx.run(sql(text).bind(ROOM)).await, Err(StoreError::Taken)));
    drop(tx);
    one.leave().await;
    two.leave().await;
}

pub(crate) async fn a_silent_node_is_declared_dead(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    let mut two = House::open("n2", &store, &clock).await;
    let stale = one.placement.claim(ROOM).await.expect("nobody holds it");
    live_on(&clock, &[&one, &two], 3).await;
    assert!(matches!(two.placement.claim(ROOM).await, Err(Unclaimed::Elsewhere { .. })));
    let deaths = two.here.deaths();
    assert!(!deaths.has_changed().expect("the node is a member"), "everybody lives");
    one.die().await;
    let died = clock.since_boot();
    let claim = loop {
        live_on(&clock, &[&two], 1).await;
        match two.placement.claim(ROOM).await {
            Ok(claim) => break claim,
            Err(Unclaimed::Elsewhere { .. }) => assert!(clock.since_boot() - died < Duration::from_secs(60), "nobody noticed"),
            Err(other) => panic!("{other}"),
        }
    };
    assert!(clock.since_boot() - died >= Duration::from_secs(5), "it was given a whole lease");
    assert!(deaths.has_changed().expect("the node is a member"), "who looks after claims is told");
    assert_eq!((claim.owner.as_str(), claim.epoch), ("n2", stale.epoch + 1));
    assert!(matches!(write(&store, &stale).await, Err(StoreError::Stale { .. })));
    two.leave().await;
}

pub(crate) async fn who_asks_several_times_at_once_gets_the_same_claim(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    for round in 0..20 {
        let entity = format!("local:room{round}");
        let claims = join_all((0..8).map(|_| one.placement.claim(&entity))).await;
        for claim in claims {
            assert_eq!(claim.expect("nobody else wants it").epoch, 1);
        }
    }
    one.leave().await;
}

pub(crate) async fn what_is_on_air_is_noted_and_its_leader_with_it(place: Place) {
    let (store, clock) = (opened(&place).await, Clock::turned());
    let mut one = House::open("n1", &store, &clock).await;
    one.placement.claim("community:7").await.expect("nobody holds it");
    one.placement.claim_beside("local:a", "community:7").await.expect("nobody holds it");
    one.placement.claim_beside("local:b", "community:7").await.expect("nobody holds it");
    let noted = async |wanted: (bool, i64)| {
        let text = "SELECT is_live, viewer_count FROM coordination WHERE entity_id = 'community:7'";
        pass_until("it is noted", &clock, &[&one], async || {
            let row = store.one(sql(text)).await.expect("a query").expect("a row");
            (row.get::<bool>("is_live").expect("a bool"), row.get::<i64>("viewer_count").expect("a number")) == wanted
        })
        .await;
    };
    one.placement.note_airing("local:a", "community:7", true, 40);
    one.placement.note_airing("local:b", "community:7", true, 2);
    noted((true, 42)).await;
    one.placement.note_airing("local:a", "community:7", false, 0);
    noted((true, 2)).await;
    one.placement.note_airing("local:b", "community:7", false, 0);
    noted((false, 0)).await;
    one.leave().await;
}
