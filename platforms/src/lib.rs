//! Whom we talk to: chat platforms behind one contract. It imports the ground, never who lives here.

pub mod irc;
pub mod local;
