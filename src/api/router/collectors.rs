//! The address collectors of the original know (spec 01 section 15): register, live, ask what to listen to, send what was heard.

mod described;
mod people;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waddlebot_actors::collectors::{self, Collector, Server};
use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::intake::Ears as _;
use waddlebot_runtime::intake::incoming::Incoming;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::answer::Answer;
use super::{Desk, SENDERS, event};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body, Query};
use crate::api::openapi::table::{PLAIN, Table};

/// The longest name, id or address.
const LONGEST: usize = 500;
/// The largest JSON that is kept of what a collector says, in bytes.
const LARGEST: usize = 16 * 1024;
/// How often a collector says that it lives unless it says otherwise, in seconds.
const HEARTBEAT: i64 = 300;

/// The addresses of this folder.
pub(super) fn table() -> Table<Arc<Desk>> {
    Table::new("collectors", PLAIN)
        .post("/api/modules/register", SENDERS, register, described::register())
        .post("/api/modules/heartbeat", SENDERS, heartbeat, described::heartbeat())
        .get("/api/modules", SENDERS, modules, described::modules())
        .get("/api/servers", SENDERS, servers, described::servers())
        .post("/api/gateway/activate", SENDERS, activate, described::activate())
        .post("/api/context", SENDERS, people::context, described::context())
        .post("/api/reputation", SENDERS, people::reputation, described::reputation())
        .post("/api/events", SENDERS, events, described::events())
}

#[derive(Debug, Deserialize)]
struct Registration {
    module_name: String,
    #[serde(default)]
    module_version: String,
    #[serde(default)]
    platform: String,
    #[serde(default)]
    endpoint_url: String,
    #[serde(default)]
    health_check_url: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default, deserialize_with = "waddlebot_runtime::whole::maybe")]
    heartbeat_interval: Option<i64>,
}

async fn register(
    State(desk): State<Arc<Desk>>,
    by: Caller,
    Body(sent): Body<Registration>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let interval = sent.heartbeat_interval.or_else(|| sent.config.get("heartbeat_interval").and_then(Value::as_i64)).unwrap_or(HEARTBEAT);
    if !(1..=24 * 3600).contains(&interval) {
        return Err(ApiError::bad_request("bad_interval", "heartbeat_interval is 1 to 86400 seconds"));
    }
    let one = Collector {
        name: needed("module_name", &sent.module_name)?,
        version: bounded("module_version", &sent.module_version)?,
        platform: bounded("platform", &sent.platform)?,
        endpoint_url: bounded("endpoint_url", &sent.endpoint_url)?,
        health_check_url: bounded("health_check_url", &sent.health_check_url)?,
        status: bounded("status", sent.status.as_deref().unwrap_or("active"))?,
        config: kept("config", sent.config)?,
        heartbeat_interval: interval,
        ..Collector::default()
    };
    collectors::register(desk.household.store(), &one, by.name(), desk.clock.now()).await?;
    aaa::audit("collector.register").user(by.name()).result(Outcome::Success).with("collector", &one.name).log();
    let answer = json!({"success": true, "module_name": one.name, "status": one.status, "heartbeat_interval": interval});
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Debug, Deserialize)]
struct Heartbeat {
    module_name: String,
    #[serde(default)]
    status: Option<String>,
    /// Uptime, performance, errors: whatever it tells of itself.
    #[serde(flatten)]
    more: Map<String, Value>,
}

async fn heartbeat(State(desk): State<Arc<Desk>>, Body(sent): Body<Heartbeat>) -> Result<Json<Value>, ApiError> {
    let name = needed("module_name", &sent.module_name)?;
    let status = bounded("status", sent.status.as_deref().unwrap_or("active"))?;
    let now = desk.clock.now();
    if collectors::lives(desk.household.store(), &name, &status, &kept("heartbeat", sent.more)?, now).await? {
        return Ok(Json(json!({"success": true, "timestamp": now})));
    }
    Err(ApiError::not_found("no module of this name has registered; POST /api/modules/register first"))
}

