//! The string rules of a community: what chat may not say, or what saying it sets off, and what they did lately.

mod edit;
mod form;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use waddlebot_actors::rules::Settings;
use waddlebot_actors::rules::blocked::Blocked;
use waddlebot_actors::rules::table::Kept;
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

pub(super) use edit::{fresh, remove, save, show as one, test};

use super::Hub;
use super::page::{Page, minutes, moment, with_query};
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
#[template(path = "rules.html")]
struct View {
    page: Page,
    find: String,
    rules: Vec<Kept>,
    settings: Settings,
    blocked: Vec<Blocked>,
}

/// `GET /rules`
pub(super) async fn show(State(hub): State<Hub>, Visitor(person): Visitor, Query(about): Query<About>) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "rules", "Rules", about.community).await?.noticing(about.done.as_deref());
    let (mut rules, mut settings, mut blocked) = (Vec::new(), Settings::default(), Vec::new());
    if let Some(community) = &page.community {
        rules = hub.house.rules(community.id, &about.find).await?;
        settings = hub.house.rule_settings(community.id).await?;
        blocked = hub.house.blocked(community.id).await?;
    }
    Ok(rendered(&View { page, find: about.find, rules, settings, blocked }))
}

/// Which rule to switch, and how.
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

/// `POST /rules`
pub(super) async fn switch(State(hub): State<Hub>, Filled { form, by }: Filled<Switch>) -> Result<Response, Refusal> {
    let mut rule = edit::kept(&hub, form.community, form.id).await?.rule;
    rule.enabled = form.on;
    hub.house.save_rule(form.community, rule, &by.name).await?;
    let done = if form.on { "rule-on" } else { "rule-off" };
    aaa::audit("string_rule.switch").community(form.community).user(by.name).result(Outcome::Success).with("rule", form.id).log();
    let anchor = format!("#rule-{}", form.id);
    Ok(back(form.community, done, &anchor))
}

/// Whether chat is kept, and where moderators are told.
#[derive(Deserialize)]
pub(super) struct Keeping {
    csrf: String,
    community: CommunityId,
    #[serde(default)]
    keeps: Option<String>,
    days: i64,
    #[serde(default)]
    moderators: String,
}

impl Signed for Keeping {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /rules/settings`
pub(super) async fn keep(State(hub): State<Hub>, Filled { form, by }: Filled<Keeping>) -> Result<Response, Refusal> {
    let moderators = form.moderators.trim().to_owned();
    let settings = Settings { keeps_history: form.keeps.is_some(), history_days: form.days, moderators };
    hub.house.set_rule_settings(form.community, settings, &by.name).await?;
    aaa::audit("string_rule.settings").community(form.community).user(by.name).result(Outcome::Success).log();
    Ok(back(form.community, "saved", ""))
}

/// Whose kept chat is erased; everybody's when the name is empty.
#[derive(Deserialize)]
pub(super) struct Forget {
    csrf: String,
    community: CommunityId,
    #[serde(default)]
    user: String,
}

impl Signed for Forget {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /rules/erase`
pub(super) async fn erase(State(hub): State<Hub>, Filled { form, by }: Filled<Forget>) -> Result<Response, Refusal> {
    let lines = hub.house.erase_chat(form.community, form.user.trim()).await?;
    aaa::audit("chat_history.erase").community(form.community).user(by.name).result(Outcome::Success).with("lines", lines).log();
    Ok(back(form.community, "erased", ""))
}

/// The day on which a rule matched last, in UTC.
fn last_day(kept: &Kept) -> String {
    kept.last_matched.map_or_else(|| "never".to_owned(), |at| moment(at).get(..10).unwrap_or_default().to_owned())
}

/// The list again, with what was done.
fn back(community: CommunityId, done: &str, anchor: &str) -> Response {
    let address = with_query("/rules", &[("community", &community.to_string()), ("done", done)]);
    Redirect::to(&format!("{address}{anchor}")).into_response()
}
