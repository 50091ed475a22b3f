//! A transaction on either database, and the receipt that says when it is on disk.

use tokio::sync::oneshot;

use super::postgres::Open;
use super::{Claim, Row, Sql, StoreError, fence, sqlite::Turn};

/// An open transaction. Dropped without [`Tx::finish`], it is undone. So it is once one of its
/// statements failed, on either database: where a row may be there already, say
/// `ON CONFLICT DO NOTHING` and count.
#[derive(Debug)]
pub struct Tx {
    on: On,
    pub(super) fenced: bool,
    /// Whether this is still held must be asked before the end.
    pub(super) unasked: Option<Claim>,
    failed: bool,
}

#[derive(Debug)]
enum On {
    Sqlite(Turn),
    Postgres(Open),
}

impl Tx {
    pub(super) fn sqlite(turn: Turn) -> Self {
        Self { on: On::Sqlite(turn), fenced: false, unasked: None, failed: false }
    }

    pub(super) fn postgres(open: Open) -> Self {
        Self { on: On::Postgres(open), fenced: false, unasked: None, failed: false }
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
            On::Postgres(open) => sql.run_postgres(open.on()).await,
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
            On::Postgres(open) => sql.all_postgres(open.on()).await,
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

    /// Runs writes (none with `RETURNING`) of which none looks at what another writes, and no two change the same row;
    /// returns how many rows each changed. PostgreSQL gets them in one word, with the question whether the claim is
    /// still held where that was not asked yet.
    ///
    /// # Errors
    /// As [`Tx::run`], and [`StoreError::Stale`].
    pub async fn run_all(&mut self, all: Vec<Sql>) -> Result<Vec<u64>, StoreError> {
        all.iter().try_for_each(|sql| self.may(sql))?;
        let mut counts = Vec::with_capacity(all.len());
        let On::Postgres(open) = &mut self.on else {
            for sql in all {
                counts.push(self.run(sql).await?);
            }
            return Ok(counts);
        };
        self.failed = true;
        let asked = self.unasked.take();
        let joined = Sql::together(asked.iter().map(fence::question).chain(all).collect())?;
        counts = joined.run(open.on()).await?;
        if let Some(claim) = asked
            && counts.remove(0) == 0
        {
            return Err(StoreError::Stale { entity: claim.entity });
        }
        self.failed = false;
        Ok(counts)
    }

    /// Runs a text of many statements that changes the tables themselves.
    pub(super) async fn batch(&mut self, text: &'static str) -> Result<(), StoreError> {
        self.failed = true;
        match &mut self.on {
            On::Sqlite(turn) => turn.batch(text)?,
            On::Postgres(open) => {
                Box::pin(sqlx::raw_sql(text).execute(open.on())).await?;
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
    /// When one of its statements failed, or the database refuses the commit; [`StoreError::Stale`] when the claim was
    /// not asked for before and is lost.
    pub async fn finish(mut self) -> Result<Receipt, StoreError> {
        if self.failed {
            return Err(failed());
        }
        if self.unasked.is_some() {
            self.run_all(Vec::new()).await?;
        }
        match self.on {
            On::Sqlite(turn) => {
                let receipt = Receipt(Some(turn.finish()));
                // Who waits for the writer has it now and runs on this thread next: not only after
                // all that this task still has to do.
                tokio::task::yield_now().await;
                Ok(receipt)
            }
            On::Postgres(open) => {
                open.commit().await?;
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
    /// For what is on disk when the receipt is given.
    pub fn safe_already() -> Self {
        Self(None)
    }

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