async fn modules(State(desk): State<Arc<Desk>>) -> Result<Json<Value>, ApiError> {
    let now = desk.clock.now();
    let row = |one: &Collector| {
        json!({
            "module_name": one.name,
            "module_version": one.version,
            "platform": one.platform,
            "endpoint_url": one.endpoint_url,
            "health_check_url": one.health_check_url,
            "status": one.status_at(now),
            "config": read(&one.config),
            "report": read(&one.report),
            "heartbeat_interval": one.heartbeat_interval,
            "last_heartbeat": one.last_heartbeat,
        })
    };
    let all = collectors::all(desk.household.store()).await?;
    Ok(Json(json!({"total": all.len(), "modules": all.iter().map(row).collect::<Vec<_>>()})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    platform: String,
    #[serde(default)]
    active: Option<String>,
}

async fn servers(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let active = match asked.active.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => None,
        Some("true" | "1" | "yes") => Some(true),
        Some("false" | "0" | "no") => Some(false),
        Some(_) => return Err(ApiError::bad_request("bad_query", "active is true or false")),
    };
    let row = |one: &Server| {
        json!({
            "platform": one.platform,
            "server_id": one.server_id,
            "channel": one.channel,
            "owner": one.owner,
            "is_active": one.active,
            "webhook_url": one.webhook_url,
            "config": read(&one.config),
            "last_activity": one.last_activity,
        })
    };
    let all = collectors::servers(desk.household.store(), &asked.platform, active).await?;
    Ok(Json(json!({"total": all.len(), "servers": all.iter().map(row).collect::<Vec<_>>()})))
}

#[derive(Debug, Deserialize)]
struct Activation {
    platform: String,
    server_id: String,
    #[serde(default, alias = "channel_id")]
    channel: Option<String>,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    webhook_url: String,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    is_active: Option<bool>,
}

/// A gateway is what the original called a server or channel that is listened to.
async fn activate(State(desk): State<Arc<Desk>>, by: Caller, Body(sent): Body<Activation>) -> Result<Json<Value>, ApiError> {
    let one = Server {
        platform: needed("platform", &sent.platform)?,
        server_id: needed("server_id", &sent.server_id)?,
        channel: bounded("channel", sent.channel.as_deref().unwrap_or_default())?,
        owner: bounded("owner", &sent.owner)?,
        active: sent.is_active.unwrap_or(true),
        webhook_url: bounded("webhook_url", &sent.webhook_url)?,
        config: kept("config", sent.config)?,
        last_activity: None,
    };
    let key = if one.channel.is_empty() {
        ChannelKey::new(&one.platform, "", &one.server_id)
    } else {
        ChannelKey::new(&one.platform, &one.server_id, &one.channel)
    };
    if ChannelKey::parse(key.as_str()).is_none() {
        return Err(ApiError::bad_request("bad_field", "platform, server_id and channel are too long together"));
    }
    if one.active {
        // The channel is registered, and its community told, before the collector hears that it may begin.
        desk.household.channel(&key).await?;
    }
    collectors::activate(desk.household.store(), &one, desk.clock.now()).await?;
    aaa::audit("gateway.activate").user(by.name()).result(Outcome::Success).with("entity", &key).log();
    Ok(Json(json!({"success": true, "entity_id": key, "is_active": one.active})))
}

/// The same intake as `POST /router/events`; what a collector adds about itself is left out.
async fn events(State(desk): State<Arc<Desk>>, Body(mut sent): Body<Map<String, Value>>) -> Result<Answer, ApiError> {
    sent.remove("_metadata");
    let heard_on = ["platform", "server_id"].map(|name| sent.get(name).and_then(Value::as_str).unwrap_or_default().to_owned());
    let incoming = Incoming::read(&Value::Object(sent).to_string())?;
    let answer = event::post(State(desk.clone()), Body(incoming)).await?;
    let [platform, server] = heard_on;
    collectors::active(desk.household.store(), &platform, &server, desk.clock.now()).await?;
    Ok(answer)
}

pub(super) fn needed(name: &str, value: &str) -> Result<String, ApiError> {
    match bounded(name, value)? {
        empty if empty.is_empty() => Err(ApiError::bad_request("missing_field", format!("{name} is empty"))),
        value => Ok(value),
    }
}

pub(super) fn bounded(name: &str, value: &str) -> Result<String, ApiError> {
    let value = value.trim();
    if value.chars().count() > LONGEST || value.chars().any(char::is_control) {
        return Err(ApiError::bad_request("bad_field", format!("{name} has at most {LONGEST} characters without line breaks")));
    }
    Ok(value.to_owned())
}

pub(super) fn kept(name: &str, value: Map<String, Value>) -> Result<String, ApiError> {
    let text = Value::Object(value).to_string();
    if text.len() > LARGEST || text.contains("\\u0000") {
        return Err(ApiError::bad_request("bad_field", format!("{name} is at most {LARGEST} bytes of JSON without null characters")));
    }
    Ok(text)
}

pub(super) fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!({}))
}
