//! What came of an event, in the fields of spec 01 section 3.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{self as http, IntoResponse};
use serde::{Serialize, Serializer};
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::intake::{Outcome, Ran, Verdict};
use waddlebot_runtime::response::{Line, Response};

use super::named::Named;

/// What a collector is told: what came of its event, read where it is remembered.
#[derive(Debug)]
pub(super) struct Answer {
    outcome: Arc<Outcome>,
    named: Named,
    took: Duration,
}

/// As it is written.
#[derive(Serialize)]
struct Written<'a> {
    session_id: Cow<'a, str>,
    /// What a later answer names; only where one can come.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<&'a str>,
    success: bool,
    processed: bool,
    status: Verdict,
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    /// The lines to say in the channel, as chat shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Cow<'a, str>>,
    responses: &'a [Response],
    execution_time_ms: u64,
    reputation_processed: bool,
    event_modules_executed: usize,
    module_results: Results<'a>,
}

/// Each module's part.
struct Results<'a>(&'a [Ran]);

#[derive(Serialize)]
struct One<'a> {
    module: &'a str,
    command: &'a str,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    status_code: u16,
    execution_time_ms: u64,
    /// What a later answer names; only where one can come.
    #[serde(skip_serializing_if = "str::is_empty")]
    execution_id: &'a str,
}

impl Answer {
    pub(super) fn new(outcome: Arc<Outcome>, named: Named, took: Duration) -> Self {
        Self { outcome, named, took }
    }

    pub(super) fn succeeded(&self) -> bool {
        matches!(self.outcome.verdict, Verdict::Chatter | Verdict::Done | Verdict::Duplicate)
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Outcome { responses, ran, verdict } = &*self.outcome;
        let named = |name: fn(&Ran) -> &String| ran.iter().map(name).find(|id| !id.is_empty()).map(String::as_str);
        let written = Written {
            session_id: named(|one| &one.session_id).map_or_else(|| self.named.session().into(), Cow::Borrowed),
            execution_id: named(|one| &one.execution_id),
            success: self.succeeded(),
            processed: *verdict != Verdict::Unavailable,
            status: *verdict,
            status_code: code(*verdict),
            command: ran.first().map(|one| one.command.as_ref()),
            response: said(responses),
            responses,
            execution_time_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            // Whatever is heard counts for its speaker, once.
            reputation_processed: !matches!(verdict, Verdict::Unavailable | Verdict::Duplicate),
            event_modules_executed: ran.iter().filter(|one| EventKind::parse_trigger(&one.command).is_some()).count(),
            module_results: Results(ran),
        };
        written.serialize(serializer)
    }
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|one| One {
            module: &one.module,
            command: &one.command,
            success: one.error.is_none(),
            error: one.error.as_deref(),
            status_code: one.status_code.unwrap_or(if one.error.is_none() { 200 } else { 500 }),
            execution_time_ms: one.execution_time_ms,
            execution_id: &one.execution_id,
        }))
    }
}

/// The lines among what was answered, one below the other.
fn said(responses: &[Response]) -> Option<Cow<'_, str>> {
    let lines = responses.iter().filter_map(|response| match response {
        Response::Chat(Line { to: None, text }) => Some(Cow::Borrowed(text.as_ref())),
        Response::Chat(line) => Some(Cow::Owned(line.shown().to_string())),
        _ => None,
    });
    lines.reduce(|all: Cow<'_, str>, line| format!("{all}\n{line}").into())
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
