//! The store: one SQL text on SQLite and PostgreSQL, group commit, and writes that carry their epoch.

pub(crate) mod claims;
mod error;
mod fence;
mod hold;
mod migrate;
pub(crate) mod nodes;
mod postgres;
mod session;
mod sql;
mod sqlite;
mod together;
pub(crate) mod tx;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::gate::Gate;

pub use claims::near::Leader;
pub use claims::outside::{LISTENS, Listened, Listening, Told};
pub use claims::shown::{Held, Shown, Sought};
pub use claims::{Demand, Identity};
pub use error::StoreError;
pub use fence::{Claim, FencedTx};
pub use hold::Hold;
pub use nodes::{Known, Member, Neighbour};
pub(crate) use session::Session;
pub use sql::{Cell, Row, Sql, Value, sql};
pub use tx::{Receipt, Tx};

/// Where the rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One file, made when it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL server, and a replica for reads that may be a second old.
    Postgres {
        /// `postgres://user:password@host/database`.
        url: String,
        /// The replica's URL, when there is one.
        replica: Option<String>,
    },
}

/// The database behind everything that must outlive a process. Cloning shares the pools.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Backend,
    gate: Gate,
    together: together::Together,
}

#[derive(Clone, Debug)]
enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Store {
    /// Opens the database. Does not change it: [`Store::migrate`] does.
    ///
    /// # Errors
    /// When it cannot be reached, written to, or is no database; the message says which and where.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        let backend = match place {
            Place::Sqlite(path) => Backend::Sqlite(sqlite::Sqlite::open(path).await?),
            Place::Postgres { url, replica } => Backend::Postgres(postgres::Postgres::open(url, replica.as_deref()).await?),
        };
        Ok(Self { backend, gate: Gate::always(), together: together::Together::default() })
    }

    /// The same on a node with a lease: a fenced transaction begins only while this gate is open.
    #[must_use]
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Brings the tables up to date; returns how many migrations were applied.
    ///
    /// # Errors
    /// When a migration fails or the database is newer than this program.
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        migrate::run(self.begin().await?).await
    }

    /// How many migrations the database lacks. Changes nothing.
    ///
    /// # Errors
    /// When the database is newer than this program, or gone.
    pub async fn lacks(&self) -> Result<usize, StoreError> {
        let rows = match self.all(sql(migrate::APPLIED)).await {
            Ok(rows) => rows,
            Err(StoreError::Lost(why)) => return Err(StoreError::Lost(why)),
            // A database that was never migrated has no list of migrations.
            Err(_) => Vec::new(),
        };
        migrate::lacking(&rows.iter().map(|row| row.get("version")).collect::<Result<Vec<_>, _>>()?)
    }

    /// Has the database look for damage; returns what it found first. On PostgreSQL that is its own servers' business.
    ///
    /// # Errors
    /// When the database is gone.
    pub async fn damage(&self) -> Result<Option<String>, StoreError> {
        if !self.is_file() {
            return Ok(None);
        }
        let row = self.one(sql("SELECT quick_check AS verdict FROM pragma_quick_check LIMIT 1")).await?;
        let verdict: Option<String> = row.map(|row| row.get("verdict")).transpose()?;
        Ok(verdict.filter(|verdict| verdict != "ok"))
    }

    /// All rows of a query that sees every committed write.
    ///
    /// # Errors
    /// When the database refuses the query or is gone.
    pub async fn all(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        fence::reads(sql.text())?;
        // Measured, and nothing is decided by it: so it needs no clock that tests turn.
        let began = tokio::time::Instant::now();
        let rows = match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.read(sql).await,
            Backend::Postgres(postgres) => postgres.read(sql).await,
        };
        metrics::histogram!("waddlebot_database_query_duration_seconds").record(began.elapsed().as_secs_f64());
        rows
    }

    /// The first row of a query that sees every committed write.
    ///
    /// # Errors
    /// When the database refuses the query or is gone.
    pub async fn one(&self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql).await?.into_iter().next())
    }

    /// All rows of a query that may be a second old: asks the replica when there is one.
    ///
    /// # Errors
    /// When the database refuses the query or is gone.
    pub async fn all_lately(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        fence::reads(sql.text())?;
        match &self.backend {
            Backend::Postgres(postgres) => postgres.read_lately(sql).await,
            Backend::Sqlite(_) => self.all(sql).await,
        }
    }

    /// Opens a transaction for tables that no claimed entity owns (keys, links, the node's own rows).
    /// A write to a claimed entity's table is refused in it: that takes [`Store::begin_fenced`].
    ///
    /// # Errors
    /// When the database is gone or busy for longer than ten seconds.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.begin(None).await.map(Tx::sqlite),
            Backend::Postgres(postgres) => postgres.begin().await.map(Tx::postgres),
        }
    }

    /// Opens a transaction that commits only while `claim` is still held.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not, [`StoreError::Shut`] when this node may not act for
    /// longer than five seconds; else as [`Store::begin`].
    pub async fn begin_fenced(&self, claim: &Claim) -> Result<FencedTx, StoreError> {
        self.gate.wait(Duration::ZERO, FROZEN).await?;
        match &self.backend {
            Backend::Sqlite(sqlite) => Ok(FencedTx::checked(Tx::sqlite(sqlite.begin(Some(claim)).await?))),
            Backend::Postgres(_) => FencedTx::check(self.begin().await?, claim).await,
        }
    }

    /// The same for a short piece of work: where asking takes its time, whether `claim` is still held is asked at the
    /// end only, together with what is written last. A claim that was lost is [`StoreError::Stale`] there.
    ///
    /// # Errors
    /// As [`Store::begin_fenced`].
    pub async fn begin_fenced_late(&self, claim: &Claim) -> Result<FencedTx, StoreError> {
        self.gate.wait(Duration::ZERO, FROZEN).await?;
        match &self.backend {
            Backend::Sqlite(sqlite) => Ok(FencedTx::checked(Tx::sqlite(sqlite.begin(Some(claim)).await?))),
            Backend::Postgres(_) => Ok(FencedTx::unchecked(self.begin().await?, claim)),
        }
    }

    /// Opens one transaction under many claims; says of each whether it is held: for no other may be
    /// written in it.
    ///
    /// # Errors
    /// As [`Store::begin_fenced`], but never [`StoreError::Stale`].
    pub async fn begin_fenced_for(&self, claims: &[&Claim]) -> Result<(FencedTx, Vec<bool>), StoreError> {
        self.gate.wait(Duration::ZERO, FROZEN).await?;
        FencedTx::check_all(self.begin().await?, claims).await
    }

    /// Writes rows ([`Sql::rows`], each of which must be new or written over) under a claim: all of them, on disk once
    /// this returns, or none. On PostgreSQL they share a transaction with what others write at the same moment.
    /// `false`: nothing is written, and a transaction of its own will tell why: the claim is lost or moves just now, a
    /// row is there already. So it is always on SQLite, where transactions share commits anyway.
    ///
    /// # Errors
    /// [`StoreError::Lost`] when nobody knows whether it was written.
    pub async fn write_together(&self, claim: &Claim, writes: &[Sql]) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Sqlite(_) => Ok(false),
            Backend::Postgres(_) => self.together.write(self, claim, writes.to_vec()).await,
        }
    }

    /// How many commits reached the disk since the start. Transactions that waited together share one on SQLite.
    #[must_use]
    pub fn commits(&self) -> u64 {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.commits(),
            Backend::Postgres(postgres) => postgres.commits(),
        }
    }

    /// Whether the rows are in a file that one process at a time may serve.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.backend, Backend::Sqlite(_))
    }

    /// `sqlite` or `postgresql`, for health and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.backend {
            Backend::Sqlite(_) => "sqlite",
            Backend::Postgres(_) => "postgresql",
        }
    }

    /// The same database for another runtime, which must not wait for what the first one does.
    /// PostgreSQL: a connection of its own, served by the runtime this is called in. SQLite: the
    /// same writer, because a second connection would only queue for the file, without fairness.
    #[must_use]
    pub(crate) fn apart(&self) -> Self {
        let backend = match &self.backend {
            Backend::Sqlite(sqlite) => Backend::Sqlite(sqlite.clone()),
            Backend::Postgres(postgres) => Backend::Postgres(postgres.apart()),
        };
        Self { backend, gate: self.gate.clone(), together: together::Together::default() }
    }

    /// A session of its own that can hold a lock. None where a file is served by one process.
    #[must_use]
    pub(crate) fn session(&self) -> Option<Session> {
        match &self.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres(postgres) => Some(postgres.session()),
        }
    }

    /// Waits for open writes and closes the database.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// How long a write waits for a lease that is renewed late.
const FROZEN: Duration = Duration::from_secs(5);

/// The usual name of the SQLite file in a data folder.
#[must_use]
pub fn file_in(data: &Path) -> PathBuf {
    data.join("waddlebot.db")
}
