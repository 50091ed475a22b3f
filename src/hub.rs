//! The hub: the pages a streamer opens in the browser, from log-in to the live inspector.

mod actors;
mod assets;
mod chat;
mod cluster;
mod commands;
mod front;
pub(crate) mod house;
pub(crate) mod links;
mod live;
mod login;
mod modules;
mod overlays;
mod page;
mod people;
mod reference;
mod refusal;
mod rules;
mod visitor;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::clock::Clock;

use crate::api::auth::Door;
use crate::api::guard::own_pages_only;
use house::House;
use links::Links;

/// So many chat pages may follow their room live at once; a further one is told to come back later.
const LIVE: usize = 256;

/// What the pages need. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Hub {
    house: Arc<dyn House>,
    door: Door,
    links: Links,
    clock: Clock,
    closing: CancellationToken,
    live: Arc<Semaphore>,
}

impl Hub {
    /// A hub over this house; pages that stay open end when `closing` is cancelled.
    pub(crate) fn new(house: Arc<dyn House>, door: Door, links: Links, clock: Clock, closing: CancellationToken) -> Self {
        Self { house, door, links, clock, closing, live: Arc::new(Semaphore::new(LIVE)) }
    }
}

/// All pages. Each handler that takes a `Visitor` or a `Filled` form is for logged-in people;
/// the others are the log-in itself and the assets.
pub(crate) fn routes(hub: Hub) -> Router {
    Router::new()
        .route("/", get(front::show))
        .route("/chat", get(chat::show))
        .route("/chat/say", post(chat::say))
        .route("/chat/event", post(chat::happen))
        .route("/chat/live", get(live::follow))
        .route("/overlays", get(overlays::show))
        .route("/overlays/regenerate", post(overlays::regenerate))
        .route("/modules", get(modules::show).post(modules::switch))
        .route("/commands", get(commands::show).post(commands::switch))
        .route("/commands/new", get(commands::fresh))
        .route("/commands/{id}", get(commands::one))
        .route("/commands/save", post(commands::save))
        .route("/commands/test", post(commands::test))
        .route("/commands/remove", post(commands::remove))
        .route("/people", get(people::show).post(people::change))
        .route("/people/changes", get(people::changes))
        .route("/people/remove", post(people::remove))
        .route("/rules", get(rules::show).post(rules::switch))
        .route("/rules/new", get(rules::fresh))
        .route("/rules/{id}", get(rules::one))
        .route("/rules/save", post(rules::save))
        .route("/rules/test", post(rules::test))
        .route("/rules/remove", post(rules::remove))
        .route("/rules/settings", post(rules::keep))
        .route("/rules/erase", post(rules::erase))
        .route("/cluster", get(cluster::show).post(cluster::act))
        .route("/actors", get(actors::show))
        .route("/actors.json", get(actors::rows))
        .route("/actors/{key}", get(actors::one))
        .route("/docs", get(reference::show))
        .route("/login", get(login::needed))
        .route("/login/{link}", get(login::confirm).post(login::enter))
        .route("/logout", post(login::leave))
        .route("/assets/{name}", get(assets::serve))
        .layer(from_fn(own_pages_only))
        .with_state(hub)
}
