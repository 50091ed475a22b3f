//! `/router/responses`: what programs elsewhere answer after the command that called them, and what was answered lately.

mod described;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waddlebot_actors::commands::answer::{self, Unread};
use waddlebot_actors::household::{Arrived, NotTaken};
use waddlebot_actors::responses::{self, Later, Wanted};
use waddlebot_runtime::journal::{self, Answers, Inline};
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::response::Response;

use super::Desk;
use crate::api::error::{ApiError, Body, Path, Query};
use crate::api::openapi::operation::Who;
use crate::api::openapi::table::{BOTH, Table};

/// The same key in this header twice is the same answer.
const KEY: &str = "idempotency-key";
/// The most characters of an id, a name or a key.
const NAME: usize = 200;
/// The most rows of one answer.
const PAGE: i64 = 500;
/// How much of a text the list of the last ones shows, and of a ticker's.
const CUT: (usize, usize) = (100, 50);

/// The actions, by name.
pub(super) const ACTIONS: [&str; 5] = ["chat", "media", "ticker", "general", "form"];

/// Who answers.
const ANSWERERS: Who = Who::Keys(&[KeyRole::Action, KeyRole::Core]);
/// Who may see what was answered to what they sent in.
const SENDERS: Who = Who::Keys(&[KeyRole::Trigger, KeyRole::Action, KeyRole::Core]);

/// The addresses of this folder.
pub(super) fn table() -> Table<Arc<Desk>> {
    Table::new("responses", BOTH)
        .post("/router/responses", ANSWERERS, post, described::post())
        .get("/router/responses/recent", super::CORE, recent, described::recent())
        .get("/router/responses/{execution_id}", SENDERS, of, described::of())
}

/// `POST /responses`
pub(super) async fn post(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Body(body): Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let text = |name: &'static str| {
        let text = body.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| ApiError::bad_request("missing_field", format!("{name} is missing")))?;
        if text.chars().nth(NAME).is_none() {
            Ok(text.to_owned())
        } else {
            Err(ApiError::bad_request("too_long", format!("{name} is too long")))
        }
    };
    let success = body.get("success").and_then(Value::as_bool);
    let success = success.ok_or_else(|| ApiError::bad_request("missing_field", "success is missing: true or false"))?;
    let (session, execution, module) = (text("session_id")?, text("execution_id")?, text("module_name")?);
    let action = text("response_action")?;
    let response = match answer::action(&body) {
        Ok(response) => Some(response),
        // Who failed need not say anything else.
        Err(why @ Unread::Action(_)) => return Err(unread(&why)),
        Err(_) if !success => None,
        Err(why) => return Err(unread(&why)),
    };
    let error = answer::failure(&body).unwrap_or_default();
    let time = body.get("processing_time_ms").and_then(Value::as_f64).unwrap_or_default().clamp(0.0, 1e12);
    let key = headers.get(KEY).and_then(|key| key.to_str().ok()).filter(|key| key.len() <= NAME).map(str::to_owned);
    #[expect(clippy::cast_possible_truncation, reason = "it was brought within bounds just now")]
    let arrived = Arrived { session, execution, module, success, action, response, error, processing_time_ms: time as i64, key };
    let id = desk.household.answer_later(arrived).await.map_err(not_taken)?;
    Ok((StatusCode::CREATED, Json(json!({"success": true, "response_id": id}))))
}

/// `GET /responses/{execution_id}`
pub(super) async fn of(State(desk): State<Arc<Desk>>, Path(execution): Path<String>) -> Result<Json<Value>, ApiError> {
    let store = desk.household.store();
    let known = journal::known(store, &execution).await?.ok_or_else(|| ApiError::not_found("there is no such execution"))?;
    let wanted = Answers { execution: &execution, most: 1, ..Answers::default() };
    let at_once = journal::answered(store, wanted).await?.into_iter().flat_map(at_once);
    let rows: Vec<_> = at_once.chain(responses::of(store, &execution).await?).map(|one| shown(&one)).collect();
    Ok(Json(json!({"execution_id": execution, "status": known.status, "total": rows.len(), "responses": rows})))
}

/// Which of the last ones are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lately {
    #[serde(default)]
    module_name: Option<String>,
    #[serde(default)]
    response_action: Option<String>,
    #[serde(default)]
    success_only: bool,
    #[serde(default)]
    limit: Option<i64>,
}

