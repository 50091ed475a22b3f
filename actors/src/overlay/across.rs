//! Overlays whose pages are connected to other nodes than the one that keeps the queue: what these nodes tell each other.

mod desk;
mod far;
mod outposts;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::platform::Boxed;

use super::item::{Item, Source};
use super::items::Origin;
use super::overlays::{Placed, ShowError};
use crate::household::afar::Missed;

pub(super) use far::Far;
pub(super) use outposts::Outposts;

/// The way to other nodes.
pub(crate) trait Way: Send + Sync + 'static {
    /// This node.
    fn me(&self) -> String;

    /// Whether there is a connection to a node now.
    fn reaches(&self, node: &str) -> bool;

    /// Tells the node that serves a community since this epoch; its answer.
    fn to_owner<'a>(&'a self, community: CommunityId, at: &'a Place, word: Word) -> Boxed<'a, Result<String, Missed>>;

    /// Tells a node, whatever it serves; its answer.
    fn to_node<'a>(&'a self, node: &'a str, word: Word) -> Boxed<'a, Result<String, Missed>>;

    /// Tells all other nodes; those that were not reached.
    fn to_all(&self, word: Word) -> Boxed<'_, Vec<(String, Missed)>>;
}

/// Where a community is served, as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) owner: String,
    pub(crate) epoch: i64,
}

/// What one node tells another about overlays. New kinds go at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// To the owner: a node has pages, or none any more; and what they say.
    Call(Call),
    /// From the owner: what the pages of a node are to show.
    Frames(Frames),
    /// To everybody: tokens before this generation are no longer good.
    Revoked(CommunityId, Source, i64),
    /// To the owner: show an item.
    Show(Box<Handed>),
    /// To the owner: take everything off.
    Clear(CommunityId, Source),
}

/// A node looks on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) community: CommunityId,
    pub(crate) source: Source,
    /// Who calls.
    pub(crate) node: String,
    /// How many pages it has; with none it looks on no longer.
    pub(crate) pages: usize,
    /// What it has shown last. Without it, or when it is not the newest, it is told what shows.
    pub(crate) have: Option<Stamp>,
    /// What its pages say.
    pub(crate) says: Vec<Say>,
}

/// Something a page said. The same id is the same thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Say {
    pub(crate) id: String,
    pub(crate) what: Saying,
}

/// What a page said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Saying {
    /// It shows this item.
    Acknowledged(String),
    /// Something to be counted.
    Told(String, Value),
    /// A form was filled in.
    Submitted(String, Map<String, Value>),
}

/// Which frame of an overlay: its owner's epoch, which of its lives in that epoch, and which of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) epoch: i64,
    pub(crate) life: u64,
    pub(crate) seq: u64,
}

/// What the owner answers a node that looks on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heard {
    pub(crate) stamp: Stamp,
    pub(crate) sight: Shown,
    /// The item on screen that nobody acknowledged yet.
    pub(crate) awaits: Option<String>,
}

/// What shows now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    /// What the node has already.
    Same,
    /// Nothing.
    Nothing,
    /// This frame.
    Frame(Packed),
}

impl Shown {
    pub(super) fn of(frame: Option<&[u8]>) -> Self {
        frame.and_then(Packed::of).map_or(Self::Nothing, Self::Frame)
    }
}

/// What a node's pages are to show.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frames {
    pub(crate) community: CommunityId,
    pub(crate) source: Source,
    /// The stamp of the first.
    pub(crate) first: Stamp,
    pub(crate) frames: Vec<Leaf>,
    /// The sender shows nothing any more: look for who does.
    pub(crate) over: bool,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leaf {
    pub(crate) frame: Packed,
    /// The item whose acknowledgement is waited for.
    pub(crate) awaits: Option<String>,
}

/// A whole frame as text that needs no escaping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Packed(String);

impl Packed {
    /// The most it may have, so that an envelope takes it with all that goes along.
    const LARGEST: usize = 200 * 1024;

    /// Packs a frame; `None` for one that no envelope takes.
    fn of(frame: &[u8]) -> Option<Self> {
        let text = BASE64_STANDARD_NO_PAD.encode(frame);
        (text.len() <= Self::LARGEST).then_some(Self(text))
    }

    fn frame(&self) -> Option<Bytes> {
        BASE64_STANDARD_NO_PAD.decode(&self.0).ok().map(Bytes::from)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a node answers that was sent frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Taken {
    /// Its pages have them, or had newer ones.
    Shown,
    /// Some are missing before: it asks what shows.
    Missing,
    /// It has no such pages.
    Unwanted,
}

/// An item that is to be shown by another node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Handed {
    pub(crate) community: CommunityId,
    pub(crate) item: Item,
    pub(crate) key: String,
    pub(crate) origin: Origin,
}

/// What became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Went {
    Showing,
    Waiting,
    Known,
    Full,
    Busy,
    Unavailable(String),
}

impl Went {
    fn of(answer: &Result<Placed, ShowError>) -> Self {
        match answer {
            Ok(Placed::Showing) => Self::Showing,
            Ok(Placed::Waiting) => Self::Waiting,
            Ok(Placed::Known) => Self::Known,
            Err(ShowError::Full) => Self::Full,
            Err(ShowError::Busy) => Self::Busy,
            Err(other) => Self::Unavailable(other.to_string()),
        }
    }

    fn told(self) -> Result<Placed, ShowError> {
        match self {
            Self::Showing => Ok(Placed::Showing),
            Self::Waiting => Ok(Placed::Waiting),
            Self::Known => Ok(Placed::Known),
            Self::Full => Err(ShowError::Full),
            Self::Busy => Err(ShowError::Busy),
            Self::Unavailable(why) => Err(ShowError::Unavailable(why)),
        }
    }
}
