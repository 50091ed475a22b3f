//! `GET /router/metrics`: the router's numbers as JSON, the same that Prometheus reads, and what the database holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use waddlebot_actors::commands::table as stored;
use waddlebot_actors::rules::table as rules;
use waddlebot_actors::{modules, registry, tally};
use waddlebot_runtime::journal;
use waddlebot_runtime::store::{Store, StoreError};

use super::Desk;
use crate::api::error::ApiError;
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{Schema, map, number, object, text, whole};

/// The database adds up what it holds no more often than this, however often it is asked.
const FRESH: Duration = Duration::from_secs(10);

/// What the database held, and when it said so.
#[derive(Default)]
pub(crate) struct Sums(Mutex<Option<(Duration, Held)>>);

#[derive(Clone, Copy)]
struct Held {
    rules: rules::Sums,
    commands: usize,
    entities: i64,
    communities: u64,
    executions: i64,
}

impl Sums {
    /// Who asks at the same time waits for the same answer.
    async fn read(&self, store: &Store, now: Duration) -> Result<Held, StoreError> {
        let mut known = self.0.lock().await;
        if let Some((at, held)) = *known
            && now < at + FRESH
        {
            return Ok(held);
        }
        let held = Held {
            rules: rules::sums(store).await?,
            commands: stored::everywhere(store).await?,
            entities: registry::entities(store, None, 0, 0).await?.1,
            communities: registry::count(store, "").await?,
            executions: journal::executed(store).await?,
        };
        *known = Some((now, held));
        Ok(held)
    }
}

/// The description of [`show`].
pub(super) fn described() -> Operation {
    let count = || whole().from(0);
    let counts = |names: &[&str], end: Schema| names.iter().fold(end, |schema, name| schema.with(name, count()));
    let processor = counts(
        &[
            "commands_processed_total",
            "commands_successful_total",
            "commands_failed_total",
            "rate_limits_hit_total",
            "cache_hits_total",
            "cache_misses_total",
            "string_matches_total",
            "concurrent_requests_gauge",
        ],
        object(),
    )
    .with("average_execution_time_ms", number());
    let matcher = counts(&["total_rules", "active_rules", "total_matches"], object()).with("rules_by_action", map(count()));
    let database = counts(&["total_commands", "total_entities", "total_communities", "total_executions"], object())
        .with("kind", text())
        .with("average_query_time_ms", number());
    let recent = counts(&["successful", "failed"], object())
        .with("window_seconds", count())
        .with("average_execution_time_ms", number())
        .with("success_rate", number().about("0 to 1; 1 where nothing ran"));
    let all = object()
        .with("processor", processor.about("this node since its start"))
        .with("string_matcher", matcher.about("the rules of all communities, as they were at most 10 seconds ago"))
        .with("database", database.about("what is stored, as it was at most 10 seconds ago"))
        .with("recent_performance", recent.about("this node within the last hour"));
    Operation::new("The router's numbers").answers(all)
}

/// `GET /router/metrics`
pub(super) async fn show(State(desk): State<Arc<Desk>>) -> Result<Json<Value>, ApiError> {
    let numbers = desk.metrics.read();
    let (store, now) = (desk.household.store(), desk.clock.since_boot());
    let count = |name: &str| numbers.sum(name) as u64;
    let average = |name: &str| {
        let times = numbers.sum(&format!("{name}_count"));
        if times > 0.0 { numbers.sum(&format!("{name}_sum")) / times * 1000.0 } else { 0.0 }
    };
    let held = desk.sums.read(store, now).await?;
    let by_action: BTreeMap<_, _> = held.rules.by_action.into_iter().filter(|(_, count)| *count > 0).collect();
    let built_in: usize = modules::list().iter().map(|entry| (entry.commands)().len()).sum();
    let commands = built_in + held.commands;
    let recent = tally::last_hour(now);
    let ran = recent.succeeded + recent.failed;
    Ok(Json(json!({
        "processor": {
            "commands_processed_total": count("waddlebot_commands_processed_total"),
            "commands_successful_total": count("waddlebot_commands_successful_total"),
            "commands_failed_total": count("waddlebot_commands_failed_total"),
            "rate_limits_hit_total": count("waddlebot_rate_limits_hit_total"),
            "cache_hits_total": count("waddlebot_cache_hits_total"),
            "cache_misses_total": count("waddlebot_cache_misses_total"),
            "string_matches_total": count("waddlebot_string_matches_total"),
            "concurrent_requests_gauge": count("waddlebot_concurrent_requests"),
            "average_execution_time_ms": average("waddlebot_command_execution_duration_seconds"),
        },
        "string_matcher": {
            "total_rules": held.rules.rules,
            "active_rules": held.rules.active,
            "rules_by_action": by_action,
            "total_matches": held.rules.matches,
        },
        "database": {
            "kind": store.kind(),
            "total_commands": commands,
            "total_entities": held.entities,
            "total_communities": held.communities,
            "total_executions": held.executions,
            "average_query_time_ms": average("waddlebot_database_query_duration_seconds"),
        },
        "recent_performance": {
            "window_seconds": 3600,
            "successful": recent.succeeded,
            "failed": recent.failed,
            "average_execution_time_ms": if ran > 0 { recent.took.as_secs_f64() * 1000.0 / ran as f64 } else { 0.0 },
            "success_rate": recent.success_rate(),
        },
    })))
}
