//! `/router/coordination`: collectors outside share out what they listen to, on the rows that the nodes' claims are in.

mod described;
mod told;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waddlebot_runtime::placement::outside::{Refused, plain};
use waddlebot_runtime::store::{Listened, Listening};
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::collectors::{needed, read};
use super::{Desk, SENDERS};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body, Query};
use crate::api::openapi::table::{BOTH, Table};

/// How much a collector claims unless it says otherwise, and at most.
const CLAIMS: i64 = 5;
const MOST: i64 = 10_000;
/// How often a collector shows that it lives unless it says otherwise, and at most, in seconds.
const HEARTBEAT: i64 = 300;
const DAY: i64 = 24 * 3600;
/// The most rows of one page, and the most names of one request.
const PAGE: i64 = 1000;

/// The addresses of this folder.
pub(super) fn table() -> Table<Arc<Desk>> {
    Table::new("coordination", BOTH)
        .post("/router/coordination/claim", SENDERS, claim, described::claim())
        .post("/router/coordination/release", SENDERS, release, described::release())
        .post("/router/coordination/checkin", SENDERS, checkin, described::checkin())
        .post("/router/coordination/heartbeat", SENDERS, heartbeat, described::heartbeat())
        .post("/router/coordination/status", SENDERS, told::status, described::status())
        .post("/router/coordination/error", SENDERS, told::error, described::error())
        .post("/router/coordination/release-offline", SENDERS, release_offline, described::release_offline())
        .get("/router/coordination/stats", SENDERS, stats, described::stats())
        .get("/router/coordination/entities", SENDERS, entities, described::entities())
        .post("/router/coordination/populate", SENDERS, populate, described::populate())
}

#[derive(Debug, Deserialize)]
struct Claim {
    platform: String,
    container_id: String,
    #[serde(default, deserialize_with = "waddlebot_runtime::whole::maybe")]
    max_claims: Option<i64>,
    #[serde(default, deserialize_with = "waddlebot_runtime::whole::maybe")]
    heartbeat_interval: Option<i64>,
}

/// A collector counts as gone a fifth of its interval after the heartbeat that it missed: six minutes instead of five.
fn silence(interval: i64) -> Duration {
    Duration::from_millis(u64::try_from(interval * 1200).unwrap_or(0))
}

async fn claim(State(desk): State<Arc<Desk>>, by: Caller, Body(sent): Body<Claim>) -> Result<Json<Value>, ApiError> {
    let (most, interval) = (sent.max_claims.unwrap_or(CLAIMS), sent.heartbeat_interval.unwrap_or(HEARTBEAT));
    if !(1..=MOST).contains(&most) {
        return Err(ApiError::bad_request("bad_claims", format!("max_claims is 1 to {MOST}")));
    }
    if !(1..=DAY).contains(&interval) {
        return Err(ApiError::bad_request("bad_interval", format!("heartbeat_interval is 1 to {DAY} seconds")));
    }
    let (name, platform) = (needed("container_id", &sent.container_id)?, needed("platform", &sent.platform)?);
    let most = usize::try_from(most).unwrap_or(0);
    let (new, all) = desk.household.listeners().claim(&name, &platform, most, silence(interval)).await?;
    if !new.is_empty() {
        aaa::audit("coordination.claim").user(by.name()).result(Outcome::Success).with("collector", &name).with("many", new.len()).log();
    }
    let claimed: Vec<_> = all.iter().filter(|one| new.contains(&one.entity)).map(row).collect();
    Ok(Json(json!({
        "success": true,
        "claimed_count": claimed.len(),
        "claimed_entities": claimed,
        "held_count": all.len(),
        "heartbeat_interval": interval,
    })))
}

#[derive(Debug, Deserialize)]
struct Release {
    container_id: String,
    #[serde(default)]
    entity_ids: Option<Vec<String>>,
}

async fn release(State(desk): State<Arc<Desk>>, by: Caller, Body(sent): Body<Release>) -> Result<Json<Value>, ApiError> {
    let name = needed("container_id", &sent.container_id)?;
    if sent.entity_ids.as_ref().is_some_and(|all| all.len() > PAGE as usize) {
        return Err(ApiError::bad_request("bad_batch", format!("one request names at most {PAGE} entities")));
    }
    let named = sent.entity_ids.map(|all| all.iter().map(|one| needed("entity_ids", one)).collect::<Result<Vec<_>, _>>()).transpose()?;
    let gone = desk.household.listeners().release(&name, named.as_deref()).await.map_err(refused)?;
    aaa::audit("coordination.release").user(by.name()).result(Outcome::Success).with("collector", &name).with("many", gone.len()).log();
    Ok(Json(json!({"success": true, "released_count": gone.len(), "released_entities": gone})))
}

#[derive(Debug, Deserialize)]
struct Container {
    container_id: String,
    #[serde(default)]
    extend_claims: Option<bool>,
}

async fn checkin(State(desk): State<Arc<Desk>>, Body(sent): Body<Container>) -> Result<Json<Value>, ApiError> {
    let name = needed("container_id", &sent.container_id)?;
    desk.household.listeners().beats(&name, true).await.map_err(refused)?;
    Ok(Json(json!({"success": true, "timestamp": desk.clock.now()})))
}

