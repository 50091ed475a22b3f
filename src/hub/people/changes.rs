//! All changes of roles in a community, newest first.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use waddlebot_actors::roles::audit::RoleChange;
use waddlebot_runtime::chat::CommunityId;

use super::{PAGE, given, named};
use crate::hub::Hub;
use crate::hub::page::{Page, day, minutes, needed, with_query};
use crate::hub::refusal::{Refusal, rendered};
use crate::hub::visitor::Visitor;

/// What the address says.
#[derive(Deserialize)]
pub(in crate::hub) struct About {
    community: Option<CommunityId>,
    page: Option<i64>,
}

#[derive(Template)]
#[template(path = "role_changes.html")]
struct View {
    page: Page,
    changes: Vec<RoleChange>,
    number: i64,
    pages: i64,
}

impl View {
    fn address(&self, number: i64) -> String {
        with_query("/people/changes", &[("community", &self.page.about().to_string()), ("page", &number.to_string())])
    }
}

/// `GET /people/changes`
pub(in crate::hub) async fn show(
    State(hub): State<Hub>,
    Visitor(person): Visitor,
    Query(about): Query<About>,
) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "people", "Changes of roles", about.community).await?;
    let number = about.page.unwrap_or(1).clamp(1, 10_000_000);
    let (changes, total) = hub.house.role_changes(needed(&page)?, PAGE, (number - 1) * PAGE).await?;
    Ok(rendered(&View { page, changes, number, pages: (total.max(1) + PAGE - 1) / PAGE }))
}
