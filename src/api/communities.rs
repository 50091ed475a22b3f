//! `GET /api/v1/communities`: ids and names, for scripts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::openapi::operation::{ANY_KEY, Operation};
use super::openapi::schema::{list, object, text, whole};
use super::openapi::table::{PLAIN, Table};
use crate::hub::house::House;

/// The addresses of this file, for programs of any role and for people who are logged in.
pub(crate) fn table() -> Table<Arc<dyn House>> {
    let community = object().with("id", whole()).with("name", text());
    let every = Operation::new("The communities' ids and names")
        .answers(object().with("total", whole().from(0)).with("communities", list(community)));
    Table::new("communities", PLAIN).get("/api/v1/communities", ANY_KEY, communities, every)
}

async fn communities(State(house): State<Arc<dyn House>>) -> Result<Json<Value>, ApiError> {
    let all = house.communities().await?;
    let rows: Vec<_> = all.iter().map(|community| json!({"id": community.id, "name": community.name})).collect();
    Ok(Json(json!({"total": rows.len(), "communities": rows})))
}
