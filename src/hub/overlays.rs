//! The overlays of a community: their secret addresses, how to put them into OBS, and new ones when one leaked.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::Hub;
use super::front::About;
use super::house::Overlay;
use super::page::{Page, with_query};
use super::refusal::{Refusal, rendered};
use super::visitor::{Filled, Signed, Visitor};

#[derive(Template)]
#[template(path = "overlays.html")]
struct View {
    page: Page,
    overlays: Vec<Overlay>,
}

/// `GET /overlays`
pub(super) async fn show(State(hub): State<Hub>, Visitor(person): Visitor, Query(about): Query<About>) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "overlays", "Overlays", about.community).await?.noticing(about.done.as_deref());
    let overlays = match &page.community {
        Some(community) => hub.house.overlays(community.id).await?,
        None => Vec::new(),
    };
    Ok(rendered(&View { page, overlays }))
}

/// Which overlay gets a new address.
#[derive(Deserialize)]
pub(super) struct Regenerate {
    csrf: String,
    community: CommunityId,
    kind: String,
}

impl Signed for Regenerate {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /overlays/regenerate`
pub(super) async fn regenerate(State(hub): State<Hub>, Filled { form, by }: Filled<Regenerate>) -> Result<Response, Refusal> {
    hub.house.regenerate(form.community, &form.kind).await?;
    let done = aaa::audit("overlay.regenerate").community(form.community).user(by.name).result(Outcome::Success);
    done.with("overlay", &form.kind).log();
    let community = form.community.to_string();
    Ok(Redirect::to(&with_query("/overlays", &[("community", &community), ("done", "regenerated")])).into_response())
}
