//! SQLite: readers beside one writer, and one commit for all transactions that waited for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite as Driver};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, oneshot};

use super::claims::held;
use super::{Claim, StoreError, migrate, sql};
use crate::spawn;

/// The file's readers and its one writer.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    writer: Arc<Mutex<Writer>>,
    waiting: Arc<Notify>,
    commits: Arc<AtomicU64>,
}

/// The one connection that writes. Between the first `BEGIN` and the commit it holds a group:
/// finished transactions whose callers wait for the commit they share.
#[derive(Debug)]
struct Writer {
    connection: Option<SqliteConnection>,
    state: State,
    waiters: Vec<oneshot::Sender<Result<(), StoreError>>>,
    commits: Arc<AtomicU64>,
}

/// How far the writer is. Each state is entered *before* its statement is sent, so that a caller
/// who gives up halfway leaves behind what has to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No transaction is open.
    Rest,
    /// A group is open and its last turn is over; that turn's savepoint still stands.
    Between,
    /// A turn is being opened. However far that went, it has written nothing.
    Opening,
    /// A turn is under way. Left like this, it must be undone.
    Turn,
}

// One round trip opens a turn, closes the savepoint before it, and asks the fence. Several
// statements in one text: the driver runs them in order and stops at the first that fails.
const FIRST: &str = "BEGIN IMMEDIATE; SAVEPOINT turn";
const NEXT: &str = "RELEASE turn; SAVEPOINT turn";
const FIRST_FENCED: &str = concat!("BEGIN IMMEDIATE; SAVEPOINT turn; ", held!());
const NEXT_FENCED: &str = concat!("RELEASE turn; SAVEPOINT turn; ", held!());

