//! `waddlebot demo`: a node of its own and a small stream on it, so that a newcomer sees chat and overlays move.

mod stage;
mod stream;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::KeyRole;
use waddlebot_runtime::secret::random_text;
use waddlebot_runtime::{spawn, telemetry};

use self::stage::Stage;
use crate::client::Client;
use crate::client::access::Access;
use crate::config::{Config, Flags};
use crate::{program, terminal};

const EXAMPLES: &str = "\
Examples:
  waddlebot demo                       until Ctrl-C, in a folder that is gone afterwards
  waddlebot demo --once --speed 10     one round in a few seconds
  waddlebot demo --data ./demo         in a folder that stays

Open the overlay addresses it prints in a browser, or add them to OBS as browser sources, and the log-in
link to type along. The environment is left aside: the demo talks to nobody outside this machine.";

/// How long and how fast.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Asked {
    /// Ends after one round
    #[arg(long)]
    once: bool,

    /// So many times as fast, from 0.1 to 100
    #[arg(long, default_value_t = 1.0, value_name = "TIMES", value_parser = speed)]
    speed: f64,
}

/// The usual port, when it is free.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8060);

/// How long the node may take to come up, and how often it is asked.
const START: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(50);

/// Plays until a signal, or once.
pub(crate) async fn run(asked: Asked, flags: &Flags, closing: CancellationToken) -> Result<()> {
    let folder = Folder::of(flags.data.as_deref())?;
    let listen = match &flags.listen {
        Some(listen) => listen.clone(),
        None => free_address()?.to_string(),
    };
    let flags = Flags { data: Some(folder.path.clone()), listen: Some(listen), ..flags.clone() };
    let config = Config::of_flags(&flags)?;
    config.make_data_folder()?;
    let logging = telemetry::start(&telemetry::Options { stdout: false, ..config.logging() }, Clock::real())?;
    let played = perform(&asked, config, closing).await;
    drop(logging);
    played
}

/// The node on one side, the stream on the other; when one ends, so does the other.
async fn perform(asked: &Asked, config: Config, closing: CancellationToken) -> Result<()> {
    // The node outlives the stream, which has a key to give back.
    let node_ends = CancellationToken::new();
    let mut node = spawn::task("demo node", program::run(config.clone(), node_ends.clone()));
    let played = tokio::select! {
        ended = &mut node => {
            return ended.context("the node broke down")?.and_then(|()| bail!("the node ended"));
        }
        played = play(asked, &config, &closing) => played,
    };
    node_ends.cancel();
    node.await.context("the node broke down")??;
    played
}

async fn play(asked: &Asked, config: &Config, closing: &CancellationToken) -> Result<()> {
    let client = Client::new(&config.own_url())?;
    tokio::select! {
        healthy = healthy(&client) => healthy?,
        () = closing.cancelled() => return Ok(()),
    }
    let access = Access::lend(client, &config.place(), &config.data, KeyRole::Admin).await?;
    let played = tokio::select! {
        played = on_stage(asked, config, access.client.clone()) => played,
        () = closing.cancelled() => Ok(()),
    };
    access.close().await;
    played
}

async fn on_stage(asked: &Asked, config: &Config, client: Client) -> Result<()> {
    let stage = Stage::open(client, asked.speed).await?;
    terminal::line("Overlays, for a browser or for OBS (the general one shows the shout-outs):")?;
    for (name, url) in &stage.overlays {
        terminal::line(format!("  {name:8} {url}"))?;
    }
    let rest = if asked.once { "one round" } else { "Ctrl-C ends it" };
    terminal::line(format!("The data is in {}. The stream begins; {rest}.\n", config.data.display()))?;
    stage.play(asked.once).await
}

async fn healthy(client: &Client) -> Result<()> {
    let clock = Clock::real();
    let began = clock.since_boot();
    loop {
        match client.health(AGAIN * 20).await {
            Ok(health) if health.status == "healthy" => return Ok(()),
            Err(error) if clock.since_boot() - began > START => bail!("the node does not come up: {error}"),
            _ => clock.sleep(AGAIN).await,
        }
    }
}

/// Where the demo keeps its data.
struct Folder {
    path: PathBuf,
    passing: bool,
}

impl Folder {
    /// The one that was named, to stay; or one of its own, to go.
    fn of(named: Option<&Path>) -> Result<Self> {
        if let Some(path) = named {
            return Ok(Self { path: path.to_owned(), passing: false });
        }
        let name: String = random_text().chars().take(12).collect();
        let path = std::env::temp_dir().join(format!("waddlebot-demo-{name}"));
        let mut maker = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        let made = maker.create(&path);
        made.with_context(|| format!("{} cannot be made; choose a folder with --data", path.display()))?;
        Ok(Self { path, passing: true })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            eprintln!("warning: {} could not be removed: {error}", self.path.display());
        }
    }
}

/// The usual address, or any free one when somebody has that.
fn free_address() -> Result<SocketAddr> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(USUAL).or_else(|_| TcpListener::bind(any)).context("no port of 127.0.0.1 is free")?;
    Ok(listener.local_addr()?)
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.1..=100.0).contains(speed));
    speed.ok_or_else(|| "a number from 0.1 to 100 is expected".to_owned())
}
