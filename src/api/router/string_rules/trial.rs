//! `POST /router/string-rules/test`: what a rule, or all of them, would have matched.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waddlebot_actors::rules::table::{self, Wanted};
use waddlebot_actors::rules::trial::{self, LINES, Line};
use waddlebot_actors::rules::{check, history};
use waddlebot_runtime::chat::CommunityId;

use super::{community, community_of, draft, kept, known, refused};
use crate::api::error::{ApiError, Body};
use crate::api::router::Desk;

/// What is tried on what: a rule that is not saved, a saved one, or all that are on; on lines or on kept chat.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::api::router) struct Asked {
    community_id: Option<CommunityId>,
    entity_id: Option<String>,
    rule: Option<Map<String, Value>>,
    rule_id: Option<i64>,
    lines: Option<Vec<String>>,
    history: Option<u32>,
}

pub(in crate::api::router) async fn test(State(desk): State<Arc<Desk>>, Body(asked): Body<Asked>) -> Result<Json<Value>, ApiError> {
    let count = asked.lines.as_ref().map_or(0, Vec::len).max(asked.history.unwrap_or(0) as usize);
    if count > LINES {
        return Err(ApiError::bad_request("too_many_lines", format!("at most {LINES} lines are tried at once")));
    }
    let one = match (asked.rule, asked.rule_id) {
        (Some(rule), None) => Some(draft(rule)?.into_rule().map_err(refused)?),
        (None, Some(id)) => Some(kept(&desk, id).await?.rule),
        (None, None) => None,
        _ => return Err(ApiError::bad_request("bad_request", "send either rule or rule_id")),
    };
    if let Some(rule) = &one {
        check(rule).map_err(refused)?;
    }
    let store = desk.household.store();
    let of = match (asked.community_id, &asked.entity_id, asked.rule_id) {
        (Some(id), _, _) => known(&desk, id).await?,
        (None, Some(entity), _) => community_of(&desk, entity).await?,
        (None, None, Some(id)) => kept(&desk, id).await?.community,
        (None, None, None) => community(&desk, None, one.as_ref().unwrap_or(&waddlebot_actors::rules::Rule::default())).await?,
    };
    let entity = asked.entity_id.unwrap_or_default();
    let lines = match (asked.lines, asked.history) {
        (Some(lines), None) => lines.into_iter().map(|text| Line { entity: entity.clone(), text }).collect(),
        (None, Some(most)) => {
            let said = history::last(store, of, &entity, most).await?;
            said.into_iter().map(|said| Line { entity: said.entity_id, text: said.text }).collect()
        }
        _ => return Err(ApiError::bad_request("bad_request", "send either lines or history: how many of the kept lines")),
    };
    let rules = match one {
        Some(rule) => vec![trial::alone(rule)],
        None => {
            table::find(store, Wanted { community: Some(of), ..Wanted::default() }).await?.0.into_iter().map(|kept| kept.rule).collect()
        }
    };
    let results = trial::tried(rules, lines).await.map_err(refused)?;
    let matched = results.iter().filter(|tried| tried.rule_id.is_some()).count();
    Ok(Json(json!({"total": results.len(), "matched": matched, "results": results})))
}
