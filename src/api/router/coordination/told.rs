//! What a collector tells of something it listens to: how it fares, and that it failed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waddlebot_runtime::store::Told;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::refused;
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body};
use crate::api::router::Desk;
use crate::api::router::collectors::{kept, needed};

/// The most that may watch.
pub(super) const VIEWERS: i64 = 1_000_000_000_000;
/// The most characters that are kept of what went wrong.
const WHY: usize = 500;

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    container_id: String,
    entity_id: String,
    #[serde(default)]
    is_live: Option<bool>,
    #[serde(default, deserialize_with = "waddlebot_runtime::whole::maybe")]
    viewer_count: Option<i64>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    has_activity: Option<bool>,
}

/// `POST /coordination/status`
pub(super) async fn status(State(desk): State<Arc<Desk>>, Body(sent): Body<Status>) -> Result<Json<Value>, ApiError> {
    let (name, entity) = (needed("container_id", &sent.container_id)?, needed("entity_id", &sent.entity_id)?);
    if sent.viewer_count.is_some_and(|viewers| !(0..=VIEWERS).contains(&viewers)) {
        return Err(ApiError::bad_request("bad_viewers", format!("viewer_count is 0 to {VIEWERS}")));
    }
    let metadata = sent.metadata.map(|metadata| kept("metadata", metadata)).transpose()?;
    let told = Told { is_live: sent.is_live, viewers: sent.viewer_count, metadata, active: sent.has_activity.unwrap_or(false) };
    desk.household.listeners().tell(&name, &entity, &told).await.map_err(refused)?;
    Ok(Json(json!({"success": true})))
}

#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    container_id: String,
    entity_id: String,
    error_message: String,
}

/// `POST /coordination/error`
pub(super) async fn error(State(desk): State<Arc<Desk>>, by: Caller, Body(sent): Body<Failure>) -> Result<Json<Value>, ApiError> {
    let (name, entity) = (needed("container_id", &sent.container_id)?, needed("entity_id", &sent.entity_id)?);
    let why: String = sent.error_message.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(WHY).collect();
    let (count, over) = desk.household.listeners().fails(&name, &entity, why.trim()).await.map_err(refused)?;
    if over {
        let line = aaa::audit("coordination.error").user(by.name()).result(Outcome::Failure);
        line.with("collector", &name).with("entity", &entity).with("why", &why).log();
    }
    Ok(Json(json!({"success": true, "error_count": count, "status": if over { "error" } else { "claimed" }})))
}
