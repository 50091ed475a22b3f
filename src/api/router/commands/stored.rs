//! `/router/commands/{id}`: commands that run elsewhere, made, changed, switched in single places, tried out, deleted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waddlebot_actors::commands::wire::{Draft, shown};
use waddlebot_actors::commands::{Command, Refused};
use waddlebot_actors::community::commands::{Place, Unsaved};
use waddlebot_actors::registry;
use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY};
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::super::Desk;
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body, Path};

/// `GET /commands/{id}`
pub(super) async fn one(State(desk): State<Arc<Desk>>, Path(id): Path<i64>) -> Result<Json<Value>, ApiError> {
    let kept = desk.household.command(id).await.map_err(unsaved)?;
    let mut row = shown(&kept);
    row["signing_key"] = desk.household.outside().signing_key(&kept.command).into();
    Ok(Json(row))
}

/// `POST /commands`
pub(super) async fn create(
    State(desk): State<Arc<Desk>>,
    by: Caller,
    Body(mut body): Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let asked = body.remove("community_id");
    let community = community(&desk, asked).await?;
    let command = Command { community, ..draft(body)?.into_command().map_err(refused)? };
    let id = desk.household.save_command(command, by.name()).await.map_err(unsaved)?;
    let kept = desk.household.command(id).await.map_err(unsaved)?;
    audit("command.create", &kept.command, by.name());
    let key = desk.household.outside().signing_key(&kept.command);
    let made = json!({"success": true, "command_id": id, "community_id": community, "command": kept.command.word, "signing_key": key});
    Ok((StatusCode::CREATED, Json(made)))
}

/// `PUT /commands/{id}`
pub(super) async fn change(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
    by: Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let mut command = desk.household.command(id).await.map_err(unsaved)?.command;
    draft(body)?.apply(&mut command).map_err(refused)?;
    desk.household.save_command(command.clone(), by.name()).await.map_err(unsaved)?;
    audit("command.change", &command, by.name());
    Ok(Json(json!({"success": true, "command_id": id, "signing_key": desk.household.outside().signing_key(&command)})))
}

/// `DELETE /commands/{id}`
pub(super) async fn remove(State(desk): State<Arc<Desk>>, Path(id): Path<i64>, by: Caller) -> Result<Json<Value>, ApiError> {
    let command = desk.household.remove_command(id, by.name()).await.map_err(unsaved)?;
    audit("command.remove", &command, by.name());
    Ok(Json(json!({"success": true, "command_id": id})))
}

/// Where a command is on or off.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placed {
    entity_id: String,
    is_enabled: Option<bool>,
}

/// `PUT /commands/{id}/places`
pub(super) async fn place(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
    by: Caller,
    Body(placed): Body<Placed>,
) -> Result<Json<Value>, ApiError> {
    let Placed { entity_id, is_enabled } = placed;
    let place = Place { command: id, place: entity_id.clone(), on: is_enabled };
    desk.household.place_command(place, by.name()).await.map_err(unsaved)?;
    let to = is_enabled.map_or("as everywhere", |on| if on { "on" } else { "off" });
    aaa::audit("command.place").user(by.name()).result(Outcome::Success).with("command", id).with("place", &entity_id).with("to", to).log();
    Ok(Json(json!({"success": true, "command_id": id, "entity_id": entity_id, "is_enabled": is_enabled})))
}

/// What a command is tried out with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tried {
    text: String,
}

/// `POST /commands/{id}/test`
pub(super) async fn test(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<i64>,
    by: Caller,
    Body(tried): Body<Tried>,
) -> Result<Json<Value>, ApiError> {
    let command = desk.household.command(id).await.map_err(unsaved)?.command;
    let trial = desk.household.outside().trial(&command, &tried.text, by.name()).await;
    audit("command.test", &command, by.name());
    Ok(Json(json!(trial)))
}

fn audit(what: &'static str, command: &Command, by: &str) {
    let line = aaa::audit(what).community(command.community).user(by).result(Outcome::Success);
    line.with("command", command.id).with("word", &command.word).log();
}

fn draft(body: Map<String, Value>) -> Result<Draft, ApiError> {
    serde_json::from_value(Value::Object(body)).map_err(|error| ApiError::bad_request("bad_request", error.to_string()))
}

/// The community that is named, or the only one there is; everybody's is number 1.
async fn community(desk: &Desk, asked: Option<Value>) -> Result<CommunityId, ApiError> {
    let store = desk.household.store();
    if let Some(asked) = asked {
        let id = asked.as_i64().ok_or_else(|| ApiError::bad_request("bad_request", "community_id is a number"))?;
        if id == GLOBAL_COMMUNITY {
            return Ok(id);
        }
        let found = registry::community(store, id).await?;
        return found.map(|found| found.id).ok_or_else(|| ApiError::not_found(format!("there is no community {id}")));
    }
    let missing = || ApiError::bad_request("community_missing", "say which community the command is for, in community_id; 1 is for all");
    registry::only(store).await?.ok_or_else(missing)
}

pub(super) fn refused(why: Refused) -> ApiError {
    match why {
        Refused::Taken => ApiError::new(StatusCode::CONFLICT, why.code(), why.to_string()),
        why => ApiError::bad_request(why.code(), why.to_string()),
    }
}

pub(super) fn unsaved(why: Unsaved) -> ApiError {
    match why {
        Unsaved::Unknown => ApiError::not_found("there is no such command"),
        Unsaved::Refused(why) => refused(why),
        Unsaved::Unavailable(why) => {
            tracing::warn!(why, "commands were not changed");
            ApiError::unavailable("the community cannot be served now")
        }
    }
}
