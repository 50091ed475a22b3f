//! What every request passes: a size limit, a number to find it again by, and headers that keep browsers careful.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower_http::timeout::TimeoutBody;
use tracing::Instrument as _;
use waddlebot_runtime::secret::fresh_bytes;

use super::error::ApiError;

/// The most a request may carry, in bytes. A route that takes more sets its own limit.
pub(crate) const BODY: usize = 256 * 1024;

/// How long a body may pause.
const SILENCE: Duration = Duration::from_secs(10);

/// Names a request in answers and logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a page may load and who may frame it. A route that needs another sets its own.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// The careful headers, set where the route has not set its own.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Addresses here hold secrets: log-in links, overlay tokens.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts the whole server behind the guard.
pub(crate) fn guarded<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    // Both in one layer: each is a box around every route.
    routes.layer((from_fn(watch), DefaultBodyLimit::max(BODY)))
}

/// A request that is being answered; it is counted for as long as this lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("waddlebot_concurrent_requests").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("waddlebot_concurrent_requests").decrement(1.0);
    }
}

async fn watch(mut request: Request, next: Next) -> Response {
    let _counted = Counted::new();
    if changes(request.method()) {
        // Who declares a body and falls silent does not keep the connection.
        request = request.map(|body| Body::new(TimeoutBody::new(SILENCE, body)));
    }
    let id = request.headers().get(REQUEST_ID).filter(|id| is_plain(id)).cloned().unwrap_or_else(fresh_id);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let span = tracing::debug_span!("request", id = id.to_str().unwrap_or_default(), method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    headers.reserve(HEADERS.len() + 4);
    headers.insert(REQUEST_ID, id);
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Refuses a change that another site's page sends through the visitor's browser. Programs that
/// are no browser do not send the header.
pub(crate) async fn own_pages_only(request: Request, next: Next) -> Response {
    if changes(request.method()) && is_foreign(request.headers()) {
        return ApiError::forbidden("this request comes from another site").into_response();
    }
    next.run(request).await
}

/// Whether the method may change something.
pub(crate) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What is answered where there is no route.
pub(crate) async fn nothing_here() -> ApiError {
    ApiError::not_found("there is nothing here")
}

/// What is answered where the route has other methods.
pub(crate) async fn not_so() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address takes other methods")
}

fn is_foreign(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

fn is_plain(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (1..=64).contains(&id.len()) && id.iter().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'))
}

fn fresh_id() -> HeaderValue {
    let id = format!("{:016x}", u64::from_be_bytes(fresh_bytes()));
    HeaderValue::try_from(id).expect("hexadecimal letters are a header value")
}
