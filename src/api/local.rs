//! The local rooms over the API: say something and get what the bot answers, let something happen, read along.

mod described;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use waddlebot_actors::household::Household;
use waddlebot_platforms::local::{Happen, Local, Refused, Room, Say, Shown};
use waddlebot_runtime::intake::Outcome;
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::response::Response;

use super::auth::Door;
use super::error::{ApiError, Body, Path, Query};
use super::openapi::operation::Who;
use super::openapi::table::{PLAIN, Table};

/// The most lines of one answer.
const LINES: usize = 200;

/// The longest a reader waits for the next line.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How many readers may wait at once.
const READERS: usize = 1000;

/// What the routes work with.
pub(crate) struct Rooms {
    household: Household,
    local: Local,
    readers: Semaphore,
    closing: CancellationToken,
}

/// The addresses of this file, for collectors and core services.
pub(crate) fn table() -> Table<Arc<Rooms>> {
    let senders = Who::Keys(&[KeyRole::Trigger, KeyRole::Core]);
    Table::new("rooms", PLAIN)
        .get("/api/v1/local/{room}/messages", senders, lines, described::lines())
        .post("/api/v1/local/{room}/messages", senders, messages, described::messages())
        .post("/api/v1/local/{room}/events", senders, events, described::events())
}

/// The same over these rooms. When `closing` is cancelled nobody waits for lines any more.
pub(crate) fn serve(door: &Door, household: Household, local: Local, closing: CancellationToken) -> Router {
    table().serve(door, Arc::new(Rooms { household, local, readers: Semaphore::new(READERS), closing }))
}

/// Which lines.
#[derive(Deserialize)]
struct Asked {
    /// Those with a higher id, oldest first; without it the newest.
    after: Option<u64>,
    /// How many seconds to wait for the next one when there is none.
    #[serde(default)]
    wait: u64,
}

async fn lines(State(rooms): State<Arc<Rooms>>, Path(room): Path<String>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let room = rooms.local.room(&room).map_err(refused)?;
    let mut told = room.listen();
    let mut found = found(&room, asked.after);
    if found.is_empty() && asked.wait > 0 {
        let _seat = rooms.readers.try_acquire().map_err(|_| ApiError::busy("too many wait for lines already"))?;
        tokio::select! {
            // A reader that fell behind has news all the more.
            _ = told.recv() => {}
            () = rooms.household.world().clock.sleep(Duration::from_secs(asked.wait).min(LONGEST_WAIT)) => {}
            () = rooms.closing.cancelled() => {}
        }
        found = self::found(&room, asked.after);
    }
    let last = found.last().map_or_else(|| room.end().min(asked.after.unwrap_or_default()), |line| line.seq + 1);
    let lines: Vec<_> = found.into_iter().map(numbered).collect();
    Ok(Json(json!({ "lines": lines, "last": last })))
}

fn found(room: &Room, after: Option<u64>) -> Vec<Shown> {
    let Some(after) = after else {
        let mut newest = room.since(0);
        return newest.split_off(newest.len().saturating_sub(LINES));
    };
    // Who has read further than the room goes knows it from before the clock was put back.
    let mut next = room.since(if after > room.end() { 0 } else { after });
    next.truncate(LINES);
    next
}

/// Ids are never nought, so that nought is before the first line.
fn numbered(line: Shown) -> Value {
    json!({ "id": line.seq + 1, "kind": line.kind, "name": line.name, "role": line.role, "text": line.text, "at": line.at })
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
        Refused::Room => ApiError::not_found(why.to_string()),
        other => ApiError::bad_request("invalid_message", other.to_string()),
    }
}
