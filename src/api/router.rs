//! The router's own address: events in, what came of them out; which commands and channels there are.

mod answer;
mod batch;
mod collectors;
mod commands;
mod coordination;
mod described;
mod entities;
mod event;
pub(crate) mod metrics;
mod named;
mod rate_limits;
mod rbac;
mod responses;
mod string_rules;

use std::sync::Arc;

use waddlebot_actors::household::Household;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::telemetry::metrics::Metrics;

use super::openapi::operation::Who;
use super::openapi::table::{BOTH, Table};

/// The most a batch may carry, in bytes: a hundred events of the longest kind.
const BATCH: usize = 4 * 1024 * 1024;

/// What the routes work with.
pub(crate) struct Desk {
    pub(crate) household: Household,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    /// What the database held when it was asked last.
    pub(crate) sums: metrics::Sums,
}

/// Who sends events in.
const SENDERS: Who = Who::Keys(&[KeyRole::Trigger, KeyRole::Core]);
/// Who may see which channels there are, and who was first in each.
const SERVICES: Who = Who::Keys(&[KeyRole::Trigger, KeyRole::Action, KeyRole::Core]);
/// Who may read string rules.
const CORE: Who = Who::Keys(&[KeyRole::Core]);

/// The addresses of this folder.
pub(crate) fn table() -> Table<Arc<Desk>> {
    let events = Table::new("events", BOTH).post("/router/events", SENDERS, event::post, described::event()).post(
        "/router/events/batch",
        SENDERS,
        batch::post,
        described::batch().limit(BATCH),
    );
    let reads = Table::new("commands", BOTH).get("/router/entities", SERVICES, entities::list, entities::described());
    let numbers = Table::new("health", BOTH).get("/router/metrics", CORE, metrics::show, metrics::described());
    events
        .and(numbers)
        .and(responses::table())
        .and(reads)
        .and(commands::table())
        .and(string_rules::table())
        .and(rbac::table())
        .and(rate_limits::table())
        .and(collectors::table())
        .and(coordination::table())
}
