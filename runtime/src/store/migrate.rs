//! Brings the tables up to date, from the files of `migrations/` that are compiled in.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};

use super::StoreError;

/// Number, name and text of every migration, in order.
const MIGRATIONS: &[(i64, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

pub(super) async fn run<C: Migrate>(connection: &mut C) -> Result<usize, StoreError> {
    let migrations: Vec<_> = MIGRATIONS
        .iter()
        .map(|(version, about, text)| Migration::new(*version, Cow::Borrowed(about), MigrationType::Simple, text.into_sql_str(), false))
        .collect();
    let migrator = Migrator { migrations: migrations.into(), ..Migrator::DEFAULT };
    connection.ensure_migrations_table(&migrator.table_name).await?;
    let before = connection.list_applied_migrations(&migrator.table_name).await?.len();
    migrator.run_direct(None, connection, false).await?;
    Ok(MIGRATIONS.len().saturating_sub(before))
}
