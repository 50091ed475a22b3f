//! `/api/v1/cluster`: nodes, who holds what, who held it before; and what an operator may do about it. For admins alone.

mod described;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::household::{Household, NotOperated};
use waddlebot_runtime::store::{Known, Sought};
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::auth::Caller;
use super::error::{ApiError, Body, Path, Query};
use super::openapi::operation::ADMINS;
use super::openapi::table::Table;

/// The most rows of one page.
pub(super) const PAGE: i64 = 1000;
/// So many of those in error are shown with the status.
const FAILED: i64 = 20;

/// The addresses of this file.
pub(crate) fn table() -> Table<Household> {
    Table::new("cluster", &["/api/v1"])
        .get("/cluster", ADMINS, status, described::status())
        .get("/cluster/claims", ADMINS, claims, described::claims())
        .get("/cluster/history", ADMINS, history, described::history())
        .post("/cluster/nodes/{node}/drain", ADMINS, drain, described::drain())
        .post("/cluster/nodes/{node}/undrain", ADMINS, undrain, described::undrain())
        .post("/cluster/claims/move", ADMINS, go, described::go())
        .post("/cluster/claims/clear", ADMINS, clear, described::clear())
}

async fn status(State(household): State<Household>) -> Result<Json<Value>, ApiError> {
    let ledger = household.ledger();
    let (nodes, counts) = (ledger.nodes().await?, ledger.counts().await?);
    let (failed, errors) = ledger.claims(Sought { failed: true, limit: FAILED, ..Sought::default() }).await?;
    let now = household.world().clock.now();
    let of = |node: &str| {
        let kinds = counts.iter().filter(|(holder, ..)| holder == node);
        kinds.map(|(_, kind, many, _)| (kind.clone(), Value::from(*many))).collect::<serde_json::Map<_, _>>()
    };
    let row = |node: &Known| {
        json!({
            "node": node.node,
            "incarnation": node.incarnation,
            "state": node.state,
            "version": node.version,
            "address": node.address,
            "http_address": node.http_address,
            "capacity": node.capacity,
            "claims": of(&node.node),
            "lease_age_ms": (now - node.renewed_at).max(0),
        })
    };
    Ok(Json(json!({
        "here": household.node(),
        "nodes": nodes.iter().map(row).collect::<Vec<_>>(),
        "unserved": of(""),
        "errors": errors,
        "failed": failed,
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    search: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    node: String,
    #[serde(default)]
    failed: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

async fn claims(State(household): State<Household>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = page(asked.limit, asked.offset)?;
    if !asked.kind.is_empty() && !described::KINDS.contains(&asked.kind.as_str()) {
        return Err(ApiError::bad_request("bad_query", format!("kind is one of {}", described::KINDS.join(", "))));
    }
    let failed = match asked.failed.as_deref() {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::bad_request("bad_query", "failed is true or false")),
    };
    let like = anywhere(&asked.search);
    let node = stored(&asked.node);
    let sought = Sought { like: &like, kind: &asked.kind, node: &node, failed, limit, offset };
    let (rows, total) = household.ledger().claims(sought).await?;
    Ok(Json(json!({"total": total, "claims": rows})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    #[serde(default)]
    entity: String,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

async fn history(State(household): State<Household>, Query(of): Query<Of>) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = page(of.limit, of.offset)?;
    let (rows, total) = household.ledger().history(&stored(&of.entity), limit, offset).await?;
    Ok(Json(json!({"total": total, "history": rows})))
}

async fn drain(State(household): State<Household>, Path(node): Path<String>, by: Caller) -> Result<Json<Value>, ApiError> {
    household.drain_node(&stored(&node), true).await.map_err(refused)?;
    audit("cluster.drain", &by).with("node", &node).log();
    Ok(Json(json!({"success": true, "node": node, "state": "draining"})))
}

async fn undrain(State(household): State<Household>, Path(node): Path<String>, by: Caller) -> Result<Json<Value>, ApiError> {
    household.drain_node(&stored(&node), false).await.map_err(refused)?;
    audit("cluster.undrain", &by).with("node", &node).log();
    Ok(Json(json!({"success": true, "node": node, "state": "up"})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    entity: String,
    to: String,
}

async fn go(State(household): State<Household>, by: Caller, Body(sent): Body<Move>) -> Result<Json<Value>, ApiError> {
    let moved = household.move_entity(&stored(&sent.entity), &stored(&sent.to)).await.map_err(refused)?;
    audit("cluster.move", &by).with("entity", &sent.entity).with("to", &sent.to).with("claims", moved).log();
    Ok(Json(json!({"success": true, "moved": moved})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cleared {
    entity: String,
}

async fn clear(State(household): State<Household>, by: Caller, Body(sent): Body<Cleared>) -> Result<Json<Value>, ApiError> {
    if !household.ledger().clear(&stored(&sent.entity)).await? {
        return Err(ApiError::not_found("nothing of this name is in error"));
    }
    audit("cluster.clear", &by).with("entity", &sent.entity).log();
    Ok(Json(json!({"success": true})))
}

fn audit(action: &'static str, by: &Caller) -> aaa::Entry {
    aaa::audit(action).user(by.name()).result(Outcome::Success)
}

pub(super) fn page(limit: Option<i64>, offset: Option<i64>) -> Result<(i64, i64), ApiError> {
    let (limit, offset) = (limit.unwrap_or(100), offset.unwrap_or(0));
    if !(1..=PAGE).contains(&limit) || offset < 0 {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}, offset 0 or more")));
    }
    Ok((limit, offset))
}

/// A pattern that finds a text anywhere; empty for an empty one.
pub(crate) fn anywhere(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let mut pattern = String::from("%");
    for letter in stored(text).chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern + "%"
}

/// As a database can have it: no name has a null character.
pub(crate) fn stored(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn refused(why: NotOperated) -> ApiError {
    match why {
        NotOperated::Alone => ApiError::new(StatusCode::CONFLICT, "alone", why.to_string()),
        NotOperated::Unknown(why) => ApiError::not_found(why),
        NotOperated::Refused(why) => ApiError::new(StatusCode::CONFLICT, "conflict", why),
        NotOperated::Unavailable(why) => ApiError::unavailable(why),
    }
}
