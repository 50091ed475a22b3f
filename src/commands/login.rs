//! `waddlebot login`: a new link that logs the owner in to the hub.

use anyhow::Result;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::store::Store;

use crate::config::{Config, Flags};
use crate::hub::links::Links;
use crate::terminal;

/// Makes a link in the node's database and prints it.
pub(crate) async fn run(flags: &Flags) -> Result<()> {
    let config = Config::load(flags)?;
    let store = Store::open(&config.place()).await?;
    let link = make(&store, &config.base_url()).await;
    store.close().await;
    terminal::line(link?)
}

async fn make(store: &Store, base_url: &str) -> Result<String> {
    store.migrate().await?;
    Ok(Links::new(store.clone(), Clock::real()).make(base_url).await?)
}
