//! Commands that run elsewhere: the real program, and real HTTP targets that answer, fail, hang and lie.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod chat;
mod crash;
mod events;
mod hostile;
mod lambda;
mod later;
mod limits;
mod manage;
mod node;
mod target;
