//! The store: one SQL text on SQLite and PostgreSQL, group commit, and writes that carry their epoch.

pub(crate) mod claims;
mod error;
mod fence;
mod hold;
mod migrate;
pub(crate) mod nodes;
mod session;
mod sql;
mod sqlite;
pub(crate) mod tx;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::gate::Gate;

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
}

#[derive(Clone, Debug)]
enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres { primary: PgPool, replica: PgPool, commits: Arc<AtomicU64> },
}

impl Store {
    /// Opens the database. Does not change it: [`Store::migrate`] does.
    ///
    /// # Errors
    /// When it cannot be reached, written to, or is no database; the message says which and where.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        let backend = match place {
            Place::Sqlite(path) => Backend::Sqlite(sqlite::Sqlite::open(path).await?),
            Place::Postgres { url, replica } => {
                let primary = postgres(url).await?;
                let replica = match replica {
                    Some(url) => postgres(url).await?,
                    None => primary.clone(),
                };
                Backend::Postgres { primary, replica, commits: Arc::default() }
            }
        };
        Ok(Self { backend, gate: Gate::always() })
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
            Backend::Postgres { primary, .. } => sql.all_postgres(&mut *Box::pin(primary.acquire()).await?).await,
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
            Backend::Postgres { replica, .. } => sql.all_postgres(&mut *Box::pin(replica.acquire()).await?).await,
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
            Backend::Postgres { primary, commits, .. } => Ok(Tx::postgres(Box::pin(primary.begin()).await?, commits.clone())),
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
            Backend::Postgres { .. } => FencedTx::check(self.begin().await?, claim).await,
        }
    }

    /// How many commits reached the disk since the start. Transactions that waited together share one on SQLite.
    #[must_use]
    pub fn commits(&self) -> u64 {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.commits(),
            Backend::Postgres { commits, .. } => commits.load(Ordering::Relaxed),
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
            Backend::Postgres { .. } => "postgresql",
        }
    }

    /// The same database for another runtime, which must not wait for what the first one does.
    /// PostgreSQL: a connection of its own, served by the runtime this is called in. SQLite: the
    /// same writer, because a second connection would only queue for the file, without fairness.
    #[must_use]
    pub(crate) fn apart(&self) -> Self {
        let backend = match &self.backend {
            Backend::Sqlite(sqlite) => Backend::Sqlite(sqlite.clone()),
            Backend::Postgres { primary, .. } => {
                let options = primary.connect_options().as_ref().clone();
                let alone = pool(options, 1);
                Backend::Postgres { primary: alone.clone(), replica: alone, commits: Arc::default() }
            }
        };
        Self { backend, gate: self.gate.clone() }
    }

    /// A session of its own that can hold a lock. None where a file is served by one process.
    #[must_use]
    pub(crate) fn session(&self) -> Option<Session> {
        match &self.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres { primary, .. } => Some(Session::new(primary.connect_options().as_ref().clone())),
        }
    }

    /// Waits for open writes and closes the database.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres { primary, replica, .. } => {
                primary.close().await;
                replica.close().await;
            }
        }
    }
}

async fn postgres(url: &str) -> Result<PgPool, StoreError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(StoreError::Address);
    }
    let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Address)?;
    let options = options.application_name("waddlebot");
    // Once by itself: a pool would try a server that is not there again and again before it says so.
    let refused = |cause: sqlx::Error| StoreError::from(cause).at("the PostgreSQL server");
    let silent = |_| StoreError::Lost("the PostgreSQL server does not answer".into());
    let first = tokio::time::timeout(PATIENCE, options.connect()).await.map_err(silent)?.map_err(refused)?;
    first.close().await.map_err(refused)?;
    Ok(pool(options, 20))
}

/// Connections whose open transactions the server ends when nothing is said in them: a process that stands still in the
/// middle of one would keep its locks, and with them everybody who writes the same rows.
fn pool(options: PgConnectOptions, most: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(PATIENCE)
        .after_connect(|connection, _| Box::pin(async move { connection.execute(BOUNDED).await.map(drop) }))
        .connect_lazy_with(options)
}

/// How long a write waits for a lease that is renewed late.
const FROZEN: Duration = Duration::from_secs(5);
/// How long nothing may be said in an open transaction: as long as a module may work, and less than a lease. And no
/// statement is compiled to machine code: none reads so much that it would be worth it, and where the server guesses that
/// one does (100,000 claims are enough), compiling takes longer than all the rest.
const BOUNDED: &str = "SET idle_in_transaction_session_timeout = '5s'; SET jit = off";
/// How long a server may take to give a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The usual name of the SQLite file in a data folder.
#[must_use]
pub fn file_in(data: &Path) -> PathBuf {
    data.join("waddlebot.db")
}
