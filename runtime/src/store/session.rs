//! A session with PostgreSQL whose lock tells others that a process lives: it is gone with the process, at once.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::{Identity, StoreError};

/// The first half of every such lock: any number will do as long as it is always the same one.
const LIVES: i32 = 0x5741_4444;
/// How long the server may take to say that the session stands.
const ALIVE: Duration = Duration::from_millis(400);
/// How long a new session may take.
const REBUILT: Duration = Duration::from_millis(300);

/// The session, or none while the server does not answer.
#[derive(Debug)]
pub(crate) struct Session {
    options: PgConnectOptions,
    open: Option<(PgConnection, i32)>,
}

impl Session {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, open: None }
    }

    /// Whether the lock of this life is held: by this session, rebuilt when it was lost. Where a session that was
    /// lost still holds it, that is as good: others see it held.
    pub(crate) async fn holds(&mut self, me: &Identity) -> bool {
        let key = key(me);
        if let Some((mut connection, held)) = self.open.take()
            && held == key
            && matches!(tokio::time::timeout(ALIVE, connection.ping()).await, Ok(Ok(())))
        {
            self.open = Some((connection, key));
            return true;
        }
        let rebuilt = tokio::time::timeout(REBUILT, self.rebuilt(key)).await;
        match rebuilt {
            Ok(Ok((connection, taken))) => {
                // Without the lock the session is of no use: the next look tries again.
                self.open = taken.then_some((connection, key));
                true
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    async fn rebuilt(&self, key: i32) -> Result<(PgConnection, bool), sqlx::Error> {
        let mut connection = self.options.connect().await?;
        let row = sqlx::query("SELECT pg_try_advisory_lock($1, $2)").bind(LIVES).bind(key).fetch_one(&mut connection).await?;
        let taken = row.try_get(0)?;
        Ok((connection, taken))
    }

    /// Whether nobody holds the lock of another life.
    pub(crate) async fn is_free(&mut self, other: &Identity) -> Result<bool, StoreError> {
        let Some((connection, _)) = &mut self.open else { return Err(StoreError::Lost("there is no session".into())) };
        let text = "SELECT NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 \
                    AND classid = CAST($1 AS oid) AND objid = CAST($2 AS oid) \
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
        // The server shows the halves without a sign.
        let query = sqlx::query(text).bind(i64::from(LIVES.cast_unsigned())).bind(i64::from(key(other).cast_unsigned()));
        let asked = tokio::time::timeout(ALIVE, query.fetch_one(connection)).await;
        let row = asked.map_err(|_| StoreError::Lost("the session does not answer".into()))??;
        Ok(row.try_get(0)?)
    }
}

/// The second half: of two lives that share it, neither is ever taken for gone while the other lives.
fn key(life: &Identity) -> i32 {
    let digest = Sha256::digest(life.life().as_bytes());
    i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}
