//! One rule: made, changed, tried out on lines or on kept chat, and deleted.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use waddlebot_actors::rules::table::Kept;
use waddlebot_actors::rules::trial::{self, Line, Tried};
use waddlebot_actors::rules::{Kind, Rule, check};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::telemetry::aaa::{self, Outcome};

use super::form::Form;
use super::{About, back};
use crate::api::auth::Person;
use crate::hub::Hub;
use crate::hub::house::Unanswered;
use crate::hub::page::{Page, needed};
use crate::hub::refusal::{Refusal, rendered};
use crate::hub::visitor::{Filled, Visitor};

/// Lines that matched are shown up to this number.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "rule.html")]
struct View {
    page: Page,
    form: Form,
    wrong: Option<String>,
    trial: Option<Trial>,
}

/// What came of trying a rule out.
struct Trial {
    total: usize,
    matched: usize,
    results: Vec<Tried>,
}

/// How a pattern may be compared: the name, and what it means.
const KINDS: [(Kind, &str); 4] = [
    (Kind::Word, "as a whole word"),
    (Kind::Contains, "anywhere in the message"),
    (Kind::Exact, "as the whole message"),
    (Kind::Regex, "as a regular expression"),
];

/// What may happen: the name, and what it means.
const ACTIONS: [(&str, &str); 4] = [
    ("warn", "Warn: the bot tells the person"),
    ("block", "Block: the message goes, moderators are told"),
    ("command", "Run a command"),
    ("webhook", "Tell another program"),
];

/// `GET /rules/new`
pub(in crate::hub) async fn fresh(
    State(hub): State<Hub>,
    Visitor(person): Visitor,
    Query(about): Query<About>,
) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "rules", "A new rule", about.community).await?;
    needed(&page)?;
    Ok(rendered(&View { page, form: Form::new(), wrong: None, trial: None }))
}

/// `GET /rules/{id}`
pub(in crate::hub) async fn show(
    State(hub): State<Hub>,
    Visitor(person): Visitor,
    Path(id): Path<i64>,
    Query(about): Query<About>,
) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "rules", &format!("Rule {id}"), about.community).await?;
    let form = Form::of(&kept(&hub, needed(&page)?, id).await?.rule);
    Ok(rendered(&View { page, form, wrong: None, trial: None }))
}

/// `POST /rules/save`
pub(in crate::hub) async fn save(State(hub): State<Hub>, Filled { form, by }: Filled<Form>) -> Result<Response, Refusal> {
    let rule = match filled(&hub, &form).await? {
        Ok(rule) => rule,
        Err(why) => return again(&hub, by, form, why).await,
    };
    match hub.house.save_rule(form.community, rule, &by.name).await {
        Ok(id) => {
            let what = if form.id == 0 { "string_rule.create" } else { "string_rule.change" };
            aaa::audit(what).community(form.community).user(by.name).result(Outcome::Success).with("rule", id).log();
            Ok(back(form.community, "saved", &format!("#rule-{id}")))
        }
        Err(Unanswered::Refused(why)) => again(&hub, by, form, why).await,
        Err(other) => Err(other.into()),
    }
}

/// `POST /rules/test`
pub(in crate::hub) async fn test(State(hub): State<Hub>, Filled { form, by }: Filled<Form>) -> Result<Response, Refusal> {
    let rule = match filled(&hub, &form).await? {
        Ok(rule) => rule,
        Err(why) => return again(&hub, by, form, why).await,
    };
    let lines = if form.kept.is_some() {
        let said = hub.house.kept_chat(form.community).await?;
        said.into_iter().map(|said| Line { entity: said.entity_id, text: said.text }).collect()
    } else {
        let written = form.lines.lines().filter(|line| !line.trim().is_empty());
        written.map(|line| Line { entity: String::new(), text: line.to_owned() }).collect()
    };
    let mut results = match trial::tried(vec![trial::alone(rule)], lines).await {
        Ok(results) => results,
        Err(why) => return again(&hub, by, form, why.to_string()).await,
    };
    let (total, matched) = (results.len(), results.iter().filter(|tried| tried.rule_id.is_some()).count());
    if form.kept.is_some() {
        results.retain(|tried| tried.rule_id.is_some());
    }
    results.truncate(SHOWN);
    let page = page(&hub, by, &form).await?;
    Ok(rendered(&View { page, form, wrong: None, trial: Some(Trial { total, matched, results }) }))
}

/// `POST /rules/remove`
pub(in crate::hub) async fn remove(State(hub): State<Hub>, Filled { form, by }: Filled<Form>) -> Result<Response, Refusal> {
    hub.house.remove_rule(form.community, form.id, &by.name).await?;
    aaa::audit("string_rule.remove").community(form.community).user(by.name).result(Outcome::Success).with("rule", form.id).log();
    Ok(back(form.community, "removed", ""))
}

/// A rule of a community.
pub(super) async fn kept(hub: &Hub, community: CommunityId, id: i64) -> Result<Kept, Refusal> {
    let all = hub.house.rules(community, "").await?;
    all.into_iter().find(|kept| kept.rule.id == id).ok_or(Refusal::Unknown("rule"))
}

/// The rule that was filled in, or what is wrong with it.
async fn filled(hub: &Hub, form: &Form) -> Result<Result<Rule, String>, Refusal> {
    let before = if form.id == 0 { None } else { Some(kept(hub, form.community, form.id).await?.rule) };
    Ok(form.rule(before.as_ref()).and_then(|rule| check(&rule).map(|()| rule).map_err(|why| why.to_string())))
}

/// The form as it was filled in, with what is wrong with it.
async fn again(hub: &Hub, by: Person, form: Form, why: String) -> Result<Response, Refusal> {
    let page = page(hub, by, &form).await?;
    let mut first = why.chars();
    let told = first.next().map_or(String::new(), |letter| letter.to_uppercase().chain(first).collect());
    let view = View { page, form, wrong: Some(format!("{told}.")), trial: None };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, rendered(&view)).into_response())
}

async fn page(hub: &Hub, by: Person, form: &Form) -> Result<Page, Refusal> {
    let title = if form.id == 0 { "A new rule".to_owned() } else { format!("Rule {}", form.id) };
    Page::of(hub, by, "rules", &title, Some(form.community)).await
}
