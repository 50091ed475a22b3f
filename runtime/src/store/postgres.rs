//! PostgreSQL: reads and transactions over connections that are kept at hand.

mod connections;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::runtime::Handle;

use super::{Row, Session, Sql, StoreError};
use crate::platform::Boxed;
use crate::spawn;
use connections::{Connections, Held};

/// How long a server may take to give a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to undo a transaction, before its connection is closed instead.
const UNDONE: Duration = Duration::from_secs(1);
/// How many connections a process has at most.
const MOST: u32 = 20;
/// How many statements a connection keeps prepared.
const PREPARED: usize = 256;

/// The server, and its replica for reads that may be a second old.
#[derive(Clone, Debug)]
pub(super) struct Postgres {
    primary: Connections,
    replica: Connections,
    commits: Arc<AtomicU64>,
}

impl Postgres {
    pub(super) async fn open(url: &str, replica: Option<&str>) -> Result<Self, StoreError> {
        let primary = Connections::new(reached(url).await?, MOST);
        let replica = match replica {
            Some(url) => Connections::new(reached(url).await?, MOST),
            None => primary.clone(),
        };
        Ok(Self { primary, replica, commits: Arc::default() })
    }

    /// The same server by one connection of its own.
    pub(super) fn apart(&self) -> Self {
        let alone = Connections::new(self.primary.options(), 1);
        Self { primary: alone.clone(), replica: alone, commits: Arc::default() }
    }

    pub(super) fn session(&self) -> Session {
        Session::new(self.primary.options())
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// All rows of a query over what is committed.
    pub(super) async fn read(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        asked(&self.primary, sql).await
    }

    /// All rows of a query over what the replica has.
    pub(super) async fn read_lately(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        asked(&self.replica, sql).await
    }

    pub(super) fn begin(&self) -> Boxed<'_, Result<Open, StoreError>> {
        Box::pin(async {
            loop {
                let held = self.primary.take().await?;
                let fresh = held.fresh;
                let mut open = Open { held: Some(held), commits: self.commits.clone() };
                match open.on().execute("BEGIN").await {
                    Ok(_) => return Ok(open),
                    // It went since it was used last: the next one may stand, and nothing was said yet.
                    Err(sqlx::Error::Io(_) | sqlx::Error::Database(_)) if !fresh => open.abandon(),
                    Err(error) => return Err(error.into()),
                }
            }
        })
    }

    pub(super) async fn close(&self) {
        self.primary.close().await;
        self.replica.close().await;
    }
}

async fn asked(connections: &Connections, sql: Sql) -> Result<Vec<Row>, StoreError> {
    let mut held = connections.take().await?;
    let rows = sql.all_postgres(held.on()).await?;
    held.keep();
    Ok(rows)
}

/// An open transaction. Dropped before its end, it is undone.
#[derive(Debug)]
pub(super) struct Open {
    held: Option<Held>,
    commits: Arc<AtomicU64>,
}

impl Open {
    pub(super) fn on(&mut self) -> &mut PgConnection {
        self.held.as_mut().expect("only its end takes it").on()
    }

    pub(super) fn commit(mut self) -> Boxed<'static, Result<(), StoreError>> {
        Box::pin(async move {
            self.on().execute("COMMIT").await?;
            self.commits.fetch_add(1, Ordering::Relaxed);
            if let Some(held) = self.held.take() {
                held.keep();
            }
            Ok(())
        })
    }

    /// Lets go of a connection that does not stand any more.
    fn abandon(mut self) {
        drop(self.held.take());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Without a runtime the program is ending, and the connection with it.
        if let Some(mut held) = self.held.take()
            && let Ok(runtime) = Handle::try_current()
        {
            spawn::task_on(&runtime, "rollback", async move {
                if let Ok(Ok(_)) = tokio::time::timeout(UNDONE, held.on().execute("ROLLBACK")).await {
                    held.keep();
                }
            });
        }
    }
}

async fn reached(url: &str) -> Result<PgConnectOptions, StoreError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(StoreError::Address);
    }
    let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Address)?;
    let options = options.application_name("waddlebot").statement_cache_capacity(PREPARED);
    // Once by itself: a pool would try a server that is not there again and again before it says so.
    let refused = |cause: sqlx::Error| StoreError::from(cause).at("the PostgreSQL server");
    let silent = |_| StoreError::Lost("the PostgreSQL server does not answer".into());
    let first = tokio::time::timeout(PATIENCE, options.connect()).await.map_err(silent)?.map_err(refused)?;
    first.close().await.map_err(refused)?;
    Ok(options)
}
