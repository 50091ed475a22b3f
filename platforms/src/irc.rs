//! IRC (RFC 2812 with IRCv3, and Twitch's dialect of it).

pub mod budget;
pub mod cut;
pub mod frame;
pub mod line;
pub mod login;
pub mod rooms;
pub mod said;
pub mod server;
pub mod session;
pub mod settings;
pub mod tags;
pub mod trouble;
pub mod twitch;
