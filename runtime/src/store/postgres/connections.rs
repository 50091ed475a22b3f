//! Connections to one PostgreSQL server, kept at hand: who takes one that was in use just now asks it nothing first.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::PATIENCE;
use crate::store::StoreError;

/// How long nothing may be said in an open transaction: as long as a module may work, and less than a lease. And no
/// statement is compiled to machine code: none reads so much that it would be worth it, and where the server guesses that
/// one does (100,000 claims are enough), compiling takes longer than all the rest.
const BOUNDED: &str = "SET idle_in_transaction_session_timeout = '5s'; SET jit = off";
/// A connection that rested longer than this is asked whether it still stands.
const RESTED: Duration = Duration::from_secs(1);
/// After so many uses a connection goes back to the pool, which closes those that grew old.
const USES: u32 = 10_000;

/// A pool, and before it the connections that were in use last.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pool: PgPool,
    /// The last one given back is the first one taken; `None` once it is closed.
    at_hand: Arc<Mutex<Option<Vec<Used>>>>,
    /// As many as the pool has: who has a permit never waits for a connection that is at hand.
    permits: Arc<Semaphore>,
}

/// A connection of the pool. Dropped, it is closed at once, so that one that hangs keeps no place in the pool.
#[derive(Debug)]
struct Used {
    connection: Option<PoolConnection<sqlx::Postgres>>,
    uses: u32,
    since: Instant,
}

impl Used {
    fn on(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("it is taken at its end only")
    }

    /// Leaves it to the pool, which closes it in good order when it is old or the pool is closed.
    fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

impl Connections {
    /// Connections whose open transactions the server ends when nothing is said in them: a process that stands still in
    /// the middle of one would keep its locks, and with them everybody who writes the same rows.
    pub(super) fn new(options: PgConnectOptions, most: u32) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(PATIENCE)
            .after_connect(|connection, _| Box::pin(async move { connection.execute(BOUNDED).await.map(drop) }))
            .connect_lazy_with(options);
        let permits = Arc::new(Semaphore::new(most as usize));
        Self { pool, at_hand: Arc::new(Mutex::new(Some(Vec::new()))), permits }
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        self.pool.connect_options().as_ref().clone()
    }

    /// A connection that stands as far as is known.
    pub(super) async fn take(&self) -> Result<Held, StoreError> {
        let permit = match self.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => timeout(PATIENCE, self.permits.clone().acquire_owned()).await.map_err(|_| busy())?.map_err(|_| closed())?,
        };
        while let Some(mut used) = self.next()? {
            let stands = used.since.elapsed() < RESTED || matches!(timeout(PATIENCE, used.on().ping()).await, Ok(Ok(())));
            if stands {
                return Ok(Held { used: Some(used), fresh: false, home: self.clone(), _permit: permit });
            }
        }
        let connection = Box::pin(self.pool.acquire()).await?;
        let used = Used { connection: Some(connection), uses: 0, since: Instant::now() };
        Ok(Held { used: Some(used), fresh: true, home: self.clone(), _permit: permit })
    }

    fn next(&self) -> Result<Option<Used>, StoreError> {
        self.at_hand.lock().as_mut().map(Vec::pop).ok_or_else(closed)
    }

    pub(super) async fn close(&self) {
        self.permits.close();
        let at_hand = self.at_hand.lock().take();
        at_hand.into_iter().flatten().for_each(Used::give_back);
        self.pool.close().await;
    }
}

fn closed() -> StoreError {
    StoreError::Lost("it was closed".into())
}

fn busy() -> StoreError {
    StoreError::Lost(format!("no connection came free within {} s", PATIENCE.as_secs()))
}

/// A connection in somebody's hands. Dropped, it is closed.
#[derive(Debug)]
pub(super) struct Held {
    used: Option<Used>,
    /// Whether the pool made sure of it just now.
    pub(super) fresh: bool,
    home: Connections,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn on(&mut self) -> &mut PgConnection {
        self.used.as_mut().expect("only `keep` takes it, and ends this").on()
    }

    /// Gives it back as one that was in order a moment ago.
    pub(super) fn keep(mut self) {
        let Some(mut used) = self.used.take() else { return };
        used.uses += 1;
        used.since = Instant::now();
        match self.home.at_hand.lock().as_mut() {
            Some(at_hand) if used.uses < USES => at_hand.push(used),
            _ => used.give_back(),
        }
    }
}
