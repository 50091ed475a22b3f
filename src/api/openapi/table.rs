//! A table of addresses: each line is a method, a path, who may, what runs, and its description. From it come
//! the routes and the document alike, so that nothing is served that is not described.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::Value;

use super::operation::{Operation, Who};
use crate::api::auth::Door;
use crate::api::rates::Service;

/// Under the port itself, and where the newer original had its API.
pub(crate) const BOTH: &[&str] = &["", "/api/v1"];
/// Under the port itself only.
pub(crate) const PLAIN: &[&str] = &[""];

/// The addresses of one area, for a state of the type `S`.
pub(crate) struct Table<S> {
    area: &'static str,
    prefixes: &'static [&'static str],
    lines: Vec<Line<S>>,
}

struct Line<S> {
    area: &'static str,
    prefixes: &'static [&'static str],
    method: Method,
    path: &'static str,
    who: Who,
    runs: Box<dyn FnOnce(&Door) -> MethodRouter<S> + Send>,
    about: Operation,
}

/// One address and method as the document has it.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) prefixes: &'static [&'static str],
    pub(super) operation: Value,
}

impl<S: Clone + Send + Sync + 'static> Table<S> {
    /// A table of this area whose paths are served under each of these prefixes.
    pub(crate) fn new(area: &'static str, prefixes: &'static [&'static str]) -> Self {
        Self { area, prefixes, lines: Vec::new() }
    }

    /// A line for `GET`.
    pub(crate) fn get<H: Handler<T, S>, T: 'static>(self, path: &'static str, who: Who, runs: H, about: Operation) -> Self {
        self.line((Method::GET, MethodFilter::GET), path, who, runs, about)
    }

    /// A line for `POST`.
    pub(crate) fn post<H: Handler<T, S>, T: 'static>(self, path: &'static str, who: Who, runs: H, about: Operation) -> Self {
        self.line((Method::POST, MethodFilter::POST), path, who, runs, about)
    }

    /// A line for `PUT`.
    pub(crate) fn put<H: Handler<T, S>, T: 'static>(self, path: &'static str, who: Who, runs: H, about: Operation) -> Self {
        self.line((Method::PUT, MethodFilter::PUT), path, who, runs, about)
    }

    /// A line for `DELETE`.
    pub(crate) fn delete<H: Handler<T, S>, T: 'static>(self, path: &'static str, who: Who, runs: H, about: Operation) -> Self {
        self.line((Method::DELETE, MethodFilter::DELETE), path, who, runs, about)
    }

    /// The lines of another table behind these.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        self
    }

    /// The descriptions alone.
    pub(crate) fn described(&self) -> Vec<Described> {
        self.lines.iter().map(Line::described).collect()
    }

    /// The routes behind the door.
    pub(crate) fn serve(self, door: &Door, state: S) -> Router {
        let mut router = Router::new();
        for Line { prefixes, path, runs, about, .. } in self.lines {
            let runs = match about.limit {
                Some(bytes) => runs(door).layer(DefaultBodyLimit::max(bytes)),
                None => runs(door),
            };
            for prefix in prefixes {
                router = router.route(&format!("{prefix}{path}"), runs.clone());
            }
        }
        router.with_state(state)
    }

    fn line<H: Handler<T, S>, T: 'static>(
        mut self,
        (method, filter): (Method, MethodFilter),
        path: &'static str,
        who: Who,
        runs: H,
        about: Operation,
    ) -> Self {
        let runs = Box::new(move |door: &Door| match who {
            Who::Anybody => on(filter, runs),
            Who::Keys(roles) => on(filter, door.admits(roles, Service::of(path), runs)),
        });
        self.lines.push(Line { area: self.area, prefixes: self.prefixes, method, path, who, runs, about });
        self
    }
}

impl<S> Line<S> {
    fn described(&self) -> Described {
        let method = self.method.as_str().to_ascii_lowercase();
        let path = self.path.replace("{*", "{");
        let words: Vec<_> = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let id = format!("{method}_{}", words.join("_"));
        Described { operation: self.about.shown(&id, self.area, self.who), method, path, prefixes: self.prefixes }
    }
}
