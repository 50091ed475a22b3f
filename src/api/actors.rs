//! The inspector: who lives on this node, how each is doing, and what one remembers.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use waddlebot_actors::household::Household;

use super::error::{ApiError, Path};
use super::openapi::operation::{ADMINS, Operation};
use super::openapi::schema::{Schema, anything, choice, list, number, object, text, whole};
use super::openapi::table::{BOTH, Table};

/// The addresses of this file.
pub(crate) fn table() -> Table<Household> {
    let every =
        Operation::new("Everybody who runs on this node").answers(object().with("total", whole().from(0)).with("actors", list(reading())));
    let single = Operation::new("One of them, with its memory")
        .path("key", text().shortest(1).about("as the list has it, slashes included").like("node"))
        .answers(object().with("actor", reading()).with("memory", anything().about("what it remembers, secrets hidden")))
        .fails(&[404]);
    Table::new("actors", BOTH).get("/admin/actors", ADMINS, all, every).get("/admin/actors/{*key}", ADMINS, one, single)
}

fn reading() -> Schema {
    object()
        .with("key", text())
        .with("kind", text().about("what it is"))
        .with("parent", text().or_null().about("who supervises it"))
        .with("state", choice(&["working", "idle", "full"]))
        .with("mailbox", whole().from(0).about("orders that wait"))
        .with("handled", whole().from(0).about("orders handled since it was opened"))
        .with("rate", number().about("orders per second since the last look"))
        .with("p50_us", number().about("median time of an order, in microseconds"))
        .with("p99_us", number())
        .with("restarts", whole().from(0))
        .with("last_error", text().or_null())
        .with("epoch", whole().or_null().about("of its claim, where it has one"))
        .called("Actor")
}

async fn all(State(household): State<Household>) -> Json<Value> {
    let world = household.world();
    let actors = world.roster.readings(world.clock.since_boot());
    Json(json!({ "total": actors.len(), "actors": actors }))
}

async fn one(State(household): State<Household>, Path(key): Path<String>) -> Result<Json<Value>, ApiError> {
    let world = household.world();
    let found = world.roster.look(&key, world.clock.since_boot()).await;
    let (actor, memory) = found.ok_or_else(|| ApiError::not_found(format!("nobody called {key} lives here")))?;
    Ok(Json(json!({ "actor": actor, "memory": memory })))
}
