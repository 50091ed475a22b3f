//! The commands of a community that run elsewhere: searched, made, changed, tried out, switched on and off.

mod edit;
mod form;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use waddlebot_actors::commands::place_of;
use waddlebot_actors::commands::table::Kept;
use waddlebot_actors::community::commands::Place;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

pub(super) use edit::{fresh, remove, save, show as one, test};

use super::Hub;
use super::page::{Page, moment, with_query};
use super::refusal::{Refusal, rendered};
use super::visitor::{Filled, Signed, Visitor};

/// What the address of the list says.
#[derive(Deserialize)]
pub(super) struct About {
    community: Option<CommunityId>,
    done: Option<String>,
    #[serde(default)]
    find: String,
}

#[derive(Template)]
#[template(path = "commands.html")]
struct View {
    page: Page,
    find: String,
    commands: Vec<Kept>,
}

impl View {
    /// Whether a command is on in the community the page is about, single channels aside.
    fn is_on(&self, kept: &Kept) -> bool {
        let place = self.page.community.as_ref().map(|community| place_of(community.id)).unwrap_or_default();
        kept.command.enabled && kept.command.places.get(&place).copied().unwrap_or(true)
    }
}

/// `GET /commands`
pub(super) async fn show(State(hub): State<Hub>, Visitor(person): Visitor, Query(about): Query<About>) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "commands", "Commands", about.community).await?.noticing(about.done.as_deref());
    let commands = match &page.community {
        Some(community) => hub.house.commands(community.id, &about.find).await?,
        None => Vec::new(),
    };
    Ok(rendered(&View { page, find: about.find, commands }))
}

/// Which command to switch, and how.
#[derive(Deserialize)]
pub(super) struct Switch {
    csrf: String,
    community: CommunityId,
    id: i64,
    on: bool,
}

impl Signed for Switch {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /commands`: a community's own command is switched as such, everybody's only here.
pub(super) async fn switch(State(hub): State<Hub>, Filled { form, by }: Filled<Switch>) -> Result<Response, Refusal> {
    let mut command = edit::kept(&hub, form.community, form.id).await?.command;
    if command.is_global() {
        let place = Place { command: form.id, place: place_of(form.community), on: Some(form.on) };
        hub.house.place_command(place, &by.name).await?;
    } else {
        command.enabled = form.on;
        hub.house.save_command(command, &by.name).await?;
    }
    let done = if form.on { "command-on" } else { "command-off" };
    let line = aaa::audit("command.switch").community(form.community).user(by.name).result(Outcome::Success);
    line.with("command", form.id).with("to", done).log();
    let anchor = format!("#command-{}", form.id);
    Ok(back(form.community, done, &anchor))
}

/// The day on which a command was used last, in UTC.
fn last_day(kept: &Kept) -> String {
    kept.last_used.map_or_else(|| "never".to_owned(), |at| moment(at).get(..10).unwrap_or_default().to_owned())
}

/// The list again, with what was done.
fn back(community: CommunityId, done: &str, anchor: &str) -> Response {
    let address = with_query("/commands", &[("community", &community.to_string()), ("done", done)]);
    Redirect::to(&format!("{address}{anchor}")).into_response()
}
