//! One connection to the file: opened with care, and asked with the store's own statements.

use std::path::Path;
use std::sync::Arc;

use rusqlite::types::{FromSql, ToSqlOutput, Value as Stored, ValueRef};
use rusqlite::{Connection, OpenFlags, Rows, Statement, ToSql};

use super::{PATIENCE, Row, Sql, StoreError};
use crate::store::Value;

/// A row, copied out of SQLite.
#[derive(Debug)]
pub(in crate::store) struct Found {
    columns: Arc<[Box<str>]>,
    values: Vec<Stored>,
}

impl Found {
    pub(in crate::store) fn get<T: FromSql>(&self, column: &str) -> Result<T, StoreError> {
        let unread = |why: &dyn std::fmt::Display| StoreError::Refused(format!("the column {column} cannot be read: {why}"));
        let index = self.columns.iter().position(|name| **name == *column).ok_or_else(|| unread(&"there is none"))?;
        T::column_result(ValueRef::from(&self.values[index])).map_err(|error| unread(&error))
    }
}

/// Opens the file for the writer, making it when it is missing. It is never opened by other means:
/// closing it would drop SQLite's locks on it.
pub(super) fn first(path: &Path) -> Result<Connection, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| StoreError::Denied { path: path.to_owned(), why: error.to_string() })?;
    }
    let opened = || {
        let connection = opened(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // The wait for the disk after a commit is ours (disk.rs): a transaction is told safe only after it.
        connection.pragma_update(None, "synchronous", "normal")?;
        // 64 MiB of log at most, before it is moved into the file: under load the same pages come again and again.
        connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
        // The pages that writes come back to: 16 MiB at most, in KiB below zero.
        connection.pragma_update(None, "cache_size", -16_384)?;
        // Reads the schema, and takes the write lock once: SQLite opens what it may not write for reading alone.
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
        // From here on who finds the file held waits without blocking a thread.
        connection.busy_timeout(std::time::Duration::ZERO)?;
        Ok(connection)
    };
    opened().map_err(|error| diagnosed(path, error))
}

/// Opens the file once more, for reading alone.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = opened(path, OpenFlags::empty())?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn opened(path: &Path, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

pub(super) fn all(on: &mut Connection, sql: Sql) -> Result<Vec<Row>, StoreError> {
    asked(on, sql, |statement| {
        let columns: Arc<[Box<str>]> = statement.column_names().into_iter().map(Box::from).collect();
        let mut found = Vec::new();
        let mut rows: Rows<'_> = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns.len()).map(|column| row.get(column)).collect::<Result<_, _>>()?;
            found.push(Row::from(Found { columns: columns.clone(), values }));
        }
        Ok(found)
    })
}

pub(super) fn run(on: &mut Connection, sql: Sql) -> Result<u64, StoreError> {
    asked(on, sql, |statement| {
        let reads = statement.readonly();
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(reads)
    })
    .map(|reads| if reads { 0 } else { on.changes() })
}

fn asked<T>(on: &Connection, sql: Sql, ask: impl FnOnce(&mut Statement<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
    let (text, kept, values) = sql.for_sqlite();
    let mut cached;
    let mut once;
    let statement: &mut Statement<'_> = if kept {
        cached = on.prepare_cached(&text)?;
        &mut cached
    } else {
        once = on.prepare(&text)?;
        &mut once
    };
    for parameter in 1..=statement.parameter_count() {
        // `$3` is a name to SQLite; `?` has none and counts itself.
        let wanted = statement.parameter_name(parameter).map_or(Some(parameter), |name| name[1..].parse().ok());
        let value = wanted
            .and_then(|number| values.get(number - 1))
            .ok_or_else(|| StoreError::Refused(format!("the value {parameter} of {} is missing in: {text}", values.len())))?;
        statement.raw_bind_parameter(parameter, value)?;
    }
    Ok(ask(statement)?)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(None) | Self::Text(None) => ValueRef::Null,
            Self::Int(Some(value)) => ValueRef::Integer(*value),
            Self::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Self::Bool(value) => ValueRef::Integer((*value).into()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

fn diagnosed(path: &Path, error: rusqlite::Error) -> StoreError {
    let why = error.to_string();
    // The low byte is the kind, the rest says more: see sqlite.org/rescode.html.
    match error.sqlite_error().map(|error| error.extended_code & 0xff) {
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Some(11 | 26) => StoreError::Damaged { path: path.to_owned(), why },
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN
        Some(3 | 8 | 14) => StoreError::Denied { path: path.to_owned(), why },
        _ => StoreError::from(error).at(&path.display().to_string()),
    }
}
