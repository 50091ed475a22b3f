//! A chat room of our own: no account, no network; in the hub, in the terminal and over the API.

mod news;
mod room;

use std::sync::Arc;

use dashmap::DashMap;
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Millis, Role, Text, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::{self, Ear, Ears, Outcome, Unheard};
use waddlebot_runtime::platform::{Boxed, Capabilities, Limits, Outgoing, Platform, PlatformError, Unit};
use waddlebot_runtime::whole;

pub use news::{Batch, Lines};
use news::{News, known};
pub use room::{Line, Room, Shown, Speaker};

/// The platform's name: `local:lobby` is the room called lobby.
pub const NAME: &str = "local";
/// The most characters one line holds.
pub const LONGEST: usize = 2000;
/// The largest amount of anything.
pub const MOST: i64 = 10_000_000_000;
/// How many rooms there may be, so that nobody fills the memory with names.
const ROOMS: usize = 100_000;

/// All local rooms of this node. Cloning shares them.
#[derive(Clone)]
pub struct Local {
    rooms: Arc<DashMap<String, Arc<Room>>>,
    news: Arc<News>,
    clock: Clock,
}

/// Why a line or event was not taken: told to who sent it, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The room's name cannot be one.
    #[error("a room's name has 1 to 64 letters, digits, - or _")]
    Room,
    /// The name of who speaks cannot be one.
    #[error("a name has 1 to 64 characters without line breaks")]
    Name,
    /// Nothing was said, or too much.
    #[error("a line has 1 to {LONGEST} characters")]
    Text,
    /// The id of a line or an event is longer than one may be.
    #[error("an id has at most 200 bytes")]
    Id,
    /// No such role.
    #[error("there is no role {0:?}: viewer, vip, moderator, admin and owner are known")]
    Role(String),
    /// No such event.
    #[error("there is no event {0:?}")]
    Event(String),
    /// More or less than there can be.
    #[error("viewers and amount are 0 to {MOST}")]
    Amount,
    /// The room's channel cannot take it now.
    #[error(transparent)]
    Unheard(#[from] Unheard),
}

/// One thing somebody says in a room.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct Say {
    /// Who.
    pub user: String,
    /// With which role; viewer when left out.
    #[serde(default)]
    pub role: Option<String>,
    /// What.
    pub text: String,
    /// The same id twice is the same line; made when left out.
    #[serde(default)]
    pub id: Option<String>,
}

/// One thing that happens in a room.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct Happen {
    /// `raid`, `follow`, `sub` … (the names of spec 01 section 4.2).
    #[serde(rename = "type")]
    pub kind: String,
    /// Who did it.
    pub user: String,
    /// Viewers of a raid.
    #[serde(default, deserialize_with = "whole::maybe")]
    pub viewers: Option<i64>,
    /// How much, for other events.
    #[serde(default, deserialize_with = "whole::maybe")]
    pub amount: Option<i64>,
    /// The words that came with it.
    #[serde(default)]
    pub text: String,
    /// The same id twice is the same event; made when left out.
    #[serde(default)]
    pub id: Option<String>,
}

