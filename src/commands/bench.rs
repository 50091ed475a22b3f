//! `waddlebot bench`: what this program costs on this machine, against bare loops of the same frameworks, as one table.

mod cluster;
mod commands;
mod irc;
mod overlay;
mod process;
mod router;
mod row;
mod start;

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio_util::sync::CancellationToken;

use row::{Row, table};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Chat from an IRC server in this process: CPU per 100,000 messages, one `!ping` in ten
    Irc,
    /// Overlay fan-out: CPU per million frames, memory per connection, 10,000 connects
    Overlay,
    /// Commands that write, in many communities at once: finished per second, CPU per 10,000
    Commands,
    /// Events over HTTP: per second, CPU per 100,000, and the look-up of a command
    Router,
    /// Three nodes and as many communities as `--claims` says: claiming, take-over, rest, memory, near against far; needs
    /// `--database` and `--redis`
    Cluster,
    /// Start, idle memory and stop
    Start,
    /// Everything
    All,
}

/// What to measure, and how to tell.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    what: What,

    /// Prints one JSON object per row instead of a table
    #[arg(long)]
    json: bool,

    /// An empty PostgreSQL database, to run commands on as well or three nodes; the bench fills it
    #[arg(long, value_name = "URL")]
    database: Option<String>,

    /// A Redis for the three nodes
    #[arg(long, value_name = "URL", requires = "database")]
    redis: Option<String>,

    /// How many communities the three nodes share
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(300..=1_000_000))]
    claims: u32,
}

/// A process that is measured: started by the bench, of no use otherwise.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Peer {
    /// A bot that only parses with the `irc` crate
    Irc {
        /// The server.
        server: SocketAddr,
        /// The channels, with commas.
        channels: String,
    },
    /// An axum handler that parses events and answers
    Router {
        /// Where it listens.
        listen: SocketAddr,
    },
    /// A server of overlay pages, told what to do over one line of text
    Overlay {
        /// Whose.
        server: overlay::Server,
        /// Where the one who measures listens.
        control: SocketAddr,
    },
}

/// Measures and prints a table. A row that misses its target is told, and is no failure of the command.
pub(crate) async fn run(asked: Asked, closing: CancellationToken) -> Result<()> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let rows = tokio::select! {
        rows = measured(&program, &asked) => rows?,
        () = closing.cancelled() => bail!("stopped before everything was measured"),
    };
    if asked.json {
        for row in &rows {
            println!("{}", row.json());
        }
    } else {
        println!("{}", table(&rows));
    }
    Ok(())
}

async fn measured(program: &Path, asked: &Asked) -> Result<Vec<Row>> {
    let wanted = |part: What| asked.what == part || asked.what == What::All;
    let mut rows = Vec::new();
    if wanted(What::Irc) {
        rows.extend(irc::rows(program).await.context("the IRC bench")?);
    }
    if wanted(What::Overlay) {
        rows.extend(overlay::measure(program, &["bench-peer", "overlay"]).await.context("the overlay bench")?.rows());
    }
    if wanted(What::Commands) {
        rows.extend(commands::rows(asked.database.as_deref()).await.context("the command bench")?);
    }
    if wanted(What::Router) {
        rows.extend(router::rows(program).await.context("the router bench")?);
    }
    // Among everything it is left out: it wants a database of its own.
    if asked.what == What::Cluster {
        let (Some(database), Some(redis)) = (&asked.database, &asked.redis) else {
            bail!("three nodes share a database and a Redis: name an empty one with --database, the other with --redis");
        };
        rows.extend(cluster::rows(program, database, redis, asked.claims).await.context("the cluster bench")?);
    }
    if wanted(What::Start) {
        rows.extend(start::rows(program).await.context("the start bench")?);
    }
    Ok(rows)
}

/// Is measured until who started it hangs up.
pub(crate) async fn serve(peer: Peer) -> Result<()> {
    match peer {
        Peer::Irc { server, channels } => irc::bare(server, &channels).await,
        Peer::Router { listen } => router::bare(listen).await,
        Peer::Overlay { server, control } => overlay::serve(server, control).await,
    }
}
