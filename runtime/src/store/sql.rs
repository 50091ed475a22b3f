//! A statement with its values, run alike on both databases, and the rows it gives.

mod postgres;

use bytestring::ByteString;
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row as _};
use std::borrow::Cow;

use super::StoreError;
use super::sqlite::Found;

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
    /// How many values stand before the rows.
    before: usize,
}

/// Up to how many values a batch is worth keeping prepared.
const KEPT: usize = 24;

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
        Self { text: Cow::Borrowed(head), batch: Some(Batch { columns, tail, before: 0 }), values: Vec::new() }
    }

    /// A value that the head of a statement over many rows names, as `$1` and so on; bound before the rows.
    #[must_use]
    pub fn of(mut self, value: impl Into<Value>) -> Self {
        if let Some(batch) = &mut self.batch {
            batch.before += 1;
        }
        self.bind(value)
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

    /// Whether it writes rows, and those of others could stand beside its own.
    pub(super) fn is_rows(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| batch.before == 0 && batch.columns > 0) && self.text.ends_with("VALUES")
    }

    /// Whether another is the same but for its rows.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let shape = |one: &Self| one.batch.as_ref().map(|batch| (batch.columns, batch.tail));
        self.text == other.text && shape(self) == shape(other)
    }

    /// Takes in another's rows.
    pub(super) fn join(&mut self, other: &Self) {
        self.values.extend_from_slice(&other.values);
    }

    /// How many rows a batch has.
    pub(super) fn rows_bound(&self) -> u64 {
        self.batch.as_ref().map_or(0, |batch| ((self.values.len() - batch.before) / batch.columns.max(1)) as u64)
    }

    /// The text with a `?` for each value of a batch.
    fn written(&self) -> Cow<'static, str> {
        let Some(batch) = &self.batch else {
            return self.text.clone();
        };
        let mut text = String::with_capacity(self.text.len() + self.values.len() * 5 + batch.tail.len());
        self.list(batch, &mut text, |text, _| text.push('?'));
        Cow::Owned(text)
    }

    /// Writes a batch out, row by row, with a placeholder for each value.
    fn list(&self, batch: &Batch, text: &mut String, placeholder: impl Fn(&mut String, usize)) {
        let scalar = batch.columns == 1 && self.text.trim_end().ends_with("IN");
        text.push_str(&self.text);
        text.push(' ');
        if scalar {
            text.push('(');
        }
        for row in 0..(self.values.len() - batch.before) / batch.columns.max(1) {
            text.push_str(if row == 0 { "" } else { ", " });
            text.push_str(if scalar { "" } else { "(" });
            for column in 0..batch.columns {
                text.push_str(if column == 0 { "" } else { ", " });
                placeholder(text, batch.before + row * batch.columns + column);
            }
            text.push_str(if scalar { "" } else { ")" });
        }
        if scalar {
            text.push(')');
        }
        text.push(' ');
        text.push_str(batch.tail);
    }

    /// The statement as SQLite wants it, and whether it is worth keeping prepared.
    pub(super) fn for_sqlite(self) -> (Cow<'static, str>, bool, Vec<Value>) {
        let text = self.written();
        // A batch of a few rows comes again, a large one hardly with the same length.
        let kept = self.batch.is_none() || self.values.len() <= KEPT;
        (text, kept, self.values)
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
pub struct Row(Source);

#[derive(Debug)]
enum Source {
    Sqlite(Found),
    Postgres(PgRow),
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self(Source::Postgres(row))
    }
}

impl From<Found> for Row {
    fn from(row: Found) -> Self {
        Self(Source::Sqlite(row))
    }
}

/// What can be read from a column: `i64`, `String`, `bool`, `Vec<u8>`, or an `Option` of one.
pub trait Cell: rusqlite::types::FromSql + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> {}

impl<T> Cell for T where T: rusqlite::types::FromSql + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> {}

impl Row {
    /// A column by its name.
    ///
    /// # Errors
    /// When there is no such column, it is of another kind, or it is NULL and `T` is no `Option`.
    pub fn get<T: Cell>(&self, column: &str) -> Result<T, StoreError> {
        match &self.0 {
            Source::Sqlite(row) => row.get(column),
            Source::Postgres(row) => row.try_get(column).map_err(StoreError::from),
        }
    }
}
