//! WaddleBot: a community bot in one binary.

mod api;
mod cli;
mod client;
mod commands;
mod config;
mod forms;
mod hub;
mod overlay_pages;
mod program;
mod residence;
mod server;
mod stop;
mod terminal;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use mimalloc::MiMalloc;
use tokio_util::sync::CancellationToken;

use cli::Cli;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match obeyed(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if terminal::nobody_reads(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", terminal::told(&error));
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked on a runtime's workers; the thread that waits here runs no actor.
fn obeyed(cli: Cli) -> Result<()> {
    // An error is that somebody set one before, which nobody does.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")?;
    let closing = CancellationToken::new();
    runtime.spawn(stop::on_signals(closing.clone(), cli.winds_down(), cli.lives_in_terminal()));
    let work = runtime.spawn(cli.obey(closing));
    let done = runtime.block_on(work);
    // What is still blocked (a read from the terminal) has nothing left to do.
    runtime.shutdown_background();
    done.context("the program broke down")?
}
