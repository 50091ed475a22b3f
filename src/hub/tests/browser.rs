//! A browser without a window: keeps its cookie, sends forms, reads what comes back.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::Keys;
use waddlebot_runtime::secret::Secret;
use waddlebot_runtime::sessions::{MemorySessions, TTL};
use waddlebot_runtime::store::{Place, Store};

use super::pretend::Pretend;
use crate::api::auth::Door;
use crate::api::communities;
use crate::api::guard::Guarded;
use crate::hub::links::Links;
use crate::hub::{self, Hub};

/// A hub that stands by itself.
pub(super) struct Rig {
    pub(super) house: Arc<Pretend>,
    pub(super) clock: Clock,
    pub(super) links: Links,
    pub(super) keys: Keys,
    pub(super) closing: CancellationToken,
    app: Guarded,
    _folder: tempfile::TempDir,
}

impl Rig {
    pub(super) async fn new() -> Self {
        Self::with(Pretend::furnished(), false).await
    }

    pub(super) async fn with(house: Pretend, https: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Place::Sqlite(folder.path().join("hub.db"))).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Clock::turned();
        let secret = Secret::open(folder.path(), None).unwrap();
        let sessions = Arc::new(MemorySessions::new(clock.clone(), TTL));
        let keys = Keys::new(store.clone(), clock.clone());
        let links = Links::new(store, clock.clone());
        let house = Arc::new(house);
        let door = Door::new(keys.clone(), sessions, secret, clock.clone(), https);
        let closing = CancellationToken::new();
        let hub = Hub::new(house.clone(), door.clone(), links.clone(), clock.clone(), closing.clone());
        let app = Guarded::new(hub::routes(hub).merge(communities::table().serve(&door, house.clone())));
        Self { house, clock, links, keys, closing, app, _folder: folder }
    }

    /// Somebody who is not logged in.
    pub(super) fn stranger(&self) -> Browser {
        Browser { app: self.app.clone(), cookie: None, csrf: String::new() }
    }

    /// A fresh log-in link, without the host.
    pub(super) async fn link(&self) -> String {
        let url = self.links.make("http://hub.test/").await.unwrap();
        url.strip_prefix("http://hub.test").unwrap().to_owned()
    }

    /// Somebody who came in by a link.
    pub(super) async fn owner(&self) -> Browser {
        let mut browser = self.stranger();
        let entered = browser.post(&self.link().await, &[]).await;
        assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text);
        browser.csrf = browser.get("/").await.between("name=\"csrf\" value=\"", "\"").to_owned();
        browser
    }
}

#[derive(Clone)]
pub(super) struct Browser {
    app: Guarded,
    pub(super) cookie: Option<String>,
    pub(super) csrf: String,
}

pub(super) struct Shown {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Shown {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn says(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    pub(super) fn between(&self, start: &str, end: &str) -> &str {
        self.text.split_once(start).unwrap_or_else(|| panic!("no {start:?} in {}", self.text)).1.split_once(end).unwrap().0
    }
}

impl Browser {
    pub(super) async fn get(&mut self, path: &str) -> Shown {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// Sends a form as the page would, without its token.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let encoded: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", hub::page::encoded(value))).collect();
        self.send(Method::POST, path, &[("content-type", "application/x-www-form-urlencoded")], encoded.join("&")).await
    }

    /// Sends a form as the page would.
    pub(super) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let csrf = self.csrf.clone();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        self.post(path, &all).await
    }

    pub(super) async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Shown {
        let response = self.open(method, path, headers, body).await;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().into()).unwrap();
        Shown { status: parts.status, headers: parts.headers, text }
    }

    /// The answer while it is still coming.
    pub(super) async fn open(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, format!("other=1; {cookie}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let from = SocketAddr::from(([127, 0, 0, 1], 50_000));
        self.app.clone().answer(from, request.body(Body::from(body)).unwrap()).await
    }
}
