//! The local rooms over the API: say something and get what the bot answers, let something happen.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use waddlebot_actors::household::Household;
use waddlebot_platforms::local::{Happen, Local, Refused, Say};
use waddlebot_runtime::intake::Outcome;
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::response::Response;

use super::auth::Door;
use super::error::{ApiError, Body};

#[derive(Clone)]
struct Rooms {
    household: Household,
    local: Local,
}

/// `POST /api/v1/local/{room}/messages` and `/events`, for collectors and core services.
pub(crate) fn routes(door: &Door, household: Household, local: Local) -> Router {
    let routes = Router::new()
        .route("/api/v1/local/{room}/messages", post(messages))
        .route("/api/v1/local/{room}/events", post(events))
        .with_state(Arc::new(Rooms { household, local }));
    door.admits(&[KeyRole::Trigger, KeyRole::Core], routes)
}

async fn messages(State(rooms): State<Arc<Rooms>>, Path(room): Path<String>, Body(say): Body<Say>) -> Result<Json<Value>, ApiError> {
    let outcome = rooms.local.say(&rooms.household, &room, say).await.map_err(refused)?;
    Ok(Json(shown(&outcome)))
}

async fn events(State(rooms): State<Arc<Rooms>>, Path(room): Path<String>, Body(happen): Body<Happen>) -> Result<Json<Value>, ApiError> {
    let outcome = rooms.local.happen(&rooms.household, &room, happen).await.map_err(refused)?;
    Ok(Json(shown(&outcome)))
}

/// What a message or event caused: the lines chat saw, everything the modules answered, and what ran.
fn shown(outcome: &Outcome) -> Value {
    let replies: Vec<_> = outcome
        .responses
        .iter()
        .filter_map(|response| match response {
            Response::Chat(line) => Some(line.shown()),
            _ => None,
        })
        .collect();
    json!({ "replies": replies, "verdict": outcome.verdict, "ran": outcome.ran, "responses": outcome.responses })
}

fn refused(why: Refused) -> ApiError {
    match why {
        Refused::Unheard(_) => ApiError::unavailable(why.to_string()),
        other => ApiError::bad_request("invalid_message", other.to_string()),
    }
}
