//! What came of an event, in the fields of spec 01 section 3.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{self as http, IntoResponse};
use serde::Serialize;
use waddlebot_runtime::chat::Text;
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::intake::{Outcome, Verdict};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::sessions;

/// What a collector is told.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    session_id: String,
    /// What a later answer names; only where one can come.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<String>,
    success: bool,
    processed: bool,
    status: Verdict,
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Text>,
    /// The lines to say in the channel, as chat shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Text>,
    responses: Vec<Response>,
    execution_time_ms: u64,
    reputation_processed: bool,
    event_modules_executed: usize,
    module_results: Vec<Ran>,
}

/// One module's part.
#[derive(Debug, Serialize)]
struct Ran {
    module: Text,
    command: Text,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    status_code: u16,
    execution_time_ms: u64,
    /// What a later answer names; only where one can come.
    #[serde(skip_serializing_if = "String::is_empty")]
    execution_id: String,
}

impl Answer {
    pub(super) fn new(outcome: Outcome, took: Duration) -> Self {
        let Outcome { responses, ran, verdict } = outcome;
        let lines = responses.iter().filter_map(|response| match response {
            Response::Chat(line) => Some(line.shown()),
            _ => None,
        });
        let said = lines.reduce(|all, line| format!("{all}\n{line}").into());
        let event_modules_executed = ran.iter().filter(|one| EventKind::parse_trigger(&one.command).is_some()).count();
        let execution_id = ran.iter().map(|one| &one.execution_id).find(|id| !id.is_empty()).cloned();
        let session = ran.iter().map(|one| &one.session_id).find(|id| !id.is_empty()).cloned();
        let module_results: Vec<_> = ran
            .into_iter()
            .map(|one| Ran {
                success: one.error.is_none(),
                status_code: one.status_code.unwrap_or(if one.error.is_none() { 200 } else { 500 }),
                execution_id: one.execution_id,
                module: one.module,
                command: one.command,
                error: one.error,
                execution_time_ms: one.execution_time_ms,
            })
            .collect();
        Self {
            session_id: session.unwrap_or_else(sessions::new_id),
            execution_id,
            success: matches!(verdict, Verdict::Chatter | Verdict::Done | Verdict::Duplicate),
            processed: verdict != Verdict::Unavailable,
            status: verdict,
            status_code: code(verdict),
            command: module_results.first().map(|one| one.command.clone()),
            response: said,
            responses,
            execution_time_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            // Whatever is heard counts for its speaker, once.
            reputation_processed: !matches!(verdict, Verdict::Unavailable | Verdict::Duplicate),
            event_modules_executed,
            module_results,
        }
    }

    pub(super) fn succeeded(&self) -> bool {
        self.success
    }
}

impl IntoResponse for Answer {
    /// Written into a place that is large enough for most.
    fn into_response(self) -> http::Response {
        let mut text = Vec::with_capacity(640);
        serde_json::to_writer(&mut text, &self).expect("it has no keys but words, and memory does not fail");
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
    }
}

/// The outcome codes of spec 01 section 5.
fn code(verdict: Verdict) -> u16 {
    match verdict {
        Verdict::Chatter | Verdict::Done | Verdict::Duplicate => 200,
        Verdict::Unknown => 404,
        Verdict::Denied | Verdict::Disabled => 403,
        Verdict::Limited => 429,
        Verdict::Failed => 500,
        Verdict::Unavailable => 503,
    }
}
