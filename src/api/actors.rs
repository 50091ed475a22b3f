//! The inspector: who lives on this node, how each is doing, and what one remembers.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use waddlebot_actors::household::Household;

use super::auth::Door;
use super::error::ApiError;

/// `GET /admin/actors` and `GET /admin/actors/{key}`, also under `/api/v1`; for admins.
pub(crate) fn routes(door: &Door, household: Household) -> Router {
    let routes = Router::new().route("/admin/actors", get(all)).route("/admin/actors/{*key}", get(one)).with_state(household);
    let routes = door.admits(&[], routes);
    Router::new().nest("/api/v1", routes.clone()).merge(routes)
}

async fn all(State(household): State<Household>) -> Json<Value> {
    let world = household.world();
    let actors = world.roster.readings(world.clock.since_boot());
    Json(json!({ "total": actors.len(), "actors": actors }))
}

async fn one(State(household): State<Household>, Path(key): Path<String>) -> Result<Json<Value>, ApiError> {
    let world = household.world();
    let found = world.roster.look(&key, world.clock.since_boot()).await;
    let (actor, memory) = found.ok_or_else(|| ApiError::not_found(format!("nobody called {key} lives here")))?;
    Ok(Json(json!({ "actor": actor, "memory": memory })))
}
