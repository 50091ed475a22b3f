//! Who lives here: channels, communities, module hosts, sessions, accounts, delivery, and the modules.

pub mod account;
pub mod budget;
pub mod channel;
pub mod collectors;
pub mod commands;
pub mod community;
#[cfg(test)]
#[path = "../../examples/module/deaths.rs"]
pub mod deaths;
pub mod delivery;
pub mod host;
pub mod household;
pub mod installed;
pub mod kept;
pub mod limits;
mod listing;
pub mod modules;
mod moment;
pub mod node;
pub mod outside;
pub mod overlay;
#[cfg(any(test, feature = "play"))]
pub mod play;
pub mod registry;
pub mod responses;
pub mod roles;
pub mod rules;
pub mod seat;
pub mod session;
#[cfg(any(test, feature = "play"))]
pub mod stage;
pub mod steward;
pub mod tally;
#[cfg(test)]
mod walk;
mod weblink;