impl Sqlite {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            let denied = |error: std::io::Error| StoreError::Denied { path: path.to_owned(), why: error.to_string() };
            std::fs::create_dir_all(folder).map_err(denied)?;
        }
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
        // Reads the schema, and takes the write lock once: SQLite opens what it may not write for reading alone.
        // The file itself is never opened by hand: closing it would drop SQLite's locks on it.
        for probe in ["SELECT count(*) FROM sqlite_master", "BEGIN IMMEDIATE", "ROLLBACK"] {
            sqlx::query(probe).execute(&mut writer).await.map_err(opened)?;
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .min_connections(0)
            .idle_timeout(Duration::from_secs(60))
            .connect_lazy_with(options.create_if_missing(false).pragma("query_only", "1"));
        let commits = Arc::new(AtomicU64::new(0));
        let writer = Writer { connection: Some(writer), state: State::Rest, waiters: Vec::new(), commits: commits.clone() };
        let sqlite = Self { readers, writer: Arc::new(Mutex::new(writer)), waiting: Arc::new(Notify::new()), commits };
        spawn::task("sqlite commit", committer(Arc::downgrade(&sqlite.writer), sqlite.waiting.clone()));
        Ok(sqlite)
    }

    /// A connection that reads what is committed and can write nothing.
    pub(super) async fn reader(&self) -> Result<PoolConnection<Driver>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// How many groups were committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Brings the tables up to date in one transaction, so that of two programs the second waits.
    pub(super) async fn migrate(&self) -> Result<usize, StoreError> {
        let mut writer = self.writer.lock().await;
        writer.commit().await;
        let mut all = writer.connection()?.begin_with("BEGIN IMMEDIATE").await?;
        let applied = migrate::run(&mut *all).await?;
        all.commit().await?;
        Ok(applied)
    }

    /// Waits for the writer and opens a transaction inside the group that is open, if `claim` is still held.
    pub(super) async fn begin(&self, claim: Option<&Claim>) -> Result<Turn, StoreError> {
        let mut writer = self.writer.clone().lock_owned().await;
        if !matches!(writer.state, State::Rest | State::Between) {
            // In a task of its own: a caller who gives up must not leave it half mended.
            let mended = spawn::task("sqlite mend", async move {
                writer.mend().await;
                writer
            });
            writer = mended.await.map_err(|_| StoreError::Lost("the program is stopping".into()))?;
        }
        let mut turn = Turn { writer, waiting: self.waiting.clone() };
        turn.writer.open_turn(claim).await?;
        Ok(turn)
    }

    pub(super) async fn close(&self) {
        let mut writer = self.writer.lock().await;
        writer.commit().await;
        let connection = writer.connection.take();
        drop(writer);
        self.waiting.notify_one();
        self.readers.close().await;
        if let Some(connection) = connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
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
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or_else(|| StoreError::Lost("it was closed".into()))
    }

    async fn run(&mut self, text: &'static str) -> Result<(), StoreError> {
        sqlx::query(text).execute(self.connection()?).await?;
        Ok(())
    }

    async fn open_turn(&mut self, claim: Option<&Claim>) -> Result<(), StoreError> {
        let first = self.state == State::Rest;
        self.state = State::Opening;
        let Some(claim) = claim else {
            self.run(if first { FIRST } else { NEXT }).await?;
            self.state = State::Turn;
            return Ok(());
        };
        let held = sql(if first { FIRST_FENCED } else { NEXT_FENCED });
        let held = held.bind(&claim.entity).bind(&claim.owner).bind(claim.incarnation).bind(claim.epoch);
        if held.all_sqlite(self.connection()?).await?.is_empty() {
            self.state = State::Between;
            return Err(StoreError::Stale { entity: claim.entity.clone() });
        }
        self.state = State::Turn;
        Ok(())
    }

    /// Brings the writer from wherever it was left to the end of a turn. Not to be given up halfway.
    async fn mend(&mut self) {
        match self.state {
            State::Rest | State::Between => {}
            State::Opening => self.commit_group().await,
            State::Turn => match self.run("ROLLBACK TO turn").await {
                Ok(()) => self.state = State::Between,
                // SQLite has undone the whole group by itself (disk full, I/O error).
                Err(error) => self.abandon(&error).await,
            },
        }
    }

    /// Ends the group and tells everybody who waits for it. Not to be given up halfway.
    async fn commit(&mut self) {
        self.mend().await;
        if self.state == State::Between {
            self.commit_group().await;
        }
    }

    async fn commit_group(&mut self) {
        // Takes the savepoints that still stand with it.
        match self.run("COMMIT").await {
            Ok(()) => {
                self.state = State::Rest;
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.waiters.drain(..).for_each(|waiter| drop(waiter.send(Ok(()))));
            }
            Err(error) => self.abandon(&error).await,
        }
    }

    /// Whatever failed, nothing of this group may stay open for the next one.
    async fn abandon(&mut self, why: &StoreError) {
        if !self.waiters.is_empty() {
            tracing::error!(error = %why, transactions = self.waiters.len(), "a group commit failed and was undone");
        }
        self.run("ROLLBACK").await.ok();
        self.state = State::Rest;
        for waiter in self.waiters.drain(..) {
            waiter.send(Err(StoreError::Lost(why.to_string()))).ok();
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
    pub(super) fn finish(mut self) -> oneshot::Receiver<Result<(), StoreError>> {
        let (sender, receiver) = oneshot::channel();
        self.writer.state = State::Between;
        self.writer.waiters.push(sender);
        receiver
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.waiting.notify_one();
    }
}

fn diagnosed(path: &Path, error: sqlx::Error) -> StoreError {
    let why = error.to_string();
    let code = error.as_database_error().and_then(|cause| cause.code()).and_then(|code| code.parse::<i32>().ok());
    // The low byte is the kind, the rest says more: see sqlite.org/rescode.html.
    match code.map(|code| code & 0xff) {
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Some(11 | 26) => StoreError::Damaged { path: path.to_owned(), why },
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN
        Some(3 | 8 | 14) => StoreError::Denied { path: path.to_owned(), why },
        _ => StoreError::from(error).at(&path.display().to_string()),
    }
}
