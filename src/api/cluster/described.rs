//! What is said about the cluster.

use serde_json::json;

use super::PAGE;
use crate::api::openapi::operation::Operation;
use crate::api::openapi::schema::{Schema, choice, instant, list, map, object, text, truth, whole};

/// What a claim can be about.
pub(super) const KINDS: [&str; 4] = ["community", "channel", "connection", "listen"];

fn claim() -> Schema {
    object()
        .with("entity", text().like("community:2"))
        .with("kind", choice(&KINDS))
        .with("node", text().about("who holds it; empty when nobody who lives does"))
        .with("epoch", whole().from(0).about("rises with each change of hands"))
        .with("claimed_at", instant().or_null())
        .with("status", text())
        .with("beside", text().about("what it goes with; empty for nothing"))
        .with("near", text().about("the connection it is heard through; empty where each node may have one of its own"))
        .with("is_near", truth().about("whether the node that holds it holds that connection, too"))
        .with("is_live", truth())
        .with("errors", whole().from(0))
        .with("error", text().or_null())
        .called("Claim")
}

/// `GET /cluster`
pub(super) fn status() -> Operation {
    let node = object()
        .with("node", text())
        .with("incarnation", whole())
        .with("state", choice(&["up", "draining", "down", "dead", "outside"]).about("outside: a collector that lives"))
        .with("version", text())
        .with("address", text())
        .with("http_address", text())
        .with("capacity", whole())
        .with("claims", map(whole()).about("how many of each kind"))
        .with("lease_age_ms", whole().from(0).about("since it last showed that it lives, by two clocks: to look at only"))
        .called("ClusterNode");
    let done = object()
        .with("here", text().about("the node that answers"))
        .with("nodes", list(node))
        .with("unserved", map(whole()).about("how many of each kind nobody holds"))
        .with("errors", whole().from(0).about("how many are left alone because they failed too often"))
        .with("failed", list(claim()).about("some of those"));
    Operation::new("The nodes, and how many claims each holds").answers(done)
}

/// `GET /cluster/claims`
pub(super) fn claims() -> Operation {
    Operation::new("Who holds what")
        .query("search", text().about("a part of the entity"))
        .query("kind", choice(&KINDS))
        .query("node", text().about("held by this node"))
        .query("failed", choice(&["true", "false"]).about("only what is in error"))
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("claims", list(claim())))
}

/// `GET /cluster/history`
pub(super) fn history() -> Operation {
    let row = object()
        .with("entity", text())
        .with("epoch", whole())
        .with("node", text())
        .with("incarnation", whole())
        .with("at", instant())
        .called("ClaimHistory");
    Operation::new("Who held what, the last thirty days, the latest first")
        .query("entity", text())
        .query("limit", whole().from(1).to(PAGE).unless(100))
        .query("offset", whole().from(0).to(i64::MAX).unless(0))
        .answers(object().with("total", whole().from(0)).with("history", list(row)))
}

/// `POST /cluster/nodes/{node}/drain`
pub(super) fn drain() -> Operation {
    state("Has a node hand everything over, and stay")
        .says("It has begun when this is answered; its readiness says no, and it takes nothing new.")
}

/// `POST /cluster/nodes/{node}/undrain`
pub(super) fn undrain() -> Operation {
    state("Has a node that was drained take part again")
}

fn state(summary: &'static str) -> Operation {
    Operation::new(summary)
        .path("node", text().shortest(1))
        .answers(object().with("success", truth()).with("node", text()).with("state", text()))
        .fails(&[404, 409])
}

/// `POST /cluster/claims/move`
pub(super) fn go() -> Operation {
    Operation::new("Hands a community and its channels to a node")
        .says("The community is named by itself or by one of its channels.")
        .body(object().with("entity", text()).with("to", text()).strict())
        .example(json!({"entity": "community:2", "to": "n2"}))
        .answers(object().with("success", truth()).with("moved", whole().from(0).about("how many claims went; 0 when it is there already")))
        .fails(&[404, 409])
}

/// `POST /cluster/claims/clear`
pub(super) fn clear() -> Operation {
    Operation::new("Lets something that failed too often be served again")
        .body(object().with("entity", text()).strict())
        .example(json!({"entity": "community:2"}))
        .answers(object().with("success", truth()))
        .fails(&[404])
}
