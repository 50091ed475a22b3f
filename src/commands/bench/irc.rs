//! Chat end to end, measured: the whole node against a bot that only parses with the `irc` crate.

mod bare;
mod server;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use waddlebot_runtime::clock::Clock;

pub(super) use bare::bare;

use super::process::{Folder, Measured, node};
use super::row::{Row, Target};
use server::{CHANNELS, Server};

/// Messages of one measurement.
const MESSAGES: usize = 200_000;
/// Messages before it, until caches are warm and everybody is known.
const WARM: usize = 20_000;
/// How often each is measured; the least counts, for everything else on the machine only adds to it.
const TIMES: usize = 3;

/// CPU seconds per 100,000 messages.
pub(super) async fn rows(program: &Path) -> Result<Vec<Row>> {
    let (mut ours, mut bare) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..TIMES {
        bare = bare.min(cost(|at| parser(program, at)).await?);
        let folder = Folder::make("irc")?;
        ours = ours.min(cost(|at| whole(program, folder.path(), at)).await?);
    }
    let name = "irc: CPU seconds per 100,000 messages".to_owned();
    Ok(vec![Row { name, ours, bare: Some(bare), target: Target::Ratio(1.5) }])
}

async fn cost(bot: impl FnOnce(&str) -> Command) -> Result<f64> {
    let server = Server::open().await?;
    let process = Measured::start(&mut bot(&server.address()))?;
    let mut client = server.client().await?;
    client.flood(WARM).await?;
    Clock::real().sleep(std::time::Duration::from_millis(200)).await;
    let before = process.cpu()?;
    client.flood(MESSAGES).await?;
    let used = process.cpu()? - before;
    Ok(used.as_secs_f64() * 100_000.0 / MESSAGES as f64)
}

/// The whole program, with the flood budget off and no limit for one person, as the other has none.
fn whole(program: &Path, data: &Path, server: &str) -> Command {
    let mut command = node(program, data, "127.0.0.1:0");
    command.args(["--set", "limits.commands=0"]);
    command.env("WADDLEBOT_IRC_SERVER", server).env("WADDLEBOT_IRC_NICK", "waddle").env("WADDLEBOT_IRC_CHANNELS", CHANNELS.join(","));
    command.env("WADDLEBOT_IRC_TLS", "false").env("WADDLEBOT_IRC_FLOOD", "off");
    command
}

fn parser(program: &Path, server: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["bench-peer", "irc", server, &CHANNELS.join(",")]).stdin(Stdio::null());
    command
}
