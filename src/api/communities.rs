//! `GET /api/v1/communities`: ids and names, for scripts.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use waddlebot_runtime::keys::KeyRole;

use super::auth::Door;
use super::error::ApiError;
use crate::hub::house::House;

/// The routes of this file, for programs of any role and for people who are logged in.
pub(crate) fn routes(door: &Door, house: Arc<dyn House>) -> Router {
    let routes = Router::new().route("/api/v1/communities", get(communities)).with_state(house);
    door.admits(&KeyRole::ALL, routes)
}

async fn communities(State(house): State<Arc<dyn House>>) -> Result<Json<Value>, ApiError> {
    let all = house.communities().await?;
    let rows: Vec<_> = all.iter().map(|community| json!({"id": community.id, "name": community.name})).collect();
    Ok(Json(json!({"total": rows.len(), "communities": rows})))
}
