//! What the node is compared with: axum with one handler that parses an event, or a hundred, and answers.

use std::net::SocketAddr;

use anyhow::Result;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

/// The fields of an event, as the node has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is parsed and no more")]
struct Event {
    platform: String,
    server_id: Option<String>,
    channel_id: Option<String>,
    user_id: String,
    #[serde(alias = "username")]
    user_name: String,
    #[serde(alias = "message")]
    message_content: Option<String>,
    message_type: Option<String>,
    #[serde(alias = "id")]
    message_id: Option<String>,
    command: Option<String>,
    user_role: Option<String>,
    bits: Option<f64>,
    minutes: Option<f64>,
    amount: Option<f64>,
    viewers: Option<f64>,
    metadata: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Batch {
    events: Vec<Event>,
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    status: &'static str,
}

const ANSWER: Answer = Answer { success: true, status: "chatter" };

/// Answers until it is killed.
pub(in crate::commands::bench) async fn bare(address: SocketAddr) -> Result<()> {
    let routes = Router::new()
        .route("/health", get(async || Json(json!({"status": "healthy"}))))
        .route("/router/events", post(async |Json(_): Json<Event>| Json(ANSWER)))
        .route("/router/events/batch", post(batch).layer(DefaultBodyLimit::max(4 << 20)));
    axum::serve(TcpListener::bind(address).await?, routes).await?;
    Ok(())
}

async fn batch(Json(batch): Json<Batch>) -> Json<Value> {
    let results: Vec<_> = batch.events.iter().map(|_| ANSWER).collect();
    Json(json!({"results": results}))
}
