//! Overlays over HTTP: the pages OBS loads, their sockets, their tokens, and the door for what is to be shown.

mod described;
mod display;
mod page;
mod socket;
mod tokens;

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use waddlebot_actors::overlay::Overlays;
use waddlebot_actors::registry;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::store::Store;

use super::auth::Door;
use super::error::ApiError;
use super::openapi::operation::{ADMINS, Who};
use super::openapi::table::{BOTH, Table};

/// What the routes of overlays need.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    overlays: Overlays,
    store: Store,
    /// What stands before the path in the addresses given out; without it, what the caller asked for.
    base: Option<String>,
    /// Communities that were seen to exist.
    known: Mutex<HashSet<CommunityId>>,
}

/// The addresses of spec 03 section 4 that speak JSON.
pub(crate) fn table() -> Table<Desk> {
    let services = Who::Keys(&[KeyRole::Core, KeyRole::Action, KeyRole::Trigger]);
    Table::new("overlays", BOTH)
        .get("/browser/source/health", Who::Anybody, health, described::health())
        .post("/browser/source/display", services, display::show, described::display())
        .get("/browser/source/admin/tokens", ADMINS, tokens::list, described::list())
        .post("/browser/source/admin/tokens", ADMINS, tokens::make, described::make())
        .post("/browser/source/admin/tokens/{token}/regenerate", ADMINS, tokens::regenerate, described::regenerate())
        .delete("/browser/source/admin/tokens/{token}", ADMINS, tokens::revoke, described::revoke())
        .get("/browser/source/api/communities/{id}/urls", ADMINS, tokens::urls, described::urls())
        .get("/browser/source/stats", ADMINS, stats, described::stats())
}

/// The same with the pages and their sockets. `base` is the address others reach this program under.
pub(crate) fn serve(door: &Door, overlays: Overlays, store: Store, base: Option<String>) -> Router {
    let base = base.map(|base| base.trim_end_matches('/').to_owned());
    let desk = Desk(Arc::new(Inner { overlays, store, base, known: Mutex::default() }));
    let pages = Router::new()
        .route("/browser/source/{token}/{source_type}", get(page::show))
        .route("/ws/{token}/{source_type}", get(socket::open))
        .with_state(desk.clone());
    table().serve(door, desk).nest("/api/v1", pages.clone()).merge(pages)
}

/// `GET /browser/source/health`
async fn health(State(desk): State<Desk>) -> (StatusCode, Json<Value>) {
    let stats = desk.0.overlays.stats();
    let open = desk.0.overlays.is_open();
    let body = json!({
        "status": if open { "healthy" } else { "unhealthy" },
        "module": "browser_source_core",
        "version": env!("CARGO_PKG_VERSION"),
        "websocket": { "connections": stats.connections, "max_connections": stats.most },
        "queues": {
            "waiting": stats.overlays.iter().map(|overlay| overlay.counts.waiting).sum::<usize>(),
            "dropped": stats.overlays.iter().map(|overlay| overlay.counts.dropped).sum::<u64>(),
        },
    });
    (if open { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}

/// `GET /browser/source/stats`
async fn stats(State(desk): State<Desk>) -> Json<Value> {
    let stats = desk.0.overlays.stats();
    let of = |source: &str| stats.overlays.iter().filter(|o| o.source_type.name() == source).map(|o| o.counts.pages).sum::<usize>();
    Json(json!({
        "status": "success",
        "connections": stats.connections,
        "max_connections": stats.most,
        "connections_by_type": { "ticker": of("ticker"), "media": of("media"), "general": of("general") },
        "overlays": stats.overlays,
    }))
}

impl Desk {
    /// Refuses a community that is not there.
    async fn community(&self, id: CommunityId) -> Result<(), ApiError> {
        if self.0.known.lock().contains(&id) {
            return Ok(());
        }
        registry::community(&self.0.store, id).await?.ok_or_else(|| ApiError::not_found(format!("there is no community {id}")))?;
        self.0.known.lock().insert(id);
        Ok(())
    }

    /// What stands before the path in an address for this caller.
    fn base(&self, headers: &HeaderMap) -> String {
        if let Some(base) = &self.0.base {
            return base.clone();
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
        format!("http://{}", host.unwrap_or("localhost"))
    }
}

fn is_host(host: &str) -> bool {
    host.len() <= 255 && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
}

/// A community's number, as a number or as text.
fn community_id(value: &Value) -> Option<CommunityId> {
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as CommunityId);
    let number = value.as_i64().or_else(|| value.as_f64().and_then(whole));
    number.or_else(|| value.as_str().and_then(|text| text.parse().ok())).filter(|id| *id > 0)
}
