//! The stored memberships and roles of all communities: one statement a batch, however many people it is.

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY, Millis, Role};
use waddlebot_runtime::store::{FencedTx, Row, Sql, Store, StoreError, Tx, sql};

use super::{Badges, Roles};
use crate::listing::{anywhere, folded};

/// The most rows of one statement.
const CHUNK: usize = 1000;

/// Somebody on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// The platform.
    pub platform: String,
    /// Their id there.
    pub id: String,
    /// Their name there; empty when it is not known.
    pub name: String,
}

/// A role to give, or to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose.
    pub who: Person,
    /// In this channel only, or in the whole community.
    pub entity: Option<String>,
    /// The new one; `None` takes away what they were given.
    pub role: Option<Role>,
}

/// A member as a list shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub who: Person,
    /// What they were made in the community.
    pub role: Role,
    /// Since when.
    pub joined_at: Millis,
    /// Who gave them the role, and when; empty and 0 where nobody did.
    pub granted: (String, Millis),
}

/// Everything about roles that a community's channels must know.
///
/// # Errors
/// When the store is gone.
pub async fn load(store: &Store, community: CommunityId) -> Result<Roles, StoreError> {
    let mut roles = Roles::default();
    // Members without a rank are as everybody else and stay in the store.
    let text = "SELECT platform, user_id, role FROM community_roles WHERE community_id = $1 AND role <> 'viewer'";
    for row in store.all(sql(text).bind(community)).await? {
        roles.set(&row.get::<String>("platform")?, &row.get::<String>("user_id")?, Some(role(&row)?));
    }
    for row in store.all(sql("SELECT entity_id, user_id, role FROM entity_roles WHERE community_id = $1").bind(community)).await? {
        roles.set_in(&row.get::<String>("entity_id")?, &row.get::<String>("user_id")?, Some(role(&row)?));
    }
    roles.badges = badges(store, community).await?;
    Ok(roles)
}

/// What badges count for in a community.
///
/// # Errors
/// When the store is gone.
pub async fn badges(store: &Store, community: CommunityId) -> Result<Badges, StoreError> {
    let mut badges = Badges::default();
    for row in store.all(sql("SELECT badge, role FROM badge_roles WHERE community_id = $1").bind(community)).await? {
        if let Some(badge) = Role::parse(&row.get::<String>("badge")?) {
            badges.set(badge, role(&row)?);
        }
    }
    Ok(badges)
}

/// Stores what badges count for.
///
/// # Errors
/// When the store is gone.
pub async fn set_badges(tx: &mut FencedTx, community: CommunityId, badges: &Badges) -> Result<(), StoreError> {
    let tail = "ON CONFLICT (community_id, badge) DO UPDATE SET role = excluded.role";
    let mut statement = Sql::rows("INSERT INTO badge_roles (community_id, badge, role) VALUES", 3, tail);
    for badge in Badges::ALL {
        statement = statement.bind(community).bind(badge.name()).bind(badges.role(badge).name());
    }
    tx.run(statement).await.map(drop)
}

/// Stores these changes; who is given a role in a community belongs to it from then on. No two may be about the same.
///
/// # Errors
/// When the store is gone.
pub async fn change(tx: &mut FencedTx, community: CommunityId, changes: &[Change], (by, now): (&str, Millis)) -> Result<(), StoreError> {
    for chunk in changes.chunks(CHUNK) {
        let given = |in_entity: bool| {
            chunk.iter().filter_map(move |one| one.role.filter(|_| one.entity.is_some() == in_entity).map(|role| (one, role)))
        };
        let taken = |in_entity: bool| chunk.iter().filter(move |one| one.role.is_none() && one.entity.is_some() == in_entity);
        let tail = "ON CONFLICT (community_id, platform, user_id) DO UPDATE SET role = excluded.role, granted_by = excluded.granted_by, \
                    granted_at = excluded.granted_at";
        let head = "INSERT INTO community_roles (community_id, platform, user_id, role, granted_by, granted_at) VALUES";
        let rows = given(false).fold(Sql::rows(head, 6, tail), |rows, (one, role)| {
            rows.bind(community).bind(&one.who.platform).bind(&one.who.id).bind(role.name()).bind(by).bind(now)
        });
        some(tx, rows).await?;
        let tail = "ON CONFLICT (entity_id, user_id) DO UPDATE SET role = excluded.role, granted_by = excluded.granted_by, \
                    granted_at = excluded.granted_at, community_id = excluded.community_id";
        let head = "INSERT INTO entity_roles (entity_id, user_id, community_id, role, granted_by, granted_at) VALUES";
        let rows = given(true).fold(Sql::rows(head, 6, tail), |rows, (one, role)| {
            rows.bind(one.entity.as_deref()).bind(&one.who.id).bind(community).bind(role.name()).bind(by).bind(now)
        });
        some(tx, rows).await?;
        let head = "DELETE FROM community_roles WHERE (community_id, platform, user_id) IN (VALUES";
        let rows = taken(false).fold(Sql::rows(head, 3, ")"), |rows, one| rows.bind(community).bind(&one.who.platform).bind(&one.who.id));
        some(tx, rows).await?;
        let head = "DELETE FROM entity_roles WHERE (entity_id, user_id) IN (VALUES";
        let rows = taken(true).fold(Sql::rows(head, 2, ")"), |rows, one| rows.bind(one.entity.as_deref()).bind(&one.who.id));
        some(tx, rows).await?;
        let members: Vec<_> = given(false).map(|(one, _)| one.who.clone()).collect();
        join(tx, community, &members, now).await?;
    }
    Ok(())
}

