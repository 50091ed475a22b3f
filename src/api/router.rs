//! The router's own address: events in, what came of them out; which commands and channels there are.

mod answer;
mod batch;
mod commands;
mod entities;
mod event;
mod incoming;
mod string_rules;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};
use waddlebot_actors::household::Household;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::KeyRole;

use super::auth::Door;

/// Where the routes are: the original's prefix, and the newer one's.
const PREFIXES: [&str; 2] = ["/router", "/api/v1/router"];
/// The most a batch may carry, in bytes: a hundred events of the longest kind.
const BATCH: usize = 4 * 1024 * 1024;

/// What the routes work with.
struct Desk {
    household: Household,
    clock: Clock,
}

/// The routes of this folder: collectors send events, everybody with a key may read what there is.
pub(crate) fn routes(door: &Door, household: Household, clock: Clock) -> Router {
    let desk = Arc::new(Desk { household, clock });
    let mut routes = Router::new();
    for prefix in PREFIXES {
        let events = Router::new().route(&format!("{prefix}/events"), post(event::post));
        let batches = Router::new().route(&format!("{prefix}/events/batch"), post(batch::post)).layer(DefaultBodyLimit::max(BATCH));
        let reads = Router::new()
            .route(&format!("{prefix}/commands"), get(commands::list))
            .route(&format!("{prefix}/entities"), get(entities::list));
        let rules = |path: &str| format!("{prefix}/string-rules{path}");
        let read_rules = Router::new()
            .route(&rules(""), get(string_rules::list))
            .route(&rules("/{id}"), get(string_rules::one))
            .route(&rules("/settings"), get(string_rules::settings))
            .route(&rules("/blocked"), get(string_rules::blocked))
            .route(&rules("/test"), post(string_rules::test));
        let change_rules = Router::new()
            .route(&rules(""), post(string_rules::create))
            .route(&rules("/{id}"), put(string_rules::change).delete(string_rules::remove))
            .route(&rules("/settings"), put(string_rules::set))
            .route(&rules("/history"), delete(string_rules::erase));
        routes = routes.merge(door.admits(&[KeyRole::Core], read_rules)).merge(door.admits(&[], change_rules));
        routes =
            routes.merge(door.admits(&[KeyRole::Trigger, KeyRole::Core], events.merge(batches))).merge(door.admits(&KeyRole::ALL, reads));
    }
    routes.with_state(desk)
}
