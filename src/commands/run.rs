//! `waddlebot run`: starts the node.

use anyhow::Result;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::telemetry;

use crate::config::{Config, Flags};
use crate::program;

/// Runs the node until `closing` is cancelled.
pub(crate) async fn run(flags: &Flags, closing: CancellationToken) -> Result<()> {
    let config = Config::load(flags)?;
    for slip in &config.layers.slips {
        eprintln!("warning: {slip}");
    }
    config.make_data_folder()?;
    let logging = telemetry::start(&config.logging(), Clock::real())?;
    let ended = program::run(config, closing).await;
    // What was logged last is written before the program says why it ended.
    drop(logging);
    ended
}