/// Lets people belong to a community, for the first time or again. No two may be the same.
///
/// # Errors
/// When the store is gone.
pub async fn join(tx: &mut Tx, community: CommunityId, people: &[Person], now: Millis) -> Result<(), StoreError> {
    let tail = "ON CONFLICT (community_id, platform, user_id) DO UPDATE SET is_active = TRUE, \
        user_name = CASE WHEN excluded.user_name = '' THEN memberships.user_name ELSE excluded.user_name END, \
        folded = CASE WHEN excluded.user_name = '' THEN memberships.folded ELSE excluded.folded END";
    let head = "INSERT INTO memberships (community_id, platform, user_id, user_name, folded, joined_at) VALUES";
    for chunk in people.chunks(CHUNK) {
        let rows = chunk.iter().fold(Sql::rows(head, 6, tail), |rows, who| {
            rows.bind(community).bind(&who.platform).bind(&who.id).bind(&who.name).bind(folded(&who.name)).bind(now)
        });
        some(tx, rows).await?;
    }
    Ok(())
}

/// Lets everybody here belong to the global community, for ever; says how many are new. No two may be the same.
///
/// # Errors
/// When the store is gone.
pub async fn join_global(tx: &mut Tx, people: &[Person], now: Millis) -> Result<u64, StoreError> {
    let mut new = 0;
    let head = "INSERT INTO memberships (community_id, platform, user_id, user_name, folded, joined_at) VALUES";
    for chunk in people.chunks(CHUNK) {
        let rows = chunk.iter().fold(Sql::rows(head, 6, "ON CONFLICT (community_id, platform, user_id) DO NOTHING"), |rows, who| {
            rows.bind(GLOBAL_COMMUNITY).bind(&who.platform).bind(&who.id).bind(&who.name).bind(folded(&who.name)).bind(now)
        });
        new += some(tx, rows).await?;
    }
    Ok(new)
}

/// Ends somebody's membership, and with it every role they have in the community; whether they belonged to it.
///
/// # Errors
/// When the store is gone.
pub async fn leave(tx: &mut FencedTx, community: CommunityId, platform: &str, user: &str) -> Result<bool, StoreError> {
    let of = |text| sql(text).bind(community).bind(platform).bind(user);
    let text = "UPDATE memberships SET is_active = FALSE WHERE community_id = $1 AND platform = $2 AND user_id = $3 AND is_active";
    let belonged = tx.run(of(text)).await? > 0;
    tx.run(of("DELETE FROM community_roles WHERE community_id = $1 AND platform = $2 AND user_id = $3")).await?;
    // An entity's name begins with its platform.
    let text = "DELETE FROM entity_roles WHERE community_id = $1 AND user_id = $3 AND substr(entity_id, 1, length($2) + 1) = $2 || ':'";
    tx.run(of(text)).await?;
    Ok(belonged)
}

/// What people were made in communities: as many rows as there are, in no order.
///
/// # Errors
/// When the store is gone.
pub async fn in_communities(
    store: &Store,
    whose: &[(CommunityId, &str, &str)],
) -> Result<Vec<((CommunityId, String, String), Role)>, StoreError> {
    let mut found = Vec::new();
    for chunk in whose.chunks(CHUNK) {
        let head = "SELECT community_id, platform, user_id, role FROM community_roles WHERE (community_id, platform, user_id) IN (VALUES";
        let rows = chunk.iter().fold(Sql::rows(head, 3, ")"), |rows, one| rows.bind(one.0).bind(one.1).bind(one.2));
        for row in store.all(rows).await? {
            found.push(((row.get("community_id")?, row.get("platform")?, row.get("user_id")?), role(&row)?));
        }
    }
    Ok(found)
}

