//! `POST /router/events/batch`: up to a hundred events, all under way at once, answered in their order.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use waddlebot_runtime::intake::incoming::{Incoming, Meaning};
use waddlebot_runtime::intake::{Ears as _, Heard, Outcome, Unheard};

use super::Desk;
use super::answer::Answer;
use super::named::Named;
use crate::api::error::{ApiError, Body, Told};

/// The most events of one batch.
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    events: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Answers {
    total_count: usize,
    processed_count: usize,
    successful_count: usize,
    failed_count: usize,
    avg_execution_time_ms: f64,
    results: Vec<One>,
}

/// What came of one of them.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum One {
    Answer(Answer),
    Refused { success: bool, processed: bool, error: Told },
}

pub(super) async fn post(State(desk): State<Arc<Desk>>, Body(batch): Body<Batch>) -> Result<Json<Answers>, ApiError> {
    if batch.events.is_empty() || batch.events.len() > MOST {
        return Err(ApiError::bad_request("bad_batch", format!("a batch has 1 to {MOST} events")));
    }
    let started = desk.clock.since_boot();
    // All are handed on before the first is waited for; a channel takes its own in order.
    let mut waiting = Vec::with_capacity(batch.events.len());
    for event in &batch.events {
        waiting.push(hand_on(&desk, event.get()).await);
    }
    let mut results = Vec::with_capacity(waiting.len());
    for one in waiting {
        let answered = match one {
            Ok((named, outcome)) => outcome.await.map(|outcome| (named, outcome)).map_err(|_| Unheard::Unavailable.into()),
            Err(refusal) => Err(refusal),
        };
        results.push(match answered {
            Ok((named, outcome)) => One::Answer(Answer::new(outcome, named, desk.clock.since_boot().saturating_sub(started))),
            Err(refusal) => One::Refused { success: false, processed: false, error: refusal.told() },
        });
    }
    let took = desk.clock.since_boot().saturating_sub(started);
    let processed = results.iter().filter(|one| matches!(one, One::Answer(_))).count();
    let successful = results.iter().filter(|one| matches!(one, One::Answer(answer) if answer.succeeded())).count();
    Ok(Json(Answers {
        total_count: results.len(),
        processed_count: processed,
        successful_count: successful,
        failed_count: results.len() - successful,
        avg_execution_time_ms: took.as_secs_f64() * 1000.0 / results.len() as f64,
        results,
    }))
}

async fn hand_on(desk: &Desk, text: &str) -> Result<(Named, oneshot::Receiver<Arc<Outcome>>), ApiError> {
    let (key, meaning) = Incoming::read(text)?.meaning(desk.clock.now())?;
    let named = Named::of(&key, meaning.id());
    let ear = desk.household.channel(&key).await?;
    let (sender, receiver) = oneshot::channel();
    let heard = match meaning {
        Meaning::Said(message) => Heard::Asked(message, sender),
        Meaning::Happened(event) => Heard::Happened(event, Some(sender)),
    };
    waddlebot_runtime::intake::hand_on(ear.as_ref(), heard).await.map_err(|(why, _)| why)?;
    Ok((named, receiver))
}
