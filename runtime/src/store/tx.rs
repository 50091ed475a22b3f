//! A transaction on either database, and the receipt that says when it is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Postgres;
use tokio::sync::oneshot;

use super::{Row, Sql, StoreError, fence, sqlite::Turn};

/// An open transaction. Dropped without [`Tx::finish`], it is undone. So it is once one of its
/// statements failed, on either database: where a row may be there already, say
/// `ON CONFLICT DO NOTHING` and count.
#[derive(Debug)]
pub struct Tx {
    on: On,
    pub(super) fenced: bool,
    failed: bool,
    commits: Option<Arc<AtomicU64>>,
}

#[derive(Debug)]
enum On {
    Sqlite(Turn),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Tx {
    pub(super) fn sqlite(turn: Turn) -> Self {
        Self { on: On::Sqlite(turn), fenced: false, failed: false, commits: None }
    }

    pub(super) fn postgres(transaction: sqlx::Transaction<'static, Postgres>, commits: Arc<AtomicU64>) -> Self {
        Self { on: On::Postgres(transaction), fenced: false, failed: false, commits: Some(commits) }
    }

    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where a unique row is there already, [`StoreError::Unfenced`] where
    /// the table belongs to a claimed entity and this transaction carries no epoch.
    pub async fn run(&mut self, sql: Sql) -> Result<u64, StoreError> {
        self.may(&sql)?;
        // Until it is known: who gives up waiting cannot say what was done.
        self.failed = true;
        let done = match &mut self.on {
            On::Sqlite(turn) => turn.run(sql),
            On::Postgres(transaction) => sql.run_postgres(transaction).await,
        };
        self.failed = done.is_err();
        done
    }

    /// Runs a statement and gives its rows (`SELECT`, or a write with `RETURNING`).
    ///
    /// # Errors
    /// As [`Tx::run`].
    pub async fn all(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        self.may(&sql)?;
        // Until it is known: who gives up waiting cannot say what was done.
        self.failed = true;
        let done = match &mut self.on {
            On::Sqlite(turn) => turn.all(sql),
            On::Postgres(transaction) => sql.all_postgres(transaction).await,
        };
        self.failed = done.is_err();
        done
    }

    /// Runs a statement and gives its first row.
    ///
    /// # Errors
    /// As [`Tx::run`].
    pub async fn one(&mut self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql).await?.into_iter().next())
    }

    /// Runs a text of many statements that changes the tables themselves.
    pub(super) async fn batch(&mut self, text: &'static str) -> Result<(), StoreError> {
        self.failed = true;
        match &mut self.on {
            On::Sqlite(turn) => turn.batch(text)?,
            On::Postgres(transaction) => {
                Box::pin(sqlx::raw_sql(text).execute(&mut **transaction)).await?;
            }
        }
        self.failed = false;
        Ok(())
    }

    /// Whether rows can be locked while they are read (`FOR SHARE`, `SKIP LOCKED`).
    pub(crate) fn locks_rows(&self) -> bool {
        matches!(self.on, On::Postgres(_))
    }

    fn may(&self, sql: &Sql) -> Result<(), StoreError> {
        if self.failed { Err(failed()) } else { fence::allows(sql.text(), self.fenced) }
    }

    /// Ends the transaction. What it wrote is seen by transactions opened after this one; it is
    /// safe on disk once the receipt says so. Answer nobody before that.
    ///
    /// # Errors
    /// When one of its statements failed, or the database refuses the commit.
    pub async fn finish(self) -> Result<Receipt, StoreError> {
        if self.failed {
            return Err(failed());
        }
        match self.on {
            On::Sqlite(turn) => {
                let receipt = Receipt(Some(turn.finish()));
                // Who waits for the writer has it now and runs on this thread next: not only after
                // all that this task still has to do.
                tokio::task::yield_now().await;
                Ok(receipt)
            }
            On::Postgres(transaction) => {
                Box::pin(transaction.commit()).await?;
                if let Some(commits) = self.commits {
                    commits.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Receipt(None))
            }
        }
    }

    /// Ends the transaction and waits until it is on disk.
    ///
    /// # Errors
    /// As [`Tx::finish`].
    pub async fn commit(self) -> Result<(), StoreError> {
        self.finish().await?.safe().await?;
        #[cfg(test)]
        if lost::ANSWERS.with(|answers| answers.replace(answers.get().saturating_sub(1)) > 0) {
            return Err(StoreError::Lost("the answer to the commit was lost".into()));
        }
        Ok(())
    }
}

/// A commit that is made, and whose answer does not arrive.
#[cfg(test)]
pub(crate) mod lost {
    thread_local! {
        /// To how many commits of this thread the answer is lost.
        pub(crate) static ANSWERS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
}

fn failed() -> StoreError {
    StoreError::Refused("a statement of this transaction failed before, so it is undone".into())
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
