//! One command: made, changed, tried out as if somebody typed it, and deleted.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use waddlebot_actors::commands::table::Kept;
use waddlebot_actors::commands::{Command, check};
use waddlebot_actors::outside::Trial;
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

/// The most characters of an answer that a trial shows.
const SHOWN: usize = 2000;

#[derive(Template)]
#[template(path = "command.html")]
struct View {
    page: Page,
    form: Form,
    /// The key that signs what it is sent; none before it is saved.
    key: Option<String>,
    wrong: Option<String>,
    trial: Option<Trial>,
}

/// Where a command may run: the name, and what it means.
const ENGINES: [(&str, &str); 4] = [
    ("webhook", "Webhook: any HTTP address"),
    ("container", "Container: a module of our own kind behind HTTP"),
    ("lambda", "AWS Lambda: the name of a function"),
    ("openwhisk", "Apache OpenWhisk: the name of an action"),
];

/// What may set it off: the name, and what it means.
const TRIGGERS: [(&str, &str); 3] = [("command", "Somebody types it"), ("event", "Something happens"), ("both", "Either")];

/// Who may use it: the name, and what it means.
const ROLES: [(&str, &str); 5] = [
    ("viewer", "Everybody"),
    ("vip", "VIPs and above"),
    ("moderator", "Moderators and above"),
    ("admin", "Admins and above"),
    ("owner", "Owners"),
];

/// `GET /commands/new`
pub(in crate::hub) async fn fresh(
    State(hub): State<Hub>,
    Visitor(person): Visitor,
    Query(about): Query<About>,
) -> Result<Response, Refusal> {
    let page = Page::of(&hub, person, "commands", "A new command", about.community).await?;
    needed(&page)?;
    Ok(rendered(&View { page, form: Form::new(), key: None, wrong: None, trial: None }))
}

/// `GET /commands/{id}`
pub(in crate::hub) async fn show(
    State(hub): State<Hub>,
    Visitor(person): Visitor,
    Path(id): Path<i64>,
    Query(about): Query<About>,
) -> Result<Response, Refusal> {
    let mut page = Page::of(&hub, person, "commands", "Command", about.community).await?;
    let command = kept(&hub, needed(&page)?, id).await?.command;
    page.title = command.word.to_string();
    let key = Some(hub.house.command_key(&command));
    Ok(rendered(&View { page, form: Form::of(&command), key, wrong: None, trial: None }))
}

/// `POST /commands/save`
pub(in crate::hub) async fn save(State(hub): State<Hub>, Filled { form, by }: Filled<Form>) -> Result<Response, Refusal> {
    let command = match filled(&hub, &form).await? {
        Ok(command) => command,
        Err(why) => return again(&hub, by, form, why).await,
    };
    match hub.house.save_command(command, &by.name).await {
        Ok(id) => {
            let what = if form.id == 0 { "command.create" } else { "command.change" };
            aaa::audit(what).community(form.community).user(by.name).result(Outcome::Success).with("command", id).log();
            Ok(back(form.community, "saved", &format!("#command-{id}")))
        }
        Err(Unanswered::Refused(why)) => again(&hub, by, form, why).await,
        Err(other) => Err(other.into()),
    }
}

/// `POST /commands/test`
pub(in crate::hub) async fn test(State(hub): State<Hub>, Filled { form, by }: Filled<Form>) -> Result<Response, Refusal> {
    let command = match filled(&hub, &form).await? {
        Ok(command) => command,
        Err(why) => return again(&hub, by, form, why).await,
    };
    let trial = match hub.house.try_command(&command, &form.words, &by.name).await {
        Ok(trial) => trial,
        Err(Unanswered::Refused(why)) => return again(&hub, by, form, why).await,
        Err(other) => return Err(other.into()),
    };
    aaa::audit("command.test").community(form.community).user(&by.name).result(Outcome::Success).with("word", &command.word).log();
    let page = page(&hub, by, &form).await?;
    let key = (form.id != 0).then(|| hub.house.command_key(&command));
    Ok(rendered(&View { page, form, key, wrong: None, trial: Some(trial) }))
}

/// `POST /commands/remove`
pub(in crate::hub) async fn remove(State(hub): State<Hub>, Filled { form, by }: Filled<Form>) -> Result<Response, Refusal> {
    kept(&hub, form.community, form.id).await?;
    hub.house.remove_command(form.id, &by.name).await?;
    aaa::audit("command.remove").community(form.community).user(by.name).result(Outcome::Success).with("command", form.id).log();
    Ok(back(form.community, "command-removed", ""))
}

/// A command that a community has.
pub(super) async fn kept(hub: &Hub, community: CommunityId, id: i64) -> Result<Kept, Refusal> {
    let all = hub.house.commands(community, "").await?;
    all.into_iter().find(|kept| kept.command.id == id).ok_or(Refusal::Unknown("command"))
}

/// The command that was filled in, or what is wrong with it.
async fn filled(hub: &Hub, form: &Form) -> Result<Result<Command, String>, Refusal> {
    let before = if form.id == 0 { None } else { Some(kept(hub, form.community, form.id).await?.command) };
    Ok(form.command(before.as_ref()).and_then(|command| check(&command).map(|()| command).map_err(|why| why.to_string())))
}

/// The form as it was filled in, with what is wrong with it.
async fn again(hub: &Hub, by: Person, form: Form, why: String) -> Result<Response, Refusal> {
    let page = page(hub, by, &form).await?;
    let mut first = why.chars();
    let told = first.next().map_or(String::new(), |letter| letter.to_uppercase().chain(first).collect());
    let view = View { page, form, key: None, wrong: Some(format!("{told}.")), trial: None };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, rendered(&view)).into_response())
}

async fn page(hub: &Hub, by: Person, form: &Form) -> Result<Page, Refusal> {
    let title = if form.id == 0 { "A new command" } else { form.word.as_str() };
    Page::of(hub, by, "commands", title, Some(form.community)).await
}

/// An answer as it came, in as much as a page shows.
fn came(trial: &Trial) -> String {
    trial.answer.to_string().chars().take(SHOWN).collect()
}
