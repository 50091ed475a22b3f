//! `GET /api/v1/communities`: ids and names, for scripts, a page at a time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::{PAGE, anywhere, page};
use super::error::{ApiError, Query};
use super::openapi::operation::{ANY_KEY, Operation};
use super::openapi::schema::{list, object, text, whole};
use super::openapi::table::{PLAIN, Table};
use crate::hub::house::House;

/// The addresses of this file, for programs of any role and for people who are logged in.
pub(crate) fn table() -> Table<Arc<dyn House>> {
    let community = object().with("id", whole()).with("name", text());
    let every = Operation::new("The communities' ids and names, by id")
        .query("search", text().about("a part of the name"))
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("communities", list(community)));
    Table::new("communities", PLAIN).get("/api/v1/communities", ANY_KEY, communities, every)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    search: String,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

async fn communities(State(house): State<Arc<dyn House>>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = page(asked.limit, asked.offset)?;
    let (some, total) = house.communities(&anywhere(&asked.search).to_lowercase(), limit, offset).await?;
    let rows: Vec<_> = some.iter().map(|community| json!({"id": community.id, "name": community.name})).collect();
    Ok(Json(json!({"total": total, "communities": rows})))
}