/// What people were made in channels: as many rows as there are, in no order.
///
/// # Errors
/// When the store is gone.
pub async fn in_entities(store: &Store, whose: &[(&str, &str)]) -> Result<Vec<((String, String), Role)>, StoreError> {
    let mut found = Vec::new();
    for chunk in whose.chunks(CHUNK) {
        let head = "SELECT entity_id, user_id, role FROM entity_roles WHERE (entity_id, user_id) IN (VALUES";
        let rows = chunk.iter().fold(Sql::rows(head, 2, ")"), |rows, one| rows.bind(one.0).bind(one.1));
        for row in store.all(rows).await? {
            found.push(((row.get("entity_id")?, row.get("user_id")?), role(&row)?));
        }
    }
    Ok(found)
}

/// A community that somebody belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Which.
    pub community: CommunityId,
    /// Their name as it is known there.
    pub name: String,
    /// What they were made in it.
    pub role: Role,
    /// Since when.
    pub joined_at: Millis,
}

/// The communities that somebody belongs to.
///
/// # Errors
/// When the store is gone.
pub async fn memberships(store: &Store, platform: &str, user: &str) -> Result<Vec<Membership>, StoreError> {
    let text = "SELECT m.community_id, m.user_name, m.joined_at, coalesce(r.role, 'viewer') AS role FROM memberships AS m \
                LEFT JOIN community_roles AS r ON r.community_id = m.community_id AND r.platform = m.platform AND r.user_id = m.user_id \
                WHERE m.platform = $1 AND m.user_id = $2 AND m.is_active ORDER BY m.community_id";
    let read = |row: &Row| {
        Ok(Membership {
            community: row.get("community_id")?,
            name: row.get("user_name")?,
            role: role(row)?,
            joined_at: row.get("joined_at")?,
        })
    };
    store.all(sql(text).bind(platform).bind(user)).await?.iter().map(read).collect()
}

/// Which members are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Of which community.
    pub community: CommunityId,
    /// Everybody who was ever met, whether they belong to it or not.
    pub everybody: bool,
    /// With this in their name, whatever its case.
    pub text: &'a str,
    /// Of this role only.
    pub role: Option<Role>,
    /// So many at most.
    pub limit: i64,
    /// After leaving out so many.
    pub offset: i64,
}

/// A page of members by name, and how many there are.
///
/// # Errors
/// When the store is gone.
pub async fn members(store: &Store, wanted: Wanted<'_>) -> Result<(Vec<Member>, i64), StoreError> {
    macro_rules! from {
        ($what:literal, $end:literal) => {
            concat!(
                "SELECT ", $what, " FROM memberships AS m LEFT JOIN community_roles AS r \
                 ON r.community_id = $1 AND r.platform = m.platform AND r.user_id = m.user_id \
                 WHERE m.community_id = $4 AND m.is_active AND m.folded LIKE $2 ESCAPE '!' AND ($3 = '' OR coalesce(r.role, 'viewer') = $3)",
                $end
            )
        };
    }
    const PAGE: &str = from!(
        "m.platform, m.user_id, m.user_name, m.joined_at, coalesce(r.role, 'viewer') AS role, coalesce(r.granted_by, '') AS granted_by, \
         coalesce(r.granted_at, 0) AS granted_at",
        " ORDER BY m.folded, m.platform, m.user_id LIMIT $5 OFFSET $6"
    );
    const TOTAL: &str = from!("count(*) AS total", "");
    let whose = if wanted.everybody { GLOBAL_COMMUNITY } else { wanted.community };
    let of = |text| sql(text).bind(wanted.community).bind(anywhere(wanted.text)).bind(wanted.role.map_or("", Role::name)).bind(whose);
    let mut members = Vec::new();
    for row in store.all(of(PAGE).bind(wanted.limit).bind(wanted.offset)).await? {
        members.push(Member {
            who: Person { platform: row.get("platform")?, id: row.get("user_id")?, name: row.get("user_name")? },
            role: role(&row)?,
            joined_at: row.get("joined_at")?,
            granted: (row.get("granted_by")?, row.get("granted_at")?),
        });
    }
    let total = store.one(of(TOTAL)).await?.map_or(Ok(0), |row| row.get("total"))?;
    Ok((members, total))
}

/// Runs a statement over many rows, unless there is none.
async fn some(tx: &mut Tx, statement: Sql) -> Result<u64, StoreError> {
    if statement.bound() == 0 { Ok(0) } else { tx.run(statement).await }
}

fn role(row: &Row) -> Result<Role, StoreError> {
    Ok(Role::parse(&row.get::<String>("role")?).unwrap_or_default())
}
