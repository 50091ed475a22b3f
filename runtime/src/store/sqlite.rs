//! SQLite: readers beside one writer, and one commit for all transactions that waited for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite as Driver};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, oneshot};

use super::StoreError;
use crate::spawn;

/// The file's readers and its one writer.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    writer: Arc<Mutex<Writer>>,
    waiting: Arc<Notify>,
}

/// The one connection that writes. Between the first `BEGIN` and the commit it holds a group:
/// finished transactions whose callers wait for the commit they share.
#[derive(Debug)]
struct Writer {
    connection: Option<SqliteConnection>,
    open: bool,
    /// A transaction was dropped halfway: undo it before anything else.
    torn: bool,
    waiters: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

impl Sqlite {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        writable(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", "4000")
            .disable_statement_logging();
        let opened = |error: sqlx::Error| diagnosed(path, error);
        let mut writer = SqliteConnection::connect_with(&options).await.map_err(opened)?;
        sqlx::query("SELECT count(*) FROM sqlite_master").execute(&mut writer).await.map_err(opened)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .min_connections(0)
            .idle_timeout(Duration::from_secs(60))
            .connect_lazy_with(options.read_only(false).pragma("query_only", "0"));
        let writer = Writer { connection: Some(writer), open: false, torn: false, waiters: Vec::new() };
        let sqlite = Self { readers, writer: Arc::new(Mutex::new(writer)), waiting: Arc::new(Notify::new()) };
        spawn::task("sqlite commit", committer(Arc::downgrade(&sqlite.writer), sqlite.waiting.clone()));
        Ok(sqlite)
    }

    pub(super) async fn connection(&self) -> Result<PoolConnection<Driver>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// Waits for the writer and opens a transaction inside the group that is open.
    pub(super) async fn begin(&self) -> Result<Turn, StoreError> {
        let mut writer = self.writer.clone().lock_owned().await;
        writer.mend().await?;
        if !writer.open {
            writer.run("BEGIN IMMEDIATE").await?;
            writer.open = true;
        }
        writer.torn = true;
        writer.run("SAVEPOINT turn").await?;
        Ok(Turn { writer, waiting: self.waiting.clone() })
    }

    pub(super) async fn close(&self) {
        let mut writer = self.writer.lock().await;
        writer.commit().await;
        if let Some(connection) = writer.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
        drop(writer);
        self.readers.close().await;
        self.waiting.notify_one();
    }
}

/// Commits each group once everybody who waited when it asked has had a turn: the lock is fair.
async fn committer(writer: std::sync::Weak<Mutex<Writer>>, waiting: Arc<Notify>) {
    loop {
        waiting.notified().await;
        let Some(writer) = writer.upgrade() else {
            return;
        };
        let mut writer = writer.lock().await;
        if writer.connection.is_none() {
            return;
        }
        writer.commit().await;
    }
}

impl Writer {
    async fn run(&mut self, text: &'static str) -> Result<(), StoreError> {
        sqlx::query(text).execute(self.connection()?).await?;
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or_else(|| StoreError::Lost("it was closed".into()))
    }

    async fn mend(&mut self) -> Result<(), StoreError> {
        if self.torn {
            self.run("ROLLBACK TO turn").await?;
            self.run("RELEASE turn").await?;
            self.torn = false;
        }
        Ok(())
    }

    async fn commit(&mut self) {
        if !self.open {
            return;
        }
        let mut done = self.mend().await;
        if done.is_ok() {
            done = self.run("COMMIT").await;
        }
        if done.is_err() {
            // Whatever failed, nothing of this group may stay open for the next one.
            self.run("ROLLBACK").await.ok();
            self.torn = false;
        }
        self.open = false;
        let failed = done.err().map(|error| error.to_string());
        for waiter in self.waiters.drain(..) {
            let answer = match &failed {
                None => Ok(()),
                Some(why) => Err(StoreError::Lost(why.clone())),
            };
            waiter.send(answer).ok();
        }
    }
}

/// One transaction's turn with the writer. Dropped unfinished, it is undone.
#[derive(Debug)]
pub(super) struct Turn {
    writer: OwnedMutexGuard<Writer>,
    waiting: Arc<Notify>,
}

impl Turn {
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.writer.connection()
    }

    /// Ends the turn; the receipt comes true when the group is on disk.
    pub(super) async fn finish(mut self) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        self.writer.run("RELEASE turn").await?;
        self.writer.torn = false;
        let (sender, receiver) = oneshot::channel();
        self.writer.waiters.push(sender);
        Ok(receiver)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.waiting.notify_one();
    }
}

fn writable(path: &Path) -> Result<(), StoreError> {
    let denied = |error: std::io::Error| StoreError::Denied { path: path.to_owned(), why: error.to_string() };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(denied)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(denied)?;
    Ok(())
}

fn diagnosed(path: &Path, error: sqlx::Error) -> StoreError {
    let why = error.to_string();
    let code = error.as_database_error().and_then(|cause| cause.code().map(|code| code.into_owned()));
    match code.as_deref() {
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Some("11" | "26") => StoreError::Damaged { path: path.to_owned(), why },
        // SQLITE_READONLY and SQLITE_CANTOPEN
        Some("8" | "14" | "1544") => StoreError::Denied { path: path.to_owned(), why },
        _ => StoreError::from(error),
    }
}
