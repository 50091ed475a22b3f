//! A statement with its values, run alike on both databases, and the rows it gives.

use bytestring::ByteString;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Postgres, Row as _, Sqlite, ValueRef as _};
use std::borrow::Cow;

use super::StoreError;

/// Begins a statement. Its text is a constant; values go in by `$1`, `$2` … and [`Sql::bind`].
#[must_use]
pub fn sql(text: &'static str) -> Sql {
    Sql { text: Cow::Borrowed(text), batch: None, values: Vec::new() }
}

/// A statement with its values.
#[derive(Clone, Debug)]
pub struct Sql {
    text: Cow<'static, str>,
    batch: Option<Batch>,
    values: Vec<Value>,
}

#[derive(Clone, Debug)]
struct Batch {
    columns: usize,
    tail: &'static str,
}

impl Sql {
    /// Gives the next `$n` its value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// A statement over many rows: `head` ends in `VALUES` or `IN`, each row has `columns` values,
    /// `tail` follows. Placeholders are written for the database at hand (hand-numbered ones are
    /// looked up one by one in SQLite).
    #[must_use]
    pub fn rows(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self { text: Cow::Borrowed(head), batch: Some(Batch { columns, tail }), values: Vec::new() }
    }

    /// The statement's text without the values, to see which table it writes.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How many values are bound.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.values.len()
    }

    fn written(&self, numbered: bool) -> Cow<'static, str> {
        let Some(batch) = &self.batch else {
            return self.text.clone();
        };
        let scalar = batch.columns == 1 && self.text.trim_end().ends_with("IN");
        let mut text = String::with_capacity(self.text.len() + self.values.len() * 5 + batch.tail.len());
        text.push_str(&self.text);
        text.push(' ');
        if scalar {
            text.push('(');
        }
        for row in 0..self.values.len() / batch.columns.max(1) {
            text.push_str(if row == 0 { "" } else { ", " });
            text.push_str(if scalar { "" } else { "(" });
            for column in 0..batch.columns {
                text.push_str(if column == 0 { "" } else { ", " });
                if numbered {
                    text.push('$');
                    text.push_str(&(row * batch.columns + column + 1).to_string());
                } else {
                    text.push('?');
                }
            }
            text.push_str(if scalar { "" } else { ")" });
        }
        if scalar {
            text.push(')');
        }
        text.push(' ');
        text.push_str(batch.tail);
        Cow::Owned(text)
    }

    fn for_sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        let query = match self.written(false) {
            Cow::Borrowed(text) => sqlx::query(text),
            Cow::Owned(text) => sqlx::query(AssertSqlSafe(text)).persistent(false),
        };
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value.map(String::from)),
            Value::Bool(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
    }

    fn for_postgres(self) -> Query<'static, Postgres, PgArguments> {
        let query = match self.written(true) {
            Cow::Borrowed(text) => sqlx::query(text),
            Cow::Owned(text) => sqlx::query(AssertSqlSafe(text)).persistent(false),
        };
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value.map(String::from)),
            Value::Bool(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
    }

    pub(super) async fn all_sqlite(self, on: &mut SqliteConnection) -> Result<Vec<Row>, StoreError> {
        Ok(self.for_sqlite().fetch_all(on).await?.into_iter().map(Row::Sqlite).collect())
    }

    pub(super) async fn all_postgres(self, on: &mut PgConnection) -> Result<Vec<Row>, StoreError> {
        Ok(self.for_postgres().fetch_all(on).await?.into_iter().map(Row::Postgres).collect())
    }

    pub(super) async fn run_sqlite(self, on: &mut SqliteConnection) -> Result<u64, StoreError> {
        Ok(self.for_sqlite().execute(on).await?.rows_affected())
    }

    pub(super) async fn run_postgres(self, on: &mut PgConnection) -> Result<u64, StoreError> {
        Ok(self.for_postgres().execute(on).await?.rows_affected())
    }
}

/// A value of one of the four kinds both databases share. `None` is NULL of that kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// BIGINT: numbers, and times in milliseconds.
    Int(Option<i64>),
    /// TEXT: names, ids, JSON.
    Text(Option<ByteString>),
    /// BOOLEAN.
    Bool(bool),
    /// BYTEA: hashes and sealed secrets.
    Bytes(Vec<u8>),
}

macro_rules! values {
    ($($from:ty => |$value:ident| $to:expr),* $(,)?) => {
        $(impl From<$from> for Value { fn from($value: $from) -> Self { $to } })*
    };
}

values! {
    i64 => |value| Self::Int(Some(value)),
    i32 => |value| Self::Int(Some(value.into())),
    u32 => |value| Self::Int(Some(value.into())),
    Option<i64> => |value| Self::Int(value),
    &str => |value| Self::Text(Some(value.into())),
    String => |value| Self::Text(Some(value.into())),
    &String => |value| Self::Text(Some(value.as_str().into())),
    ByteString => |value| Self::Text(Some(value)),
    &ByteString => |value| Self::Text(Some(value.clone())),
    Option<String> => |value| Self::Text(value.map(Into::into)),
    Option<&str> => |value| Self::Text(value.map(Into::into)),
    Option<ByteString> => |value| Self::Text(value),
    bool => |value| Self::Bool(value),
    Vec<u8> => |value| Self::Bytes(value),
    &[u8] => |value| Self::Bytes(value.to_vec()),
}

/// A row of either database.
#[derive(Debug)]
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

/// What can be read from a column: `i64`, `String`, `bool`, `Vec<u8>`, or an `Option` of one.
pub trait Cell: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> {
    /// Whether NULL can be read as one.
    const MAY_BE_NULL: bool = false;
}

impl Cell for i64 {}
impl Cell for String {}
impl Cell for bool {}
impl Cell for Vec<u8> {}

impl<T: Cell> Cell for Option<T>
where
    Self: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    const MAY_BE_NULL: bool = true;
}

impl Row {
    /// A column by its name.
    ///
    /// # Errors
    /// When there is no such column, it is of another kind, or it is NULL and `T` is no `Option`.
    pub fn get<T: Cell>(&self, column: &str) -> Result<T, StoreError> {
        match self {
            // SQLite would read it as an empty text or a zero.
            Self::Sqlite(row) if !T::MAY_BE_NULL && row.try_get_raw(column)?.is_null() => {
                Err(sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(sqlx::error::UnexpectedNullError) })
            }
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(StoreError::from)
    }
}
