//! `waddlebot migrate`: brings the database's tables up to date.

use anyhow::Result;
use waddlebot_runtime::store::Store;

use crate::config::{Config, Flags};
use crate::terminal;

/// Applies what is missing, and says how much that was.
pub(crate) async fn run(flags: &Flags) -> Result<()> {
    let config = Config::load(flags)?;
    let store = Store::open(&config.place()).await?;
    let applied = store.migrate().await;
    store.close().await;
    match applied? {
        0 => terminal::line("the database is up to date"),
        1 => terminal::line("the database is up to date now: 1 migration was applied"),
        more => terminal::line(format!("the database is up to date now: {more} migrations were applied")),
    }
}
