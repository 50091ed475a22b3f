//! A transaction on either database, and the receipt that says when it is on disk.

use sqlx::Postgres;
use tokio::sync::oneshot;

use super::{Row, Sql, StoreError, fence, sqlite::Turn};

/// An open transaction. Dropped without [`Tx::finish`], it is undone.
#[derive(Debug)]
pub struct Tx {
    on: On,
    pub(super) fenced: bool,
}

#[derive(Debug)]
enum On {
    Sqlite(Turn),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Tx {
    pub(super) fn sqlite(turn: Turn) -> Self {
        Self { on: On::Sqlite(turn), fenced: false }
    }

    pub(super) fn postgres(transaction: sqlx::Transaction<'static, Postgres>) -> Self {
        Self { on: On::Postgres(transaction), fenced: false }
    }

    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where a unique row is there already, [`StoreError::Unfenced`] where
    /// the table belongs to a claimed entity and this transaction carries no epoch.
    pub async fn run(&mut self, sql: Sql) -> Result<u64, StoreError> {
        fence::allows(sql.text(), self.fenced)?;
        match &mut self.on {
            On::Sqlite(turn) => sql.run_sqlite(turn.connection()?).await,
            On::Postgres(transaction) => sql.run_postgres(transaction).await,
        }
    }

    /// Runs a statement and gives its rows (`SELECT`, or a write with `RETURNING`).
    ///
    /// # Errors
    /// As [`Tx::run`].
    pub async fn all(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        fence::allows(sql.text(), self.fenced)?;
        match &mut self.on {
            On::Sqlite(turn) => sql.all_sqlite(turn.connection()?).await,
            On::Postgres(transaction) => sql.all_postgres(transaction).await,
        }
    }

    /// Runs a statement and gives its first row.
    ///
    /// # Errors
    /// As [`Tx::run`].
    pub async fn one(&mut self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql).await?.into_iter().next())
    }

    /// Whether rows can be locked while they are read (`FOR SHARE`, `SKIP LOCKED`).
    pub(crate) fn locks_rows(&self) -> bool {
        matches!(self.on, On::Postgres(_))
    }

    /// Ends the transaction. What it wrote is seen by transactions opened after this one; it is
    /// safe on disk once the receipt says so. Answer nobody before that.
    ///
    /// # Errors
    /// When the database refuses the commit.
    pub async fn finish(self) -> Result<Receipt, StoreError> {
        match self.on {
            On::Sqlite(turn) => turn.finish().await.map(|receiver| Receipt(Some(receiver))),
            On::Postgres(transaction) => {
                transaction.commit().await?;
                Ok(Receipt(None))
            }
        }
    }

    /// Ends the transaction and waits until it is on disk.
    ///
    /// # Errors
    /// When the database refuses the commit.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.finish().await?.safe().await
    }
}

/// Comes true when a finished transaction is on disk.
#[derive(Debug)]
#[must_use = "nobody may be answered before the receipt came true"]
pub struct Receipt(Option<oneshot::Receiver<Result<(), StoreError>>>);

impl Receipt {
    /// Waits for the commit.
    ///
    /// # Errors
    /// When the commit failed: everything the transaction wrote is undone.
    pub async fn safe(self) -> Result<(), StoreError> {
        match self.0 {
            None => Ok(()),
            Some(receiver) => receiver.await.unwrap_or_else(|_| Err(StoreError::Lost("it was closed before the commit".into()))),
        }
    }
}
