//! The community's own chat room: say something as anybody, let things happen, and see what the bot makes of it.

use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use waddlebot_runtime::chat::{CommunityId, Role};
use waddlebot_runtime::event::EventKind;

use super::Hub;
use super::house::{Happening, Room, Said};
use super::page::{Page, minutes, moment, needed, with_query};
use super::refusal::{Refusal, rendered};
use super::visitor::{Filled, Signed, Visitor};

/// The longest name somebody may speak under here, in characters.
const LONGEST_NAME: usize = 40;

/// The longest line, in characters.
const LONGEST_LINE: usize = 2000;

/// The most viewers, months or bits an event may be said to bring.
const MOST: i64 = 1_000_000;

/// So long a page without script waits for an answer before it is shown again.
const PATIENCE: Duration = Duration::from_millis(300);

/// The roles one may speak under, strongest first.
const ROLES: [Role; 5] = [Role::Owner, Role::Admin, Role::Moderator, Role::Vip, Role::Viewer];

/// What can be made to happen here, what its button says, and what its amount counts.
const HAPPENINGS: [(EventKind, &str); 4] =
    [(EventKind::Raid, "Raid"), (EventKind::Follow, "Follow"), (EventKind::Subscription, "Subscription"), (EventKind::Cheer, "Cheer")];

#[derive(Deserialize)]
pub(super) struct Asked {
    community: Option<CommunityId>,
    room: Option<String>,
    user: Option<String>,
    role: Option<String>,
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "chat.html")]
struct View {
    page: Page,
    rooms: Vec<Room>,
    room: Option<Room>,
    lines: Vec<Said>,
    last: u64,
    user: String,
    role: Role,
}

/// `GET /chat`
pub(super) async fn show(State(hub): State<Hub>, Visitor(person): Visitor, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let user = asked.user.as_deref().and_then(name).unwrap_or_else(|| person.name.clone());
    let role = asked.role.as_deref().and_then(Role::parse).unwrap_or(person.role);
    let page = Page::of(&hub, person, "chat", "Chat", asked.community).await?.noticing(asked.done.as_deref());
    let rooms = match &page.community {
        Some(community) => hub.house.rooms(community.id).await?,
        None => Vec::new(),
    };
    let room = match &asked.room {
        Some(key) => Some(rooms.iter().find(|room| room.key == *key).ok_or(Refusal::Unknown("room"))?.clone()),
        None => rooms.first().cloned(),
    };
    let lines = match &room {
        Some(room) => hub.house.lines(&room.key, 0).await?,
        None => Vec::new(),
    };
    let last = lines.last().map_or(0, |line| line.number);
    Ok(rendered(&View { page, rooms, room, lines, last, user, role }))
}

/// A line to say.
#[derive(Deserialize)]
pub(super) struct Say {
    csrf: String,
    community: CommunityId,
    room: String,
    user: String,
    role: String,
    text: String,
}

impl Signed for Say {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /chat/say`
pub(super) async fn say(State(hub): State<Hub>, headers: HeaderMap, Filled { form, by }: Filled<Say>) -> Result<Response, Refusal> {
    let speaker = Speaker::read(&form.user, &form.role)?;
    let text = form.text.trim();
    if text.is_empty() {
        return Err(Refusal::Wrong("There is nothing to say.".into()));
    }
    if text.chars().count() > LONGEST_LINE || text.chars().any(char::is_control) {
        return Err(Refusal::Wrong(format!("A line has at most {LONGEST_LINE} characters and no line breaks.")));
    }
    let back = Back { hub: &hub, headers: &headers, community: form.community, room: &form.room, speaker: &speaker };
    let before = back.enter(by).await?;
    hub.house.say(&form.room, &speaker.name, speaker.role, text).await?;
    back.go(before + 1, None).await
}

/// Something to let happen.
#[derive(Deserialize)]
pub(super) struct Happen {
    csrf: String,
    community: CommunityId,
    room: String,
    user: String,
    role: String,
    kind: String,
    amount: Option<i64>,
}

impl Signed for Happen {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `POST /chat/event`
pub(super) async fn happen(State(hub): State<Hub>, headers: HeaderMap, Filled { form, by }: Filled<Happen>) -> Result<Response, Refusal> {
    let speaker = Speaker::read(&form.user, &form.role)?;
    let kind = EventKind::parse(&form.kind).filter(|kind| HAPPENINGS.iter().any(|(known, _)| known == kind));
    let kind = kind.ok_or(Refusal::Unknown("event"))?;
    let amount = form.amount.unwrap_or(1);
    if !(0..=MOST).contains(&amount) {
        return Err(Refusal::Wrong(format!("The number must be between 0 and {MOST}.")));
    }
    let back = Back { hub: &hub, headers: &headers, community: form.community, room: &form.room, speaker: &speaker };
    let before = back.enter(by).await?;
    hub.house.happen(&form.room, Happening { kind, user: &speaker.name, amount }).await?;
    back.go(before + 1, Some("happened")).await
}

/// Under which name and role something is said.
struct Speaker {
    name: String,
    role: Role,
}

impl Speaker {
    fn read(user: &str, role: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::Wrong(format!("A name has 1 to {LONGEST_NAME} characters, without spaces."));
        Ok(Self { name: name(user).ok_or_else(wrong)?, role: Role::parse(role).ok_or(Refusal::Unknown("role"))? })
    }
}

fn name(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('@');
    let fits = (1..=LONGEST_NAME).contains(&text.chars().count());
    (fits && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control())).then(|| text.to_owned())
}

/// The way back to the page after something was sent from it.
struct Back<'a> {
    hub: &'a Hub,
    headers: &'a HeaderMap,
    community: CommunityId,
    room: &'a str,
    speaker: &'a Speaker,
}

impl Back<'_> {
    /// Makes sure that the room belongs to the community; the number of its last line.
    async fn enter(&self, by: crate::api::auth::Person) -> Result<u64, Refusal> {
        let page = Page::of(self.hub, by, "chat", "Chat", Some(self.community)).await?;
        let rooms = self.hub.house.rooms(needed(&page)?).await?;
        if !rooms.iter().any(|room| room.key == self.room) {
            return Err(Refusal::Unknown("room"));
        }
        Ok(self.hub.house.lines(self.room, 0).await?.last().map_or(0, |line| line.number))
    }

    /// The script stays on the page; a page without script is shown anew, with the answer if it comes soon.
    async fn go(&self, after: u64, done: Option<&str>) -> Result<Response, Refusal> {
        let accept = self.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if accept.starts_with("application/json") {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        tokio::select! {
            news = self.hub.house.news(self.room, after) => news?,
            () = self.hub.clock.sleep(PATIENCE) => {}
        }
        let community = self.community.to_string();
        let mut pairs =
            vec![("community", community.as_str()), ("room", self.room), ("user", &self.speaker.name), ("role", self.speaker.role.name())];
        pairs.extend(done.map(|done| ("done", done)));
        Ok(Redirect::to(&with_query("/chat", &pairs)).into_response())
    }
}
