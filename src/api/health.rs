//! Health: open to everybody in short, to keys in detail.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use waddlebot_actors::household::Household;
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::store::sql;

use super::auth::Door;

/// `GET /health`, open; `GET /health/detailed`, for any key and for logged-in people.
pub(crate) fn routes(door: &Door, household: Household) -> Router {
    let detailed = Router::new().route("/health/detailed", get(detailed)).with_state(household.clone());
    Router::new().route("/health", get(short)).with_state(household).merge(door.admits(&KeyRole::ALL, detailed))
}

async fn short(State(household): State<Household>) -> (StatusCode, Json<Value>) {
    let healthy = is_reached(&household).await;
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let now = household.world().clock.now();
    (status, Json(json!({ "status": word(healthy), "version": env!("CARGO_PKG_VERSION"), "timestamp": now })))
}

async fn detailed(State(household): State<Household>) -> (StatusCode, Json<Value>) {
    let world = household.world();
    let began = world.clock.since_boot();
    let database = is_reached(&household).await;
    let took = world.clock.since_boot().saturating_sub(began);
    let readings = world.roster.readings(world.clock.since_boot());
    let of = |kind: &str| readings.iter().filter(|reading| reading.kind == kind).count();
    let body = json!({
        "status": word(database),
        "version": env!("CARGO_PKG_VERSION"),
        "timestamp": world.clock.now(),
        "dependencies": {
            "database": { "status": word(database), "kind": household.store().kind(), "response_time_ms": took.as_secs_f64() * 1000.0 },
        },
        "actors": {
            "total": readings.len(),
            "channels": of("channel"),
            "communities": of("community"),
            "module_hosts": of("module host"),
            "overlay_connections": of("overlay connection"),
            "longest_mailbox": readings.iter().map(|reading| reading.mailbox).max().unwrap_or(0),
        },
    });
    (if database { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}

async fn is_reached(household: &Household) -> bool {
    let asked = household.store().one(sql("SELECT 1 AS one"));
    matches!(tokio::time::timeout(std::time::Duration::from_secs(2), asked).await, Ok(Ok(Some(_))))
}

fn word(healthy: bool) -> &'static str {
    if healthy { "healthy" } else { "unhealthy" }
}
