//! The stored rules of a community: who made and changed each, and how often it matched.

use std::collections::HashMap;

use waddlebot_runtime::chat::{CommunityId, Millis};
use waddlebot_runtime::store::{FencedTx, Row, Store, StoreError, sql};

use super::{Kind, Rule};
use crate::listing::{anywhere, folded};

/// A rule as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The rule.
    pub rule: Rule,
    /// Its community.
    pub community: CommunityId,
    /// How often it matched; a few seconds old.
    pub matches: i64,
    /// When it matched last.
    pub last_matched: Option<Millis>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Millis,
    /// Who changed it last.
    pub updated_by: String,
    /// When.
    pub updated_at: Millis,
}

/// Which rules are looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Of one community, or of all.
    pub community: Option<CommunityId>,
    /// With this in their pattern, whatever its case.
    pub text: &'a str,
    /// For this channel; whichever they are for when `None`.
    pub entity: Option<&'a str>,
    /// So many at most; all when 0.
    pub most: usize,
    /// After leaving out so many.
    pub skipped: usize,
}

/// Rules in the order in which they are asked, and how many there are without the limits.
///
/// # Errors
/// When the store is gone.
pub async fn find(store: &Store, wanted: Wanted<'_>) -> Result<(Vec<Kept>, usize), StoreError> {
    let text = "SELECT id, community_id, string, match_type, case_sensitive, enabled_entity_ids, overrides, action, priority, is_active, \
        match_count, last_matched, created_by, created_at, updated_by, updated_at FROM string_rules \
        WHERE deleted_at IS NULL AND ($1 = 0 OR community_id = $1) AND folded LIKE $2 ESCAPE '!' \
        AND ($3 = '' OR enabled_entity_ids = '[]' OR replace(enabled_entity_ids, $3, '') <> enabled_entity_ids \
        OR replace(enabled_entity_ids, $4, '') <> enabled_entity_ids) ORDER BY community_id, priority, id LIMIT $5 OFFSET $6";
    // A channel as it begins the stored list, and as it stands behind another; no letter of a name is written so.
    let (first, further) =
        wanted.entity.map(|name| written(&name)).map(|name| (format!("[{name}"), format!(",{name}"))).unwrap_or_default();
    let which = |text| sql(text).bind(wanted.community.unwrap_or(0)).bind(anywhere(wanted.text)).bind(&first).bind(&further);
    let most = if wanted.most == 0 { i64::MAX } else { bounded(wanted.most) };
    let rows = store.all(which(text).bind(most).bind(bounded(wanted.skipped))).await?;
    let kept: Vec<_> = rows.iter().map(kept).collect::<Result<_, _>>()?;
    if wanted.most == 0 && wanted.skipped == 0 {
        let total = kept.len();
        return Ok((kept, total));
    }
    let text = "SELECT count(*) AS total FROM string_rules WHERE deleted_at IS NULL AND ($1 = 0 OR community_id = $1) \
        AND folded LIKE $2 ESCAPE '!' AND ($3 = '' OR enabled_entity_ids = '[]' OR replace(enabled_entity_ids, $3, '') <> enabled_entity_ids \
        OR replace(enabled_entity_ids, $4, '') <> enabled_entity_ids)";
    let total: i64 = store.one(which(text)).await?.map_or(Ok(0), |row| row.get("total"))?;
    Ok((kept, usize::try_from(total).unwrap_or(0)))
}

