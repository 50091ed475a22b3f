//! The fence: a write to a claimed entity carries its epoch, or it is not made.

use std::collections::HashSet;
use std::ops::{Deref, DerefMut};

use super::claims::{ALL_LOCKED, HELD_AND_LOCKED, HELD_OF};
use super::{Identity, Sql, StoreError, Tx, sql};

/// Tables whose rows belong to no claimed entity: the only ones a plain [`Tx`] may write.
const UNCLAIMED: &[&str] = &[
    "migrations",
    "nodes",
    "coordination",
    "claim_history",
    "inbox",
    "outcomes",
    "outbox",
    "communities",
    "channels",
    "entity_groups",
    "memberships",
    "collector_modules",
    "servers",
    "api_keys",
    "login_links",
    "secrets",
    "browser_source_tokens",
    "browser_source_access_log",
    // Whoever is asked writes them, then tells those who have them.
    "commands",
    "command_permissions",
];

/// How many claims are asked for at once.
const CHUNK: usize = 500;

/// A held claim: who owns which entity, and since which change of owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The claimed entity: a row of `coordination`.
    pub entity: String,
    /// The node that holds it.
    pub owner: String,
    /// That node's incarnation.
    pub incarnation: i64,
    /// Rises by one at each change of owner: the fencing token.
    pub epoch: i64,
}

impl Claim {
    /// The owner in the life that holds it.
    #[must_use]
    pub fn owner(&self) -> Identity {
        Identity { node_id: self.owner.clone(), incarnation: self.incarnation }
    }
}

/// A transaction that commits only while its claim is held. There is no other way to write to a
/// claimed entity's tables.
#[derive(Debug)]
pub struct FencedTx(Tx);

impl FencedTx {
    /// For a transaction that was opened only because the claim is held.
    pub(super) fn checked(mut tx: Tx) -> Self {
        tx.fenced = true;
        Self(tx)
    }

    /// For a transaction that asks at its end.
    pub(super) fn unchecked(mut tx: Tx, claim: &Claim) -> Self {
        tx.unasked = Some(claim.clone());
        Self::checked(tx)
    }

    /// Asks the fence, and keeps others from moving the claim until the transaction ends.
    pub(super) async fn check(mut tx: Tx, claim: &Claim) -> Result<Self, StoreError> {
        match tx.one(question(claim)).await? {
            Some(_) => Ok(Self::checked(tx)),
            None => Err(StoreError::Stale { entity: claim.entity.clone() }),
        }
    }

    /// Asks for many claims at once; says of each whether it is held, and stays so until the transaction ends.
    pub(super) async fn check_all(mut tx: Tx, claims: &[&Claim]) -> Result<(Self, Vec<bool>), StoreError> {
        let mut held: HashSet<(String, i64)> = HashSet::with_capacity(claims.len());
        for chunk in claims.chunks(CHUNK) {
            let rows = Sql::rows(HELD_OF, 4, if tx.locks_rows() { ALL_LOCKED } else { ")" });
            let rows = chunk
                .iter()
                .fold(rows, |rows, claim| rows.bind(&claim.entity).bind(&claim.owner).bind(claim.incarnation).bind(claim.epoch));
            for row in tx.all(rows).await? {
                held.insert((row.get("entity_id")?, row.get("epoch")?));
            }
        }
        let held = claims.iter().map(|claim| held.contains(&(claim.entity.clone(), claim.epoch))).collect();
        Ok((Self::checked(tx), held))
    }

    /// The transaction, to be finished.
    #[must_use]
    pub fn into_inner(self) -> Tx {
        self.0
    }
}

impl Deref for FencedTx {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        &self.0
    }
}

impl DerefMut for FencedTx {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.0
    }
}

/// Whether a claim is held: one row, which stays as it is until the transaction ends, or none.
pub(super) fn question(claim: &Claim) -> Sql {
    sql(HELD_AND_LOCKED).bind(&claim.entity).bind(&claim.owner).bind(claim.incarnation).bind(claim.epoch)
}

/// Refuses a write to a claimed entity's table in a transaction without an epoch.
pub(super) fn allows(text: &str, fenced: bool) -> Result<(), StoreError> {
    if fenced {
        return Ok(());
    }
    match written_table(text) {
        Some(table) if !UNCLAIMED.iter().any(|name| name.eq_ignore_ascii_case(table)) => {
            Err(StoreError::Unfenced { table: table.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Refuses whatever is no query.
pub(super) fn reads(text: &str) -> Result<(), StoreError> {
    match written_table(text) {
        Some(table) => Err(StoreError::Unfenced { table: table.to_owned() }),
        None => Ok(()),
    }
}

/// The table a statement writes, or `None` for one that only reads. Anything that starts with
/// another word than `SELECT` and is not understood counts as a write to an unknown table.
fn written_table(text: &str) -> Option<&str> {
    let mut words = text.split(|letter: char| letter.is_whitespace() || letter == '(').filter(|word| !word.is_empty());
    let first = words.next()?;
    let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
    if is(first, "SELECT") {
        return None;
    }
    if is(first, "INSERT") || is(first, "DELETE") {
        return words.find(|word| !["INTO", "FROM", "OR", "IGNORE", "REPLACE"].iter().any(|skipped| is(word, skipped)));
    }
    if is(first, "UPDATE") {
        return words.next();
    }
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_transaction_may_not_write_to_a_claimed_table() {
        assert!(
            matches!(allows("UPDATE inventory_items SET a = 1", false), Err(StoreError::Unfenced { table }) if table == "inventory_items")
        );
        assert!(matches!(allows("  insert into memories(id) values ($1)", false), Err(StoreError::Unfenced { .. })));
        assert!(matches!(allows("WITH x AS (SELECT 1) DELETE FROM memories", false), Err(StoreError::Unfenced { .. })));
        assert!(allows("SELECT * FROM memories", false).is_ok());
        assert!(allows("UPDATE nodes SET seq = seq + 1", false).is_ok());
        assert!(allows("UPDATE inventory_items SET a = 1", true).is_ok());
    }
}
