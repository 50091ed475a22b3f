//! Logging in by a link that is good once, and logging out.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Hub;
use super::links::Worth;
use super::page::Page;
use super::refusal::{Refusal, rendered};
use super::visitor::{Filled, Signed};
use crate::api::auth::{address, with_cookie};

#[derive(Template)]
#[template(path = "login.html")]
struct View {
    page: Page,
}

/// `GET /login`
pub(super) async fn needed(State(hub): State<Hub>, headers: HeaderMap) -> Result<Response, Refusal> {
    match hub.door.person(&headers).await? {
        Some(_) => Ok(Redirect::to("/").into_response()),
        None => Err(Refusal::LogIn),
    }
}

/// `GET /login/{link}`: only asks, so that a preview of the link in a chat program does not use it up.
pub(super) async fn confirm(State(hub): State<Hub>, Path(link): Path<String>, request: Request) -> Result<Response, Refusal> {
    match hub.links.worth(&link).await? {
        Worth::Good => Ok(rendered(&View { page: Page::for_anybody("Log in") })),
        worth => Err(refused(&hub, worth, &request)),
    }
}

/// `POST /login/{link}`
pub(super) async fn enter(State(hub): State<Hub>, Path(link): Path<String>, request: Request) -> Result<Response, Refusal> {
    let Some(role) = hub.links.spend(&link).await? else {
        let worth = hub.links.worth(&link).await?;
        return Err(refused(&hub, worth, &request));
    };
    let cookie = hub.door.log_in(request.headers(), role.name(), role).await?;
    Ok(with_cookie(cookie, Redirect::to("/")))
}

/// The log-out button.
#[derive(Deserialize)]
pub(super) struct Leave {
    csrf: String,
}

impl Signed for Leave {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /logout`
pub(super) async fn leave(State(hub): State<Hub>, headers: HeaderMap, Filled { by, .. }: Filled<Leave>) -> Result<Response, Refusal> {
    let cookie = hub.door.log_out(&headers, &by.name).await?;
    Ok(with_cookie(cookie, Redirect::to("/login")))
}

fn refused(hub: &Hub, worth: Worth, request: &Request) -> Refusal {
    if let Err(seconds) = hub.door.failed(address(request.extensions()), "a log-in link that opens nothing") {
        return Refusal::TooMany(seconds);
    }
    Refusal::Link(match worth {
        Worth::Used => "It was used already: each link opens once.",
        Worth::Expired => "It is older than a day.",
        Worth::Good | Worth::Unknown => "This hub never made it, or made it long ago.",
    })
}