/// What the rules of all communities come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Rules.
    pub rules: i64,
    /// Those that are switched on.
    pub active: i64,
    /// How often all of them matched.
    pub matches: i64,
    /// How many have each action, by its name.
    pub by_action: [(&'static str, i64); 4],
}

/// Adds the rules of all communities up, in the database.
///
/// # Errors
/// When the store is gone.
pub async fn sums(store: &Store) -> Result<Sums, StoreError> {
    let text = r#"SELECT count(*) AS rules, count(CASE WHEN is_active THEN 1 END) AS active, CAST(coalesce(sum(match_count), 0) AS BIGINT) AS matches,
        count(CASE WHEN action LIKE '{"do":"warn"%' THEN 1 END) AS warn, count(CASE WHEN action LIKE '{"do":"block"%' THEN 1 END) AS block,
        count(CASE WHEN action LIKE '{"do":"command"%' THEN 1 END) AS command, count(CASE WHEN action LIKE '{"do":"webhook"%' THEN 1 END) AS webhook
        FROM string_rules WHERE deleted_at IS NULL"#;
    let Some(row) = store.one(sql(text)).await? else { return Ok(Sums::default()) };
    let mut by_action = ["warn", "block", "command", "webhook"].map(|name| (name, 0));
    for (name, count) in &mut by_action {
        *count = row.get(name)?;
    }
    Ok(Sums { rules: row.get("rules")?, active: row.get("active")?, matches: row.get("matches")?, by_action })
}

fn bounded(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One rule.
///
/// # Errors
/// When the store is gone.
pub async fn one(store: &Store, id: i64) -> Result<Option<Kept>, StoreError> {
    let text = "SELECT id, community_id, string, match_type, case_sensitive, enabled_entity_ids, overrides, action, priority, is_active, \
        match_count, last_matched, created_by, created_at, updated_by, updated_at FROM string_rules WHERE id = $1 AND deleted_at IS NULL";
    store.one(sql(text).bind(id)).await?.as_ref().map(kept).transpose()
}

fn kept(row: &Row) -> Result<Kept, StoreError> {
    let unread = |what: &str| StoreError::Refused(format!("a stored string rule has a {what} that cannot be read"));
    let json = |column: &str| row.get::<String>(column);
    let rule = Rule {
        id: row.get("id")?,
        kind: Kind::parse(&json("match_type")?).ok_or_else(|| unread("match_type"))?,
        pattern: row.get("string")?,
        case_sensitive: row.get("case_sensitive")?,
        entities: serde_json::from_str(&json("enabled_entity_ids")?).map_err(|_| unread("list of channels"))?,
        overrides: serde_json::from_str(&json("overrides")?).map_err(|_| unread("list of overrides"))?,
        priority: row.get("priority")?,
        enabled: row.get("is_active")?,
        action: serde_json::from_str(&json("action")?).map_err(|_| unread("action"))?,
    };
    Ok(Kept {
        rule,
        community: row.get("community_id")?,
        matches: row.get("match_count")?,
        last_matched: row.get("last_matched")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_by: row.get("updated_by")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Stores a new rule; gives its number.
///
/// # Errors
/// When the store is gone.
pub async fn add(tx: &mut FencedTx, community: CommunityId, rule: &Rule, by: &str, now: Millis) -> Result<i64, StoreError> {
    let text = "INSERT INTO string_rules (id, community_id, string, folded, match_type, case_sensitive, enabled_entity_ids, overrides, action, \
        priority, is_active, created_by, created_at, updated_by, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12, $13) ON CONFLICT (id) DO NOTHING";
    loop {
        let next = tx.one(sql("SELECT COALESCE(MAX(id), 0) + 1 AS next FROM string_rules")).await?;
        let id: i64 = next.map_or(Ok(1), |row| row.get("next"))?;
        let statement = sql(text)
            .bind(id)
            .bind(community)
            .bind(&rule.pattern)
            .bind(folded(&rule.pattern))
            .bind(rule.kind.name())
            .bind(rule.case_sensitive)
            .bind(written(&rule.entities))
            .bind(written(&rule.overrides))
            .bind(written(&rule.action))
            .bind(rule.priority)
            .bind(rule.enabled)
            .bind(by)
            .bind(now);
        // Another community on another node may have taken the number meanwhile.
        if tx.run(statement).await? == 1 {
            return Ok(id);
        }
    }
}

/// Stores a changed rule; says whether it is there.
///
/// # Errors
/// When the store is gone.
pub async fn change(tx: &mut FencedTx, community: CommunityId, rule: &Rule, by: &str, now: Millis) -> Result<bool, StoreError> {
    let text = "UPDATE string_rules SET string = $3, folded = $4, match_type = $5, case_sensitive = $6, enabled_entity_ids = $7, overrides = $8, \
        action = $9, priority = $10, is_active = $11, updated_by = $12, updated_at = $13 WHERE id = $1 AND community_id = $2 AND deleted_at IS NULL";
    let statement = sql(text)
        .bind(rule.id)
        .bind(community)
        .bind(&rule.pattern)
        .bind(folded(&rule.pattern))
        .bind(rule.kind.name())
        .bind(rule.case_sensitive)
        .bind(written(&rule.entities))
        .bind(written(&rule.overrides))
        .bind(written(&rule.action))
        .bind(rule.priority)
        .bind(rule.enabled)
        .bind(by)
        .bind(now);
    Ok(tx.run(statement).await? == 1)
}

/// Takes a rule out of use for good, and keeps its row for who asks later; says whether it was there.
///
/// # Errors
/// When the store is gone.
pub async fn remove(tx: &mut FencedTx, community: CommunityId, id: i64, by: &str, now: Millis) -> Result<bool, StoreError> {
    let text = "UPDATE string_rules SET is_active = FALSE, deleted_at = $4, updated_by = $3, updated_at = $4 \
        WHERE id = $1 AND community_id = $2 AND deleted_at IS NULL";
    Ok(tx.run(sql(text).bind(id).bind(community).bind(by).bind(now)).await? == 1)
}

/// How often rules matched since the last time, and when last.
pub type Uses = HashMap<i64, (i64, Millis)>;

/// Adds up how often rules matched.
///
/// # Errors
/// When the store is gone.
pub async fn count(tx: &mut FencedTx, community: CommunityId, uses: &Uses) -> Result<(), StoreError> {
    let text = "UPDATE string_rules SET match_count = match_count + $3, last_matched = $4 WHERE id = $1 AND community_id = $2";
    for (id, (times, last)) in uses {
        tx.run(sql(text).bind(*id).bind(community).bind(*times).bind(*last)).await?;
    }
    Ok(())
}

fn written(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("names and numbers are always JSON")
}
