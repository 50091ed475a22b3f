//! What is said about collectors that share out what they listen to.

use serde_json::json;

use super::told::VIEWERS;
use super::{CLAIMS, DAY, HEARTBEAT, MOST, PAGE};
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{NAME, Schema, choice, instant, list, map, object, text, truth, whole};

/// What something that may be listened to can be.
pub(super) const STATES: [&str; 5] = ["available", "claimed", "live", "offline", "error"];
/// The longest name.
const LONGEST: usize = 500;

fn name() -> Schema {
    text().longest(LONGEST).pattern(NAME)
}

fn container() -> Schema {
    object().with("container_id", name().about("what the collector calls itself; one name, one collector"))
}

fn entity() -> Schema {
    object()
        .with("entity_id", text().like("tube:ducks"))
        .with("platform", text())
        .with("server_id", text())
        .with("channel_id", text())
        .with("claimed_by", text().or_null())
        .with("epoch", whole().from(0).about("rises with each change of hands: what was begun under a smaller one is stale"))
        .with("claimed_at", instant().or_null())
        .with("status", choice(&STATES))
        .with("is_live", truth())
        .with("viewer_count", whole().from(0))
        .with("priority", whole().about("the smaller, the sooner"))
        .with("last_activity", instant().or_null())
        .with("error_count", whole().from(0))
        .with("error_message", text().or_null())
        .with("metadata", object())
        .called("CoordinatedEntity")
}

fn success() -> Schema {
    object().with("success", truth())
}

/// `POST /router/coordination/claim`
pub(super) fn claim() -> Operation {
    let sent = container()
        .with("platform", name())
        .may("max_claims", whole().from(1).to(MOST).or_null().unless(CLAIMS).about("so many together with what it holds already"))
        .may("heartbeat_interval", whole().from(1).to(DAY).or_null().unless(HEARTBEAT).about("seconds between two signs of life"));
    let done = success()
        .with("claimed_entities", list(entity()).about("what is new"))
        .with("claimed_count", whole().from(0))
        .with("held_count", whole().from(0).about("with what it held before"))
        .with("heartbeat_interval", whole());
    Operation::new("A collector takes what nobody listens to")
        .says(
            "What is live comes first, then the smaller priority, more viewers, the oldest activity. Two collectors never get the same. \
             A collector that shows no sign of life for 1.2 intervals (six minutes, unless it says otherwise) counts as gone, and others get what it held.",
        )
        .body(sent)
        .example(json!({"platform": "tube", "container_id": "container_1a2b3c4d_1700000000", "max_claims": 5}))
        .answers(done)
}

/// `POST /router/coordination/release`
pub(super) fn release() -> Operation {
    let sent = container().may("entity_ids", list(name()).most(PAGE as usize).or_null().about("all it holds when they are left out"));
    let done = success().with("released_entities", list(text())).with("released_count", whole().from(0));
    collectors("A collector gives back what it listens to").body(sent).example(json!({"container_id": "container_1"})).answers(done)
}

/// `POST /router/coordination/checkin`
pub(super) fn checkin() -> Operation {
    let done = success().with("timestamp", instant());
    collectors("A collector shows that it lives").body(container()).example(json!({"container_id": "container_1"})).answers(done)
}

/// `POST /router/coordination/heartbeat`
pub(super) fn heartbeat() -> Operation {
    let sent = container().may("extend_claims", truth().or_null().unless(true).about("false only looks, and is no sign of life"));
    let done = success().with("claimed_count", whole().from(0)).with("entities", list(entity())).with("timestamp", instant());
    collectors("A collector shows that it lives, and hears what it holds")
        .body(sent)
        .example(json!({"container_id": "container_1"}))
        .answers(done)
}

/// `POST /router/coordination/status`
pub(super) fn status() -> Operation {
    let sent = container()
        .with("entity_id", name())
        .may("is_live", truth().or_null())
        .may("viewer_count", whole().from(0).to(VIEWERS).or_null())
        .may("metadata", object().or_null().about("kept with it, up to 16 KiB; takes the place of what was there"))
        .may("has_activity", truth().or_null().about("something happened there: failures count from none"));
    collectors("A collector tells how something it holds fares")
        .says("Whether a stream is live and how many watch counts for the nodes as well: a live channel is served first and moved last.")
        .body(sent)
        .example(json!({"container_id": "container_1", "entity_id": "tube:ducks", "is_live": true, "viewer_count": 120}))
        .answers(success())
}

/// `POST /router/coordination/error`
pub(super) fn error() -> Operation {
    let sent = container().with("entity_id", name()).with("error_message", text().about("500 characters are kept"));
    let done = success().with("error_count", whole().from(1)).with("status", choice(&["claimed", "error"]));
    collectors("A collector failed at something it holds")
        .says("The third time in a row it is left alone: nobody can claim it before an operator clears it.")
        .body(sent)
        .example(json!({"container_id": "container_1", "entity_id": "tube:ducks", "error_message": "401 from the platform"}))
        .answers(done)
}

/// `POST /router/coordination/release-offline`
pub(super) fn release_offline() -> Operation {
    let done = success()
        .with("released_entities", list(text()))
        .with("released_count", whole().from(0))
        .with("claimed_entities", list(entity()))
        .with("claimed_count", whole().from(0));
    collectors("A collector gives back what it found offline, and takes as much in its place")
        .body(container())
        .example(json!({"container_id": "container_1"}))
        .answers(done)
}

/// `GET /router/coordination/stats`
pub(super) fn stats() -> Operation {
    let done = object()
        .with("total", whole().from(0))
        .with("claimed", whole().from(0).about("somebody who lives listens to it"))
        .with("available", whole().from(0))
        .with("live", whole().from(0))
        .with("offline", whole().from(0))
        .with("error", whole().from(0))
        .with("containers", map(whole().from(0)).about("how much each collector holds"));
    Operation::new("How much is listened to, and by whom").answers(done)
}

/// `GET /router/coordination/entities`
pub(super) fn entities() -> Operation {
    Operation::new("What is listened to, or might be")
        .query("platform", text())
        .query("status", choice(&STATES))
        .query("claimed_by", text())
        .query("is_live", choice(&["true", "false", "1", "0"]))
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("entities", list(entity())))
}

/// `POST /router/coordination/populate`
pub(super) fn populate() -> Operation {
    Operation::new("Lets collectors claim what was activated of a platform")
        .says("A channel each; on a platform with servers a server with all its channels. What was activated is in /api/servers.")
        .body(object().with("platform", name()))
        .example(json!({"platform": "tube"}))
        .answers(success().with("entities_added", whole().from(0)))
}

/// What only a collector may that claimed something and lives.
fn collectors(summary: &'static str) -> Operation {
    Operation::new(summary).fails(&[404, 409])
}
