//! What every request passes: a size limit, a number to find it again by, and headers that keep browsers careful.

use std::net::SocketAddr;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, DefaultBodyLimit};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use metrics::Gauge;
use tower::{Layer as _, Service as _};
use tracing::Instrument as _;
use waddlebot_runtime::secret::{fresh_bytes, hexadecimal};

use super::error::ApiError;
use super::patience::Patient;

/// The most a request may carry, in bytes. A route that takes more sets its own limit.
pub(crate) const BODY: usize = 256 * 1024;

/// Names a request in answers and logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a page may load and who may frame it. A route that needs another sets its own.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// The careful headers, set where the route has not set its own. No browser makes anything of JSON but text, so it
/// does without those that steer pages.
const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];
const ON_PAGES: [(HeaderName, HeaderValue); 3] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    // Addresses here hold secrets: log-in links, overlay tokens.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// The whole server behind the guard: around all routes at once, for a layer of axum's would be a box around each.
#[derive(Clone)]
pub(crate) struct Guarded {
    routes: Router,
    /// How many requests are being answered.
    open: Gauge,
}

/// A request that is being answered; it is counted for as long as this lives.
struct Counted(Gauge);

impl Counted {
    fn new(open: Gauge) -> Self {
        open.increment(1.0);
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Guarded {
    pub(crate) fn new(routes: Router) -> Self {
        Self { routes, open: metrics::gauge!("waddlebot_concurrent_requests") }
    }

    /// Answers a request that came from there.
    pub(crate) async fn answer<B>(self, from: SocketAddr, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin + Send + 'static,
    {
        let _counted = Counted::new(self.open);
        // Who declares a body and falls silent does not keep the connection.
        let slow = changes(request.method()) && !request.body().is_end_stream();
        let mut request = request.map(|body| if slow { Body::new(Patient::new(body)) } else { Body::new(body) });
        let id = request.headers().get(REQUEST_ID).filter(|id| is_plain(id)).cloned().unwrap_or_else(fresh_id);
        request.extensions_mut().insert(ConnectInfo(from));
        let span = tracing::debug_span!("request", id = id.to_str().unwrap_or_default(), method = %request.method());
        let mut routes = DefaultBodyLimit::max(BODY).layer(self.routes);
        let mut response = match routes.call(request).instrument(span).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let headers = response.headers_mut();
        let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        headers.insert(REQUEST_ID, id);
        let others = if is_json { &[][..] } else { &ON_PAGES };
        for (name, value) in ALWAYS.iter().chain(others) {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        response
    }
}

/// Refuses a change that another site's page sends through the visitor's browser. Programs that
/// are no browser do not send the header.
pub(crate) async fn own_pages_only(request: Request<Body>, next: Next) -> Response {
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
    HeaderValue::try_from(hexadecimal("", &fresh_bytes::<8>())).expect("hexadecimal letters are a header value")
}
