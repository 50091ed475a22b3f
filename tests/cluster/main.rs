//! Several processes of the real program with a real PostgreSQL and Redis: one owner of each community, reached from everywhere.

mod chaos;
mod commands;
mod example;
mod fit;
mod forward;
mod irc_room;
mod leave;
mod limits;
mod operate;
mod overlays;
mod page;
mod platform;
mod reach;
mod rig;
mod rooms;
mod seal;
mod share;
#[path = "../commands/target.rs"]
mod target;
mod terminal;
