//! Several processes of the real program with a real PostgreSQL and Redis: one owner of each community, reached from everywhere.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod fit;
mod platform;
mod reach;
mod rig;
mod share;
