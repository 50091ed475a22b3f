//! What nodes say to each other, as bytes: a version, then one value; limits before anything is allocated.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::chat::{ChannelKey, ChatMessage};
use crate::event::Event;
use crate::intake::Outcome;

/// The version this program speaks. A change that the last version cannot read makes a new one.
pub const VERSION: u16 = 1;
/// The oldest version it still reads: always the last one before its own.
pub const OLDEST: u16 = 1;
/// The version that two nodes speak with each other: the newest that both know, so that a node and one of the version
/// before understand each other while one after the other is updated.
#[must_use]
pub fn agreed(mine: RangeInclusive<u16>, theirs: RangeInclusive<u16>) -> Option<u16> {
    let newest = *mine.end().min(theirs.end());
    (mine.contains(&newest) && theirs.contains(&newest)).then_some(newest)
}
/// The most bytes of one envelope or answer.
pub const LARGEST: usize = 256 * 1024;
/// The longest name of an entity, and the longest id.
const NAME: usize = 512;

/// Something for an entity that another node serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The entity.
    pub entity: String,
    /// The claim under which the entity is served; empty for what a node does whatever it holds.
    pub under: String,
    /// The epoch of the owner it is meant for.
    pub epoch: i64,
    /// The same id is the same envelope, however often it arrives.
    pub id: String,
    /// What it brings.
    pub payload: Payload,
}

/// What an envelope brings. New kinds go at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Things people said, in order; nobody waits.
    Said(Vec<ChatMessage>),
    /// One thing somebody said, whose outcome is awaited.
    Asked(ChatMessage),
    /// Something happened, which the receiver makes durable before it answers.
    Happened(Event),
    /// Something to be done and answered, in the words of who does it.
    Errand(String),
}

/// What became of an envelope. New kinds go at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It is in the channel's hands.
    Taken,
    /// What came of it: an [`Outcome`] as JSON, because an overlay item may hold what only JSON can say.
    Outcome(String),
    /// Another node serves the entity: look it up again when the epoch is newer than the one you saw.
    Moved {
        /// The owner, when there is one.
        owner: Option<String>,
        /// Since which change of owner; 0 when there is none.
        epoch: i64,
    },
    /// Not now: try again.
    Busy,
    /// It could not be read by a node that speaks this version.
    Unsupported {
        /// The version the answering node speaks.
        version: u16,
    },
    /// What came of an errand: the answer, or why there is none.
    Done(Result<String, String>),
}

/// Why bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// More bytes than anything may have.
    #[error("it has {0} bytes; {LARGEST} are allowed")]
    Large(usize),
    /// Another version than this program reads.
    #[error("it is of version {0}; this program reads {OLDEST} to {VERSION}")]
    Version(u16),
    /// No value of its kind.
    #[error("it is no value of its kind ({0})")]
    Garbled(String),
}

impl Envelope {
    /// As bytes for a peer with which this version was agreed on.
    ///
    /// # Errors
    /// When it is larger than a peer would read.
    pub fn write(&self, version: u16) -> Result<Vec<u8>, WireError> {
        write(self, version)
    }

    /// From bytes that anybody may have sent.
    ///
    /// # Errors
    /// When they are too many, of another version, or no envelope for an entity.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let envelope: Self = read(bytes)?;
        if envelope.entity.len() > NAME || ChannelKey::parse(&envelope.entity).is_none() {
            return Err(WireError::Garbled("it is for no entity".into()));
        }
        if envelope.under.len() > NAME {
            return Err(WireError::Garbled("the name of its claim is too long".into()));
        }
        if envelope.id.is_empty() || envelope.id.len() > NAME {
            return Err(WireError::Garbled("its id is empty or too long".into()));
        }
        Ok(envelope)
    }
}

impl Answer {
    /// What came of a message or an event.
    #[must_use]
    pub fn outcome(outcome: &Outcome) -> Self {
        serde_json::to_string(outcome).map_or(Self::Taken, Self::Outcome)
    }

    /// As bytes for a peer with which this version was agreed on. One that is too large to be read says no more than that
    /// the envelope was taken.
    #[must_use]
    pub fn write(&self, version: u16) -> Vec<u8> {
        write(self, version).or_else(|_| write(&Self::Taken, version)).expect("a word of one byte is not too large")
    }

    /// From bytes that anybody may have sent.
    ///
    /// # Errors
    /// When they are too many, of another version, or no answer.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        read(bytes)
    }
}

fn write<T: Serialize>(value: &T, version: u16) -> Result<Vec<u8>, WireError> {
    let mut bytes = version.to_le_bytes().to_vec();
    let written = bincode::serde::encode_into_std_write(value, &mut bytes, bincode::config::standard());
    written.map_err(|error| WireError::Garbled(error.to_string()))?;
    if bytes.len() > LARGEST { Err(WireError::Large(bytes.len())) } else { Ok(bytes) }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > LARGEST {
        return Err(WireError::Large(bytes.len()));
    }
    let (version, rest) = bytes.split_first_chunk().ok_or_else(|| WireError::Garbled("it has no version".into()))?;
    let version = u16::from_le_bytes(*version);
    if !(OLDEST..=VERSION).contains(&version) {
        return Err(WireError::Version(version));
    }
    // The limit counts what is claimed before it is allocated.
    let limited = bincode::config::standard().with_limit::<LARGEST>();
    let (value, used) = bincode::serde::decode_from_slice(rest, limited).map_err(|error| WireError::Garbled(error.to_string()))?;
    if used == rest.len() { Ok(value) } else { Err(WireError::Garbled(format!("{} bytes are left over", rest.len() - used))) }
}

#[cfg(test)]
mod tests;
