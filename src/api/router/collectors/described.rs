//! What is said about the address that collectors of the original know.

use serde_json::json;

use super::{HEARTBEAT, LONGEST};
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{NAME, Schema, choice, either, instant, list, object, text, truth, whole};
use crate::api::router::described::{answer, incoming};

/// `POST /api/modules/register`
pub(super) fn register() -> Operation {
    let sent = object()
        .with("module_name", name())
        .may("module_version", short())
        .may("platform", short())
        .may("endpoint_url", short())
        .may("health_check_url", short())
        .may("status", short().or_null())
        .may("heartbeat_interval", whole().from(1).to(86400).or_null().about("seconds; 300 when it is left out"))
        .may("config", object());
    let done = object().with("success", truth()).with("module_name", text()).with("status", text()).with("heartbeat_interval", whole());
    Operation::new("A collector says that it is there")
        .body(sent)
        .example(json!({"module_name": "tube-collector", "module_version": "1.0.0", "platform": "tube"}))
        .answers_with(201, "it is known", done)
}

/// `POST /api/modules/heartbeat`
pub(super) fn heartbeat() -> Operation {
    let sent = object().with("module_name", name()).may("status", short().or_null());
    Operation::new("A collector says that it lives, and whatever else it likes to tell")
        .says(&format!("Who is silent for two heartbeats, of {HEARTBEAT} s unless it registered another time, is shown as gone."))
        .body(sent)
        .example(json!({"module_name": "tube-collector", "status": "active", "uptime": 3600}))
        .answers(object().with("success", truth()).with("timestamp", instant()))
        .fails(&[404])
}

/// `GET /api/modules`
pub(super) fn modules() -> Operation {
    let row = object()
        .with("module_name", text())
        .with("module_version", text())
        .with("platform", text())
        .with("endpoint_url", text())
        .with("health_check_url", text())
        .with("status", text().about("what it said of itself; gone when it missed two heartbeats"))
        .with("config", object())
        .with("report", object().about("what its last heartbeat said"))
        .with("heartbeat_interval", whole())
        .with("last_heartbeat", instant())
        .called("Collector");
    Operation::new("The collectors and how they are").answers(object().with("total", whole()).with("modules", list(row)))
}

/// `GET /api/servers`
pub(super) fn servers() -> Operation {
    let row = object()
        .with("platform", text())
        .with("server_id", text())
        .with("channel", text())
        .with("owner", text())
        .with("is_active", truth())
        .with("webhook_url", text())
        .with("config", object())
        .with("last_activity", instant().or_null())
        .called("Server");
    Operation::new("What collectors are to listen to")
        .query("platform", text())
        .query("active", choice(&["true", "false", "True", "False", "1", "0", "yes", "no"]))
        .answers(object().with("total", whole()).with("servers", list(row)))
}

/// `POST /api/gateway/activate`
pub(super) fn activate() -> Operation {
    let sent = object()
        .with("platform", name())
        .with("server_id", name())
        .may("channel", short().or_null())
        .may("owner", short())
        .may("webhook_url", short())
        .may("is_active", truth().or_null())
        .may("config", object());
    Operation::new("Lets collectors listen to a server or channel from now on, or no longer")
        .body(sent)
        .example(json!({"platform": "tube", "server_id": "ducks", "channel": "general"}))
        .answers(object().with("success", truth()).with("entity_id", text()).with("is_active", truth()))
}

/// `POST /api/context`
pub(super) fn context() -> Operation {
    let sent = object().with("platform", name()).with("user_id", name()).may("username", short());
    let membership = object().with("community_id", whole()).with("role", text()).with("joined_at", instant()).with("points", whole());
    let data = object()
        .with("platform", text())
        .with("user_id", text())
        .with("user_name", text())
        .with("communities", list(membership))
        .with("reputation", whole());
    Operation::new("Who somebody is here: their communities, roles and points")
        .says("`user_id` may be called `platform_user_id`.")
        .body(sent)
        .example(json!({"platform": "tube", "user_id": "42", "username": "Ana"}))
        .answers(object().with("success", truth()).with("data", data))
}

/// `POST /api/reputation`
pub(super) fn reputation() -> Operation {
    let sent = object()
        .may("platform", name().or_null())
        .with("user_id", name())
        .may("username", short())
        .may("activity_type", short())
        .with("points", whole().from(-100_000).to(100_000))
        .may("community_id", either([whole(), text()]).or_null())
        .may("entity_id", text().or_null());
    Operation::new("Points that somebody earned or lost")
        .says("The community may be left out where there is only one, or where `entity_id` names a channel.")
        .body(sent)
        .example(json!({"platform": "tube", "user_id": "42", "activity_type": "follow", "points": 10}))
        .answers(object().with("success", truth()).with("community_id", whole()).with("user_id", text()).with("points", whole()))
        .fails(&[404])
}

/// `POST /api/events`
pub(super) fn events() -> Operation {
    Operation::new("One event, as for /router/events; what the collector says of itself in `_metadata` is left out")
        .body(incoming())
        .answers(answer())
}

fn name() -> Schema {
    text().longest(LONGEST).pattern(NAME)
}

fn short() -> Schema {
    text().longest(LONGEST)
}
