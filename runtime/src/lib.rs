//! The ground everybody stands on: node, supervision, claims, store, journal, sessions, clock and
//! telemetry, and the words and contracts that every layer shares. It imports nobody of the house.

pub mod actor;
pub mod chat;
pub mod clock;
pub mod command;
pub mod directory;
pub mod engine;
pub mod event;
pub mod expansion;
pub mod fault;
pub mod gate;
pub mod gateway;
pub mod intake;
pub mod journal;
pub mod keys;
pub mod membership;
pub mod module;
pub mod offer;
pub mod peers;
pub mod placement;
pub mod platform;
pub mod response;
pub mod secret;
pub mod sessions;
pub mod spawn;
pub mod store;
pub mod supervision;
pub mod telemetry;
pub mod whole;
