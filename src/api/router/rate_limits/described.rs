//! What is said about limits.

use serde_json::json;

use super::{LONGEST, MOST, PAGE};
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{Schema, choice, instant, list as listed, object, text, truth, whole};

/// Something is in it besides spaces and the prefix, and nothing that breaks a line.
const COMMAND: &str =
    r"^[^\x00-\x1F\x7F-\x9F]*[^\x00-\x21\x7F-\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000][^\x00-\x1F\x7F-\x9F]*$";
const ROLES: [&str; 5] = ["member", "vip", "moderator", "admin", "owner"];

/// `GET /router/rate-limits`
pub(super) fn list() -> Operation {
    let count = object()
        .with("entity_id", text())
        .with("user_id", text())
        .with("command", text().about("without its prefix"))
        .with("window_start", instant().about("when the oldest use that counts was, in milliseconds since 1970"))
        .with("request_count", whole().from(0))
        .with("expires_at", instant().about("when none of them counts any more, in milliseconds since 1970"))
        .called("RateLimit");
    Operation::new("Who used which command how often within a window that is not over; at most two seconds old")
        .query("entity_id", text())
        .query("user_id", text())
        .query("command", text())
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("rate_limits", listed(count)))
}

/// `DELETE /router/rate-limits`
pub(super) fn reset() -> Operation {
    Operation::new("Forgets what was used in a channel, so that people may begin anew at once")
        .needs("entity_id", text())
        .query("user_id", text().about("by this person only"))
        .query("command", text().about("of this command only"))
        .answers(object().with("success", truth()).with("forgotten", whole().from(0)))
        .fails(&[404])
}

/// `GET /router/rate-limits/communities/{id}`
pub(super) fn settings() -> Operation {
    Operation::new("What a community says about how often its commands may be used").path("id", whole()).answers(limits()).fails(&[404])
}

/// `PUT /router/rate-limits/communities/{id}`
pub(super) fn set() -> Operation {
    let line = object()
        .with("command", text().longest(100).pattern(COMMAND))
        .may("role", choice(&ROLES).or_null().about("for this role only; left out for everybody who has no limit of their own"))
        .may("rate_limit", whole().from(0).to(MOST).or_null().about("0 is any number, null what the command says itself"))
        .may("window_seconds", whole().from(1).to(LONGEST).or_null().unless(60))
        .strict();
    Operation::new("Says how often commands may be used, for everybody or for a role; lines that are not sent stay")
        .path("id", whole())
        .body(object().with("limits", listed(line).least(1).most(100)).strict())
        .example(json!({"limits": [{"command": "ping", "role": "vip", "rate_limit": 5, "window_seconds": 10}]}))
        .answers(limits())
        .fails(&[404])
}

fn limits() -> Schema {
    let line = object()
        .with("command", text())
        .with("role", choice(&ROLES).or_null())
        .with("rate_limit", whole().from(0))
        .with("window_seconds", whole().from(1));
    object().with("community_id", whole()).with("limits", listed(line))
}
