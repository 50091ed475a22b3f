//! `GET /router/entities`: the channels that were heard of, a page at a time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::registry;

use super::Desk;
use crate::api::error::{ApiError, Query};
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{list as listed, object, text, truth, whole};

/// The most rows of one page.
const PAGE: i64 = 1000;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    platform: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

/// The description of [`list`].
pub(super) fn described() -> Operation {
    let row = object()
        .with("entity_id", text().like("local:lobby"))
        .with("platform", text())
        .with("server_id", text())
        .with("channel_id", text())
        .with("community_id", whole())
        .with("is_active", truth())
        .with("owner", text().about("who was first in it: the id on the platform; empty when nobody knows"))
        .with("owner_name", text())
        .called("Entity");
    let group = object().with("platform", text()).with("server_id", text()).with("community_id", whole()).with("name", text());
    Operation::new("The channels that were heard of")
        .query("platform", text())
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("entities", listed(row)).with("groups", listed(group)))
}

pub(super) async fn list(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = (asked.limit.unwrap_or(100), asked.offset.unwrap_or(0));
    if !(1..=PAGE).contains(&limit) || offset < 0 {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}, offset 0 or more")));
    }
    let (entities, total) = registry::entities(desk.household.store(), asked.platform.as_deref(), limit, offset).await?;
    let rows: Vec<_> = entities
        .iter()
        .map(|entity| {
            json!({
                "entity_id": entity.key,
                "platform": entity.key.platform(),
                "server_id": entity.key.server(),
                "channel_id": entity.key.channel(),
                "community_id": entity.community,
                "is_active": entity.active,
                "owner": entity.owner.0,
                "owner_name": entity.owner.1,
            })
        })
        .collect();
    let groups = registry::groups(desk.household.store(), asked.platform.as_deref(), limit, offset).await?;
    let group = |group: &registry::Group| json!({"platform": group.platform, "server_id": group.server, "community_id": group.community, "name": group.name});
    Ok(Json(json!({"total": total, "entities": rows, "groups": groups.iter().map(group).collect::<Vec<_>>()})))
}
