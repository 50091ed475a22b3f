//! `POST /browser/source/display`: shows one item.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};
use waddlebot_actors::overlay::item::{BadItem, Item, Source};
use waddlebot_actors::overlay::{Origin, Placed, ShowError};

use super::{Desk, community_id};
use crate::api::error::{ApiError, Body};

/// The same key in this header twice shows the item once.
const KEY: &str = "idempotency-key";

pub(super) async fn show(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let missing = |field: &str| ApiError::bad_request("missing_field", format!("the field {field} is missing"));
    let session = body.get("session_id").and_then(Value::as_str).filter(|id| !id.is_empty()).ok_or_else(|| missing("session_id"))?;
    let community = body.get("community_id").filter(|id| !id.is_null()).ok_or_else(|| missing("community_id"))?;
    let community = community_id(community).ok_or_else(|| ApiError::bad_request("invalid_field", "community_id must be a number"))?;
    let source = body.get("source_type").and_then(Value::as_str).ok_or_else(|| missing("source_type"))?;
    let unknown = || ApiError::bad_request("unknown_source_type", format!("source_type must be ticker, media or general, not {source:?}"));
    let source = Source::parse(source).ok_or_else(unknown)?;
    let data = data(&body, source).ok_or_else(|| missing("display_data"))?;
    let item = Item::read(source, &data).map_err(refused)?;
    desk.community(community).await?;
    let key = headers.get(KEY).and_then(|key| key.to_str().ok()).map(|key| format!("{community}|{}|{key}", source.name()));
    let module = body.get("module_name").and_then(Value::as_str).unwrap_or_default();
    let origin = Origin { session: short(session), module: short(module) };
    let placed = desk.0.overlays.show(community, item, &key.unwrap_or_default(), origin).await.map_err(not_shown)?;
    let placed = match placed {
        Placed::Showing => "showing",
        Placed::Waiting => "waiting",
        Placed::Known => "known",
    };
    Ok(Json(json!({ "status": "success", "session_id": session, "state": placed })))
}

/// The `display_data`, or what stands for it in the shorter form: `content` and `duration` beside the other fields.
fn data(body: &Map<String, Value>, source: Source) -> Option<Map<String, Value>> {
    if let Some(data) = body.get("display_data") {
        return data.as_object().cloned();
    }
    let content = body.get("content")?;
    if let Some(content) = content.as_object() {
        return Some(content.clone());
    }
    let name = match source {
        Source::Ticker => "ticker_text",
        Source::Media => "media_url",
        Source::General => "content",
    };
    let mut data = Map::from_iter([(name.to_owned(), content.clone())]);
    data.extend(body.get("duration").map(|seconds| ("duration".to_owned(), seconds.clone())));
    Some(data)
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

fn refused(why: BadItem) -> ApiError {
    let code = match why {
        BadItem::Missing(_) => "missing_field",
        BadItem::Wrong { .. } => "invalid_field",
    };
    ApiError::bad_request(code, why.to_string())
}

fn not_shown(why: ShowError) -> ApiError {
    match why {
        ShowError::Full | ShowError::Busy => ApiError::busy(why.to_string()),
        ShowError::Unavailable(_) | ShowError::Elsewhere { .. } => ApiError::unavailable(why.to_string()),
        ShowError::Store(error) => error.into(),
    }
}
