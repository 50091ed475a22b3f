//! `waddlebot config`: the effective configuration, each value with its origin, secrets hidden.

use anyhow::Result;

use crate::config::{Config, Flags};
use crate::terminal;

/// Prints it.
pub(crate) fn run(flags: &Flags) -> Result<()> {
    let config = Config::load(flags)?;
    terminal::text(&config.to_string())?;
    for slip in &config.layers.slips {
        eprintln!("warning: {slip}");
    }
    Ok(())
}
