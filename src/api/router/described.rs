//! What is said about sending events in: the fields of an event, and of what came of it.

use serde_json::json;
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::intake::incoming::{LONGEST, MOST};

use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{NAME, NOT_BLANK, Schema, anything, choice, either, list, number, object, text, truth, whole};

/// `POST /router/events`
pub(super) fn event() -> Operation {
    Operation::new("One event, answered when it is done")
        .says(
            "A command that writes, and everything that is not plain chat, is on disk before this is answered. The same \
             `message_id` again does nothing again and gets the first answer.",
        )
        .body(incoming())
        .example(json!({
            "platform": "tube", "server_id": "ducks", "user_id": "42", "user_name": "Ana", "user_role": "moderator",
            "message_type": "chatMessage", "message_content": "!ping hello",
        }))
        .example(json!({
            "platform": "tube", "channel_id": "ducks", "user_id": "7", "user_name": "Frank", "message_type": "raid", "viewers": 12,
        }))
        .answers(answer())
}

/// `POST /router/events/batch`
pub(super) fn batch() -> Operation {
    let refused = object()
        .with("success", truth())
        .with("processed", truth())
        .with("error", object().with("code", text()).with("message", text()).with("status", whole()))
        .called("RefusedEvent");
    let answers = object()
        .with("total_count", whole().from(1).to(100))
        .with("processed_count", whole().from(0))
        .with("successful_count", whole().from(0))
        .with("failed_count", whole().from(0))
        .with("avg_execution_time_ms", number())
        .with("results", list(either([answer(), refused])).about("in the order of the request"))
        .called("Answers");
    Operation::new("Up to a hundred events at once")
        .says("They run at once, each channel's in its order. One that cannot be understood is a refusal in its place and harms no other.")
        .body(
            object().with("events", list(anything().about("an `Event`; what is none is refused in its place")).least(1).most(100)).strict(),
        )
        .example(json!({"events": [
            {"platform": "tube", "server_id": "ducks", "user_id": "42", "user_name": "Ana", "message_content": "hello"},
            {"platform": "tube", "server_id": "ducks", "user_id": "7", "user_name": "Frank", "message_type": "follow"},
        ]}))
        .answers(answers)
}

pub(super) fn incoming() -> Schema {
    let name = || text().longest(255).pattern(NAME);
    let place = || text().longest(255).pattern(r"^[^\x00-\x1F\x7F-\x9F]*$").or_null();
    let roles = ["owner", "admin", "moderator", "vip", "member", "viewer", "user", "everyone", "mod", "broadcaster"];
    let amount = |about: &str| number().from(0).to(MOST).or_null().about(about);
    let fields = object()
        .with("platform", text().pattern("^[a-z][a-z0-9_-]{0,31}$").about("a word in lower case"))
        .may("server_id", place().about("this or channel_id, or both"))
        .may("channel_id", place())
        .with("user_id", name())
        .with("user_name", text().longest(255).pattern(&NAME.replace(r"\u3000]", r"\u3000@]")).about("`username` is understood too"))
        .may("message_content", text().longest(LONGEST).or_null().about("what was said; `message` is understood too"))
        .may("message_type", text().or_null().about("chatMessage where it is left out and something was said"))
        .may("message_id", name().or_null().about("the same id is the same message; `id` is understood too"))
        .may("command", name().or_null().about("the command alone, where the platform tells it apart"))
        .may("user_role", choice(&roles).or_null().about("else metadata.badges decides"))
        .may("bits", amount("of a cheer"))
        .may("minutes", amount("of voice"))
        .may("amount", amount("of anything; money in its unit, not in cents"))
        .may("viewers", amount("of a raid"))
        .may("metadata", object().or_null())
        .strict()
        .called("Event");
    let said = choice(&["chatMessage", "slashCommand"]).or_null();
    let happened = choice(&EventKind::ALL.map(EventKind::name));
    let forms = ["server_id", "channel_id"].into_iter().flat_map(|place| {
        let there = object().with(place, text().pattern(NAME));
        let chat = there.clone().may("message_type", said.clone());
        [
            chat.clone().with("message_content", text().pattern(NOT_BLANK)),
            chat.with("command", text().pattern(&NOT_BLANK.replace(']', "/!]"))),
            there.with("message_type", happened.clone()),
        ]
    });
    fields.and_either(forms)
}

pub(super) fn answer() -> Schema {
    let status = ["chatter", "done", "unknown", "denied", "limited", "disabled", "failed", "duplicate", "unavailable"];
    let ran = object()
        .with("module", text())
        .with("command", text())
        .with("success", truth())
        .may("error", text())
        .with("status_code", whole())
        .with("execution_time_ms", whole().from(0))
        .may("execution_id", text().about("what a later answer names, where one can come"));
    object()
        .with("session_id", text().like("sess_0123456789abcdef0123456789abcdef"))
        .may("execution_id", text().about("of the first that a later answer can name"))
        .with("success", truth())
        .with("processed", truth())
        .with("status", choice(&status))
        .with("status_code", whole().about("what the HTTP status would be if the command were the request"))
        .may("command", text())
        .may("response", text().about("the lines to say in the channel"))
        .with("responses", list(object()).about("everything, overlay items included"))
        .with("execution_time_ms", whole().from(0))
        .with("reputation_processed", truth().about("whether it counts for its speaker; the same message again does not"))
        .with("event_modules_executed", whole().from(0).about("those that were not called by a command"))
        .with("module_results", list(ran))
        .called("Answer")
}
