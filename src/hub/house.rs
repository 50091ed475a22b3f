//! What the hub asks of the rest of the program, and no more: communities, modules, overlays, rooms, cluster, actors.

mod clusterbook;
mod commandbook;
mod peoplebook;
mod rulebook;

use serde::Serialize;
use serde_json::Value;
use waddlebot_actors::household::{Gathered, Resident};
use waddlebot_runtime::chat::{CommunityId, Millis, Role};
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::platform::Boxed;

pub(crate) use clusterbook::{ClusterBook, Count};
pub(crate) use commandbook::CommandBook;
pub(crate) use peoplebook::PeopleBook;
pub(crate) use rulebook::RuleBook;

/// The rest of the program, as the hub's pages see it.
pub(crate) trait House: RuleBook + CommandBook + PeopleBook + ClusterBook {
    /// Communities whose name is like this, by id: a page of them, and how many there are.
    fn communities<'a>(&'a self, like: &'a str, most: i64, skipped: i64) -> Boxed<'a, Answer<(Vec<Community>, u64)>>;

    /// One community, if there is such a one.
    fn community(&self, id: CommunityId) -> Boxed<'_, Answer<Option<Community>>>;

    /// A community's modules, in the order of the list of modules.
    fn modules(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Module>>>;

    /// Switches a module on or off.
    fn set_module<'a>(&'a self, community: CommunityId, module: &'a str, on: bool) -> Boxed<'a, Answer<()>>;

    /// A community's overlay addresses; made when it has none yet.
    fn overlays(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Overlay>>>;

    /// Gives one overlay a new address; the old one stops working at once.
    fn regenerate<'a>(&'a self, community: CommunityId, kind: &'a str) -> Boxed<'a, Answer<()>>;

    /// The community's rooms one can type in.
    fn rooms(&self, community: CommunityId) -> Boxed<'_, Answer<Vec<Room>>>;

    /// The lines of a room behind the number `after`, oldest first, at most the last 200.
    fn lines<'a>(&'a self, room: &'a str, after: u64) -> Boxed<'a, Answer<Vec<Said>>>;

    /// Comes true when a room has a line behind the number `after`.
    fn news<'a>(&'a self, room: &'a str, after: u64) -> Boxed<'a, Answer<()>>;

    /// Says something in a room; comes true when it is in the room, not when it is answered.
    fn say<'a>(&'a self, room: &'a str, user: &'a str, role: Role, text: &'a str) -> Boxed<'a, Answer<()>>;

    /// Lets something happen in a room.
    fn happen<'a>(&'a self, room: &'a str, what: Happening<'a>) -> Boxed<'a, Answer<()>>;

    /// Who lives on all nodes.
    fn actors(&self) -> Boxed<'_, Answer<Gathered>>;

    /// One actor and what it remembers, secrets hidden.
    fn actor<'a>(&'a self, key: &'a str, node: Option<&'a str>) -> Boxed<'a, Answer<(Resident, Value)>>;
}

/// What the house answers.
pub(crate) type Answer<T> = Result<T, Unanswered>;

/// Why the house did not do it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// There is no such community, module, room or actor.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// It will not, in words for the person who asked.
    #[error("{0}")]
    Refused(String),
    /// It cannot now.
    #[error("{0} is not available now")]
    Unavailable(&'static str),
}

/// A community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Community {
    /// Its number.
    pub(crate) id: CommunityId,
    /// Its name.
    pub(crate) name: String,
}

/// A module of a community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Module {
    /// Its name.
    pub(crate) name: String,
    /// What it does, in one line.
    pub(crate) about: String,
    /// Whether it is on in this community.
    pub(crate) on: bool,
    /// What chat may ask of it.
    pub(crate) commands: Vec<Command>,
}

/// A command of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Command {
    /// What to type.
    pub(crate) usage: String,
    /// What it does, in one line.
    pub(crate) about: String,
    /// Who may.
    pub(crate) role: Role,
}

/// An overlay of a community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Overlay {
    /// `ticker`, `media` or `general`.
    pub(crate) kind: String,
    /// What it shows, in one line.
    pub(crate) about: String,
    /// The secret address.
    pub(crate) url: String,
    /// The width recommended for OBS, in pixels.
    pub(crate) width: u32,
    /// The height recommended for OBS, in pixels.
    pub(crate) height: u32,
    /// Where on the picture it belongs.
    pub(crate) place: String,
    /// How many pages show it now.
    pub(crate) open: u64,
}

/// A room one can type in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Room {
    /// Its channel key.
    pub(crate) key: String,
    /// Its name.
    pub(crate) name: String,
}

/// A line of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Said {
    /// Rises by one with each line of the room; the first is 1.
    pub(crate) number: u64,
    /// Who, as shown.
    pub(crate) name: String,
    /// Their role; `None` for the bot.
    pub(crate) role: Option<Role>,
    /// What they said, or what happened.
    pub(crate) text: String,
    /// Whether it happened rather than was said.
    pub(crate) event: bool,
    /// When.
    pub(crate) at: Millis,
}

/// Something to let happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Happening<'a> {
    /// What.
    pub(crate) kind: EventKind,
    /// Who does it.
    pub(crate) user: &'a str,
    /// How much: viewers of a raid, months of a subscription.
    pub(crate) amount: i64,
}