async fn heartbeat(State(desk): State<Arc<Desk>>, Body(sent): Body<Container>) -> Result<Json<Value>, ApiError> {
    let name = needed("container_id", &sent.container_id)?;
    let held = desk.household.listeners().beats(&name, sent.extend_claims.unwrap_or(true)).await.map_err(refused)?;
    Ok(Json(json!({
        "success": true,
        "claimed_count": held.len(),
        "entities": held.iter().map(row).collect::<Vec<_>>(),
        "timestamp": desk.clock.now(),
    })))
}

async fn release_offline(State(desk): State<Arc<Desk>>, Body(sent): Body<Container>) -> Result<Json<Value>, ApiError> {
    let name = needed("container_id", &sent.container_id)?;
    let (gone, new, all) = desk.household.listeners().replace_offline(&name).await.map_err(refused)?;
    let claimed: Vec<_> = all.iter().filter(|one| new.contains(&one.entity)).map(row).collect();
    Ok(Json(json!({
        "success": true,
        "released_count": gone.len(),
        "released_entities": gone,
        "claimed_count": claimed.len(),
        "claimed_entities": claimed,
    })))
}

async fn stats(State(desk): State<Arc<Desk>>) -> Result<Json<Value>, ApiError> {
    let (mut total, mut alive, mut states, mut containers) = (0, 0, Map::new(), Map::new());
    for state in ["available", "claimed", "live", "offline", "error"] {
        states.insert(state.to_owned(), 0.into());
    }
    let add = |to: &mut Map<String, Value>, name: &str, many: i64| {
        let sum = to.get(name).and_then(Value::as_i64).unwrap_or(0) + many;
        to.insert(name.to_owned(), sum.into());
    };
    for (holder, state, many, live) in desk.household.listeners().counts().await? {
        total += many;
        alive += live;
        add(&mut states, &state, many);
        if !holder.is_empty() {
            add(&mut containers, &holder, many);
        }
    }
    let held: i64 = containers.values().filter_map(Value::as_i64).sum();
    Ok(Json(json!({
        "total": total,
        "claimed": held,
        "available": states["available"],
        "live": alive,
        "offline": states["offline"],
        "error": states["error"],
        "containers": containers,
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    platform: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    claimed_by: String,
    #[serde(default)]
    is_live: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

async fn entities(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = (asked.limit.unwrap_or(100), asked.offset.unwrap_or(0));
    if !(1..=PAGE).contains(&limit) || offset < 0 {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}, offset 0 or more")));
    }
    if !asked.status.is_empty() && !described::STATES.contains(&asked.status.as_str()) {
        return Err(ApiError::bad_request("bad_query", format!("status is one of {}", described::STATES.join(", "))));
    }
    let is_live = match asked.is_live.as_deref() {
        None | Some("") => None,
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        Some(_) => return Err(ApiError::bad_request("bad_query", "is_live is true or false")),
    };
    // No name has a character that no database stores.
    let [platform, claimed_by] = [&asked.platform, &asked.claimed_by].map(|name| name.replace('\0', "\u{fffd}"));
    let wanted = Listening { platform: &platform, status: &asked.status, claimed_by: &claimed_by, is_live, limit, offset };
    let (rows, total) = desk.household.listeners().list(wanted).await?;
    Ok(Json(json!({"total": total, "entities": rows.iter().map(row).collect::<Vec<_>>()})))
}

#[derive(Debug, Deserialize)]
struct Platform {
    platform: String,
}

async fn populate(State(desk): State<Arc<Desk>>, by: Caller, Body(sent): Body<Platform>) -> Result<Json<Value>, ApiError> {
    let platform = needed("platform", &sent.platform)?;
    let added = desk.household.populate(&platform).await?;
    aaa::audit("coordination.populate").user(by.name()).result(Outcome::Success).with("platform", &platform).with("many", added).log();
    Ok(Json(json!({"success": true, "entities_added": added})))
}

fn row(one: &Listened) -> Value {
    json!({
        "entity_id": one.entity,
        "platform": one.place.0,
        "server_id": one.place.1,
        "channel_id": one.place.2,
        "claimed_by": if one.claimed_by.is_empty() { Value::Null } else { plain(&one.claimed_by).into() },
        "epoch": one.epoch,
        "claimed_at": one.claimed_at,
        "status": one.status,
        "is_live": one.is_live,
        "viewer_count": one.viewers,
        "priority": one.priority,
        "last_activity": one.last_activity,
        "error_count": one.errors,
        "error_message": one.error,
        "metadata": read(&one.metadata),
    })
}

fn refused(why: Refused) -> ApiError {
    match why {
        Refused::Stranger | Refused::Unknown => ApiError::not_found(why.to_string()),
        Refused::Gone => conflict("collector_gone", &why),
        Refused::NotHeld => conflict("not_held", &why),
        Refused::Store(error) => error.into(),
    }
}

fn conflict(code: &'static str, why: &Refused) -> ApiError {
    ApiError::new(axum::http::StatusCode::CONFLICT, code, why.to_string())
}
