//! The one HTTP port: every route of every part, and the stop.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use waddlebot_actors::household::Household;
use waddlebot_platforms::local::Local;

use crate::api;

/// What the routes need.
pub(crate) struct Parts {
    pub(crate) household: Household,
    pub(crate) local: Local,
}

/// Serves until `closing` is cancelled.
pub(crate) async fn serve(listener: TcpListener, parts: Parts, closing: CancellationToken) -> Result<()> {
    let routes = Router::new()
        .route("/health", axum::routing::get(|| async { axum::Json(serde_json::json!({ "status": "healthy" })) }))
        .merge(api::local::routes(parts.household, parts.local))
        .into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, routes).with_graceful_shutdown(async move { closing.cancelled().await }).await?;
    Ok(())
}
