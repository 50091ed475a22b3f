//! `/router/commands`: what may be typed, everywhere or in one channel; those that run elsewhere are changed here, too.

mod described;
mod stored;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::commands::table::Wanted;
use waddlebot_actors::commands::wire;
use waddlebot_actors::{modules, registry};
use waddlebot_runtime::chat::{ChannelKey, CommunityId};
use waddlebot_runtime::keys::KeyRole;

use super::Desk;
use crate::api::auth::Caller;
use crate::api::error::{ApiError, Query};
use crate::api::openapi::operation::{ADMINS, ANY_KEY};
use crate::api::openapi::table::{BOTH, Table};

/// The addresses of this folder.
pub(super) fn table() -> Table<Arc<Desk>> {
    Table::new("commands", BOTH)
        .get("/router/commands", ANY_KEY, list, described::list())
        .post("/router/commands", ADMINS, stored::create, described::create())
        .get("/router/commands/{id}", ADMINS, stored::one, described::one())
        .put("/router/commands/{id}", ADMINS, stored::change, described::change())
        .delete("/router/commands/{id}", ADMINS, stored::remove, described::remove())
        .put("/router/commands/{id}/places", ADMINS, stored::place, described::place())
        .post("/router/commands/{id}/test", ADMINS, stored::test, described::test())
}

/// The most rows of one page.
const PAGE: i64 = 1000;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Everything here works on every platform; taken for older callers.
    #[serde(default)]
    platform: Option<String>,
    #[serde(default)]
    prefix: Option<String>,
    #[serde(default)]
    entity_id: Option<String>,
    #[serde(default)]
    community_id: Option<CommunityId>,
    #[serde(default)]
    module_type: Option<String>,
    #[serde(default)]
    is_active: Option<bool>,
    #[serde(default)]
    search: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    offset: Option<i64>,
}

/// What only those who run the house are told of a command.
const GUARDED: [&str; 4] = ["location_url", "headers", "created_by", "updated_by"];

/// `GET /commands`: the house's own first, then those that run elsewhere.
pub(super) async fn list(State(desk): State<Arc<Desk>>, by: Caller, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let (limit, offset) = (asked.limit.unwrap_or(100), asked.offset.unwrap_or(0));
    if !(1..=PAGE).contains(&limit) || offset < 0 {
        return Err(ApiError::bad_request("bad_page", format!("limit is 1 to {PAGE}, offset 0 or more")));
    }
    let here = match &asked.entity_id {
        Some(entity) => Some(channel(&desk, entity, asked.platform.as_deref()).await?),
        None => None,
    };
    let own = built_in(&desk, &asked, here.as_ref()).await?;
    let before = i64::try_from(own.len()).unwrap_or(i64::MAX);
    let (from, to) = (offset.min(before), offset.saturating_add(limit).min(before));
    let of_page = |at: &(i64, Value)| (from..to).contains(&at.0);
    let mut commands: Vec<_> = (0..).zip(own).filter(of_page).map(|(_, row)| row).collect();
    let community = here.as_ref().map(|(_, community)| *community).or(asked.community_id);
    let text = asked.search.as_deref().unwrap_or_default();
    let Some(prefix) = beginning(&asked) else {
        return Ok(Json(json!({"total": before, "commands": commands})));
    };
    let page = Some((limit - (to - from), offset - from));
    let wanted = Wanted { community, text, prefix, active: asked.is_active, page, ..Wanted::default() };
    let total = before + i64::try_from(desk.household.count_commands(wanted).await.map_err(stored::unsaved)?).unwrap_or(i64::MAX);
    for kept in desk.household.commands(wanted).await.map_err(stored::unsaved)? {
        let mut row = wire::shown(&kept);
        if let Some((key, community)) = &here {
            row["enabled"] = kept.command.is_on(key, *community).into();
        }
        if by.role() != KeyRole::Admin
            && let Some(fields) = row.as_object_mut()
        {
            fields.retain(|name, _| !GUARDED.contains(&name.as_str()));
        }
        commands.push(row);
    }
    Ok(Json(json!({"total": total, "commands": commands})))
}

/// What a stored command begins with, if that matters; `None` where none can be meant.
fn beginning(asked: &Asked) -> Option<Option<&str>> {
    let known = |&(prefix, kind): &(&'static str, &str)| {
        asked.prefix.as_deref().is_none_or(|asked| asked == prefix) && asked.module_type.as_deref().is_none_or(|asked| asked == kind)
    };
    let mut meant = wire::TYPES.into_iter().filter(known);
    let first = meant.next()?.0;
    Some(if meant.next().is_some() { None } else { Some(first) })
}

/// The commands of the house's own modules.
async fn built_in(desk: &Desk, asked: &Asked, here: Option<&(ChannelKey, CommunityId)>) -> Result<Vec<Value>, ApiError> {
    let wanted = asked.prefix.as_deref().is_none_or(|prefix| prefix == "!")
        && asked.module_type.as_deref().is_none_or(|kind| kind == "local")
        && asked.is_active != Some(false);
    if !wanted {
        return Ok(Vec::new());
    }
    let enabled: Option<HashMap<_, _>> = match here {
        Some((_, community)) => {
            let states = desk.household.modules(*community).await.map_err(ApiError::unavailable)?;
            Some(states.into_iter().map(|state| (state.name, state.enabled)).collect())
        }
        None => None,
    };
    let sought = asked.search.as_deref().unwrap_or_default().to_lowercase();
    let mut commands = Vec::new();
    for entry in modules::list() {
        for info in (entry.commands)() {
            if !format!("!{} {} {}", info.word, entry.name, info.about).to_lowercase().contains(&sought) {
                continue;
            }
            let mut row = json!({
                "command": format!("!{}", info.word),
                "prefix": "!",
                "description": info.about,
                "usage": info.usage(),
                "module": entry.name,
                "location": "internal",
                "type": "module",
                "module_type": "local",
                "version": env!("CARGO_PKG_VERSION"),
                "permission_level": info.role,
                "cooldown_seconds": info.cooldown.as_secs(),
                "aliases": info.aliases,
                "is_active": true,
            });
            if let Some(enabled) = &enabled {
                row["enabled"] = json!(enabled.get(entry.name).copied().unwrap_or(true));
            }
            commands.push(row);
        }
    }
    Ok(commands)
}

/// A channel that was heard of, and its community.
async fn channel(desk: &Desk, entity: &str, platform: Option<&str>) -> Result<(ChannelKey, CommunityId), ApiError> {
    let unknown = || ApiError::not_found("there is no such entity");
    let key = ChannelKey::parse(entity).filter(|key| platform.is_none_or(|name| key.platform() == name)).ok_or_else(unknown)?;
    let community = registry::community_of(desk.household.store(), &key).await?.ok_or_else(unknown)?;
    Ok((key, community))
}
