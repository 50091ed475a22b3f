//! What is done about one person: another role, or the end of their membership.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use waddlebot_actors::roles::table::{Change, Person};
use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY, Role};
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::Looking;
use crate::hub::Hub;
use crate::hub::refusal::Refusal;
use crate::hub::visitor::{Filled, Signed};

/// The most characters of an id or a name.
const LONGEST: usize = 255;

/// Who, and what they are from now on; and which part of the list to go back to.
#[derive(Deserialize)]
pub(in crate::hub) struct Form {
    csrf: String,
    community: CommunityId,
    platform: String,
    id: String,
    #[serde(default)]
    name: String,
    /// Nothing where somebody is sent away.
    #[serde(default)]
    role: String,
    #[serde(default)]
    find: String,
    #[serde(default)]
    only: String,
    #[serde(default)]
    who: String,
    page: Option<i64>,
}

impl Signed for Form {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Form {
    fn person(&self) -> Result<Person, Refusal> {
        if self.community == GLOBAL_COMMUNITY {
            return Err(Refusal::Wrong("Everybody belongs to the global community, and nobody is more in it than others.".into()));
        }
        let platform = bounded("The platform", &self.platform)?.to_lowercase();
        let name = self.name.trim().trim_start_matches('@');
        let name = if name.is_empty() { "" } else { bounded("The name", name)? };
        Ok(Person { platform, id: bounded("The id", &self.id)?.to_owned(), name: name.to_owned() })
    }

    fn back(self, done: &str) -> Response {
        let (community, number) = (Some(self.community), self.page.unwrap_or(1));
        let looking = Looking { community, done: None, find: self.find, only: self.only, who: self.who, page: self.page };
        Redirect::to(&looking.address(number, done)).into_response()
    }
}

/// `POST /people`
pub(in crate::hub) async fn change(State(hub): State<Hub>, Filled { form, by }: Filled<Form>) -> Result<Response, Refusal> {
    let who = form.person()?;
    let role = Role::parse(&form.role).filter(|role| Role::RANKS.contains(role));
    let role = role.ok_or_else(|| Refusal::Wrong("A role is one of owner, admin, moderator, vip and member.".into()))?;
    let line = aaa::audit("roles.assign").community(form.community).user(&by.name).with("platform", &who.platform).with("member", &who.id);
    let change = Change { who, entity: None, role: Some(role) };
    let changed = hub.house.change_role(form.community, change, &by.name, by.role).await;
    let outcome = if changed.is_ok() { Outcome::Success } else { Outcome::Denied };
    line.with("to", role.name()).result(outcome).log();
    changed?;
    Ok(form.back("role"))
}

/// `POST /people/remove`
pub(in crate::hub) async fn remove(State(hub): State<Hub>, Filled { form, by }: Filled<Form>) -> Result<Response, Refusal> {
    let who = form.person()?;
    let line = aaa::audit("member.remove").community(form.community).user(&by.name).with("platform", &who.platform).with("member", &who.id);
    let gone = hub.house.remove_member(form.community, who, &by.name, by.role).await;
    line.result(if gone.is_ok() { Outcome::Success } else { Outcome::Denied }).log();
    gone?;
    Ok(form.back("left"))
}

fn bounded<'a>(what: &str, text: &'a str) -> Result<&'a str, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(Refusal::Wrong(format!("{what} has 1 to {LONGEST} characters without line breaks.")));
    }
    Ok(text)
}
