//! What the store promises, whatever is below it.

use std::task::Poll;

use futures_util::future::{join_all, poll_fn};
use waddlebot_runtime::store::{Claim, Place, Sql, Store, StoreError, sql};

use crate::place::{claimed, opened, points};

pub(crate) use crate::crash::what_was_receipted_survives_kill_9;

fn point(user: i64) -> Sql {
    sql("INSERT INTO activity_points (community_id, platform, user_id, points) VALUES (1, 'local', $1, 1) \
         ON CONFLICT (community_id, platform, user_id) DO UPDATE SET points = activity_points.points + 1")
    .bind(user.to_string())
}

fn channel(name: &str) -> Sql {
    sql("INSERT INTO channels (entity_id, community_id, platform, channel_id, created_at) VALUES ($1, 1, 'local', 'lobby', 0)").bind(name)
}

async fn channels(store: &Store) -> usize {
    store.all(sql("SELECT entity_id FROM channels")).await.expect("a query").len()
}

pub(crate) async fn an_empty_database_is_brought_up_to_date_once(place: Place) {
    let store = Store::open(&place).await.expect("an empty database opens");
    assert!(store.migrate().await.expect("the first time") > 0);
    assert_eq!(store.migrate().await.expect("the second time"), 0);
    let again = Store::open(&place).await.expect("it opens again");
    assert_eq!(again.migrate().await.expect("another program's time"), 0);
}

pub(crate) async fn two_programs_may_bring_it_up_to_date_at_once(place: Place) {
    let stores = join_all((0..4).map(|_| Store::open(&place))).await;
    let applied = join_all(stores.iter().map(|store| store.as_ref().expect("it opens").migrate())).await;
    let applied: Vec<_> = applied.into_iter().map(|count| count.expect("nobody fails")).collect();
    assert_eq!(applied.iter().filter(|count| **count > 0).count(), 1, "{applied:?}");
}

