//! `GET /browser/source/{token}/{source_type}`: the page that OBS loads.

use axum::extract::{Path, State};
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use waddlebot_actors::overlay::item::Source;
use waddlebot_actors::overlay::{Access, Refused};

use super::Desk;
use crate::api::auth::address;
use crate::api::error::ApiError;
use crate::overlay_pages::{self, Page};

pub(super) async fn show(
    State(desk): State<Desk>,
    Path((token, source)): Path<(String, String)>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let overlays = &desk.0.overlays;
    let from = address(&extensions);
    let found = overlays.tokens().look_up(&token).await?;
    let Some(grant) = found.filter(|grant| Source::parse(&source) == Some(grant.source)) else {
        return Ok(match overlays.count_failure(from) {
            Ok(()) => answer(StatusCode::NOT_FOUND, overlay_pages::missing()),
            Err(Refused::TooOften | Refused::Full) => ApiError::too_many(60).into_response(),
        });
    };
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok()).unwrap_or_default().to_owned();
    let (agent, referer) = (text(header::USER_AGENT), text(header::REFERER));
    overlays.note_access(Access { grant, address: from.to_string(), agent, referer, at: overlays.clock().now() });
    Ok(answer(StatusCode::OK, overlay_pages::page(grant.source)))
}

fn answer(status: StatusCode, page: &'static Page) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, page.policy.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        // The address is the secret.
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, page.html.as_str()).into_response()
}
