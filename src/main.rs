//! WaddleBot: a community chat bot with stream overlays, in one program.

mod api;
mod config;
mod hub;
mod overlay_pages;
mod program;
mod residence;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::{KeyRole, Keys};
use waddlebot_runtime::spawn;

use crate::config::{Config, Flags};

/// A community chat bot with stream overlays, in one program
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What wins over the environment and the file.
#[derive(Args)]
struct Places {
    /// The data folder [env: WADDLEBOT_DATA] [default: ~/.local/share/waddlebot]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where HTTP listens [default: 127.0.0.1:8060]
    #[arg(long, global = true, value_name = "IP:PORT")]
    listen: Option<String>,
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, as `irc.nick=waddle`
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is expected, for example irc.nick=waddle")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Subcommand)]
enum Command {
    /// Starts the bot, the hub, the overlays and the API, until SIGTERM or Ctrl-C (also without a command)
    Run,
    /// Brings the database's tables up to date, and ends
    Migrate,
    /// Makes, lists and revokes API keys; also while the node runs
    #[command(subcommand)]
    Key(Key),
    /// Prints the effective configuration, secrets hidden
    Config,
    /// Prints a new link, good once and for a day, that logs the owner in to the hub
    Login,
}

#[derive(Subcommand)]
enum Key {
    /// Makes a key and prints it, once
    Create {
        /// trigger, action, core, admin or user
        #[arg(long)]
        role: String,
        /// What it is for
        #[arg(long)]
        name: String,
    },
    /// Lists the keys, without the keys themselves
    List,
    /// Revokes a key by its name or id
    Revoke {
        /// Its name or id
        which: String,
    },
}

fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    match obey(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Actors are driven by the runtime's own threads; this one only waits.
fn obey(cli: Cli) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")?;
    runtime.block_on(async {
        let closing = CancellationToken::new();
        let work = spawn::task("program", act(cli, closing.clone()));
        let stop = spawn::task("stop", stopped(closing));
        let done = work.await?;
        stop.abort();
        done
    })
}

async fn act(cli: Cli, closing: CancellationToken) -> Result<()> {
    let Places { data, listen, config, set } = cli.places;
    let options = Config::load(&Flags { data, config, listen, set })?;
    match cli.command.unwrap_or(Command::Run) {
        Command::Run => program::run(options, closing).await,
        Command::Config => {
            print!("{options}");
            Ok(())
        }
        Command::Migrate => {
            let (store, applied) = program::open_store(&options).await?;
            println!("{applied} migrations applied");
            store.close().await;
            Ok(())
        }
        Command::Login => {
            let (store, _) = program::open_store(&options).await?;
            println!("{}", hub::links::Links::new(store.clone(), Clock::real()).make(&options.base_url()).await?);
            store.close().await;
            Ok(())
        }
        Command::Key(key) => {
            let (store, _) = program::open_store(&options).await?;
            let keys = Keys::new(store.clone(), Clock::real());
            match key {
                Key::Create { role, name } => {
                    let role =
                        KeyRole::parse(&role).with_context(|| format!("there is no role {role:?}: trigger, action, core, admin, user"))?;
                    println!("{}", keys.create(&name, role).await?.1);
                }
                Key::List => {
                    for key in keys.list().await? {
                        println!("{key:?}");
                    }
                }
                Key::Revoke { which } => println!("{} revoked", keys.revoke(&which).await?),
            }
            store.close().await;
            Ok(())
        }
    }
}

/// The first signal asks for an orderly stop, the second ends at once.
async fn stopped(closing: CancellationToken) -> Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    closing.cancel();
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    std::process::exit(1)
}
