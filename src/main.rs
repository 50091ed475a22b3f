//! The program: reads its command line and configuration, and does what they say.

mod cli;
mod config;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::Config;

fn main() -> ExitCode {
    let (flags, command) = Cli::parse().command();
    match perform(&flags, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(flags: &config::Flags, command: Command) -> anyhow::Result<()> {
    if let Command::Completions { shell } = command {
        cli::completions(shell, &mut io::stdout());
        return Ok(());
    }
    let config = Config::load(flags)?;
    match command {
        Command::Config => print!("{config}"),
        other => anyhow::bail!("{other:?} is not wired"),
    }
    Ok(())
}
