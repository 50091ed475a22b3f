//! Makes sure of what was committed: waits for the disk, while the next group is being written.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::StoreError;
use crate::spawn;

/// Who waits until a group is on disk.
pub(super) type Waiters = Vec<oneshot::Sender<Result<(), StoreError>>>;

/// The way to the thread that waits for the disk.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    groups: Sender<Waiters>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    synced: AtomicU64,
    broken: std::sync::OnceLock<String>,
}

impl Disk {
    /// Starts the thread for a database whose log exists: `synchronous` is `normal`, so SQLite itself
    /// waits for the disk only before and after it moves the log into the file.
    pub(super) fn open(connection: &Connection, runtime: Handle) -> Result<Self, StoreError> {
        // Beside the file itself, also when that was named by a link to it.
        let log = PathBuf::from(format!("{}-wal", connection.path().unwrap_or_default()));
        let lost = |error: std::io::Error| StoreError::Lost(format!("{}: {error}", log.display()));
        let file = OpenOptions::new().write(true).open(&log).map_err(lost)?;
        Self::on(file, runtime).map_err(lost)
    }

    fn on(log: File, runtime: Handle) -> std::io::Result<Self> {
        let (groups, asked) = channel();
        let state = Arc::new(State::default());
        let shared = state.clone();
        spawn::thread("sqlite disk", move || sync(&log, &asked, &shared, &runtime))?;
        Ok(Self { groups, state })
    }

    /// Answers these once everything that was written up to now is on disk.
    pub(super) fn answer(&self, waiters: Waiters) {
        if !waiters.is_empty() {
            self.groups.send(waiters).ok();
        }
    }

    /// How often the disk was waited for.
    pub(super) fn synced(&self) -> u64 {
        self.state.synced.load(Ordering::Relaxed)
    }

    /// Refuses once the disk has failed: what it holds is not known any more, so nothing may be built on it.
    pub(super) fn is_sound(&self) -> Result<(), StoreError> {
        match self.state.broken.get() {
            None => Ok(()),
            Some(why) => Err(StoreError::Lost(why.clone())),
        }
    }
}

fn sync(log: &File, asked: &Receiver<Waiters>, state: &State, runtime: &Handle) {
    while let Ok(mut waiters) = asked.recv() {
        waiters.extend(asked.try_iter().flatten());
        if state.broken.get().is_none() {
            match log.sync_data() {
                Ok(()) => drop(state.synced.fetch_add(1, Ordering::Relaxed)),
                Err(error) => {
                    tracing::error!(%error, transactions = waiters.len(), "the disk failed: nothing more is written until the next start");
                    state.broken.set(format!("the disk failed: {error}")).ok();
                }
            }
        }
        let broken = state.broken.get().cloned();
        // From within the runtime: woken from outside, each of them would cost a system call.
        spawn::task_on(runtime, "sqlite answers", async move {
            for waiter in waiters {
                waiter.send(broken.clone().map_or(Ok(()), |why| Err(StoreError::Lost(why)))).ok();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::super::writer::Writer;
    use super::*;

    #[tokio::test]
    async fn once_the_disk_has_failed_nobody_is_told_safe_and_nothing_more_is_written() {
        // A pipe cannot be made sure of: the system says so, as it does of a disk that fails.
        let (_reader, pipe) = std::io::pipe().expect("a pipe");
        let disk = Disk::on(File::from(OwnedFd::from(pipe)), Handle::current()).expect("a thread");
        let mut writer = Writer::new(Connection::open_in_memory().expect("a database"), disk.clone());
        assert!(writer.open().expect("the disk has not failed yet"));
        writer.start_turn().expect("a turn");
        let receipt = writer.end_turn();
        writer.commit();
        assert!(matches!(receipt.await, Ok(Err(StoreError::Lost(why))) if why.contains("disk failed")));
        assert!(matches!(writer.open(), Err(StoreError::Lost(why)) if why.contains("disk failed")));
        let (late, receipt) = oneshot::channel();
        disk.answer(vec![late]);
        assert!(matches!(receipt.await, Ok(Err(StoreError::Lost(_)))));
        assert_eq!(disk.synced(), 0);
    }

    #[tokio::test]
    async fn who_waits_together_waits_for_the_disk_once() {
        let file = tempfile::tempfile().expect("a file");
        let disk = Disk::on(file, Handle::current()).expect("a thread");
        let (waiters, receipts): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel()).unzip();
        disk.answer(waiters);
        for receipt in receipts {
            receipt.await.expect("an answer").expect("on disk");
        }
        assert_eq!(disk.synced(), 1);
    }
}
