//! `/router/rbac`: who is what where, who may do what, many people at once; changed at once in every channel.

mod community;
mod described;
pub(super) mod subject;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::community::roles::Unchanged;
use waddlebot_actors::registry;
use waddlebot_actors::roles::bulk::{self, Place};
use waddlebot_actors::roles::table::Change;
use waddlebot_actors::roles::{PERMISSIONS, Permission, permits};
use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY, Role};
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use self::subject::{Named, person, rank, shown, subject};
use super::{Desk, SENDERS};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body};
use crate::api::openapi::operation::{ADMINS, Who};
use crate::api::openapi::table::{BOTH, Table};

/// The most people of one request.
const MOST: usize = 1000;

/// Who asks about roles.
const READERS: Who = Who::Keys(&[KeyRole::Core, KeyRole::Action]);

/// The addresses of this folder.
pub(super) fn table() -> Table<Arc<Desk>> {
    Table::new("roles", BOTH)
        .get("/router/rbac/permissions", READERS, permissions, described::permissions())
        .post("/router/rbac/check_permissions_bulk", READERS, check, described::check())
        .post("/router/rbac/get_user_roles_bulk", READERS, roles, described::roles())
        .post("/router/rbac/assign_roles_bulk", ADMINS, assign, described::assign())
        .post("/router/rbac/ensure_users_in_global_community_bulk", SENDERS, ensure, described::ensure())
        .get("/router/rbac/communities/{id}/members", READERS, community::members, described::members())
        .delete("/router/rbac/communities/{id}/members/{platform}/{user}", ADMINS, community::remove, described::remove())
        .get("/router/rbac/communities/{id}/changes", ADMINS, community::changes, described::changes())
        .get("/router/rbac/communities/{id}/badges", READERS, community::badges, described::badges())
        .put("/router/rbac/communities/{id}/badges", ADMINS, community::set_badges, described::set_badges())
}

