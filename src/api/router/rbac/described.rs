//! What is said about roles: how a person, a place and a role are named, and what comes back.

use serde_json::json;
use waddlebot_actors::roles::PERMISSIONS;

use super::MOST;
use super::community::PAGE;
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::NAME;
use crate::api::openapi::schema::{Schema, choice, instant, list, object, text, truth, whole};

const ROLES: [&str; 5] = ["member", "vip", "moderator", "admin", "owner"];
const BADGES: [&str; 5] = ["subscriber", "vip", "moderator", "admin", "broadcaster"];
const PLACES: &str = "Each names its place by either `entity_id`, or `platform` and `community_id`.";

/// `GET /router/rbac/permissions`
pub(super) fn permissions() -> Operation {
    let row = object().with("permission", permission()).with("roles", list(choice(&ROLES)));
    Operation::new("Every permission and which roles have it").answers(object().with("permissions", list(row)))
}

/// `POST /router/rbac/check_permissions_bulk`
pub(super) fn check() -> Operation {
    let check = person().with("permission", permission());
    let result = object().with("allowed", truth()).with("role", choice(&ROLES));
    Operation::new("Whether each of many people may do something somewhere, answered in order")
        .says(PLACES)
        .body(many("checks", check))
        .example(json!({"checks": [{"entity_id": "local:lobby", "user_id": "ana", "permission": "users.ban"}]}))
        .answers(results(result))
}

/// `POST /router/rbac/get_user_roles_bulk`
pub(super) fn roles() -> Operation {
    let result = object().with("platform", text()).with("user_id", text()).with("role", choice(&ROLES));
    Operation::new("The role of each of many people, answered in order")
        .says(PLACES)
        .body(many("users", person()))
        .example(json!({"users": [{"community_id": 2, "platform": "local", "user_id": "ana"}]}))
        .answers(results(result))
}

/// `POST /router/rbac/assign_roles_bulk`
pub(super) fn assign() -> Operation {
    let assignment = person().with("role", choice(&ROLES).or_null().about("null takes away what they were given"));
    let result = object().with("community_id", whole()).with("success", truth()).may("changed", whole()).may("error", object());
    Operation::new("Gives and takes many roles; in each community all of them or none")
        .says(&format!("{PLACES} A role in a community makes a member of it. It counts with the next message."))
        .body(many("assignments", assignment))
        .example(
            json!({"assignments": [{"community_id": 2, "platform": "local", "user_id": "ana", "user_name": "Ana", "role": "moderator"}]}),
        )
        .answers(object().with("success", truth()).with("changed", whole().from(0)).with("results", list(result)))
        .fails(&[404])
}

/// `POST /router/rbac/ensure_users_in_global_community_bulk`
pub(super) fn ensure() -> Operation {
    let done = object().with("success", truth()).with("community_id", whole()).with("total", whole()).with("added", whole().from(0));
    Operation::new("Lets many people belong to the global community, as everybody does who is seen acting")
        .body(many("users", person()))
        .example(json!({"users": [{"platform": "local", "user_id": "ana", "user_name": "Ana"}]}))
        .answers(done)
}

/// `GET /router/rbac/communities/{id}/members`
pub(super) fn members() -> Operation {
    let member = object()
        .with("platform", text())
        .with("user_id", text())
        .with("user_name", text())
        .with("role", choice(&ROLES))
        .with("joined_at", instant())
        .with("granted_by", text().about("who gave them the role; empty where nobody did"))
        .with("granted_at", instant().or_null())
        .called("Member");
    of_community("A community's members, by name; everybody is one of community 1")
        .query("search", text().about("those with this in their name"))
        .query("role", choice(&ROLES))
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("members", list(member)))
}

/// `GET /router/rbac/communities/{id}/changes`
pub(super) fn changes() -> Operation {
    let change = object()
        .with("platform", text())
        .with("user_id", text())
        .with("user_name", text())
        .with("entity_id", text().or_null().about("the channel whose role it is; none for the whole community's"))
        .with("before", choice(&ROLES).or_null())
        .with("after", choice(&ROLES).or_null())
        .with("left", truth().about("their membership ended"))
        .with("changed_by", text())
        .with("changed_at", instant())
        .called("RoleChange");
    of_community("Who changed whose role in a community, newest first; kept for two years")
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("changes", list(change)))
}

/// `DELETE /router/rbac/communities/{id}/members/{platform}/{user}`
pub(super) fn remove() -> Operation {
    of_community("Ends a membership and every role with it")
        .path("platform", text())
        .path("user", text())
        .answers(object().with("success", truth()))
}

/// `GET /router/rbac/communities/{id}/badges`
pub(super) fn badges() -> Operation {
    of_community("What platforms' badges count for in a community").answers(mapping())
}

/// `PUT /router/rbac/communities/{id}/badges`
pub(super) fn set_badges() -> Operation {
    of_community("Says what badges count for; those that are not sent stay as they are")
        .body(mapped(object()).strict())
        .example(json!({"subscriber": "vip"}))
        .answers(mapping())
}

fn of_community(summary: &'static str) -> Operation {
    Operation::new(summary).path("id", whole()).fails(&[404])
}

fn mapping() -> Schema {
    BADGES.into_iter().fold(object(), |schema, badge| schema.with(badge, choice(&ROLES)))
}

fn mapped(schema: Schema) -> Schema {
    BADGES.into_iter().fold(schema, |schema, badge| schema.may(badge, choice(&ROLES)))
}

fn permission() -> Schema {
    choice(&PERMISSIONS.map(|(_, name, _)| name))
}

fn person() -> Schema {
    let name = || text().longest(255).pattern(NAME);
    object()
        .with("user_id", name())
        .may("user_name", text().longest(255).or_null())
        .may("platform", name().or_null())
        .may("entity_id", text().or_null().like("local:lobby"))
        .may("community_id", whole().or_null())
}

fn many(name: &str, one: Schema) -> Schema {
    object().with(name, list(one).least(1).most(MOST)).strict()
}

fn results(one: Schema) -> Schema {
    object().with("total", whole().from(0)).with("results", list(one))
}
