//! `waddlebot completions`: what a shell needs to complete our command line.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::terminal;

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// The shell
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(asked: &Asked) -> Result<()> {
    let mut bytes = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "waddlebot", &mut bytes);
    terminal::text(&String::from_utf8(bytes)?)
}
