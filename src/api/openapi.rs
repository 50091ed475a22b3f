//! The OpenAPI document: what each address takes and answers, made from the tables that the routes are made from.
//!
//! To add an address: one line in its area's `table()` (`.post("/router/things", ADMINS, things::create, things::created())`)
//! whose last part describes it, best in a function beside the handler. A new area: a `table()` of its own, one line
//! in [`described`], one in `src/server.rs`.

pub(crate) mod operation;
mod refusals;
pub(crate) mod schema;
pub(crate) mod table;

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::{Map, Value, json};

use table::Described;

const ABOUT: &str = "\
The API of a WaddleBot node. Send a key as `X-API-Key` or as `Authorization: Bearer`; `waddlebot key create` makes one. \
A key has a role: trigger (collectors), action (modules outside), core (services), user (people), admin (everything).

A refusal is a status and `{\"error\":{\"code\":\"…\",\"message\":\"…\"}}`; the code stays, the message is for people.";

/// What each area is about.
const AREAS: [(&str, &str); 14] = [
    ("events", "What happened on a platform, sent in by a collector"),
    ("responses", "What programs elsewhere answer later"),
    ("commands", "What may be typed, and where"),
    ("string rules", "What chat may not say, or what saying it sets off"),
    ("roles", "Who is what where, and what that lets them do"),
    ("limits", "How often commands were used, and may be"),
    ("collectors", "What collectors of the original know: register, live, send"),
    ("coordination", "Which collector listens to what"),
    ("communities", "Who lives here"),
    ("rooms", "The chat rooms of the house"),
    ("overlays", "What the browser sources in a stream show"),
    ("cluster", "The nodes, who holds what, and what an operator may do about it"),
    ("actors", "Who runs on the nodes, and what each remembers"),
    ("health", "How the node is"),
];

/// Every description of the API, in the order of the document.
pub(crate) fn described() -> Vec<Described> {
    use crate::api;
    [
        api::router::table().described(),
        api::communities::table().described(),
        api::local::table().described(),
        api::overlays::table().described(),
        api::actors::table().described(),
        api::cluster::table().described(),
        api::health::table().described(),
        api::metrics::table().described(),
    ]
    .concat()
}

/// The document about these addresses.
pub(crate) fn document(described: &[Described]) -> Value {
    let mut schemas = Map::from_iter([("Error".to_owned(), refusals::error())]);
    let mut paths = Map::new();
    for one in described {
        let item = paths.entry(one.path.clone()).or_insert_with(|| json!({}));
        if one.prefixes != table::PLAIN {
            item["servers"] = one.prefixes.iter().map(|prefix| json!({"url": if prefix.is_empty() { "/" } else { prefix }})).collect();
        }
        let mut operation = one.operation.clone();
        hoist(&mut operation, &mut schemas);
        item[&one.method] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "WaddleBot",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": AREAS.map(|(name, about)| json!({"name": name, "description": about})),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "a key of `waddlebot key create`"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "the same key"},
            },
            "schemas": schemas,
            "responses": refusals::responses(),
            "headers": refusals::headers(),
        },
    })
}

/// `GET /openapi.json`, open to everybody: it says how one may ask, not what is here. Made when it is first asked for.
pub(crate) fn routes() -> Router {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| document(&described()).to_string());
    Router::new().route("/openapi.json", get(async || ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())))
}

/// Moves every schema that has a name to the document's list, and leaves a reference to it.
fn hoist(value: &mut Value, schemas: &mut Map<String, Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| hoist(item, schemas)),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                // What stands in an example is no schema.
                if name != "examples" && name != "default" {
                    hoist(field, schemas);
                }
            }
            let is_schema = fields.contains_key("type") || fields.contains_key("anyOf");
            if let Some(Value::String(name)) = fields.get("title").filter(|_| is_schema).cloned() {
                let schema = std::mem::replace(value, json!({"$ref": format!("#/components/schemas/{name}")}));
                schemas.insert(name, schema);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
