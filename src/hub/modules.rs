//! The modules of a community: what each does, its commands, and whether it is on.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::Hub;
use super::front::About;
use super::house::Module;
use super::page::{Page, encoded, with_query};
use super::refusal::{Refusal, rendered};
use super::visitor::{Filled, Signed, Visitor};

#[derive(Template)]
#[template(path = "modules.html")]
struct View {
    page: Page,
    modules: Vec<Module>,
}

/// `GET /modules`
pub(super) async fn show(State(hub): State<Hub>, Visitor(person): Visitor, Query(about): Query<About>) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "modules", "Modules", about.community).await?.noticing(about.done.as_deref());
    let modules = match &page.community {
        Some(community) => hub.house.modules(community.id).await?,
        None => Vec::new(),
    };
    Ok(rendered(&View { page, modules }))
}

/// Which module to switch, and how.
#[derive(Deserialize)]
pub(super) struct Switch {
    csrf: String,
    community: CommunityId,
    module: String,
    on: bool,
}

impl Signed for Switch {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /modules`
pub(super) async fn switch(State(hub): State<Hub>, Filled { form, by }: Filled<Switch>) -> Result<Response, Refusal> {
    hub.house.set_module(form.community, &form.module, form.on).await?;
    let done = if form.on { "on" } else { "off" };
    let switched = aaa::audit("module.switch").community(form.community).user(by.name).result(Outcome::Success);
    switched.with("module", &form.module).with("to", done).log();
    let community = form.community.to_string();
    let address = with_query("/modules", &[("community", &community), ("done", done)]);
    Ok(Redirect::to(&format!("{address}#module-{}", encoded(&form.module))).into_response())
}
