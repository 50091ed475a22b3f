//! The overview: what runs, and where to go next.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use waddlebot_runtime::chat::CommunityId;

use super::Hub;
use super::house::Overlay;
use super::page::Page;
use super::refusal::{Refusal, rendered};
use super::visitor::Visitor;

/// What the address of a page that is about a community may say.
#[derive(Deserialize)]
pub(super) struct About {
    /// Which one.
    pub(super) community: Option<CommunityId>,
    /// What was done just before, to be told at the top.
    pub(super) done: Option<String>,
}

#[derive(Template)]
#[template(path = "front.html")]
struct View {
    page: Page,
    rooms: usize,
    open: u64,
    modules_on: usize,
    modules: usize,
    actors: usize,
    failing: usize,
}

/// `GET /`
pub(super) async fn show(State(hub): State<Hub>, Visitor(person): Visitor, Query(about): Query<About>) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "front", "Overview", about.community).await?;
    let (mut rooms, mut overlays, mut modules) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(community) = &page.community {
        rooms = hub.house.rooms(community.id).await?;
        overlays = hub.house.overlays(community.id).await?;
        modules = hub.house.modules(community.id).await?;
    }
    let actors = hub.house.actors().await?.actors;
    let view = View {
        page,
        rooms: rooms.len(),
        open: overlays.iter().map(|overlay: &Overlay| overlay.open).sum(),
        modules_on: modules.iter().filter(|module| module.on).count(),
        modules: modules.len(),
        failing: actors.iter().filter(|actor| actor.last_error.is_some()).count(),
        actors: actors.len(),
    };
    Ok(rendered(&view))
}