impl Local {
    /// No room yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { rooms: Arc::default(), news: Arc::default(), clock }
    }

    /// The channel of a room.
    ///
    /// # Errors
    /// When the name cannot be one.
    pub fn key(room: &str) -> Result<ChannelKey, Refused> {
        let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '#' | '.');
        let length = room.chars().count();
        if (1..=64).contains(&length) && room.chars().all(fits) { Ok(ChannelKey::new(NAME, "", room)) } else { Err(Refused::Room) }
    }

    /// A room, opened when there is none of that name.
    ///
    /// # Errors
    /// When the name cannot be one.
    pub fn room(&self, name: &str) -> Result<Arc<Room>, Refused> {
        Self::key(name)?;
        if let Some(room) = self.rooms.get(name) {
            return Ok(room.clone());
        }
        if self.rooms.len() >= ROOMS {
            return Err(Refused::Room);
        }
        Ok(self.rooms.entry(name.to_owned()).or_default().clone())
    }

    /// Says something in a room and waits for what comes of it.
    ///
    /// # Errors
    /// When it was not taken; nothing was said then.
    pub async fn say(&self, ears: &dyn Ears, room: &str, say: Say) -> Result<Arc<Outcome>, Refused> {
        let by = user(&say.user, say.role.as_deref())?;
        let text = say.text.trim();
        if text.is_empty() || text.chars().count() > LONGEST {
            return Err(Refused::Text);
        }
        let room_key = Self::key(room)?;
        let ear = ears.channel(&room_key).await?;
        let text = Text::from(text.replace(['\r', '\n'], " "));
        let message = ChatMessage { id: id(say.id)?, by: by.clone(), text: text.clone(), at: self.clock.now() };
        self.add(room, Line { key: Text::new(), speaker: Speaker::Person(by), text, at: message.at }).await?;
        self.ask(ear.as_ref(), message).await
    }

    async fn ask(&self, ear: &dyn Ear, message: ChatMessage) -> Result<Arc<Outcome>, Refused> {
        Ok(intake::ask(ear, message).await?)
    }

    /// Lets something happen in a room and waits for what comes of it.
    ///
    /// # Errors
    /// When it was not taken; nothing happened then.
    pub async fn happen(&self, ears: &dyn Ears, room: &str, happen: Happen) -> Result<Arc<Outcome>, Refused> {
        let kind = EventKind::parse(&happen.kind).ok_or_else(|| Refused::Event(happen.kind.chars().take(40).collect()))?;
        let by = user(&happen.user, None)?;
        if [happen.viewers, happen.amount].into_iter().flatten().any(|amount| !(0..=MOST).contains(&amount)) {
            return Err(Refused::Amount);
        }
        let id = id(happen.id)?;
        let key = Self::key(room)?;
        let ear = ears.channel(&key).await?;
        let amount = happen.viewers.or(happen.amount).unwrap_or_default();
        let shown = if amount == 0 {
            format!("{kind}: {}", by.name, kind = kind.name())
        } else {
            format!("{}: {} ({amount})", kind.name(), by.name)
        };
        self.add(room, Line { key: Text::new(), speaker: Speaker::Event, text: shown.into(), at: self.clock.now() }).await?;
        let text: String = happen.text.chars().take(LONGEST).collect();
        let event = Event { id, kind, by, amount, text: text.into() };
        Ok(intake::tell(ear.as_ref(), event).await?)
    }

    /// The rooms that were opened since the start, by name.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        let mut names: Vec<_> = self.rooms.iter().map(|room| room.key().clone()).collect();
        names.sort();
        names
    }
}

impl Platform for Local {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self, _: &ChannelKey) -> Limits {
        Limits { length: LONGEST, unit: Unit::Characters, budget: None }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { idempotent: true, ..Capabilities::default() }
    }

    fn learns(&self, news: &str) {
        self.learn(news);
    }

    fn send<'a>(&'a self, line: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>> {
        Box::pin(async move {
            let refused = |why: Refused| PlatformError::Refused { channel: line.channel.clone(), why: why.to_string() };
            let name = line.channel.channel();
            let line = Line { key: line.key.clone(), speaker: Speaker::Bot, text: line.text.clone(), at: self.now() };
            // In the order in which they are said.
            self.news.tell(&name, &line);
            self.room(&name).map_err(refused)?.add(line);
            Ok(())
        })
    }
}

impl Local {
    /// Adds a line here and at the other nodes.
    async fn add(&self, room: &str, line: Line) -> Result<(), Refused> {
        let here = self.room(room)?;
        let told = self.news.tell(room, &line);
        here.add(line);
        known(told).await;
        Ok(())
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }
}

fn user(name: &str, role: Option<&str>) -> Result<User, Refused> {
    let name = name.trim().trim_start_matches('@');
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(Refused::Name);
    }
    let role = match role {
        None | Some("") => Role::Viewer,
        Some(word) => Role::parse(word).ok_or_else(|| Refused::Role(word.chars().take(40).collect()))?,
    };
    Ok(User { id: name.to_lowercase().into(), name: name.into(), role })
}

fn id(given: Option<String>) -> Result<Text, Refused> {
    let id = given.unwrap_or_default();
    if id.chars().count() > 200 { Err(Refused::Id) } else { Ok(id.into()) }
}
