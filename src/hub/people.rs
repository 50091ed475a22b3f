//! The people of a community: found by name and role, given another role, sent away; and who changed what.

mod changes;
mod form;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use waddlebot_actors::roles::audit::RoleChange;
use waddlebot_actors::roles::may_change;
use waddlebot_actors::roles::table::{Member, Wanted};
use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY, Role};

pub(super) use changes::show as changes;
pub(super) use form::{change, remove};

use super::Hub;
use super::page::{Page, day, minutes, with_query};
use super::refusal::{Refusal, rendered};
use super::visitor::Visitor;

/// So many people stand on one page.
const PAGE: i64 = 50;
/// So many of the latest changes stand below them.
const LATELY: i64 = 10;

/// Which part of the list is looked at; each form brings it back.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Looking {
    community: Option<CommunityId>,
    done: Option<String>,
    #[serde(default)]
    find: String,
    /// Of this role only; all when it is empty.
    #[serde(default)]
    only: String,
    /// `everybody`, or the community's own.
    #[serde(default)]
    who: String,
    /// The first is 1.
    page: Option<i64>,
}

impl Looking {
    fn role(&self) -> Option<Role> {
        Role::parse(&self.only).filter(|role| Role::RANKS.contains(role))
    }

    fn is_for_everybody(&self) -> bool {
        self.who == "everybody"
    }

    fn number(&self) -> i64 {
        // A page further on than there can be people is an empty one.
        self.page.unwrap_or(1).clamp(1, 10_000_000)
    }

    /// The address of a page of the same list.
    fn address(&self, number: i64, done: &str) -> String {
        let (community, number) = (self.community.unwrap_or_default().to_string(), number.to_string());
        let all = [
            ("community", community.as_str()),
            ("find", self.find.as_str()),
            ("only", self.only.as_str()),
            ("who", self.who.as_str()),
            ("page", if number == "1" { "" } else { number.as_str() }),
            ("done", done),
        ];
        let pairs: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        with_query("/people", &pairs)
    }
}

#[derive(Template)]
#[template(path = "people.html")]
struct View {
    page: Page,
    looking: Looking,
    people: Vec<Member>,
    total: i64,
    changes: Vec<RoleChange>,
}

impl View {
    fn may_anything(&self) -> bool {
        self.page.about() != GLOBAL_COMMUNITY
    }

    /// The roles that who looks at the page may give to somebody of this one; none when they may not change it.
    fn choices(&self, before: Role) -> Vec<Role> {
        let by = self.page.person.as_ref().map_or(Role::Viewer, |person| person.role);
        let may = |role: &Role| self.may_anything() && may_change(by, before, *role);
        if may(&before) || may(&Role::Viewer) { Role::RANKS.into_iter().filter(may).collect() } else { Vec::new() }
    }

    fn pages(&self) -> i64 {
        (self.total.max(1) + PAGE - 1) / PAGE
    }

    fn roles(&self) -> [Role; 5] {
        Role::RANKS
    }
}

/// `GET /people`
pub(super) async fn show(
    State(hub): State<Hub>,
    Visitor(person): Visitor,
    Query(mut looking): Query<Looking>,
) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "people", "People", looking.community).await?.noticing(looking.done.as_deref());
    looking.community = page.community.as_ref().map(|community| community.id);
    let (mut people, mut total, mut changes) = (Vec::new(), 0, Vec::new());
    if let Some(community) = looking.community {
        let wanted = Wanted {
            community,
            everybody: looking.is_for_everybody(),
            text: &looking.find,
            role: looking.role(),
            limit: PAGE,
            offset: (looking.number() - 1) * PAGE,
        };
        (people, total) = hub.house.people(wanted).await?;
        (changes, _) = hub.house.role_changes(community, LATELY, 0).await?;
    }
    Ok(rendered(&View { page, looking, people, total, changes }))
}

/// A role as the page calls it.
fn called(role: Role) -> &'static str {
    if role == Role::Viewer { "member" } else { role.name() }
}

/// What somebody is called: their name where it is known.
fn named(who: &waddlebot_actors::roles::table::Person) -> &str {
    if who.name.is_empty() { &who.id } else { &who.name }
}

/// A role that was given, or that none was.
fn given(role: Option<Role>) -> &'static str {
    role.map_or("–", called)
}
