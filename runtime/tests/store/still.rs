//! A process that stands still in the middle of a transaction holds nobody up for longer than a lease.

use std::time::Duration;

use waddlebot_runtime::store::{Store, sql};

use crate::place::{Server, opened};

async fn founds(store: &Store) -> waddlebot_runtime::store::Tx {
    let mut tx = store.begin().await.expect("a transaction");
    tx.run(sql("INSERT INTO communities (id, name, created_at) VALUES (77, 'one', 0) ON CONFLICT (id) DO NOTHING")).await.expect("a row");
    tx
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_in_an_open_transaction_lets_others_write_within_a_lease() {
    let server = Server::start();
    let place = server.place();
    let (still, other) = (opened(&place).await, opened(&place).await);
    let silent = founds(&still).await;
    // The same row: it waits for the first to be committed or given up.
    let tx = tokio::time::timeout(Duration::from_secs(30), founds(&other)).await.expect("it need not wait for ever");
    tx.commit().await.expect("committed");
    assert!(silent.commit().await.is_err(), "its transaction was given up");
    let rows = still.all(sql("SELECT name FROM communities WHERE id = 77")).await.expect("its next connection is a good one");
    assert_eq!(rows.len(), 1);
}
