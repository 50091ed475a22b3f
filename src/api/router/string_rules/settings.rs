//! `/router/string-rules/settings`, `/blocked` and `/history`: whether chat is kept, what was blocked, and erasing both.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::rules::history::Erased;
use waddlebot_actors::rules::{Settings, blocked as stored, settings as table};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::{known, unsaved};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body, Query};
use crate::api::router::Desk;

/// The most blocked messages of one answer.
const PAGE: u32 = 500;

/// Which community.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api::router) struct Of {
    community_id: CommunityId,
}

/// `GET /string-rules/settings`
pub(in crate::api::router) async fn settings(State(desk): State<Arc<Desk>>, Query(of): Query<Of>) -> Result<Json<Settings>, ApiError> {
    let community = known(&desk, of.community_id).await?;
    Ok(Json(table::load(desk.household.store(), community).await?))
}

/// `PUT /string-rules/settings`
pub(in crate::api::router) async fn set(
    State(desk): State<Arc<Desk>>,
    Query(of): Query<Of>,
    by: Caller,
    Body(settings): Body<Settings>,
) -> Result<Json<Settings>, ApiError> {
    let community = known(&desk, of.community_id).await?;
    desk.household.set_rules(community, settings.clone(), by.name()).await.map_err(unsaved)?;
    aaa::audit("string_rule.settings").community(community).user(by.name()).result(Outcome::Success).log();
    Ok(Json(settings))
}

/// Which blocked messages are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api::router) struct Lately {
    community_id: CommunityId,
    #[serde(default)]
    limit: Option<u32>,
}

/// `GET /string-rules/blocked`
pub(in crate::api::router) async fn blocked(State(desk): State<Arc<Desk>>, Query(asked): Query<Lately>) -> Result<Json<Value>, ApiError> {
    let limit = asked.limit.unwrap_or(50);
    if !(1..=PAGE).contains(&limit) {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}")));
    }
    let community = known(&desk, asked.community_id).await?;
    let messages = stored::last(desk.household.store(), community, limit).await?;
    Ok(Json(json!({"total": messages.len(), "messages": messages})))
}

/// What is erased.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api::router) struct Forget {
    community_id: CommunityId,
    #[serde(default)]
    entity_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
}

/// `DELETE /string-rules/history`
pub(in crate::api::router) async fn erase(
    State(desk): State<Arc<Desk>>,
    by: Caller,
    Query(forget): Query<Forget>,
) -> Result<Json<Value>, ApiError> {
    let community = known(&desk, forget.community_id).await?;
    let what = Erased { entity: forget.entity_id, user: forget.user_id };
    let erased = desk.household.erase_chat(community, what).await.map_err(unsaved)?;
    aaa::audit("chat_history.erase").community(community).user(by.name()).result(Outcome::Success).with("lines", erased).log();
    Ok(Json(json!({"success": true, "erased": erased})))
}
