//! The secret addresses of a community's overlays: listed, made, made anew, switched off.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waddlebot_actors::overlay::item::Source;
use waddlebot_actors::overlay::{Grant, Token};
use waddlebot_runtime::chat::CommunityId;

use super::{Desk, community_id};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body, Path, Query};

/// The most rows of one page.
pub(super) const PAGE: i64 = 1000;

#[derive(Deserialize)]
pub(super) struct About {
    community_id: Option<CommunityId>,
    limit: Option<i64>,
    offset: Option<i64>,
}

/// `GET /browser/source/admin/tokens`: a page of them, or those of one community with `?community_id=`.
pub(super) async fn list(State(desk): State<Desk>, Query(about): Query<About>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = (about.limit.unwrap_or(100), about.offset.unwrap_or(0));
    if !(1..=PAGE).contains(&limit) || offset < 0 {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}, offset 0 or more")));
    }
    let all = desk.0.overlays.tokens();
    let (tokens, total) = match about.community_id {
        Some(id) => {
            let few = all.of(id).await?;
            let total = i64::try_from(few.len()).unwrap_or(i64::MAX);
            let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
            (few.into_iter().skip(skipped).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect(), total)
        }
        None => all.page(limit, offset).await?,
    };
    let base = desk.base(&headers);
    let rows: Vec<_> = tokens.iter().map(|token| shown(token, &base)).collect();
    Ok(Json(json!({ "status": "success", "total": total, "tokens": rows })))
}

/// `POST /browser/source/admin/tokens`: the community's three tokens, made when they are not there.
pub(super) async fn make(
    State(desk): State<Desk>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let missing = || ApiError::bad_request("missing_field", "community_id must be there and be a number");
    let community = body.get("community_id").and_then(community_id).ok_or_else(missing)?;
    let wanted = match body.get("source_types") {
        None | Some(Value::Null) => Source::ALL.to_vec(),
        Some(Value::Array(names)) => names.iter().map(source).collect::<Result<_, _>>()?,
        Some(_) => return Err(ApiError::bad_request("invalid_field", "source_types must be a list")),
    };
    desk.community(community).await?;
    let tokens = desk.0.overlays.tokens().ensure(community).await?;
    audit(&caller, "overlay.tokens", community);
    let base = desk.base(&headers);
    let tokens: Vec<_> = tokens.iter().filter(|token| wanted.contains(&token.grant.source)).map(|token| shown(token, &base)).collect();
    Ok(Json(json!({ "status": "success", "community_id": community, "tokens": tokens })))
}

/// `POST /browser/source/admin/tokens/{token}/regenerate`
pub(super) async fn regenerate(
    State(desk): State<Desk>,
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let grant = good(&desk, &token).await?;
    let token = desk.0.overlays.regenerate(grant).await?.ok_or_else(unknown)?;
    audit(&caller, "overlay.regenerate", grant.community);
    let mut answer = shown(&token, &desk.base(&headers));
    answer["status"] = "success".into();
    Ok(Json(answer))
}

/// `DELETE /browser/source/admin/tokens/{token}`
pub(super) async fn revoke(State(desk): State<Desk>, caller: Caller, Path(token): Path<String>) -> Result<Json<Value>, ApiError> {
    let grant = good(&desk, &token).await?;
    desk.0.overlays.revoke(grant).await?;
    audit(&caller, "overlay.revoke", grant.community);
    Ok(Json(json!({ "status": "success" })))
}

/// `GET /browser/source/api/communities/{id}/urls`
pub(super) async fn urls(State(desk): State<Desk>, Path(id): Path<CommunityId>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    desk.community(id).await?;
    let base = desk.base(&headers);
    let tokens = desk.0.overlays.tokens().of(id).await?;
    let active: Vec<_> = tokens.iter().filter(|token| token.is_active).collect();
    let urls: Map<_, _> = active.iter().map(|token| (token.grant.source.name().to_owned(), url(token, &base).into())).collect();
    let made = active.iter().map(|token| token.created_at).min();
    let rows: Vec<_> = active.iter().map(|token| shown(token, &base)).collect();
    Ok(Json(json!({ "status": "success", "community_id": id, "urls": urls, "sources": rows, "created_at": made.map(instant) })))
}

async fn good(desk: &Desk, token: &str) -> Result<Grant, ApiError> {
    desk.0.overlays.tokens().look_up(token).await?.ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such token, or it is no longer good")
}

fn source(name: &Value) -> Result<Source, ApiError> {
    let source = name.as_str().and_then(Source::parse);
    source.ok_or_else(|| ApiError::bad_request("unknown_source_type", "source_types may hold ticker, media and general"))
}

fn shown(token: &Token, base: &str) -> Value {
    let (width, height) = token.grant.source.size();
    json!({
        "community_id": token.grant.community,
        "source_type": token.grant.source,
        "token": token.text,
        "url": url(token, base),
        "is_active": token.is_active,
        "created_at": instant(token.created_at),
        "width": width,
        "height": height,
    })
}

fn url(token: &Token, base: &str) -> String {
    format!("{base}/browser/source/{}/{}", token.text, token.grant.source.name())
}

fn instant(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}

fn audit(caller: &Caller, action: &'static str, community: CommunityId) {
    tracing::info!(event_type = "AUDIT", user = caller.name(), community, action, result = "success");
}
