//! What a collector of the original asks and tells of people: who somebody is here, and what they earned.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::household::Reported;
use waddlebot_actors::registry;
use waddlebot_actors::roles::bulk;
use waddlebot_actors::roles::table::{self, Person};
use waddlebot_runtime::chat::{ChannelKey, CommunityId};
use waddlebot_runtime::journal;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::{bounded, needed};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body};
use crate::api::router::Desk;
use crate::api::router::rbac::subject::shown;

/// The most points of one report, up or down.
const MOST: i64 = 100_000;

#[derive(Debug, Deserialize)]
pub(super) struct Identity {
    platform: String,
    #[serde(alias = "platform_user_id", alias = "userid")]
    user_id: String,
    #[serde(default, alias = "user_name", alias = "identity_name")]
    username: String,
}

/// `POST /api/context`
pub(super) async fn context(State(desk): State<Arc<Desk>>, Body(who): Body<Identity>) -> Result<Json<Value>, ApiError> {
    let person = Person {
        platform: needed("platform", &who.platform)?,
        id: needed("user_id", &who.user_id)?,
        name: bounded("username", &who.username)?,
    };
    let store = desk.household.store();
    // Whom a collector asks about was seen acting.
    bulk::ensure_users_in_global_community_bulk(store, std::slice::from_ref(&person), desk.clock.now()).await?;
    let memberships = table::memberships(store, &person.platform, &person.id).await?;
    let points = journal::points_of(store, &person.platform, &person.id).await?;
    let rows: Vec<_> = memberships
        .iter()
        .map(|one| {
            let earned = points.iter().find(|(community, _)| *community == one.community).map_or(0, |(_, points)| *points);
            json!({"community_id": one.community, "role": shown(one.role), "joined_at": one.joined_at, "points": earned})
        })
        .collect();
    let name = memberships.iter().map(|one| one.name.as_str()).find(|name| !name.is_empty()).unwrap_or_default();
    Ok(Json(json!({
        "success": true,
        "data": {
            "platform": person.platform,
            "user_id": person.id,
            "user_name": name,
            "communities": rows,
            "reputation": points.iter().map(|(_, points)| points).sum::<i64>(),
        },
    })))
}

#[derive(Debug, Deserialize)]
pub(super) struct Report {
    #[serde(default)]
    platform: Option<String>,
    #[serde(alias = "platform_user_id", alias = "userid")]
    user_id: String,
    #[serde(default, alias = "user_name")]
    username: String,
    #[serde(default, alias = "activity", alias = "event_type")]
    activity_type: String,
    #[serde(alias = "amount", deserialize_with = "waddlebot_runtime::whole::number")]
    points: i64,
    #[serde(default)]
    community_id: Option<Value>,
    #[serde(default)]
    entity_id: Option<String>,
}

/// `POST /api/reputation`
pub(super) async fn reputation(State(desk): State<Arc<Desk>>, by: Caller, Body(sent): Body<Report>) -> Result<Json<Value>, ApiError> {
    let entity = sent.entity_id.as_deref().map(|text| ChannelKey::parse(text).ok_or_else(unknown)).transpose()?;
    let platform = match (&sent.platform, &entity) {
        (Some(platform), _) => needed("platform", platform)?,
        (None, Some(key)) => key.platform().to_owned(),
        (None, None) => return Err(ApiError::bad_request("missing_field", "platform is missing")),
    };
    let (user_id, user_name) = (needed("user_id", &sent.user_id)?, bounded("username", &sent.username)?);
    let activity = bounded("activity_type", &sent.activity_type)?;
    if !(-MOST..=MOST).contains(&sent.points) {
        return Err(ApiError::bad_request("bad_points", format!("points are -{MOST} to {MOST}")));
    }
    let community = community(&desk, sent.community_id, entity).await?;
    let reported = Reported { user_id: user_id.clone(), user_name, points: sent.points };
    desk.household.report_points(community, platform, reported, by.name()).await.map_err(ApiError::unavailable)?;
    let line = aaa::audit("reputation.report").community(community).user(by.name()).result(Outcome::Success);
    line.with("member", &user_id).with("activity", activity).with("points", sent.points).log();
    Ok(Json(json!({"success": true, "community_id": community, "user_id": user_id, "points": sent.points})))
}

/// The community that is named, that of the channel, or the only one there is.
async fn community(desk: &Desk, named: Option<Value>, entity: Option<ChannelKey>) -> Result<CommunityId, ApiError> {
    let store = desk.household.store();
    if let Some(named) = named {
        let id = named.as_i64().or_else(|| named.as_str()?.parse().ok()).ok_or_else(unknown)?;
        return registry::community(store, id).await?.map(|one| one.id).ok_or_else(unknown);
    }
    if let Some(key) = entity {
        return registry::community_of(store, &key).await?.ok_or_else(unknown);
    }
    let missing = || ApiError::bad_request("community_missing", "say which community it is, in community_id or entity_id");
    registry::only(store).await?.ok_or_else(missing)
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such community or entity")
}
