//! Transactions that wait together share one commit on SQLite, and a server that comes back is used again.

use futures_util::future::join_all;
use waddlebot_runtime::store::{Store, StoreError, sql};

use crate::place::{Server, claimed, opened, points, sqlite};

async fn point(store: &Store, user: usize) -> Result<(), StoreError> {
    let claim = waddlebot_runtime::store::Claim { entity: "local:lobby".into(), owner: "n1".into(), incarnation: 7, epoch: 1 };
    let mut tx = store.begin_fenced(&claim).await?;
    tx.run(
        sql("INSERT INTO activity_points (community_id, platform, user_id, points) VALUES (1, 'local', $1, 1)")
            .bind(format!("user {user}")),
    )
    .await?;
    tx.into_inner().commit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_wait_together_share_commits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = opened(&sqlite(&folder)).await;
    claimed(&store).await;
    let before = store.commits();
    let writers = (0..640).map(|user| {
        let store = store.clone();
        waddlebot_runtime::spawn::task("test", async move { point(&store, user).await })
    });
    for writer in join_all(writers).await {
        writer.expect("a writer").expect("a commit");
    }
    let commits = store.commits() - before;
    assert_eq!(points(&store).await, 640);
    assert!(commits <= 64, "640 transactions took {commits} commits");
}

#[tokio::test]
async fn a_lone_writer_is_committed_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = opened(&sqlite(&folder)).await;
    claimed(&store).await;
    let before = store.commits();
    for user in 0..10 {
        point(&store, user).await.expect("a commit");
    }
    assert_eq!(store.commits() - before, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_used_again() {
    let mut server = Server::start();
    let store = opened(&server.place()).await;
    claimed(&store).await;
    point(&store, 1).await.expect("a commit");
    let claim = waddlebot_runtime::store::Claim { entity: "local:lobby".into(), owner: "n1".into(), incarnation: 7, epoch: 1 };
    let mut cut = store.begin_fenced(&claim).await.expect("a transaction");
    server.postgres().kill_9();
    let gone = cut.run(sql("UPDATE activity_points SET points = 9")).await;
    assert!(matches!(gone, Err(StoreError::Lost(_))), "{gone:?}");
    assert!(cut.into_inner().commit().await.is_err());
    let waits = store.clone();
    let waiter = waddlebot_runtime::spawn::task("test", async move { point(&waits, 2).await });
    server.postgres().start_again();
    waiter.await.expect("a writer").expect("who waited for the server is served");
    assert_eq!(points(&store).await, 2);
}
