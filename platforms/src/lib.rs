//! Whom we talk to: chat platforms behind one contract. It imports the ground, never who lives here.

pub mod collected;
pub mod discord;
pub mod engines;
pub mod irc;
pub mod local;
