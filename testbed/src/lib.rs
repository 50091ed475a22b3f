//! Real servers for tests: started on free ports of 127.0.0.1 in temporary folders, ready when handed out, gone when the test is.
//!
//! Nothing here is skipped: a missing program is a panic that names the package to install. A server lives as long as
//! the value that stands for it; should the test process die without unwinding, a guard process outside of it kills the
//! server and removes its folder.

mod bot;
#[cfg(feature = "browser")]
mod browser;
mod http;
pub mod irc;
mod network;
mod patience;
#[cfg(feature = "browser")]
mod picture;
mod postgres;
mod process;
mod program;
mod redis;
mod run;

pub use bot::Bot;
#[cfg(feature = "browser")]
pub use browser::{Browser, Window};
pub use http::{Reply, get, request, request_within};
pub use network::{Network, Place};
pub use patience::{Deadline, eventually, eventually_some, passes};
#[cfg(feature = "browser")]
pub use picture::Picture;
pub use postgres::Postgres;
pub use process::free_port;
pub use redis::Redis;
pub use run::{Ended, run};
