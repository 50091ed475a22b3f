//! `/router/rbac/communities/{id}`: one community's members, and what platforms' badges count for in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::registry;
use waddlebot_actors::roles::Badges;
use waddlebot_actors::roles::audit::{self as audit_log, RoleChange};
use waddlebot_actors::roles::table::{self, Member, Person, Wanted};
use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY, Role};

use super::subject::{rank, shown};
use super::{audit, authority, unchanged};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body, Path, Query};
use crate::api::router::Desk;

/// The most rows of one page.
pub(super) const PAGE: i64 = 1000;

/// Which members are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    search: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

pub(super) async fn members(
    State(desk): State<Arc<Desk>>,
    Path(community): Path<CommunityId>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, ApiError> {
    known(&desk, community).await?;
    let (limit, offset) = paged(asked.limit, asked.offset)?;
    let role = asked.role.as_deref().map(rank).transpose()?;
    let wanted = Wanted { community, everybody: false, text: asked.search.as_deref().unwrap_or_default(), role, limit, offset };
    let (members, total) = table::members(desk.household.store(), wanted).await?;
    let row = |member: &Member| {
        json!({
            "platform": member.who.platform,
            "user_id": member.who.id,
            "user_name": member.who.name,
            "role": shown(member.role),
            "joined_at": member.joined_at,
            "granted_by": member.granted.0,
            "granted_at": (member.granted.1 != 0).then_some(member.granted.1),
        })
    };
    Ok(Json(json!({"total": total, "members": members.iter().map(row).collect::<Vec<_>>()})))
}

/// A page of changes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turned {
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

pub(super) async fn changes(
    State(desk): State<Arc<Desk>>,
    Path(community): Path<CommunityId>,
    Query(asked): Query<Turned>,
) -> Result<Json<Value>, ApiError> {
    known(&desk, community).await?;
    let (limit, offset) = paged(asked.limit, asked.offset)?;
    let (changes, total) = audit_log::changes(desk.household.store(), community, limit, offset).await?;
    let row = |change: &RoleChange| {
        json!({
            "platform": change.who.platform,
            "user_id": change.who.id,
            "user_name": change.who.name,
            "entity_id": change.entity,
            "before": change.before.map(shown),
            "after": change.after.map(shown),
            "left": change.left,
            "changed_by": change.by,
            "changed_at": change.at,
        })
    };
    Ok(Json(json!({"total": total, "changes": changes.iter().map(row).collect::<Vec<_>>()})))
}

fn paged(limit: Option<i64>, offset: Option<i64>) -> Result<(i64, i64), ApiError> {
    let (limit, offset) = (limit.unwrap_or(100), offset.unwrap_or(0));
    if !(1..=PAGE).contains(&limit) || offset < 0 {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}, offset 0 or more")));
    }
    Ok((limit, offset))
}

pub(super) async fn remove(
    State(desk): State<Arc<Desk>>,
    Path((community, platform, user)): Path<(CommunityId, String, String)>,
    by: Caller,
) -> Result<Json<Value>, ApiError> {
    if community == GLOBAL_COMMUNITY {
        return Err(ApiError::bad_request("global_community", "nobody leaves the global community"));
    }
    let who = Person { platform, id: user, name: String::new() };
    desk.household.remove_member(community, who.clone(), by.name(), authority(&by)).await.map_err(unchanged)?;
    audit("member.remove", community, &by).with("platform", who.platform).with("member", who.id).log();
    Ok(Json(json!({"success": true})))
}

pub(super) async fn badges(State(desk): State<Arc<Desk>>, Path(community): Path<CommunityId>) -> Result<Json<Value>, ApiError> {
    known(&desk, community).await?;
    Ok(Json(listed(&table::badges(desk.household.store(), community).await?)))
}

pub(super) async fn set_badges(
    State(desk): State<Arc<Desk>>,
    Path(community): Path<CommunityId>,
    by: Caller,
    Body(body): Body<BTreeMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    known(&desk, community).await?;
    let mut badges = table::badges(desk.household.store(), community).await?;
    for (badge, role) in &body {
        let badge = Role::parse(badge)
            .filter(|badge| Badges::ALL.contains(badge))
            .ok_or_else(|| ApiError::bad_request("bad_badge", "the badges are broadcaster, admin, moderator, vip and subscriber"))?;
        badges.set(badge, rank(role)?);
    }
    desk.household.set_badges(community, badges, by.name()).await.map_err(unchanged)?;
    audit("badges.set", community, &by).log();
    Ok(Json(listed(&badges)))
}

fn listed(badges: &Badges) -> Value {
    let name = |badge: Role| if badge == Role::Owner { "broadcaster" } else { badge.name() };
    Badges::ALL
        .into_iter()
        .map(|badge| (name(badge).to_owned(), json!(shown(badges.role(badge)))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn known(desk: &Desk, community: CommunityId) -> Result<(), ApiError> {
    if community == GLOBAL_COMMUNITY || registry::community(desk.household.store(), community).await?.is_some() {
        return Ok(());
    }
    Err(ApiError::not_found(format!("there is no community {community}")))
}
