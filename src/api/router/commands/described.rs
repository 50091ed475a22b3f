//! What is said about commands: the fields of one, of a change, and of a trial.

use serde_json::json;
use waddlebot_runtime::event::EventKind;

use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{Schema, anything, choice, instant, list as listed, map, object, text, truth, whole};

const ENGINES: [&str; 4] = ["webhook", "container", "lambda", "openwhisk"];
const TRIGGERS: [&str; 3] = ["command", "event", "both"];
const MODES: [&str; 2] = ["sequential", "parallel"];
const ROLES: [&str; 10] = ["everyone", "viewer", "user", "member", "vip", "moderator", "mod", "admin", "owner", "broadcaster"];

/// `GET /commands`
pub(super) fn list() -> Operation {
    Operation::new("Every command")
        .says("Those of the house's own modules, and those that run elsewhere. Where the latter lead is told to admins alone.")
        .query("platform", text().about("the platform of `entity_id`"))
        .query("prefix", text().about("only those that begin so").like("!"))
        .query(
            "entity_id",
            text().about("those of this channel's community and everybody's, each with whether it is on there").like("local:lobby"),
        )
        .query("community_id", whole().about("those of this community and everybody's"))
        .query("module_type", text().about("local or community"))
        .query("is_active", truth())
        .query("search", text().about("those with this text in their name or description"))
        .query("limit", whole().from(1).to(super::PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0).about("on all pages")).with("commands", listed(row())))
        .fails(&[404])
}

/// `POST /commands`
pub(super) fn create() -> Operation {
    let made = object()
        .with("success", truth())
        .with("command_id", whole())
        .with("community_id", whole())
        .with("command", text())
        .with("signing_key", text().about("signs what the target is sent"));
    Operation::new("A new command that runs elsewhere")
        .body(draft().may("community_id", whole().or_null().about("may be left out where there is only one; 1 is for all communities")))
        .example(json!({"command": "#weather", "type": "lambda", "location_url": "weather", "description": "how it is out there"}))
        .answers_with(201, "it can be typed, everywhere, at once", made)
        .fails(&[404, 409])
}

/// `GET /commands/{id}`
pub(super) fn one() -> Operation {
    single("One command that runs elsewhere").answers(stored())
}

/// `PUT /commands/{id}`
pub(super) fn change() -> Operation {
    single("Changes the fields that are sent, and no others")
        .body(draft())
        .example(json!({"is_active": false}))
        .answers(done().with("signing_key", text()))
        .fails(&[409])
}

/// `DELETE /commands/{id}`
pub(super) fn remove() -> Operation {
    single("Removes a command").answers(done())
}

/// `PUT /commands/{id}/places`
pub(super) fn place() -> Operation {
    let placed = object()
        .with("entity_id", text().about("a channel, or `community:ID`").like("local:lobby"))
        .may("is_enabled", truth().or_null().about("null lets it be as everywhere"))
        .strict();
    single("Switches a command on or off in one channel or community")
        .body(placed)
        .example(json!({"entity_id": "local:lobby", "is_enabled": false}))
        .answers(done().with("entity_id", text()).with("is_enabled", truth().or_null()))
}

/// `POST /commands/{id}/test`
pub(super) fn test() -> Operation {
    let trial = object()
        .with("success", truth())
        .with("status_code", whole().or_null())
        .with("answer", anything().about("as it came"))
        .with("responses", listed(object()).about("what would have been done"))
        .with("error", text().or_null())
        .with("tries", whole().from(0))
        .with("execution_time_ms", whole().from(0));
    single("Calls a command as if somebody had typed it; nothing is said")
        .says("The target is really called, with `\"test\": true` in what it is sent.")
        .body(object().may("text", text().about("the words behind it")).strict())
        .example(json!({"text": "Rome"}))
        .answers(trial)
}

fn single(summary: &'static str) -> Operation {
    Operation::new(summary).path("id", whole().from(1).to(i64::MAX)).fails(&[404])
}

fn done() -> Schema {
    object().with("success", truth()).with("command_id", whole())
}

fn row() -> Schema {
    object()
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
        .may("command_id", whole().about("of one that runs elsewhere"))
        .may("community_id", whole().about("whose it is; 1 is everybody's"))
        .called("Command")
}

/// A command as it is sent: every field may be left out of a change.
fn draft() -> Schema {
    let events: Vec<_> = EventKind::ALL.iter().chain(&[EventKind::ChatMessage]).map(|kind| kind.name()).collect();
    object()
        .may("command", text().longest(60).or_null().about("what is typed, with or without its prefix"))
        .may("prefix", choice(&["#", "!"]).or_null().about("`!` takes the place of a module's command"))
        .may("module_id", text().longest(60).or_null().about("who answers; the command's own name when left out"))
        .may("version", text().or_null())
        .may("description", text().longest(300).or_null())
        .may("type", choice(&ENGINES).or_null().unless("webhook"))
        .may("location_url", text().longest(2000).or_null().about("an address, or the name of a function"))
        .may("method", choice(&["POST", "GET"]).or_null().unless("POST"))
        .may("headers", map(text()).or_null().about("sealed where they are kept; `(hidden)` leaves a value as it is"))
        .may("timeout", whole().from(1).to(60).or_null().unless(30).about("seconds for one try"))
        .may(
            "is_idempotent",
            truth().or_null().about("a second call of the same execution id does nothing: it is called again after a crash"),
        )
        .may("new_signing_key", truth().or_null())
        .may("permission_level", choice(&ROLES).or_null())
        .may("cooldown_seconds", whole().from(0).to(86_400).or_null())
        .may(
            "rate_limit",
            whole().from(0).to(10_000).or_null().about("uses per window and person; 0 is any number, null what the house says"),
        )
        .may("trigger_type", choice(&TRIGGERS).or_null())
        .may("event_types", listed(choice(&events)).or_null())
        .may("priority", whole().from(0).to(1_000_000).or_null().unless(100).about("lower runs first"))
        .may("execution_mode", choice(&MODES).or_null())
        .may("is_active", truth().or_null())
        .strict()
}

fn stored() -> Schema {
    object()
        .with("id", whole())
        .with("command_id", whole())
        .with("community_id", whole())
        .with("is_global", truth())
        .with("command", text())
        .with("prefix", choice(&["!", "#"]))
        .with("description", text())
        .with("module_id", text())
        .with("version", text())
        .with("type", choice(&ENGINES))
        .with("location_url", text())
        .with("method", choice(&["POST", "GET"]))
        .with("headers", map(text()).about("their values are not told"))
        .with("timeout", whole())
        .with("is_idempotent", truth())
        .with("signing_key", text())
        .with("permission_level", text())
        .with("cooldown_seconds", whole())
        .with("rate_limit", whole().or_null())
        .with("trigger_type", choice(&TRIGGERS))
        .with("event_types", listed(text()))
        .with("priority", whole())
        .with("execution_mode", choice(&MODES))
        .with("is_active", truth())
        .with("places", map(truth()).about("where it is on or off by itself"))
        .with("usage_count", whole().from(0))
        .with("last_used", instant().or_null())
        .with("created_by", text())
        .with("created_at", instant())
        .with("updated_by", text())
        .with("updated_at", instant())
        .called("StoredCommand")
}
