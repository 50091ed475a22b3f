//! What can go wrong in the store, named for what the caller does next.

use std::path::PathBuf;

use crate::gate::Shut;

/// A failure of the database, or a write it refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The claim was lost: stop the actor, write nothing more.
    #[error("the claim on {entity} is held by somebody else now")]
    Stale {
        /// The claimed entity.
        entity: String,
    },
    /// This node may not act now: try again later, or stop when its lease is lost.
    #[error(transparent)]
    Shut(#[from] Shut),
    /// The row is there already: answer as the user would expect.
    #[error("there is one already")]
    Taken,
    /// A write to a claimed entity's table outside a fenced transaction: a fault in this program.
    #[error("a write to the table {table} must carry the epoch of its claim")]
    Unfenced {
        /// The table.
        table: String,
    },
    /// The database cannot be reached now: try again later.
    #[error("the database cannot be reached ({0})")]
    Lost(String),
    /// The file is no database, or damaged.
    #[error("{} is damaged or no WaddleBot database: {why}. Move it away or restore a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's own words.
        why: String,
    },
    /// The file or its folder cannot be written.
    #[error("no permission to write {}: {why}", path.display())]
    Denied {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
    /// Another process serves this folder.
    #[error("{} is served by another WaddleBot already{}. Stop that one, or give this one a folder of its own", folder.display(), pid.map_or(String::new(), |pid| format!(" (process {pid})")))]
    Held {
        /// The data folder.
        folder: PathBuf,
        /// The process that holds it, when it said so.
        pid: Option<u32>,
    },
    /// The database URL cannot be read. Its text may hold a password, so it is not repeated.
    #[error("DATABASE_URL is no PostgreSQL address: postgres://user:password@host/database is expected")]
    Address,
    /// A migration failed, or the database is newer than the program.
    #[error("the database could not be brought up to date: {0}")]
    Migration(String),
    /// Anything else the database says.
    #[error("the database refused: {0}")]
    Refused(String),
}

impl StoreError {
    /// Says where, for errors that only know what.
    #[must_use]
    pub(crate) fn at(self, place: &str) -> Self {
        match self {
            Self::Lost(why) | Self::Refused(why) => Self::Lost(format!("{place}: {why}")),
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // Lost connections, conflicts, missing resources and operator's orders pass.
        let passing = |code: &str| ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class));
        match &error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Taken,
            sqlx::Error::Database(cause) if cause.code().is_some_and(|code| passing(&code)) => Self::Lost(error.to_string()),
            // What speaks no PostgreSQL is no server, or one that breaks off in the middle of a word.
            sqlx::Error::Protocol(_)
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Lost(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        match error.sqlite_error().map(|error| error.extended_code) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID) => Self::Taken,
            Some(code) if matches!(code & 0xff, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_IOERR | ffi::SQLITE_FULL) => {
                Self::Lost(error.to_string())
            }
            _ => Self::Refused(error.to_string()),
        }
    }
}
