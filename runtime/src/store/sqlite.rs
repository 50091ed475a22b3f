//! SQLite: readers beside one writer, and one commit for all transactions that waited for it.

mod connection;
mod disk;
mod readers;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

pub(super) use connection::Found;

use super::claims::HELD;
use super::{Claim, Row, Sql, StoreError, sql};
use crate::spawn;
use disk::Disk;
use readers::Readers;
use writer::Writer;

/// How long another program may hold the file.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon a file that is held is asked for again.
const AGAIN: Duration = Duration::from_millis(5);

/// The file's readers and its one writer. Statements run on the thread that asks for them: they
/// take microseconds, where handing them to another thread and back takes tens. The commit, which
/// writes pages, has a thread of its own, and so has the wait for the disk: it holds up nobody but
/// those who wait for a receipt.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    readers: Arc<Readers>,
    writer: Arc<Mutex<Writer>>,
    waiting: Arc<AtomicUsize>,
    commit: SyncSender<()>,
    disk: Disk,
}

impl Sqlite {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let readers = Arc::new(Readers::new(&path));
        let opening = spawn::blocking("sqlite open", move || connection::first(&path));
        let connection = opening.await.map_err(|_| stopping())??;
        let disk = Disk::open(&connection, Handle::current())?;
        let writer = Arc::new(Mutex::new(Writer::new(connection, disk.clone())));
        let waiting = Arc::new(AtomicUsize::new(0));
        let (commit, asked) = sync_channel(1);
        let (weak, others) = (Arc::downgrade(&writer), waiting.clone());
        spawn::thread("sqlite commit", move || committer(&weak, &others, &asked)).map_err(|error| StoreError::Lost(error.to_string()))?;
        Ok(Self { readers, writer, waiting, commit, disk })
    }

    /// All rows of a query over what is committed.
    pub(super) async fn read(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        self.readers.all(sql).await
    }

    /// How often the disk was waited for, once for all who waited together.
    pub(super) fn commits(&self) -> u64 {
        self.disk.synced()
    }

    /// Waits for the writer and opens a transaction inside the group that is open, if `claim` is still held.
    pub(super) async fn begin(&self, claim: Option<&Claim>) -> Result<Turn, StoreError> {
        let waits = Waits::new(&self.waiting);
        let mut writer = self.writer.clone().lock_owned().await;
        drop(waits);
        let mut waited = Duration::ZERO;
        while !writer.open()? {
            // Another program writes to the file.
            if waited >= PATIENCE {
                return Err(StoreError::Lost("another program holds it".into()));
            }
            tokio::time::sleep(AGAIN).await;
            waited += AGAIN;
        }
        let mut turn = Turn { writer, commit: self.commit.clone(), finished: false };
        turn.writer.start_turn()?;
        if let Some(claim) = claim {
            let held = sql(HELD).bind(&claim.entity).bind(&claim.owner).bind(claim.incarnation).bind(claim.epoch);
            if turn.all(held)?.is_empty() {
                return Err(StoreError::Stale { entity: claim.entity.clone() });
            }
        }
        Ok(turn)
    }

    pub(super) async fn close(&self) {
        self.readers.close();
        let mut writer = self.writer.clone().lock_owned().await;
        let closing = spawn::blocking("sqlite close", move || writer.close());
        if let Ok(Err(error)) = closing.await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }
}

/// How often those who wait for a turn are let in before the group is committed.
const ROUNDS: usize = 4;

/// Commits a group once nobody waits for a turn, or everybody had some: the lock is fair, so who
/// waited when it is asked for comes first. Those who finished one turn and begin the next share
/// the commit with it, and the disk is not waited for in between.
fn committer(writer: &Weak<Mutex<Writer>>, waiting: &AtomicUsize, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        let Some(writer) = writer.upgrade() else {
            return;
        };
        for round in 1..=ROUNDS {
            let mut writer = writer.blocking_lock();
            if round == ROUNDS || waiting.load(Ordering::Relaxed) == 0 {
                writer.commit();
                break;
            }
        }
    }
}

/// Somebody who waits for a turn, until this is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One transaction's turn with the writer. Dropped unfinished, it is undone.
#[derive(Debug)]
pub(super) struct Turn {
    writer: OwnedMutexGuard<Writer>,
    commit: SyncSender<()>,
    finished: bool,
}

impl Turn {
    pub(super) fn all(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        connection::all(self.writer.connection()?, sql)
    }

    pub(super) fn run(&mut self, sql: Sql) -> Result<u64, StoreError> {
        connection::run(self.writer.connection()?, sql)
    }

    /// Runs a text of many statements.
    pub(super) fn batch(&mut self, text: &str) -> Result<(), StoreError> {
        Ok(self.writer.connection()?.execute_batch(text)?)
    }

    /// Ends the turn; the receipt comes true when the group is on disk.
    pub(super) fn finish(mut self) -> oneshot::Receiver<Result<(), StoreError>> {
        self.finished = true;
        self.writer.end_turn()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.finished {
            self.writer.undo_turn();
        }
        // Full means that it was asked already and has not looked yet.
        self.commit.try_send(()).ok();
    }
}

fn stopping() -> StoreError {
    StoreError::Lost("the program is stopping".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn write(sqlite: &Sqlite, id: i64, length: usize) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let mut turn = sqlite.begin(None).await?;
        turn.run(sql("INSERT INTO lines (id, body) VALUES ($1, $2)").bind(id).bind("x".repeat(length)))?;
        Ok(turn.finish())
    }

    #[tokio::test]
    async fn a_full_disk_is_told_to_all_of_the_group_and_forgotten_once_there_is_room() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sqlite = Sqlite::open(&folder.path().join("full.db")).await.expect("it opens");
        let mut turn = sqlite.begin(None).await.expect("a turn");
        turn.batch("CREATE TABLE lines (id BIGINT PRIMARY KEY, body TEXT)").expect("a table");
        turn.finish().await.expect("an answer").expect("a commit");
        let limit = |pages: u32| {
            let sqlite = sqlite.clone();
            async move {
                let mut writer = sqlite.writer.lock().await;
                writer.connection().expect("it is open").pragma_update(None, "max_page_count", pages).expect("a limit");
            }
        };
        limit(20).await;
        let mut full = None;
        for id in 0..40 {
            match write(&sqlite, id, 4000).await {
                Ok(receipt) => drop(receipt.await),
                Err(error) => {
                    full = Some(error);
                    break;
                }
            }
        }
        assert!(matches!(&full, Some(StoreError::Lost(why)) if why.contains("full")), "{full:?}");
        limit(10_000).await;
        write(&sqlite, 100, 4000).await.expect("there is room again").await.expect("an answer").expect("a commit");
        let rows = sqlite.read(sql("SELECT id FROM lines WHERE id = 100")).await.expect("a query");
        assert_eq!(rows.len(), 1);
        sqlite.close().await;
    }
}
