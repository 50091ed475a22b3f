//! `/router/string-rules`: what chat may not say, or what saying it sets off; read, changed and tried out.

mod described;
mod settings;
mod trial;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waddlebot_actors::community::rules::Unsaved;
use waddlebot_actors::registry;
use waddlebot_actors::rules::table::{self, Kept, Wanted};
use waddlebot_actors::rules::wire::{Draft, shown};
use waddlebot_actors::rules::{Refused, Rule};
use waddlebot_runtime::chat::{ChannelKey, CommunityId};
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use settings::{blocked, erase, set, settings};
use trial::test;

use super::{CORE, Desk};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body, Path, Query};
use crate::api::openapi::operation::ADMINS;
use crate::api::openapi::table::{BOTH, Table};

/// The most rules of one answer.
const PAGE: usize = 1000;

/// The addresses of this folder: services read and try, admins change.
pub(super) fn table() -> Table<Arc<Desk>> {
    Table::new("string rules", BOTH)
        .get("/router/string-rules", CORE, list, described::list())
        .post("/router/string-rules", ADMINS, create, described::create())
        .get("/router/string-rules/{id}", CORE, one, described::one())
        .put("/router/string-rules/{id}", ADMINS, change, described::change())
        .delete("/router/string-rules/{id}", ADMINS, remove, described::remove())
        .post("/router/string-rules/test", CORE, test, described::test())
        .get("/router/string-rules/blocked", CORE, blocked, described::blocked())
        .get("/router/string-rules/settings", CORE, settings, described::settings())
        .put("/router/string-rules/settings", ADMINS, set, described::set())
        .delete("/router/string-rules/history", ADMINS, erase, described::erase())
}

/// Which rules are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    entity_id: Option<String>,
    #[serde(default)]
    community_id: Option<CommunityId>,
    #[serde(default)]
    search: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    offset: Option<i64>,
}

/// `GET /string-rules`
pub(super) async fn list(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = (asked.limit.unwrap_or(100), asked.offset.unwrap_or(0));
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    if !(1..=PAGE).contains(&limit) || asked.offset.is_some_and(i64::is_negative) {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}, offset 0 or more")));
    }
    let community = match &asked.entity_id {
        Some(entity) => Some(community_of(&desk, entity).await?),
        None => asked.community_id,
    };
    let text = asked.search.as_deref().unwrap_or_default();
    let store = desk.household.store();
    let wanted = Wanted { community, text, entity: asked.entity_id.as_deref(), most: limit, skipped: offset };
    let (rules, total) = table::find(store, wanted).await?;
    Ok(Json(json!({"total": total, "rules": rules.iter().map(shown).collect::<Vec<_>>()})))
}

/// `GET /string-rules/{id}`
pub(super) async fn one(State(desk): State<Arc<Desk>>, Path(id): Path<i64>) -> Result<Json<Value>, ApiError> {
    Ok(Json(shown(&kept(&desk, id).await?)))
}

/// `POST /string-rules`
pub(super) async fn create(
    State(desk): State<Arc<Desk>>,
    by: Caller,
    Body(mut body): Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let asked = body.remove("community_id");
    let rule = draft(body)?.into_rule().map_err(refused)?;
    let community = community(&desk, asked, &rule).await?;
    let id = desk.household.save_rule(community, rule, by.name()).await.map_err(unsaved)?;
    aaa::audit("string_rule.create").community(community).user(by.name()).result(Outcome::Success).with("rule", id).log();
    Ok((StatusCode::CREATED, Json(json!({"success": true, "rule_id": id, "community_id": community}))))
}

/// `PUT /string-rules/{id}`
pub(super) async fn change(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
    by: Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let Kept { mut rule, community, .. } = kept(&desk, id).await?;
    draft(body)?.apply(&mut rule).map_err(refused)?;
    desk.household.save_rule(community, rule, by.name()).await.map_err(unsaved)?;
    aaa::audit("string_rule.change").community(community).user(by.name()).result(Outcome::Success).with("rule", id).log();
    Ok(Json(json!({"success": true, "rule_id": id})))
}

/// `DELETE /string-rules/{id}`
pub(super) async fn remove(State(desk): State<Arc<Desk>>, Path(id): Path<i64>, by: Caller) -> Result<Json<Value>, ApiError> {
    let community = kept(&desk, id).await?.community;
    desk.household.remove_rule(community, id, by.name()).await.map_err(unsaved)?;
    aaa::audit("string_rule.remove").community(community).user(by.name()).result(Outcome::Success).with("rule", id).log();
    Ok(Json(json!({"success": true, "rule_id": id})))
}

fn draft(body: Map<String, Value>) -> Result<Draft, ApiError> {
    serde_json::from_value(Value::Object(body)).map_err(|error| ApiError::bad_request("bad_request", error.to_string()))
}

async fn kept(desk: &Desk, id: i64) -> Result<Kept, ApiError> {
    table::one(desk.household.store(), id).await?.ok_or_else(no_rule)
}

/// The community that a channel belongs to.
async fn community_of(desk: &Desk, entity: &str) -> Result<CommunityId, ApiError> {
    let key = ChannelKey::parse(entity);
    let found = match &key {
        Some(key) => registry::community_of(desk.household.store(), key).await?,
        None => None,
    };
    found.ok_or_else(|| ApiError::not_found("there is no such entity"))
}

/// The community that is named, or that of the rule's first channel, or the only one there is.
async fn community(desk: &Desk, asked: Option<Value>, rule: &Rule) -> Result<CommunityId, ApiError> {
    if let Some(asked) = asked {
        let id = asked.as_i64().ok_or_else(|| ApiError::bad_request("bad_request", "community_id is a number"))?;
        return known(desk, id).await;
    }
    if let Some(entity) = rule.entities.first() {
        return community_of(desk, entity).await;
    }
    let missing = || ApiError::bad_request("community_missing", "say which community the rule is for, in community_id");
    registry::only(desk.household.store()).await?.ok_or_else(missing)
}

/// A community's number, when there is one of it.
async fn known(desk: &Desk, id: CommunityId) -> Result<CommunityId, ApiError> {
    let found = registry::community(desk.household.store(), id).await?;
    found.map(|community| community.id).ok_or_else(|| ApiError::not_found(format!("there is no community {id}")))
}

fn no_rule() -> ApiError {
    ApiError::not_found("there is no such rule")
}

fn refused(why: Refused) -> ApiError {
    ApiError::bad_request(why.code(), why.to_string())
}

fn unsaved(why: Unsaved) -> ApiError {
    match why {
        Unsaved::Unknown => no_rule(),
        Unsaved::Refused(why) => refused(why),
        Unsaved::Unavailable(why) => {
            tracing::warn!(why, "string rules were not changed");
            ApiError::unavailable("the community cannot be served now")
        }
    }
}