/// `GET /responses/recent`
pub(super) async fn recent(State(desk): State<Arc<Desk>>, Query(asked): Query<Lately>) -> Result<Json<Value>, ApiError> {
    let most = asked.limit.unwrap_or(50);
    if !(1..=PAGE).contains(&most) {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}")));
    }
    let (module, action) = (asked.module_name.as_deref().unwrap_or_default(), asked.response_action.as_deref().unwrap_or_default());
    let wanted = Wanted { module, action, success_only: asked.success_only, most };
    let store = desk.household.store();
    let mut all = responses::lately(store, wanted).await?;
    if action.is_empty() || ACTIONS.contains(&action) {
        let wanted = Answers { execution: "", module, action, success_only: asked.success_only, most };
        let found = journal::answered(store, wanted).await?.into_iter().flat_map(at_once);
        all.extend(found.filter(|one| action.is_empty() || one.action == action));
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.at));
    all.truncate(usize::try_from(most).unwrap_or_default());
    let mut rows: Vec<_> = all.iter().map(shown).collect();
    for row in &mut rows {
        for (name, most) in [("chat_message", CUT.0), ("content", CUT.0), ("ticker_text", CUT.1)] {
            if let Some(text) = row.get(name).and_then(Value::as_str) {
                row[name] = text.chars().take(most).collect::<String>().into();
            }
        }
    }
    Ok(Json(json!({"total": rows.len(), "responses": rows})))
}

/// What an execution answered at once, as if each had come by itself.
fn at_once(inline: Inline) -> impl Iterator<Item = Later> {
    let Inline { id, entity, community, module, success, responses, error, millis, at } = inline;
    responses.into_iter().enumerate().map(move |(number, response)| Later {
        id: format!("{id}-{number}"),
        execution_id: id.clone(),
        community,
        entity: entity.clone(),
        module: module.clone(),
        success,
        action: action_of(&response).to_owned(),
        response: Some(response),
        error: error.clone(),
        processing_time_ms: millis,
        at,
    })
}

fn action_of(response: &Response) -> &'static str {
    match response {
        Response::Chat(_) => "chat",
        Response::Media(_) => "media",
        Response::Ticker(_) => "ticker",
        Response::General(_) => "general",
        Response::Form(_) => "form",
    }
}

/// An answer in the fields of spec 01 section 8.
fn shown(later: &Later) -> Value {
    let mut row = json!({
        "response_id": later.id,
        "execution_id": later.execution_id,
        "community_id": later.community,
        "entity_id": later.entity,
        "module_name": later.module,
        "success": later.success,
        "response_action": later.action,
        "error_message": later.error,
        "processing_time_ms": later.processing_time_ms,
        "created_at": later.at,
    });
    let fields = match &later.response {
        None => json!({}),
        Some(Response::Chat(line)) => json!({"chat_message": line.text}),
        Some(Response::Ticker(ticker)) => json!({
            "ticker_text": ticker.text,
            "ticker_duration": ticker.duration,
            "response_data": {"style": ticker.style, "priority": ticker.priority},
        }),
        Some(Response::Media(media)) => {
            json!({"media_type": media.media_type, "media_url": media.media_url, "response_data": media.media_data})
        }
        Some(Response::General(general)) => json!({
            "content_type": general.content_type,
            "content": general.content,
            "duration": general.duration,
            "style": general.style,
        }),
        Some(Response::Form(form)) => json!({
            "form_title": form.title,
            "form_description": form.description,
            "form_fields": form.fields,
            "form_submit_url": form.submit_url,
            "form_submit_method": form.submit_method,
            "form_callback_url": form.callback_url,
        }),
    };
    if let (Some(row), Value::Object(fields)) = (row.as_object_mut(), fields) {
        row.extend(fields);
    }
    row
}

fn unread(why: &Unread) -> ApiError {
    let code = match why {
        Unread::Missing(_) => "missing_field",
        Unread::Wrong(..) | Unread::Many => "invalid_field",
        Unread::Action(_) => "unknown_action",
    };
    ApiError::bad_request(code, why.to_string())
}

fn not_taken(why: NotTaken) -> ApiError {
    match why {
        NotTaken::Execution => ApiError::new(StatusCode::NOT_FOUND, "unknown_execution", why.to_string()),
        NotTaken::Session => ApiError::new(StatusCode::NOT_FOUND, "unknown_session", why.to_string()),
        NotTaken::Foreign => ApiError::new(StatusCode::FORBIDDEN, "foreign_session", why.to_string()),
        NotTaken::Many => ApiError::busy(why.to_string()),
        NotTaken::Unavailable(why) => {
            tracing::warn!(why, "a later answer was not taken");
            ApiError::unavailable("this answer cannot be taken now")
        }
    }
}
