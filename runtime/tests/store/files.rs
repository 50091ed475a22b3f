//! Databases that cannot be opened say why, and where.

use std::path::{Path, PathBuf};

use waddlebot_runtime::store::{Place, Store, StoreError, file_in, sql};

use crate::place::{opened, sqlite};

async fn refusal(path: &Path) -> StoreError {
    match Store::open(&Place::Sqlite(path.to_owned())).await {
        Err(refusal) => refusal,
        Ok(_) => panic!("{} was opened", path.display()),
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged_and_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file_in(folder.path());
    let letters = b"Dear diary, this is no database at all. ".repeat(400);
    std::fs::write(&path, &letters).expect("a file");
    let refusal = refusal(&path).await;
    assert!(matches!(&refusal, StoreError::Damaged { path: named, .. } if *named == path), "{refusal:?}");
    assert!(refusal.to_string().contains("restore a backup"), "{refusal}");
    assert_eq!(std::fs::read(&path).expect("the file"), letters);
}

#[tokio::test]
async fn a_database_whose_first_page_is_destroyed_is_damaged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file_in(folder.path());
    opened(&sqlite(&folder)).await.close().await;
    let mut bytes = std::fs::read(&path).expect("the database");
    // The header stays whole, the schema's page does not.
    bytes[100..4096].fill(0xa5);
    std::fs::write(&path, bytes).expect("the damage");
    let refusal = refusal(&path).await;
    assert!(matches!(refusal, StoreError::Damaged { .. }), "{refusal:?}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_denied() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").expect("a file");
    let directory = folder.path().join("directory.db");
    std::fs::create_dir(&directory).expect("a folder");
    for path in [file.join("waddlebot.db"), directory, PathBuf::from("/proc/waddlebot/waddlebot.db"), PathBuf::from("/proc/waddlebot.db")] {
        let refusal = refusal(&path).await;
        assert!(matches!(&refusal, StoreError::Denied { path: named, .. } if *named == path), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_missing_folder_is_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file_in(&folder.path().join("a/b"));
    opened(&Place::Sqlite(path.clone())).await.close().await;
    assert!(path.exists());
}

#[tokio::test]
async fn a_second_store_on_the_file_opens_and_closes_without_harm_to_the_first() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = opened(&sqlite(&folder)).await;
    for n in 0..5 {
        let mut tx = first.begin().await.expect("a transaction");
        let insert = sql("INSERT INTO communities (id, name, created_at) VALUES ($1, 'ducks', 0)").bind(i64::from(n) + 10);
        tx.run(insert).await.expect("a row");
        tx.commit().await.expect("a commit");
        let second = Store::open(&sqlite(&folder)).await.expect("it opens");
        assert_eq!(second.all(sql("SELECT id FROM communities WHERE id >= 10")).await.expect("a query").len(), n as usize + 1);
        second.close().await;
    }
    first.close().await;
    assert_eq!(opened(&sqlite(&folder)).await.all(sql("SELECT id FROM communities WHERE id >= 10")).await.expect("a query").len(), 5);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_lost_and_its_password_is_not_told() {
    let port = waddlebot_testbed::free_port();
    let url = format!("postgres://ana:hunter2@127.0.0.1:{port}/ducks");
    let lost = Store::open(&Place::Postgres { url, replica: None }).await.expect_err("nobody listens there");
    assert!(matches!(lost, StoreError::Lost(_)), "{lost:?}");
    assert!(!lost.to_string().contains("hunter2"), "{lost}");
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_refused_and_not_repeated() {
    let url = "mysql://ana:hunter2@host".to_owned();
    let refused = Store::open(&Place::Postgres { url, replica: None }).await.expect_err("no address");
    assert!(matches!(refused, StoreError::Address), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));
}
