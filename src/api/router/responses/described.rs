//! What is said about answers: their fields, in both spellings.

use serde_json::json;

use super::ACTIONS;
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{Schema, anything, choice, instant, list, number, object, text, truth, whole};

/// `POST /responses`
pub(super) fn post() -> Operation {
    let sent = fields(
        object()
            .with("session_id", text().longest(200))
            .with("execution_id", text().longest(200))
            .with("module_name", text().longest(200))
            .with("success", truth())
            .with("response_action", choice(&ACTIONS)),
    );
    Operation::new("An answer that comes later than its command")
        .says("`session_id` and `execution_id` are those the target was sent. The session lives its full time again.")
        .header("idempotency-key", text().about("the same key for the same execution is the same answer"))
        .body(sent)
        .example(json!({
            "session_id": "sess_0123456789abcdef0123456789abcdef", "execution_id": "exec_0123456789abcdef0123456789abcdef",
            "module_name": "weather", "success": true, "response_action": "chat", "chat_message": "it rains in Rome",
        }))
        .answers_with(201, "it is on its way", object().with("success", truth()).with("response_id", text()))
        .fails(&[404])
}

/// `GET /responses/{execution_id}`
pub(super) fn of() -> Operation {
    let answers = object()
        .with("execution_id", text())
        .with("status", choice(&["pending", "success", "failed", "timeout"]))
        .with("total", whole().from(0))
        .with("responses", list(answer()));
    Operation::new("What an execution answered at once and later, oldest first").path("execution_id", text()).answers(answers).fails(&[404])
}

/// `GET /responses/recent`
pub(super) fn recent() -> Operation {
    Operation::new("The last answers that are written down, at once and later, the newest first; long texts are cut")
        .query("module_name", text())
        .query("response_action", text())
        .query("success_only", truth().unless(false))
        .query("limit", whole().from(1).to(500).unless(50))
        .answers(object().with("total", whole().from(0)).with("responses", list(answer())))
}

fn answer() -> Schema {
    fields(
        object()
            .with("response_id", text())
            .with("execution_id", text())
            .with("community_id", whole())
            .with("entity_id", text())
            .with("module_name", text())
            .with("success", truth())
            .with("response_action", choice(&ACTIONS))
            .with("created_at", instant()),
    )
    .called("LaterAnswer")
}

/// What an action has; the same may stand in `response_data` under its shorter names.
fn fields(schema: Schema) -> Schema {
    schema
        .may("chat_message", text())
        .may("media_type", text().about("music, video or image"))
        .may("media_url", text())
        .may("ticker_text", text())
        .may("ticker_duration", anything().about("seconds"))
        .may("content_type", text().about("html, announcement or alert"))
        .may("content", text())
        .may("duration", anything().about("seconds"))
        .may("style", object())
        .may("form_title", text())
        .may("form_description", text())
        .may("form_fields", list(object()))
        .may("form_submit_url", text())
        .may("form_submit_method", text())
        .may("form_callback_url", text())
        .may("response_data", object().about("the same without the action's name: message, text, duration, title …"))
        .may("error_message", text())
        .may("processing_time_ms", number())
}
