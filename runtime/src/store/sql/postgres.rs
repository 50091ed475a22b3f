//! A statement as PostgreSQL wants it: a batch goes as one array a column, and several writes as one statement.

use std::borrow::Cow;

use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::{Arguments as _, AssertSqlSafe, Postgres};

use super::{Batch, Row, Sql, Value};
use crate::platform::Boxed;
use crate::store::StoreError;

type Asked = Query<'static, Postgres, PgArguments>;

impl Sql {
    // In boxes: the driver's futures are thousands of bytes, which would be moved about with every future that
    // holds one, on SQLite as well.
    pub(in crate::store) fn all_postgres(self, on: &mut PgConnection) -> Boxed<'_, Result<Vec<Row>, StoreError>> {
        let query = self.for_postgres();
        Box::pin(async move { Ok(query?.fetch_all(on).await?.into_iter().map(Row::from).collect()) })
    }

    pub(in crate::store) fn run_postgres(self, on: &mut PgConnection) -> Boxed<'_, Result<u64, StoreError>> {
        let query = self.for_postgres();
        Box::pin(async move { Ok(query?.execute(on).await?.rows_affected()) })
    }

    /// These as one statement, which is one word with the server instead of many: its row says in the columns `n0`, `n1`,
    /// … how many rows each found or wrote. None sees what another writes.
    pub(in crate::store) fn together(all: Vec<Self>) -> Result<Joined, StoreError> {
        let (mut text, mut counts, mut values) = (String::with_capacity(1024), String::from("SELECT "), PgArguments::default());
        for (at, one) in all.into_iter().enumerate() {
            let reads = one.text.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
            text.push_str(if at == 0 { "WITH w" } else { ", w" });
            text.push_str(&at.to_string());
            text.push_str(" AS (");
            one.append(&mut text, &mut values)?;
            text.push_str(if reads { ")" } else { " RETURNING 1 AS done)" });
            counts.push_str(if at == 0 { "" } else { ", " });
            counts.push_str(&format!("(SELECT count(*) FROM w{at}) AS n{at}"));
        }
        text.push(' ');
        text.push_str(&counts);
        Ok(Joined(text, values))
    }

    fn for_postgres(self) -> Result<Asked, StoreError> {
        let mut values = PgArguments::default();
        if let (None, Cow::Borrowed(text)) = (&self.batch, &self.text) {
            let text = *text;
            for value in self.values {
                add(&mut values, value)?;
            }
            return Ok(sqlx::query_with(text, values));
        }
        let mut text = String::with_capacity(512);
        self.append(&mut text, &mut values)?;
        Ok(sqlx::query_with(AssertSqlSafe(text), values))
    }

    /// Adds text and values to those that are there. The same batch has the same text however many rows it has, so that
    /// it is prepared once; one row is written out, as the planner knows it better.
    fn append(self, text: &mut String, values: &mut PgArguments) -> Result<(), StoreError> {
        let before = values.len();
        match &self.batch {
            None => renumber(&self.text, before, text),
            Some(batch) if self.values.len() <= batch.before + batch.columns && (before == 0 || batch.before == 0) => {
                self.list(batch, text, |text, at| place(text, before + at + 1));
            }
            Some(batch) => {
                let batch = batch.clone();
                return self.append_columns(&batch, text, values);
            }
        }
        self.values.into_iter().try_for_each(|value| add(values, value))
    }

    fn append_columns(self, batch: &Batch, text: &mut String, values: &mut PgArguments) -> Result<(), StoreError> {
        let (head, columns) = (self.text.trim_end(), batch.columns);
        let (head, open, close) = match (head.strip_suffix("VALUES"), head.strip_suffix("IN")) {
            (Some(head), _) => (head, "SELECT * FROM unnest(", ") "),
            (None, Some(head)) if columns == 1 => (head, "= ANY (", ") "),
            _ => return Err(StoreError::Refused(format!("a batch ends in VALUES or IN: {head}"))),
        };
        renumber(head, values.len(), text);
        text.push_str(open);
        let mut all: Vec<Column> = Vec::with_capacity(columns);
        let mut given = self.values.into_iter();
        given.by_ref().take(batch.before).try_for_each(|value| add(values, value))?;
        for (at, value) in given.enumerate() {
            match all.get_mut(at % columns) {
                Some(column) => column.push(value)?,
                None => all.push(Column::of(value)),
            }
        }
        for (at, column) in all.into_iter().enumerate() {
            text.push_str(if at == 0 { "" } else { ", " });
            place(text, values.len() + 1);
            column.add(values)?;
        }
        text.push_str(close);
        text.push_str(batch.tail);
        Ok(())
    }
}

/// Several writes as one statement.
pub(in crate::store) struct Joined(String, PgArguments);

impl Joined {
    /// How many rows each found or wrote.
    pub(in crate::store) fn run(self, on: &mut PgConnection) -> Boxed<'_, Result<Vec<u64>, StoreError>> {
        let query = sqlx::query_with(AssertSqlSafe(self.0), self.1);
        Box::pin(async move {
            use sqlx::Row as _;
            let row = query.fetch_one(on).await?;
            (0..row.len()).map(|at| Ok(u64::try_from(row.try_get::<i64, _>(at)?).unwrap_or(0))).collect()
        })
    }
}

fn place(text: &mut String, number: usize) {
    text.push('$');
    text.push_str(&number.to_string());
}

/// Copies a text, its `$1` becoming the first after those that are there.
fn renumber(from: &str, before: usize, to: &mut String) {
    let mut parts = from.split('$');
    to.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
        match part[..end].parse::<usize>() {
            Ok(number) => place(to, before + number),
            Err(_) => to.push('$'),
        }
        to.push_str(&part[end..]);
    }
}

/// One column of a batch.
enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bool(Vec<bool>),
    Bytes(Vec<Vec<u8>>),
}

impl Column {
    fn of(value: Value) -> Self {
        match value {
            Value::Int(value) => Self::Int(vec![value]),
            Value::Text(value) => Self::Text(vec![value.map(String::from)]),
            Value::Bool(value) => Self::Bool(vec![value]),
            Value::Bytes(value) => Self::Bytes(vec![value]),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), StoreError> {
        match (self, value) {
            (Self::Int(all), Value::Int(value)) => all.push(value),
            (Self::Text(all), Value::Text(value)) => all.push(value.map(String::from)),
            (Self::Bool(all), Value::Bool(value)) => all.push(value),
            (Self::Bytes(all), Value::Bytes(value)) => all.push(value),
            _ => return Err(StoreError::Refused("the rows of a batch differ in the kinds of their values".into())),
        }
        Ok(())
    }

    fn add(self, values: &mut PgArguments) -> Result<(), StoreError> {
        match self {
            Self::Int(all) => values.add(all),
            Self::Text(all) => values.add(all),
            Self::Bool(all) => values.add(all),
            Self::Bytes(all) => values.add(all),
        }
        .map_err(unsayable)
    }
}

fn add(values: &mut PgArguments, value: Value) -> Result<(), StoreError> {
    match value {
        Value::Int(value) => values.add(value),
        Value::Text(value) => values.add(value.map(String::from)),
        Value::Bool(value) => values.add(value),
        Value::Bytes(value) => values.add(value),
    }
    .map_err(unsayable)
}

fn unsayable(error: sqlx::error::BoxDynError) -> StoreError {
    StoreError::Refused(format!("a value cannot be written: {error}"))
}
