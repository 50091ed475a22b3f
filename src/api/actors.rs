//! The inspector: who lives on the nodes, how each is doing, and what one remembers.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::household::{Gathered, Household};

use super::error::{ApiError, Path, Query};
use super::openapi::operation::{ADMINS, Operation};
use super::openapi::schema::{Schema, anything, choice, list, number, object, text, whole};
use super::openapi::table::{BOTH, Table};

/// The addresses of this file.
pub(crate) fn table() -> Table<Household> {
    let every = Operation::new("Everybody who runs on the nodes")
        .says("Each node is asked for its own; one that does not answer within a second is named in `nodes`, with the reason.")
        .query("node", text().about("this node only"))
        .answers(object().with("total", whole().from(0)).with("actors", list(reading())).with("nodes", list(asked())));
    let single = Operation::new("One of them, with its memory")
        .says("This node is looked at first, then the others.")
        .query("node", text().about("the actor of this node"))
        .path("key", text().shortest(1).about("as the list has it, slashes included").like("node"))
        .answers(object().with("actor", reading()).with("memory", anything().about("what it remembers, secrets hidden")))
        .fails(&[404]);
    Table::new("actors", BOTH).get("/admin/actors", ADMINS, all, every).get("/admin/actors/{*key}", ADMINS, one, single)
}

fn asked() -> Schema {
    object()
        .with("node", text())
        .with("actors", whole().from(0).or_null().about("how many run there"))
        .with("why", text().or_null().about("why it did not answer, or not with all"))
}

fn reading() -> Schema {
    object()
        .with("key", text())
        .with("node", text().about("where it runs"))
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

/// Whose actors are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    #[serde(default)]
    node: Option<String>,
}

async fn all(State(household): State<Household>, Query(at): Query<Where>) -> Json<Value> {
    let Gathered { actors, nodes } = household.residents(at.node.as_deref()).await;
    Json(json!({ "total": actors.len(), "actors": actors, "nodes": nodes }))
}

async fn one(State(household): State<Household>, Path(key): Path<String>, Query(at): Query<Where>) -> Result<Json<Value>, ApiError> {
    let found = household.resident(&key, at.node.as_deref()).await;
    let (actor, memory) = found.ok_or_else(|| ApiError::not_found(format!("nobody called {key} lives here")))?;
    Ok(Json(json!({ "actor": actor, "memory": memory })))
}
