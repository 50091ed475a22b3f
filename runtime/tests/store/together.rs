//! What several claims write at the same moment goes together; what goes wrong for one is its own.

use futures_util::future::join_all;
use waddlebot_runtime::store::{Claim, Sql, Store, StoreError, sql};

use crate::place::{Server, opened, points};

fn rows(user: &str, points: i64) -> Sql {
    Sql::rows("INSERT INTO activity_points (community_id, platform, user_id, points) VALUES", 4, "ON CONFLICT DO NOTHING")
        .bind(1)
        .bind("local")
        .bind(user)
        .bind(points)
}

async fn claims(store: &Store, many: usize) -> Vec<Claim> {
    let mut tx = store.begin().await.expect("a transaction");
    let claims: Vec<_> =
        (0..many).map(|at| Claim { entity: format!("community:{at}"), owner: "n1".into(), incarnation: 7, epoch: 1 }).collect();
    for claim in &claims {
        let text = "INSERT INTO coordination (entity_id, claimed_by, incarnation, epoch) VALUES ($1, 'n1', 7, 1)";
        tx.run(sql(text).bind(&claim.entity)).await.expect("a claim");
    }
    tx.commit().await.expect("a commit");
    claims
}

/// Each writes a row of its own; says of each how it went.
async fn all_write(store: &Store, claims: &[Claim]) -> Vec<Result<bool, StoreError>> {
    let writes = claims.iter().enumerate().map(|(at, claim)| {
        let rows = [rows(&format!("user {at}"), 1)];
        async move { store.write_together(claim, &rows).await }
    });
    join_all(writes).await
}

#[tokio::test]
async fn writes_that_are_ready_together_share_a_commit() {
    let server = Server::start();
    let store = opened(&server.place()).await;
    let claims = claims(&store, 40).await;
    let before = store.commits();
    for written in all_write(&store, &claims).await {
        assert!(written.expect("the database is there"));
    }
    assert_eq!(points(&store).await, 40);
    let commits = store.commits() - before;
    assert!(commits <= 4, "40 writes took {commits} commits");
}

#[tokio::test]
async fn a_stale_claim_writes_nothing_and_keeps_nobody_from_it() {
    let server = Server::start();
    let store = opened(&server.place()).await;
    let mut claims = claims(&store, 10).await;
    claims[3].epoch = 0;
    claims[4].owner = "n2".into();
    let written: Vec<_> = all_write(&store, &claims).await.into_iter().map(|one| one.expect("the database is there")).collect();
    let expected: Vec<_> = (0..10).map(|at| at != 3 && at != 4).collect();
    assert_eq!(written, expected);
    assert_eq!(points(&store).await, 8);
}

#[tokio::test]
async fn a_claim_that_moves_just_now_keeps_nobody_waiting() {
    let server = Server::start();
    let store = opened(&server.place()).await;
    let claims = claims(&store, 3).await;
    let mut moving = store.begin().await.expect("a transaction");
    let moves = sql("UPDATE coordination SET claimed_by = 'n2', epoch = 2 WHERE entity_id = $1").bind(&claims[1].entity);
    moving.run(moves).await.expect("it moves");
    let written: Vec<_> = all_write(&store, &claims).await.into_iter().map(|one| one.expect("the database is there")).collect();
    assert_eq!(written, [true, false, true]);
    moving.commit().await.expect("it moved");
    assert_eq!(points(&store).await, 2);
}

#[tokio::test]
async fn of_who_writes_what_is_there_or_cannot_be_nothing_is_left() {
    let server = Server::start();
    let store = opened(&server.place()).await;
    let claims = claims(&store, 1).await;
    let write = async |writes: &[Sql]| store.write_together(&claims[0], writes).await.expect("the database is there");
    assert!(write(&[rows("ana", 1)]).await);
    assert!(!write(&[rows("bob", 1), rows("ana", 1)]).await, "one of its rows is there");
    let nowhere = Sql::rows("INSERT INTO nowhere (id) VALUES", 1, "").bind("bob");
    assert!(!write(&[rows("bob", 1), nowhere]).await, "the database refuses one");
    assert!(!write(&[sql("DELETE FROM activity_points")]).await, "it is no row");
    assert_eq!(points(&store).await, 1);
    assert!(write(&[rows("bob", 1)]).await, "what failed harms nobody later");
}

#[tokio::test]
async fn who_gives_up_waiting_and_a_lost_server_leave_nobody_behind() {
    let mut server = Server::start();
    let store = opened(&server.place()).await;
    let claims = claims(&store, 2).await;
    let first = [rows("ana", 1)];
    let mut given_up = Box::pin(store.write_together(&claims[0], &first));
    assert!(futures_util::poll!(given_up.as_mut()).is_pending());
    drop(given_up);
    assert!(store.write_together(&claims[1], &[rows("bob", 1)]).await.expect("the database is there"));
    // Another one puts in the same row, and does not say yet whether it stays.
    let mut other = store.begin_fenced(&claims[0]).await.expect("a transaction");
    other.run(rows("eve", 1)).await.expect("a row");
    let (waits, claim) = (store.clone(), claims[1].clone());
    let writing = waddlebot_runtime::spawn::task("test", async move { waits.write_together(&claim, &[rows("eve", 1)]).await });
    let waiting = "SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted";
    while store.one(sql(waiting)).await.expect("an answer").expect("a row").get::<i64>("waiting").expect("a number") == 0 {
        tokio::task::yield_now().await;
    }
    server.postgres().kill_9();
    let written = writing.await.expect("an answer");
    assert!(matches!(written, Err(StoreError::Lost(_))), "{written:?}");
    drop(other);
    server.postgres().start_again();
    assert!(store.write_together(&claims[1], &[rows("eve", 1)]).await.expect("it is back"));
}