pub(crate) async fn increments_at_once_lose_nothing(place: Place) {
    let store = opened(&place).await;
    let claim = claimed(&store).await;
    let writers = (0..16).map(|_| {
        let (store, claim) = (store.clone(), claim.clone());
        waddlebot_runtime::spawn::task("test", async move {
            for _ in 0..100 {
                let mut tx = store.begin_fenced(&claim).await.expect("a transaction");
                tx.run(point(1)).await.expect("an increment");
                tx.into_inner().commit().await.expect("a commit");
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("a writer");
    }
    assert_eq!(points(&store).await, 1600);
}

pub(crate) async fn a_dropped_transaction_leaves_nothing(place: Place) {
    let store = opened(&place).await;
    let mut dropped = store.begin().await.expect("a transaction");
    dropped.run(channel("dropped")).await.expect("a row");
    drop(dropped);
    let mut kept = store.begin().await.expect("a transaction");
    kept.run(channel("kept")).await.expect("a row");
    kept.commit().await.expect("a commit");
    let rows = store.all(sql("SELECT entity_id FROM channels")).await.expect("a query");
    let names: Vec<String> = rows.iter().map(|row| row.get("entity_id").expect("a name")).collect();
    assert_eq!(names, ["kept"]);
}

pub(crate) async fn who_gives_up_at_any_step_leaves_nothing_and_blocks_nobody(place: Place) {
    let store = opened(&place).await;
    let claim = claimed(&store).await;
    let mut sure = 0;
    let mut maybe = 0;
    for patience in 0..120 {
        let fenced = patience % 2 == 0;
        let written = tokio::sync::Mutex::new(false);
        let mut transaction = Box::pin(async {
            let mut tx = if fenced {
                store.begin_fenced(&claim).await.expect("a transaction").into_inner()
            } else {
                store.begin().await.expect("a transaction")
            };
            // SQLite answers at once: here is where one may give up between two statements.
            tokio::task::yield_now().await;
            tx.run(channel(&format!("c{patience}"))).await.expect("a row");
            tokio::task::yield_now().await;
            let receipt = tx.finish().await.expect("an end");
            *written.lock().await = true;
            receipt.safe().await.expect("a commit");
        });
        let mut polls = 0;
        // Polled no more than `patience` times, then dropped wherever it is.
        let done = poll_fn(|cx| {
            if polls == patience / 4 {
                return Poll::Ready(false);
            }
            polls += 1;
            transaction.as_mut().poll(cx).map(|()| true)
        })
        .await;
        drop(transaction);
        sure += usize::from(done);
        maybe += usize::from(!done);
        // The next one is served whatever happened.
        let mut tx = store.begin_fenced(&claim).await.expect("the next transaction");
        tx.run(point(1)).await.expect("an increment");
        tx.into_inner().commit().await.expect("a commit");
    }
    assert_eq!(points(&store).await, 120);
    let there = channels(&store).await;
    assert!(there >= sure && there <= sure + maybe, "{sure} were committed, {there} are there");
    assert!(maybe > 8, "some must have given up");
}

pub(crate) async fn a_failing_statement_undoes_its_own_transaction_and_no_other(place: Place) {
    let store = opened(&place).await;
    let claim = claimed(&store).await;
    let writers = (0..24).map(|n| {
        let (store, claim) = (store.clone(), claim.clone());
        waddlebot_runtime::spawn::task("test", async move {
            let mut tx = store.begin_fenced(&claim).await.expect("a transaction");
            tx.run(point(n)).await.expect("an increment");
            if n % 3 == 0 {
                let fault = tx.run(sql("UPDATE activity_points SET no_such_column = 1")).await;
                assert!(matches!(fault, Err(StoreError::Refused(_))), "{fault:?}");
                let after = tx.run(point(n)).await;
                assert!(matches!(after, Err(StoreError::Refused(_))), "a failed transaction takes nothing more: {after:?}");
                assert!(tx.into_inner().commit().await.is_err(), "and cannot be committed");
            } else {
                tx.into_inner().commit().await.expect("a commit");
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("a writer");
    }
    assert_eq!(points(&store).await, 16);
}

pub(crate) async fn a_row_that_is_there_already_is_taken(place: Place) {
    let store = opened(&place).await;
    let mut tx = store.begin().await.expect("a transaction");
    tx.run(channel("lobby")).await.expect("the first");
    tx.commit().await.expect("a commit");
    let mut tx = store.begin().await.expect("a transaction");
    assert!(matches!(tx.run(channel("lobby")).await, Err(StoreError::Taken)));
    drop(tx);
    let mut tx = store.begin().await.expect("a transaction");
    let again = tx.run(sql("INSERT INTO channels (entity_id, community_id, platform, channel_id, created_at) \
                            VALUES ('lobby', 1, 'local', 'lobby', 0) ON CONFLICT DO NOTHING"));
    assert_eq!(again.await.expect("no failure"), 0);
    tx.commit().await.expect("still whole");
}

pub(crate) async fn many_rows_go_in_at_once_and_come_out_by_a_list(place: Place) {
    let store = opened(&place).await;
    let mut insert = Sql::rows("INSERT INTO communities (id, name, created_at) VALUES", 3, "ON CONFLICT (id) DO NOTHING");
    for id in 1000..1500_i64 {
        insert = insert.bind(id).bind(format!("community {id}")).bind(0_i64);
    }
    let mut tx = store.begin().await.expect("a transaction");
    assert_eq!(tx.run(insert.clone()).await.expect("a batch"), 500);
    assert_eq!(tx.run(insert).await.expect("the batch again"), 0);
    tx.commit().await.expect("a commit");
    let wanted =
        Sql::rows("SELECT id, name FROM communities WHERE id IN", 1, "ORDER BY id DESC").bind(1003_i64).bind(1499_i64).bind(1500_i64);
    let rows = store.all(wanted).await.expect("a query");
    let names: Vec<String> = rows.iter().map(|row| row.get("name").expect("a name")).collect();
    assert_eq!(names, ["community 1499", "community 1003"]);
}

pub(crate) async fn nothing_is_told_apart_from_empty(place: Place) {
    let store = opened(&place).await;
    let mut tx = store.begin().await.expect("a transaction");
    let insert = "INSERT INTO coordination (entity_id, claimed_by, claimed_at, error_message, is_live) VALUES ($1, $2, $3, $4, $5)";
    tx.run(sql(insert).bind("a").bind(None::<String>).bind(None::<i64>).bind("").bind(true)).await.expect("a row of nothing");
    tx.run(sql(insert).bind("b").bind("").bind(0_i64).bind(None::<&str>).bind(false)).await.expect("a row of empty things");
    tx.commit().await.expect("a commit");
    let rows = store.all(sql("SELECT * FROM coordination ORDER BY entity_id")).await.expect("a query");
    let read = |row: usize| {
        let row = &rows[row];
        let live: bool = row.get("is_live").expect("a yes or no");
        (row.get("claimed_by").expect("a text"), row.get("claimed_at").expect("a number"), row.get("error_message").expect("a text"), live)
    };
    assert_eq!(read(0), (None::<String>, None::<i64>, Some(String::new()), true));
    assert_eq!(read(1), (Some(String::new()), Some(0), None, false));
    assert!(rows[0].get::<i64>("no_such_column").is_err());
    assert!(rows[0].get::<String>("claimed_by").is_err(), "nothing is no text");
}

pub(crate) async fn a_stale_epoch_writes_nothing(place: Place) {
    let store = opened(&place).await;
    let claim = claimed(&store).await;
    let others = [
        Claim { epoch: 2, ..claim.clone() },
        Claim { incarnation: 8, ..claim.clone() },
        Claim { owner: "n2".into(), ..claim.clone() },
        Claim { entity: "local:attic".into(), ..claim.clone() },
    ];
    for other in others {
        let refused = store.begin_fenced(&other).await;
        assert!(matches!(&refused, Err(StoreError::Stale { entity }) if *entity == other.entity), "{other:?}: {refused:?}");
    }
    let mut tx = store.begin_fenced(&claim).await.expect("the real one still writes");
    tx.run(point(1)).await.expect("an increment");
    tx.into_inner().commit().await.expect("a commit");
    assert_eq!(points(&store).await, 1);
}

pub(crate) async fn a_take_over_waits_for_a_write_under_the_old_epoch(place: Place) {
    let store = opened(&place).await;
    let claim = claimed(&store).await;
    let mut old = store.begin_fenced(&claim).await.expect("a transaction");
    let taker = store.clone();
    let take_over = waddlebot_runtime::spawn::task("test", async move {
        let mut tx = taker.begin().await.expect("a transaction");
        tx.run(sql("UPDATE coordination SET claimed_by = 'n2', epoch = epoch + 1 WHERE entity_id = 'local:lobby'")).await.expect("a move");
        tx.commit().await.expect("a commit");
    });
    for _ in 0..50 {
        old.run(point(1)).await.expect("an increment");
        assert!(!take_over.is_finished(), "the claim moved under an open write");
    }
    old.into_inner().commit().await.expect("a commit");
    take_over.await.expect("the take-over");
    assert!(matches!(store.begin_fenced(&claim).await, Err(StoreError::Stale { .. })));
    assert_eq!(points(&store).await, 50);
}

pub(crate) async fn a_write_to_a_claimed_table_needs_its_epoch(place: Place) {
    let store = opened(&place).await;
    let mut tx = store.begin().await.expect("a transaction");
    let refused = tx.run(point(1)).await;
    assert!(matches!(&refused, Err(StoreError::Unfenced { table }) if table == "activity_points"), "{refused:?}");
    drop(tx);
    assert_eq!(points(&store).await, 0);
}

pub(crate) async fn a_query_cannot_write(place: Place) {
    let store = opened(&place).await;
    for query in [channel("sneaked"), sql("DELETE FROM channels RETURNING entity_id"), sql("WITH x AS (SELECT 1) SELECT * FROM x")] {
        assert!(matches!(store.all(query.clone()).await, Err(StoreError::Unfenced { .. })), "{query:?}");
        assert!(matches!(store.all_lately(query).await, Err(StoreError::Unfenced { .. })));
    }
    assert_eq!(channels(&store).await, 0);
}

pub(crate) async fn a_finished_transaction_is_seen_by_the_next_and_read_once_safe(place: Place) {
    let store = opened(&place).await;
    let mut first = store.begin().await.expect("a transaction");
    first.run(channel("first")).await.expect("a row");
    let receipt = first.finish().await.expect("an end");
    let mut second = store.begin().await.expect("a transaction");
    assert!(second.one(sql("SELECT entity_id FROM channels")).await.expect("a query").is_some());
    drop(second);
    receipt.safe().await.expect("a commit");
    assert_eq!(channels(&store).await, 1);
}

pub(crate) async fn a_closed_store_refuses_and_does_not_hang(place: Place) {
    let store = opened(&place).await;
    let mut tx = store.begin().await.expect("a transaction");
    tx.run(channel("last")).await.expect("a row");
    let receipt = tx.finish().await.expect("an end");
    store.close().await;
    receipt.safe().await.expect("what was finished before is safe");
    assert!(matches!(store.begin().await, Err(StoreError::Lost(_))));
    assert!(matches!(store.all(sql("SELECT 1 AS one")).await, Err(StoreError::Lost(_))));
    let again = opened(&place).await;
    assert_eq!(channels(&again).await, 1);
}
