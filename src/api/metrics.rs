//! `GET /metrics`: the process' numbers for Prometheus, for a key or for whom the configuration lets in.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use metrics::gauge;
use parking_lot::Mutex;
use waddlebot_actors::household::Household;
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::telemetry::metrics::Metrics;

use super::auth::Door;
use super::openapi::operation::{Operation, Who};
use super::openapi::table::{PLAIN, Table};

/// The form of the page: version 0.0.4 of Prometheus' text.
const FORM: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who may read the numbers without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Nobody: a key of the role core or admin is needed, in `Authorization: Bearer` for Prometheus.
    Keys,
    /// Programs on this machine that come straight, not through a proxy.
    ThisMachine,
    /// Everybody who reaches the port.
    Anybody,
}

impl Readers {
    /// Whether a request of this origin needs no key.
    fn admit(self, from: IpAddr, headers: &HeaderMap) -> bool {
        let through_a_proxy = ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name));
        match self {
            Self::Keys => false,
            Self::ThisMachine => from.is_loopback() && !through_a_proxy,
            Self::Anybody => true,
        }
    }
}

/// What the page is made from.
#[derive(Clone)]
pub(crate) struct Page {
    metrics: Metrics,
    household: Household,
    readers: Readers,
    /// Every kind of actor there ever was: one of which none is left shows as 0.
    kinds: Arc<Mutex<BTreeSet<&'static str>>>,
}

/// The address of this file.
pub(crate) fn table() -> Table<Page> {
    let numbers = Operation::new("The process' numbers for Prometheus")
        .says("Without a key for whom the setting `http.metrics` lets in.")
        .prints("text/plain", "version 0.0.4 of Prometheus' text form");
    Table::new("health", PLAIN).get("/metrics", Who::Keys(&[KeyRole::Core]), show, numbers)
}

/// The same, and who needs no key is let in without one.
pub(crate) fn serve(door: &Door, household: Household, metrics: Metrics, readers: Readers) -> Router {
    let page = Page { metrics, household, readers, kinds: Arc::default() };
    table().serve(door, page.clone()).layer(from_fn_with_state(page, freely))
}

/// Answers who needs no key before the door asks for one.
async fn freely(State(page): State<Page>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let from = ConnectInfo::<SocketAddr>::from_request_parts(&mut parts, &()).await;
    if from.is_ok_and(|ConnectInfo(from)| page.readers.admit(from.ip(), &parts.headers)) && parts.method == "GET" {
        return show(State(page)).await;
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn show(State(page): State<Page>) -> Response {
    let world = page.household.world();
    let readings = world.roster.readings(world.clock.since_boot());
    let kinds = {
        let mut kinds = page.kinds.lock();
        kinds.extend(readings.iter().map(|reading| reading.kind));
        kinds.clone()
    };
    for kind in kinds {
        let of_this_kind = || readings.iter().filter(move |reading| reading.kind == kind);
        gauge!("waddlebot_live_actors", "kind" => kind).set(of_this_kind().count() as f64);
        gauge!("waddlebot_mailbox_orders", "kind" => kind).set(of_this_kind().map(|reading| reading.mailbox).sum::<usize>() as f64);
    }
    if let Ok(open) = page.household.journal().open().await {
        gauge!("waddlebot_inbox_entries").set(open.inbox as f64);
        gauge!("waddlebot_outbox_replies").set(open.outbox as f64);
        gauge!("waddlebot_outbox_replies_unknown").set(open.unknown as f64);
    }
    ([(header::CONTENT_TYPE, FORM)], page.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_configuration_spares_somebody_the_key() {
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 7]));
        let straight = HeaderMap::new();
        let proxied = HeaderMap::from_iter([(header::FORWARDED, "for=1.2.3.4".parse().expect("a value"))]);
        let admitted =
            |readers: Readers| [(here, &straight), (here, &proxied), (there, &straight)].map(|(from, head)| readers.admit(from, head));
        assert_eq!(admitted(Readers::Keys), [false, false, false]);
        assert_eq!(admitted(Readers::ThisMachine), [true, false, false]);
        assert_eq!(admitted(Readers::Anybody), [true, true, true]);
    }
}
