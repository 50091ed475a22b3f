//! The one HTTP port: every route of every part, behind one guard, until the stop.

mod attended;
pub(crate) mod socket;
mod watch;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::spawn;
use waddlebot_runtime::telemetry::metrics::Metrics;

use crate::api::auth::Door;
use crate::api::guard::Guarded;
use crate::api::health::Checks;
use crate::api::metrics::Readers;
use crate::api::{self, guard};
use crate::hub::links::Links;
use crate::hub::{self, Hub};
use crate::residence::Residence;
use attended::{Attended, Requests};
use socket::Socket;
use watch::Watch;

/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(10);
/// An answer that takes longer is given up when who asked has gone; who closed their side and waits has it until then.
const SLOW: Duration = Duration::from_secs(1);
/// The pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

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
    let household = &residence.household;
    let desk = api::router::Desk { household: household.clone(), clock: clock.clone(), metrics: metrics.clone(), sums: Default::default() };
    let base = Some(residence.base_url.clone());
    let api = api::router::table()
        .serve(&door, Arc::new(desk))
        .merge(api::health::table().serve(&door, checks))
        .merge(api::metrics::serve(&door, household.clone(), metrics, readers))
        .merge(api::local::serve(&door, household.clone(), residence.local.clone(), closing.clone()))
        .merge(api::actors::table().serve(&door, household.clone()))
        .merge(api::cluster::table().serve(&door, household.clone()))
        .merge(api::communities::table().serve(&door, house.clone()))
        .merge(api::overlays::serve(&door, residence.overlays.clone(), household.store().clone(), base));
    api.merge(api::openapi::routes())
        .merge(hub::routes(Hub::new(house, door, links, clock, closing)))
        .fallback(guard::nothing_here)
        .method_not_allowed_fallback(guard::not_so)
}

/// Serves until `closing` is cancelled and every request is answered, or `within` is over.
pub(crate) async fn serve(listener: TcpListener, parts: Parts, closing: CancellationToken, within: Duration) -> Result<()> {
    let origins = parts.origins.clone();
    let mut routes = routes(parts, closing.clone());
    if !origins.is_empty() {
        routes = routes.layer(cross_origin(origins));
    }
    listen(listener, Guarded::new(routes), closing, within).await;
    Ok(())
}

/// Takes connections until `closing`, then waits until each has answered what it was asked. Not for longer than `within`:
/// somebody may send a request a letter at a time.
async fn listen(listener: TcpListener, guarded: Guarded, closing: CancellationToken, within: Duration) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the caller went away: others may still come.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        stream.set_nodelay(true).ok();
        let mut builder = Builder::new(TokioExecutor::new());
        // Who sends half a head and falls silent does not keep the connection.
        // Looking for the end of the connection during each request would cost a read and its buffer: the slow ones are
        // attended. Answers are small: head and body leave as one piece.
        builder.http1().timer(Watch::default()).header_read_timeout(HEAD).half_close(true).writev(false);
        let (guarded, requests, socket) = (guarded.clone(), Requests::default(), Socket::new(stream));
        let (came, peer) = (requests.clone(), socket.peer());
        let service = service_fn(move |request| {
            let answer = came.clone().answered(guarded.clone().answer(from, request));
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = graceful.watch(builder.serve_connection_with_upgrades(TokioIo::new(socket), service).into_owned());
        let connection = Attended::new(connection, peer, requests, SLOW);
        spawn::task("http connection", async move {
            match connection.await {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(%error, %from, "a connection ended badly"),
                None => tracing::debug!(%from, "who asked did not wait for the answer"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(within, graceful.shutdown()).await.is_err() {
        tracing::warn!("the stop does not wait any longer for requests that are not over");
    }
}

/// Lets the named origins' pages call with a key; cookies are never let through.
fn cross_origin(origins: Vec<HeaderValue>) -> CorsLayer {
    let own = ["x-api-key", "x-request-id", "idempotency-key"].map(HeaderName::from_static);
    let told = ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(own.into_iter().chain([header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE]).collect::<Vec<_>>())
        .expose_headers(told.map(HeaderName::from_static))
        .max_age(Duration::from_secs(3600))
}
