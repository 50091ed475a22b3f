//! The one connection that writes, and the group of transactions that is open on it.

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::StoreError;
use super::disk::{Disk, Waiters};

/// Between the first `BEGIN` and the commit it holds a group: finished transactions whose callers
/// wait for the commit they share.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Option<Connection>,
    open: bool,
    waiters: Waiters,
    disk: Disk,
}

impl Writer {
    pub(super) fn new(connection: Connection, disk: Disk) -> Self {
        Self { connection: Some(connection), open: false, waiters: Vec::new(), disk }
    }

    pub(super) fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        self.connection.as_mut().ok_or_else(|| StoreError::Lost("it was closed".into()))
    }

    fn run(&mut self, text: &str) -> Result<(), StoreError> {
        self.connection()?.prepare_cached(text)?.raw_execute()?;
        Ok(())
    }

    /// Opens a group unless one is open. `false` when another program writes to the file now.
    pub(super) fn open(&mut self) -> Result<bool, StoreError> {
        if !self.open {
            self.disk.is_sound()?;
            let begun = self.connection()?.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.raw_execute());
            match begun {
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => return Ok(false),
                begun => begun?,
            };
            self.open = true;
        }
        Ok(true)
    }

    pub(super) fn start_turn(&mut self) -> Result<(), StoreError> {
        self.run("SAVEPOINT turn")
    }

    pub(super) fn end_turn(&mut self) -> oneshot::Receiver<Result<(), StoreError>> {
        let (sender, receiver) = oneshot::channel();
        match self.run("RELEASE turn") {
            Ok(()) => self.waiters.push(sender),
            Err(error) => {
                sender.send(Err(error)).ok();
                self.undo_turn();
            }
        }
        receiver
    }

    pub(super) fn undo_turn(&mut self) {
        if let Err(error) = self.run("ROLLBACK TO turn").and_then(|()| self.run("RELEASE turn")) {
            // SQLite has undone the whole group by itself (disk full, I/O error).
            self.abandon(&error);
        }
    }

    /// Ends the group; everybody who waits for it is told once it is on disk.
    pub(super) fn commit(&mut self) {
        if !self.open {
            return;
        }
        match self.run("COMMIT") {
            Ok(()) => {
                self.open = false;
                self.disk.answer(std::mem::take(&mut self.waiters));
            }
            Err(error) => self.abandon(&error),
        }
    }

    /// Whatever failed, nothing of this group may stay open for the next one.
    fn abandon(&mut self, why: &StoreError) {
        if !self.waiters.is_empty() {
            tracing::error!(error = %why, transactions = self.waiters.len(), "a group commit failed and was undone");
        }
        self.run("ROLLBACK").ok();
        self.open = false;
        for waiter in self.waiters.drain(..) {
            waiter.send(Err(StoreError::Lost(why.to_string()))).ok();
        }
    }

    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.commit();
        match self.connection.take().map(Connection::close) {
            Some(Err((_, error))) => Err(error.into()),
            Some(Ok(())) | None => Ok(()),
        }
    }
}
