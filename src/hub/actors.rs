//! The live inspector: the supervision tree as a table, and what one actor remembers.

use std::collections::{HashMap, HashSet};

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use waddlebot_actors::household::{Asked, Gathered, Resident};

use super::Hub;
use super::page::Page;
use super::refusal::{Refusal, rendered};
use super::visitor::Visitor;
use crate::api::error::ApiError;

/// So many actors are shown at most; to see others, search.
const SHOWN: usize = 500;

/// A field of a memory whose name contains one of these is not shown.
const SECRETS: [&str; 6] = ["token", "secret", "password", "api_key", "authorization", "cookie"];

/// What to look for.
#[derive(Default, Deserialize)]
pub(super) struct Search {
    /// Part of a key or a kind.
    #[serde(default)]
    find: String,
}

/// Whose actor it is, where several nodes have one of this key.
#[derive(Default, Deserialize)]
pub(super) struct At {
    node: Option<String>,
}

/// One row of the table, ready to be shown.
#[derive(Debug, Serialize)]
struct Row {
    key: String,
    node: String,
    kind: String,
    depth: usize,
    state: String,
    mailbox: usize,
    handled: u64,
    rate: String,
    p50: String,
    p99: String,
    restarts: u32,
    epoch: String,
    error: String,
}

/// The rows that were looked for, and how many actors there are.
#[derive(Debug, Serialize)]
pub(super) struct Rows {
    rows: Vec<Row>,
    found: usize,
    total: usize,
    /// Which nodes did not answer, or not with all, and why.
    silent: Vec<String>,
}

#[derive(Template)]
#[template(path = "actors.html")]
struct View {
    page: Page,
    table: Rows,
    find: String,
}

#[derive(Template)]
#[template(path = "actor.html")]
struct OneView {
    page: Page,
    row: Row,
    parent: Option<String>,
    memory: String,
}

/// `GET /actors`
pub(super) async fn show(State(hub): State<Hub>, Visitor(person): Visitor, Query(search): Query<Search>) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "actors", "Actors", None).await?;
    let table = Rows::of(hub.house.actors().await?, &search.find);
    Ok(rendered(&View { page, table, find: search.find }))
}

/// `GET /actors.json`, asked by the page's script every second.
pub(super) async fn rows(
    State(hub): State<Hub>,
    visitor: Result<Visitor, Refusal>,
    Query(search): Query<Search>,
) -> Result<Json<Rows>, ApiError> {
    visitor.map_err(|_| ApiError::unauthorized("log in to the hub"))?;
    Ok(Json(Rows::of(hub.house.actors().await?, &search.find)))
}

/// `GET /actors/{key}`
pub(super) async fn one(
    State(hub): State<Hub>,
    Visitor(person): Visitor,
    Path(key): Path<String>,
    Query(at): Query<At>,
) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "actors", &key, None).await?;
    let (reading, memory) = hub.house.actor(&key, at.node.as_deref()).await?;
    let parent = reading.parent.clone();
    let memory = serde_json::to_string_pretty(&veiled(memory)).unwrap_or_default();
    Ok(rendered(&OneView { page, row: Row::of(reading, 0), parent, memory }))
}

impl Rows {
    fn of(gathered: Gathered, find: &str) -> Self {
        let Gathered { actors: readings, nodes } = gathered;
        let total = readings.len();
        let told = |one: Asked| one.why.map(|why| format!("{}: {why}", one.node));
        let silent = nodes.into_iter().filter_map(told).collect();
        let find = find.trim().to_lowercase();
        let mut rows: Vec<_> = tree(readings).into_iter().map(|(reading, depth)| Row::of(reading, depth)).collect();
        rows.retain(|row| {
            find.is_empty() || row.key.to_lowercase().contains(&find) || row.kind.to_lowercase().contains(&find) || row.node == find
        });
        let found = rows.len();
        rows.truncate(SHOWN);
        Self { rows, found, total, silent }
    }
}

impl Row {
    /// How far it is moved in; deeper ones are not told apart.
    fn indent(&self) -> usize {
        self.depth.min(6)
    }

