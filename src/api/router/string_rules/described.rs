//! What is said about string rules: the fields of a rule, of a trial, and of a community's settings.

use serde_json::json;

use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{NOT_BLANK, Schema, choice, either, instant, list as listed, map, object, text, truth, whole};

const KINDS: [&str; 4] = ["exact", "contains", "word", "regex"];

/// `GET /string-rules`
pub(super) fn list() -> Operation {
    Operation::new("The rules, in the order in which they are asked")
        .query("entity_id", text().about("those that are for this channel"))
        .query("community_id", whole().about("those of this community"))
        .query("search", text().about("those with this text in them"))
        .query("limit", whole().from(1).to(1000).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("rules", listed(rule())))
        .fails(&[404])
}

/// `POST /string-rules`
pub(super) fn create() -> Operation {
    let made = object().with("success", truth()).with("rule_id", whole()).with("community_id", whole());
    Operation::new("A new rule")
        .body(
            draft()
                .with("string", pattern())
                .with("action", action())
                .may("community_id", whole().or_null().about("may be left out where there is only one")),
        )
        .example(json!({"string": "spoiler", "match_type": "word", "action": "warn", "warning_message": "No spoilers, {user}!"}))
        .answers_with(201, "it is on, everywhere, at once", made)
        .fails(&[404])
}

/// `GET /string-rules/{id}`
pub(super) fn one() -> Operation {
    single("One rule").answers(rule())
}

/// `PUT /string-rules/{id}`
pub(super) fn change() -> Operation {
    single("Changes the fields that are sent, and no others").body(draft()).example(json!({"is_active": false})).answers(done())
}

/// `DELETE /string-rules/{id}`
pub(super) fn remove() -> Operation {
    single("Removes a rule").answers(done())
}

/// `POST /string-rules/test`
pub(super) fn test() -> Operation {
    let tried = object()
        .with("line", text())
        .with("entity_id", text())
        .with("rule_id", whole().or_null().about("null when none matched, 0 for a rule that is not saved"))
        .with("action", text().or_null())
        .with("matched", text().or_null().about("the part of the line that it matched"));
    let asked = object()
        .may("community_id", whole().or_null())
        .may("entity_id", text().or_null())
        .may("rule", draft().or_null().about("a rule that is not saved"))
        .may("rule_id", whole().or_null().about("one that is saved"))
        .may("lines", listed(text()).most(1000).or_null())
        .may("history", whole().from(0).to(1000).or_null().about("so many lines of kept chat"))
        .strict();
    Operation::new("What a rule, or all of them, would have matched")
        .says("Send either `lines` or `history`, and at most one of `rule` and `rule_id`; without either all rules that are on are tried.")
        .body(asked)
        .example(json!({"rule": {"string": "spoiler", "action": "warn"}, "lines": ["no spoilers here", "hello"]}))
        .answers(object().with("total", whole().from(0)).with("matched", whole().from(0)).with("results", listed(tried)))
        .fails(&[404])
}

/// `GET /string-rules/blocked`
pub(super) fn blocked() -> Operation {
    let message = object()
        .with("rule_id", whole())
        .with("entity_id", text())
        .with("user_id", text())
        .with("user_name", text())
        .with("text", text())
        .with("said_at", instant());
    of_community("What was blocked in the last thirty days, the newest first")
        .query("limit", whole().from(1).to(500).unless(50))
        .answers(object().with("total", whole().from(0)).with("messages", listed(message)))
}

/// `GET /string-rules/settings`
pub(super) fn settings() -> Operation {
    of_community("Whether chat is kept, and who is told what was blocked").answers(kept())
}

/// `PUT /string-rules/settings`
pub(super) fn set() -> Operation {
    of_community("Sets that")
        .body(object().may("keeps_history", keeps()).may("history_days", days()).may("moderators", told()).strict())
        .example(json!({"keeps_history": true, "history_days": 7, "moderators": ""}))
        .answers(kept())
}

/// `DELETE /string-rules/history`
pub(super) fn erase() -> Operation {
    of_community("Erases kept chat and blocked messages")
        .query("entity_id", text().about("of this channel only"))
        .query("user_id", text().about("of this person only"))
        .answers(object().with("success", truth()).with("erased", whole().from(0)))
}

fn single(summary: &'static str) -> Operation {
    Operation::new(summary).path("id", whole().from(1).to(i64::MAX)).fails(&[404])
}

fn of_community(summary: &'static str) -> Operation {
    Operation::new(summary).needs("community_id", whole().from(i64::MIN).to(i64::MAX)).fails(&[404])
}

fn done() -> Schema {
    object().with("success", truth()).with("rule_id", whole())
}

fn kept() -> Schema {
    object().with("keeps_history", keeps()).with("history_days", days()).with("moderators", told()).called("RuleSettings")
}

fn keeps() -> Schema {
    truth().about("keeps what chat says, to try rules on")
}

fn days() -> Schema {
    whole().from(1).to(365).about("for so many days")
}

fn told() -> Schema {
    text()
        .longest(255)
        .pattern("^([^:]+(:[^:]+){1,2})?$")
        .about("the channel in which moderators are told what was blocked; empty for none")
}

fn pattern() -> Schema {
    text().longest(500).pattern(NOT_BLANK)
}

fn action() -> Schema {
    choice(&["warn", "block", "command"])
}

/// A rule as it is sent: every field may be left out of a change.
fn draft() -> Schema {
    let different = object().may("enabled", truth().or_null()).may("priority", whole().or_null()).may("action", object().or_null());
    object()
        .may("string", pattern().or_null().about("what is looked for; `*` is everything"))
        .may("match_type", choice(&[&KINDS[..], &["*"]].concat()).or_null().unless("contains"))
        .may("case_sensitive", truth().or_null().unless(false))
        .may("enabled_entity_ids", listed(text()).or_null().about("the channels it is for; all when empty"))
        .may("overrides", map(different).or_null().about("what is different in single channels"))
        .may("action", action().or_null())
        .may("command_to_execute", text().or_null().about("with its `!` or `#`"))
        .may("command_parameters", either([text(), listed(text())]).or_null())
        .may("webhook_url", text().or_null())
        .may("warning_message", text().or_null())
        .may("block_message", text().or_null())
        .may("timeout_seconds", whole().from(0).or_null().about("of a block; 14 days at most"))
        .may("priority", whole().from(0).to(1_000_000).or_null().unless(100).about("lower is asked first; the first that matches counts"))
        .may("is_active", truth().or_null().unless(true))
        .strict()
}

fn rule() -> Schema {
    object()
        .with("rule_id", whole())
        .with("community_id", whole())
        .with("string", text())
        .with("match_type", choice(&KINDS))
        .with("case_sensitive", truth())
        .with("enabled_entity_ids", listed(text()))
        .with("overrides", object())
        .with("action", choice(&["warn", "block", "command", "webhook"]))
        .with("command_to_execute", text())
        .with("command_parameters", text().or_null())
        .with("webhook_url", text())
        .with("warning_message", text())
        .with("block_message", text())
        .with("timeout_seconds", whole().from(0))
        .with("priority", whole())
        .with("is_active", truth())
        .with("match_count", whole().from(0))
        .with("last_matched", instant().or_null())
        .with("created_by", text())
        .with("created_at", instant())
        .with("updated_by", text())
        .with("updated_at", instant())
        .called("StringRule")
}
