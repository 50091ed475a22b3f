//! The one HTTP port: every route of every part, behind one guard, until the stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::telemetry::metrics::Metrics;

use crate::api::auth::Door;
use crate::api::health::Checks;
use crate::api::metrics::Readers;
use crate::api::{self, guard};
use crate::hub::links::Links;
use crate::hub::{self, Hub};
use crate::residence::Residence;

/// What the routes need.
pub(crate) struct Parts {
    pub(crate) residence: Residence,
    pub(crate) door: Door,
    pub(crate) links: Links,
    pub(crate) clock: Clock,
    pub(crate) checks: Checks,
    pub(crate) metrics: (Metrics, Readers),
    /// Whose pages may call the API from a browser.
    pub(crate) origins: Vec<HeaderValue>,
}

/// All routes.
fn routes(parts: Parts, closing: CancellationToken) -> Router {
    let Parts { residence, door, links, clock, checks, metrics: (metrics, readers), origins: _ } = parts;
    let house = Arc::new(residence.clone());
    Router::new()
        .merge(api::health::routes(&door, checks))
        .merge(api::metrics::routes(&door, residence.household.clone(), metrics, readers))
        .merge(api::local::routes(&door, residence.household.clone(), residence.local.clone(), closing.clone()))
        .merge(api::router::routes(&door, residence.household.clone(), clock.clone()))
        .merge(api::actors::routes(&door, residence.household.clone()))
        .merge(api::communities::routes(&door, house.clone()))
        .merge(api::overlays::routes(
            &door,
            residence.overlays.clone(),
            residence.household.store().clone(),
            Some(residence.base_url.clone()),
        ))
        .merge(hub::routes(Hub::new(house, door, links, clock, closing)))
        .fallback(guard::nothing_here)
        .method_not_allowed_fallback(guard::not_so)
}

/// Serves until `closing` is cancelled and every request is answered.
pub(crate) async fn serve(listener: TcpListener, parts: Parts, closing: CancellationToken) -> Result<()> {
    let origins = parts.origins.clone();
    let mut guarded = guard::guarded(routes(parts, closing.clone()));
    if !origins.is_empty() {
        guarded = guarded.layer(cross_origin(origins));
    }
    let service = guarded.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(async move { closing.cancelled().await }).await?;
    Ok(())
}

/// Lets the named origins' pages call with a key; cookies are never let through.
fn cross_origin(origins: Vec<HeaderValue>) -> CorsLayer {
    let own = ["x-api-key", "x-request-id"].map(HeaderName::from_static);
    let told = ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(own.into_iter().chain([header::AUTHORIZATION, header::CONTENT_TYPE]).collect::<Vec<_>>())
        .expose_headers(told.map(HeaderName::from_static))
        .max_age(Duration::from_secs(600))
}