    fn of(reading: Resident, depth: usize) -> Self {
        Self {
            depth,
            node: reading.node,
            kind: reading.kind,
            state: reading.state,
            mailbox: reading.mailbox,
            handled: reading.handled,
            rate: if reading.rate < 10.0 { format!("{:.1}", reading.rate) } else { format!("{:.0}", reading.rate) },
            p50: time(reading.p50_us),
            p99: time(reading.p99_us),
            restarts: reading.restarts,
            epoch: reading.epoch.map_or_else(String::new, |epoch| epoch.to_string()),
            error: reading.last_error.unwrap_or_default(),
            key: reading.key,
        }
    }
}

/// Parents before their children, each with its depth; who has no living parent stands at the top.
fn tree(readings: Vec<Resident>) -> Vec<(Resident, usize)> {
    let keys: HashSet<_> = readings.iter().map(|reading| (reading.node.clone(), reading.key.clone())).collect();
    let mut children: HashMap<(String, String), Vec<Resident>> = HashMap::new();
    let mut waiting = Vec::new();
    for reading in readings {
        let above = reading.parent.clone().map(|parent| (reading.node.clone(), parent));
        match above.filter(|above| keys.contains(above) && above.1 != reading.key) {
            Some(parent) => children.entry(parent).or_default().push(reading),
            None => waiting.push((reading, 0)),
        }
    }
    waiting.reverse();
    let mut ordered = Vec::with_capacity(keys.len());
    while let Some((reading, depth)) = waiting.pop() {
        let below = children.remove(&(reading.node.clone(), reading.key.clone())).unwrap_or_default();
        waiting.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
        ordered.push((reading, depth));
    }
    // Two that name each other as parent hang on no root: show them all the same.
    ordered.extend(children.into_values().flatten().map(|reading| (reading, 0)));
    ordered
}

fn time(micros: f64) -> String {
    match micros {
        none if none <= 0.0 => String::new(),
        short if short < 1.0 => format!("{:.0} ns", short * 1000.0),
        short if short < 10.0 => format!("{short:.1} µs"),
        short if short < 1000.0 => format!("{short:.0} µs"),
        long if long < 1_000_000.0 => format!("{:.1} ms", long / 1000.0),
        long => format!("{:.1} s", long / 1_000_000.0),
    }
}

/// The same memory without what must not be seen.
fn veiled(memory: Value) -> Value {
    match memory {
        Value::Object(fields) => Value::Object(fields.into_iter().map(veiled_field).collect::<Map<_, _>>()),
        Value::Array(items) => Value::Array(items.into_iter().map(veiled).collect()),
        plain => plain,
    }
}

fn veiled_field((name, value): (String, Value)) -> (String, Value) {
    let lower = name.to_lowercase();
    let hidden = SECRETS.iter().any(|secret| lower.contains(secret)) && !matches!(value, Value::Null | Value::Bool(_) | Value::Number(_));
    let value = if hidden { Value::from("(hidden)") } else { veiled(value) };
    (name, value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reading(key: &str, parent: Option<&str>) -> Resident {
        Resident { key: key.into(), parent: parent.map(Into::into), ..Resident::default() }
    }

    #[test]
    fn children_stand_under_their_parents_and_nobody_is_lost() {
        let all = vec![
            reading("b", Some("root")),
            reading("a", Some("root")),
            reading("a1", Some("a")),
            reading("lost", Some("gone")),
            reading("root", None),
            reading("x", Some("y")),
            reading("y", Some("x")),
        ];
        let ordered: Vec<_> = tree(all).into_iter().map(|(reading, depth)| (reading.key, depth)).collect();
        let start: Vec<_> = ordered.iter().map(|(key, depth)| (key.as_str(), *depth)).take(5).collect();
        assert_eq!(start, [("lost", 0), ("root", 0), ("b", 1), ("a", 1), ("a1", 2)]);
        assert_eq!(ordered.len(), 7);
    }

    #[test]
    fn secrets_are_veiled_wherever_they_are_and_counters_are_not() {
        let memory = json!({"access_token": "abc", "tokens": 7, "list": [{"Password": "x", "name": "ana"}], "secrets": {"a": "b"}});
        let shown = veiled(memory);
        assert_eq!(shown["access_token"], "(hidden)");
        assert_eq!(shown["tokens"], 7);
        assert_eq!(shown["list"][0], json!({"Password": "(hidden)", "name": "ana"}));
        assert_eq!(shown["secrets"], "(hidden)");
    }
}
