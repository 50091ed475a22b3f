//! Brings the tables up to date, from the files of `migrations/` that are compiled in.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{StoreError, Tx, sql};
use crate::secret::hexadecimal;

/// Number, name and text of every migration, in order.
const MIGRATIONS: &[(i64, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";

/// The numbers of the migrations a database has.
pub(super) const APPLIED: &str = "SELECT version FROM migrations ORDER BY version";

/// How many migrations a database that has these lacks.
pub(super) fn lacking(applied: &[i64]) -> Result<usize, StoreError> {
    match applied.iter().find(|version| !MIGRATIONS.iter().any(|(known, ..)| known == *version)) {
        Some(newer) => Err(StoreError::Migration(format!("it is of a newer WaddleBot (migration {newer}); run that one"))),
        None => Ok(MIGRATIONS.len() - applied.len()),
    }
}

/// Applies what is missing, all of it or nothing. Of two programs that do so at once the second waits.
pub(super) async fn run(mut tx: Tx) -> Result<usize, StoreError> {
    if tx.locks_rows() {
        // Any number will do as long as it is always the same one.
        tx.all(sql("SELECT pg_advisory_xact_lock(7702394601)")).await?;
    }
    tx.batch(LEDGER).await?;
    let mut applied: HashMap<i64, String> = HashMap::new();
    for row in tx.all(sql("SELECT version, checksum FROM migrations")).await? {
        applied.insert(row.get("version")?, row.get("checksum")?);
    }
    let mut missing = 0;
    for (version, name, text) in MIGRATIONS {
        let checksum = checksum(text);
        match applied.remove(version) {
            Some(known) if known == checksum => {}
            Some(_) => return Err(StoreError::Migration(format!("migration {version} ({name}) is not the one that was applied here"))),
            None => {
                let failed = |error| StoreError::Migration(format!("migration {version} ({name}): {error}"));
                tx.batch(text).await.map_err(failed)?;
                tx.run(
                    sql("INSERT INTO migrations (version, name, checksum) VALUES ($1, $2, $3)").bind(*version).bind(*name).bind(checksum),
                )
                .await?;
                missing += 1;
            }
        }
    }
    if let Some(newer) = applied.keys().max() {
        return Err(StoreError::Migration(format!("it is of a newer WaddleBot (migration {newer}); run that one")));
    }
    tx.commit().await?;
    Ok(missing)
}

fn checksum(text: &str) -> String {
    hexadecimal("", &Sha256::digest(text.as_bytes()))
}