/// `GET /rbac/permissions`: who has which.
async fn permissions() -> Json<Value> {
    let row = |(permission, name, _): &(Permission, &str, Option<Role>)| {
        let roles: Vec<_> = Role::RANKS.into_iter().filter(|role| permits(*role, *permission)).map(shown).collect();
        json!({"permission": name, "roles": roles})
    };
    Json(json!({"permissions": PERMISSIONS.iter().map(row).collect::<Vec<_>>()}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checks {
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    permission: String,
    #[serde(flatten)]
    whose: Named,
}

async fn check(State(desk): State<Arc<Desk>>, Body(body): Body<Checks>) -> Result<Json<Value>, ApiError> {
    few(body.checks.len())?;
    let mut checks = Vec::with_capacity(body.checks.len());
    for one in &body.checks {
        let permission = Permission::parse(&one.permission).ok_or_else(|| {
            let named: String = one.permission.chars().take(60).collect();
            ApiError::bad_request("unknown_permission", format!("there is no permission {named:?}; GET …/rbac/permissions lists them"))
        })?;
        checks.push((subject(&one.whose)?, permission));
    }
    let results = bulk::check_permissions_bulk(desk.household.store(), &checks).await?;
    let rows: Vec<_> = results.into_iter().map(|(allowed, role)| json!({"allowed": allowed, "role": shown(role)})).collect();
    Ok(Json(json!({"total": rows.len(), "results": rows})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct People {
    users: Vec<Named>,
}

async fn roles(State(desk): State<Arc<Desk>>, Body(body): Body<People>) -> Result<Json<Value>, ApiError> {
    few(body.users.len())?;
    let subjects = body.users.iter().map(subject).collect::<Result<Vec<_>, _>>()?;
    let roles = bulk::get_user_roles_bulk(desk.household.store(), &subjects).await?;
    let row = |(one, role): (&bulk::Subject, Role)| json!({"platform": one.platform, "user_id": one.user, "role": shown(role)});
    let rows: Vec<_> = subjects.iter().zip(roles).map(row).collect();
    Ok(Json(json!({"total": rows.len(), "results": rows})))
}

async fn ensure(State(desk): State<Arc<Desk>>, Body(body): Body<People>) -> Result<Json<Value>, ApiError> {
    few(body.users.len())?;
    let people = body.users.iter().map(person).collect::<Result<Vec<_>, _>>()?;
    let new = bulk::ensure_users_in_global_community_bulk(desk.household.store(), &people, desk.clock.now()).await?;
    Ok(Json(json!({"success": true, "community_id": GLOBAL_COMMUNITY, "total": people.len(), "added": new})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Assignments {
    assignments: Vec<Assignment>,
}

#[derive(Debug, Deserialize)]
struct Assignment {
    /// `null` takes away what they were given.
    role: Option<String>,
    #[serde(flatten)]
    whose: Named,
}

async fn assign(State(desk): State<Arc<Desk>>, by: Caller, Body(body): Body<Assignments>) -> Result<Json<Value>, ApiError> {
    few(body.assignments.len())?;
    let mut asked = Vec::with_capacity(body.assignments.len());
    for one in &body.assignments {
        let role = one.role.as_deref().map(rank).transpose()?;
        asked.push((subject(&one.whose)?.place, person(&one.whose)?, role));
    }
    let entity = |(place, ..): &'_ (Place, _, _)| if let Place::Entity(key) = place { Some(key.to_string()) } else { None };
    let entities: Vec<_> = asked.iter().filter_map(entity).collect();
    let entities: Vec<_> = entities.iter().map(String::as_str).collect();
    let owners = registry::communities_of(desk.household.store(), &entities).await?;
    let mut changes = Vec::with_capacity(asked.len());
    for (place, who, role) in asked {
        let (community, entity) = match place {
            Place::Community(id) => (id, None),
            Place::Entity(key) => {
                let owner = owners.get(key.as_str()).copied();
                (owner.ok_or_else(|| ApiError::not_found(format!("there is no entity {key}")))?, Some(key.to_string()))
            }
        };
        if community == GLOBAL_COMMUNITY {
            return Err(ApiError::bad_request("global_community", "everybody is a member of the global community and nothing else"));
        }
        changes.push((community, Change { who, entity, role }));
    }
    let done = desk.household.assign_roles_bulk(changes, by.name(), authority(&by)).await;
    let mut results = Vec::with_capacity(done.len());
    let (mut changed, mut failed) = (0, None);
    for (community, done) in done {
        match done {
            Ok(count) => {
                changed += count;
                audit("roles.assign", community, &by).with("people", count).log();
                results.push(json!({"community_id": community, "success": true, "changed": count}));
            }
            Err(why) => {
                let why = unchanged(why);
                results.push(json!({"community_id": community, "success": false, "error": why.clone().told()}));
                failed = Some(why);
            }
        }
    }
    match failed {
        // One community that refuses is the whole answer where nothing else was asked for.
        Some(why) if changed == 0 => Err(why),
        failed => Ok(Json(json!({"success": failed.is_none(), "changed": changed, "results": results}))),
    }
}

/// With which role somebody changes others': a key of the house is an owner's.
fn authority(by: &Caller) -> Role {
    match by {
        Caller::Key(_) => Role::Owner,
        Caller::Person(person) => person.role,
    }
}

fn audit(action: &'static str, community: CommunityId, by: &Caller) -> aaa::Entry {
    aaa::audit(action).community(community).user(by.name()).result(Outcome::Success)
}

fn few(count: usize) -> Result<(), ApiError> {
    if (1..=MOST).contains(&count) {
        Ok(())
    } else {
        Err(ApiError::bad_request("bad_batch", format!("one request is about 1 to {MOST} people")))
    }
}

fn unchanged(why: Unchanged) -> ApiError {
    match why {
        Unchanged::Denied(..) => ApiError::forbidden(why.to_string()),
        Unchanged::Unknown | Unchanged::Elsewhere(_) => ApiError::not_found(why.to_string()),
        Unchanged::Unavailable(why) if why.starts_with("there is no community") => ApiError::not_found(why),
        Unchanged::Unavailable(why) => {
            tracing::warn!(why, "roles were not changed");
            ApiError::unavailable("the community cannot be served now")
        }
    }
}
