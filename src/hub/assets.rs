//! The hub's style sheet, script and picture, inside the program.

use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use waddlebot_runtime::secret::fingerprint;

const STYLE: &str = include_str!("assets/hub.css");
const SCRIPT: &str = include_str!("assets/hub.js");
const REFERENCE: &str = include_str!("assets/reference.css");
const ICON: &str = include_str!("assets/icon.svg");

/// Which version a page asked for.
#[derive(Deserialize)]
pub(super) struct Asked {
    v: Option<String>,
}

/// Changes when an asset changes, so that browsers may keep what they have.
pub(super) fn version() -> String {
    fingerprint(&[STYLE, REFERENCE, SCRIPT, ICON].concat())[..12].to_owned()
}

/// `GET /assets/{name}`
pub(super) async fn serve(Path(name): Path<String>, Query(asked): Query<Asked>) -> Response {
    let (kind, text) = match name.as_str() {
        "hub.css" => ("text/css; charset=utf-8", STYLE),
        "reference.css" => ("text/css; charset=utf-8", REFERENCE),
        "hub.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let keep = if asked.v.is_some() { "public, max-age=31536000, immutable" } else { "public, max-age=300" };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], text).into_response()
}
