//! The cluster: nodes, who holds what and held it before, with buttons to move a community, drain a node, clear an error.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::store::{Held, Known, Shown, Sought};
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::Hub;
use super::page::{Page, day, minutes, with_query};
use super::refusal::{Refusal, rendered};
use super::visitor::{Filled, Signed, Visitor};
use crate::api::cluster::{anywhere, stored};

/// So many claims stand on one page.
const PAGE: i64 = 50;
/// So many of the latest changes of hands stand below them.
const LATELY: i64 = 20;

/// Which claims are looked at.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Looking {
    done: Option<String>,
    #[serde(default)]
    find: String,
    /// Held by this node only; by all when it is empty.
    #[serde(default)]
    node: String,
    /// `true` for those in error only.
    #[serde(default)]
    failed: String,
    /// The first is 1.
    page: Option<i64>,
}

impl Looking {
    fn number(&self) -> i64 {
        self.page.unwrap_or(1).clamp(1, 10_000_000)
    }

    fn is_for_failed(&self) -> bool {
        self.failed == "true"
    }

    /// The address of a page of the same list.
    fn address(&self, number: i64, done: &str) -> String {
        let number = number.to_string();
        let all = [
            ("find", self.find.as_str()),
            ("node", self.node.as_str()),
            ("failed", self.failed.as_str()),
            ("page", if number == "1" { "" } else { number.as_str() }),
            ("done", done),
        ];
        let pairs: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        if pairs.is_empty() { "/cluster".to_owned() } else { with_query("/cluster", &pairs) }
    }
}

/// A node with what it holds.
struct Row {
    node: Known,
    holds: String,
    /// How long ago it showed that it lives.
    seen: String,
}

impl Row {
    fn lives(&self) -> bool {
        matches!(self.node.state.as_str(), "up" | "draining")
    }
}

#[derive(Template)]
#[template(path = "cluster.html")]
struct View {
    page: Page,
    looking: Looking,
    nodes: Vec<Row>,
    claims: Vec<Shown>,
    total: i64,
    errors: i64,
    history: Vec<Held>,
}

impl View {
    fn pages(&self) -> i64 {
        (self.total.max(1) + PAGE - 1) / PAGE
    }

    /// Where a claim may go: nodes that take more and do not have it. Only communities go by themselves.
    fn targets(&self, claim: &Shown) -> Vec<&str> {
        let fits = |row: &&Row| row.node.state == "up" && row.node.node != claim.node;
        let may = claim.kind == "community" && !claim.node.is_empty();
        if may { self.nodes.iter().filter(fits).map(|row| row.node.node.as_str()).collect() } else { Vec::new() }
    }

    fn is_alone(&self) -> bool {
        self.nodes.iter().filter(|row| row.lives()).count() < 2
    }
}

/// `GET /cluster`
pub(super) async fn show(State(hub): State<Hub>, Visitor(person): Visitor, Query(looking): Query<Looking>) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "cluster", "Cluster", None).await?.noticing(looking.done.as_deref());
    let (nodes, counts) = (hub.house.nodes().await?, hub.house.counts().await?);
    let like = anywhere(&looking.find);
    let node = stored(&looking.node);
    let offset = (looking.number() - 1) * PAGE;
    let sought = Sought { like: &like, node: &node, failed: looking.is_for_failed(), limit: PAGE, offset, ..Sought::default() };
    let (claims, total) = hub.house.claims(sought).await?;
    let history = hub.house.history("", LATELY).await?;
    let errors = counts.iter().map(|count| count.failed).sum();
    let now = hub.clock.now();
    let row = |node: Known| {
        let kinds = counts.iter().filter(|count| count.node == node.node);
        let holds = kinds.map(|count| format!("{} {}", count.many, count.kind)).collect::<Vec<_>>().join(", ");
        let seen = ago(now - node.renewed_at);
        Row { node, holds, seen }
    };
    let nodes = nodes.into_iter().map(row).collect();
    Ok(rendered(&View { page, looking, nodes, claims, total, errors, history }))
}

/// How long ago, to be read at a glance.
fn ago(millis: Millis) -> String {
    let seconds = millis.max(0) / 1000;
    match seconds {
        0..60 => format!("{}.{} s", seconds, millis.max(0) % 1000 / 100),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

/// What is to be done with a claim or a node.
#[derive(Deserialize)]
pub(super) struct Deed {
    csrf: String,
    what: String,
    #[serde(default)]
    entity: String,
    #[serde(default)]
    node: String,
}

impl Signed for Deed {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /cluster`
pub(super) async fn act(
    State(hub): State<Hub>,
    Query(looking): Query<Looking>,
    Filled { form, by }: Filled<Deed>,
) -> Result<Response, Refusal> {
    let (entity, node) = (stored(&form.entity), stored(&form.node));
    let done = match form.what.as_str() {
        "move" => {
            hub.house.move_claim(&entity, &node).await?;
            "moved"
        }
        "clear" => {
            hub.house.clear_claim(&entity).await?;
            "cleared"
        }
        "drain" => {
            hub.house.drain(&node, true).await?;
            "drained"
        }
        "undrain" => {
            hub.house.drain(&node, false).await?;
            "undrained"
        }
        _ => return Err(Refusal::Wrong("The form says nothing that can be done.".into())),
    };
    let line = aaa::audit("cluster.hub").user(by.name).result(Outcome::Success).with("what", &form.what);
    line.with("entity", &entity).with("node", &node).log();
    Ok(Redirect::to(&looking.address(looking.number(), done)).into_response())
}
