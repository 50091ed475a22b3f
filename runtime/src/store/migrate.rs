//! Brings the tables up to date, from the files of `migrations/` that are compiled in.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};

use super::StoreError;

/// Number, name and text of every migration, in order.
const MIGRATIONS: &[(i64, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Applies what is missing while the database's own lock keeps other programs from doing the same.
pub(super) async fn run<C: Migrate>(connection: &mut C) -> Result<usize, StoreError> {
    connection.lock().await?;
    let applied = apply(connection).await;
    connection.unlock().await?;
    applied
}

async fn apply<C: Migrate>(connection: &mut C) -> Result<usize, StoreError> {
    let migrations: Vec<_> = MIGRATIONS
        .iter()
        .map(|(version, about, text)| Migration::new(*version, Cow::Borrowed(about), MigrationType::Simple, text.into_sql_str(), false))
        .collect();
    let migrator = Migrator { migrations: migrations.into(), locking: false, ..Migrator::DEFAULT };
    connection.ensure_migrations_table(&migrator.table_name).await?;
    let before = connection.list_applied_migrations(&migrator.table_name).await?.len();
    migrator.run_direct(None, connection, false).await?;
    Ok(MIGRATIONS.len().saturating_sub(before))
}
