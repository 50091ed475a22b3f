//! `GET /router/commands`: what may be typed, everywhere or in one channel.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use waddlebot_actors::{modules, registry};
use waddlebot_runtime::chat::ChannelKey;

use super::Desk;
use crate::api::error::{ApiError, Query};
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{choice, list as listed, object, text, truth, whole};

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
    module_type: Option<String>,
    #[serde(default)]
    is_active: Option<bool>,
}

/// The description of [`list`].
pub(super) fn described() -> Operation {
    let row = object()
        .with("command", text().like("!ping"))
        .with("prefix", choice(&["!", "#"]))
        .with("description", text())
        .with("usage", text())
        .with("module", text())
        .with("location", text())
        .with("type", text())
        .with("module_type", choice(&["local", "community"]))
        .with("version", text())
        .with("permission_level", text())
        .with("cooldown_seconds", whole().from(0))
        .with("aliases", listed(text()))
        .with("is_active", truth())
        .may("enabled", truth().about("on in the channel that was asked for"))
        .called("Command");
    Operation::new("Every command")
        .query("platform", text().about("the platform of `entity_id`"))
        .query("prefix", text().about("only those that begin so").like("!"))
        .query("entity_id", text().about("adds whether each is on in this channel").like("local:lobby"))
        .query("module_type", text().about("local or community"))
        .query("is_active", truth())
        .answers(object().with("total", whole().from(0)).with("commands", listed(row)))
        .fails(&[404])
}

pub(super) async fn list(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let enabled = match &asked.entity_id {
        Some(entity) => Some(enabled(&desk, entity, asked.platform.as_deref()).await?),
        None => None,
    };
    let wanted = asked.prefix.as_deref().is_none_or(|prefix| prefix == "!")
        && asked.module_type.as_deref().is_none_or(|kind| kind == "local")
        && asked.is_active != Some(false);
    let mut commands = Vec::new();
    for entry in modules::list().iter().filter(|_| wanted) {
        for info in (entry.commands)() {
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
    Ok(Json(json!({"total": commands.len(), "commands": commands})))
}

async fn enabled(desk: &Desk, entity: &str, platform: Option<&str>) -> Result<HashMap<&'static str, bool>, ApiError> {
    let unknown = || ApiError::not_found("there is no such entity");
    let key = ChannelKey::parse(entity).filter(|key| platform.is_none_or(|name| key.platform() == name)).ok_or_else(unknown)?;
    let community = registry::community_of(desk.household.store(), &key).await?.ok_or_else(unknown)?;
    let states = desk.household.modules(community).await.map_err(ApiError::unavailable)?;
    Ok(states.into_iter().map(|state| (state.name, state.enabled)).collect())
}
