//! `/router/rate-limits`: who used which command how often lately, and what a community allows.

mod described;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::channel::admit::Rate;
use waddlebot_actors::limits::Setting;
use waddlebot_actors::limits::table::{self, Count, Wanted};
use waddlebot_actors::registry;
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Role};
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::rbac::subject::{rank, shown};
use super::{CORE, Desk};
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Body, Path, Query};
use crate::api::openapi::operation::ADMINS;
use crate::api::openapi::table::{BOTH, Table};

/// The most rows of one page, and of one change.
const PAGE: i64 = 1000;
/// The longest window, in seconds: a day.
const LONGEST: i64 = 24 * 3600;
/// The most uses of a window: each is remembered.
const MOST: i64 = 1000;

/// The addresses of this file.
pub(super) fn table() -> Table<Arc<Desk>> {
    Table::new("limits", BOTH)
        .get("/router/rate-limits", CORE, list, described::list())
        .delete("/router/rate-limits", ADMINS, reset, described::reset())
        .get("/router/rate-limits/communities/{id}", CORE, settings, described::settings())
        .put("/router/rate-limits/communities/{id}", ADMINS, set, described::set())
}

/// Which counts are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    entity_id: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    command: String,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

async fn list(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = (asked.limit.unwrap_or(100), asked.offset.unwrap_or(0));
    if !(1..=PAGE).contains(&limit) || offset < 0 {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}, offset 0 or more")));
    }
    let wanted = Wanted { entity: &asked.entity_id, user: &asked.user_id, command: plain(&asked.command), limit, offset };
    let (counts, total) = table::counts(desk.household.store(), wanted, desk.clock.now()).await?;
    let row = |count: &Count| {
        json!({
            "entity_id": count.entity,
            "user_id": count.user,
            "command": count.command,
            "window_start": count.window_start,
            "request_count": count.uses,
            "expires_at": count.expires_at,
        })
    };
    Ok(Json(json!({"total": total, "rate_limits": counts.iter().map(row).collect::<Vec<_>>()})))
}

/// Whose counts are forgotten.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    entity_id: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    command: String,
}

async fn reset(State(desk): State<Arc<Desk>>, by: Caller, Query(what): Query<Forgotten>) -> Result<Json<Value>, ApiError> {
    let unknown = || ApiError::not_found("there is no such entity");
    let key = ChannelKey::parse(&what.entity_id).ok_or_else(unknown)?;
    let community = registry::community_of(desk.household.store(), &key).await?.ok_or_else(unknown)?;
    let gone = desk.household.forget_uses(&key, &what.user_id, plain(&what.command)).await.map_err(ApiError::unavailable)?;
    aaa::audit("rate_limits.reset").community(community).user(by.name()).result(Outcome::Success).with("entity", &key).log();
    Ok(Json(json!({"success": true, "forgotten": gone})))
}

async fn settings(State(desk): State<Arc<Desk>>, Path(community): Path<CommunityId>) -> Result<Json<Value>, ApiError> {
    known(&desk, community).await?;
    listed(&desk, community).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    limits: Vec<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    command: String,
    #[serde(default)]
    role: Option<String>,
    /// 0 for any number, `null` to say nothing any more.
    #[serde(default, deserialize_with = "waddlebot_runtime::whole::maybe")]
    rate_limit: Option<i64>,
    #[serde(default, deserialize_with = "waddlebot_runtime::whole::maybe")]
    window_seconds: Option<i64>,
}

async fn set(
    State(desk): State<Arc<Desk>>,
    Path(community): Path<CommunityId>,
    by: Caller,
    Body(change): Body<Change>,
) -> Result<Json<Value>, ApiError> {
    known(&desk, community).await?;
    if !(1..=100).contains(&change.limits.len()) {
        return Err(ApiError::bad_request("bad_batch", "one request has 1 to 100 limits"));
    }
    let settings = change.limits.iter().map(setting).collect::<Result<Vec<_>, _>>()?;
    desk.household.set_limits(community, settings, by.name()).await.map_err(ApiError::unavailable)?;
    aaa::audit("rate_limits.set").community(community).user(by.name()).result(Outcome::Success).log();
    listed(&desk, community).await
}

fn setting(line: &Line) -> Result<Setting, ApiError> {
    let command = plain(&line.command).to_lowercase();
    if command.is_empty() || line.command.chars().count() > 100 || line.command.chars().any(char::is_control) {
        return Err(ApiError::bad_request("bad_command", "a command has 1 to 100 characters"));
    }
    let seconds = line.window_seconds.unwrap_or(60);
    if !(1..=LONGEST).contains(&seconds) || line.rate_limit.is_some_and(|uses| !(0..=MOST).contains(&uses)) {
        return Err(ApiError::bad_request("bad_limit", format!("0 to {MOST} uses in 1 to {LONGEST} seconds")));
    }
    let role = line.role.as_deref().map(rank).transpose()?;
    let rate = line
        .rate_limit
        .map(|uses| Rate { uses: usize::try_from(uses).unwrap_or(usize::MAX), window: Duration::from_secs(seconds.unsigned_abs()) });
    Ok(Setting { command, role, rate })
}

async fn listed(desk: &Desk, community: CommunityId) -> Result<Json<Value>, ApiError> {
    let limits = table::load(desk.household.store(), community).await?;
    let row = |setting: &Setting| {
        let rate = setting.rate.unwrap_or_default();
        let role: Option<Role> = setting.role;
        json!({"command": setting.command, "role": role.map(shown), "rate_limit": rate.uses, "window_seconds": rate.window.as_secs()})
    };
    Ok(Json(json!({"community_id": community, "limits": limits.settings().iter().map(row).collect::<Vec<_>>()})))
}

async fn known(desk: &Desk, community: CommunityId) -> Result<(), ApiError> {
    let found = registry::community(desk.household.store(), community).await?;
    found.map(drop).ok_or_else(|| ApiError::not_found(format!("there is no community {community}")))
}

/// A command without the `!` that people type before it.
fn plain(command: &str) -> &str {
    command.trim().trim_start_matches('!').trim_start()
}
