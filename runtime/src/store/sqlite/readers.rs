//! The connections that read what is committed, and can write nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{Row, Sql, StoreError, connection, stopping};
use crate::spawn;

/// How many queries run at once.
const READERS: usize = 4;

/// Opened when they are needed, kept for the next query.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default(), free: Arc::new(Semaphore::new(READERS)) }
    }

    pub(super) async fn all(self: &Arc<Self>, sql: Sql) -> Result<Vec<Row>, StoreError> {
        let permit = self.free.clone().acquire_owned().await.map_err(|_| StoreError::Lost("it was closed".into()))?;
        let readers = self.clone();
        let reading = spawn::blocking("sqlite read", move || {
            let kept = readers.idle.lock().pop();
            let mut reader = kept.map_or_else(|| connection::reader(&readers.path), Ok)?;
            let rows = connection::all(&mut reader, sql);
            let mut idle = readers.idle.lock();
            if !readers.free.is_closed() {
                idle.push(reader);
            }
            drop((idle, permit));
            rows
        });
        reading.await.map_err(|_| stopping())?
    }

    pub(super) fn close(&self) {
        self.free.close();
        self.idle.lock().clear();
    }
}
