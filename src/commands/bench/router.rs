//! Events over HTTP, measured: the whole node against a bare axum handler that parses the same JSON and answers.

mod bare;
pub(super) mod caller;

use std::hint::black_box;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use waddlebot_actors::channel::resolve::{Resolution, Table};
use waddlebot_actors::modules;
use waddlebot_runtime::clock::Clock;

pub(super) use bare::bare;

use super::process::{Folder, Measured, node};
use super::row::{Row, Target};
use super::start::{free_address, healthy};
use caller::{Asked, Caller};

/// How long each is asked; and before it, until caches are warm.
const TIME: Duration = Duration::from_secs(3);
const WARM: Duration = Duration::from_secs(1);
/// How often each is measured; the best counts, for everything else on the machine only takes from it.
const TIMES: usize = 5;
/// How often a command is looked up.
const LOOKS: u32 = 200_000;

/// What one kind of request came to.
#[derive(Clone, Copy)]
struct Cost {
    /// Events per second.
    rate: f64,
    /// CPU seconds per 100,000 events.
    cpu: f64,
}

impl Cost {
    const NONE: Self = Self { rate: 0.0, cpu: f64::INFINITY };

    fn best(self, other: Self) -> Self {
        Self { rate: self.rate.max(other.rate), cpu: self.cpu.min(other.cpu) }
    }
}

/// Requests per second and CPU, for one event a request and for a hundred; and the look-up of a command.
pub(super) async fn rows(program: &Path) -> Result<Vec<Row>> {
    let kinds = [Asked::Chat, Asked::Command, Asked::Batch];
    let (mut ours, mut bare) = ([Cost::NONE; 3], [Cost::NONE; 3]);
    for _ in 0..TIMES {
        let folder = Folder::make("router")?;
        for (at, kind) in kinds.into_iter().enumerate() {
            bare[at] = bare[at].best(of_bare(program, kind).await.context("the bare handler")?);
            ours[at] = ours[at].best(of_node(program, folder.path(), kind).await.context("the node")?);
        }
    }
    let row = |name: &str, ours, bare, target| Row { name: format!("router, {name}"), ours, bare, target };
    Ok(vec![
        row("plain chat: events per second", ours[0].rate, Some(bare[0].rate), Target::Share(0.7)),
        row("plain chat: CPU seconds per 100,000", ours[0].cpu, Some(bare[0].cpu), Target::Ratio(1.5)),
        row("!ping: events per second", ours[1].rate, Some(bare[1].rate), Target::Share(0.6)),
        row("!ping: CPU seconds per 100,000", ours[1].cpu, Some(bare[1].cpu), Target::Ratio(3.0)),
        row("batches of 100: CPU seconds per 100,000", ours[2].cpu, Some(bare[2].cpu), Target::AtMost(0.4)),
        row("a cached command's look-up: µs", look_up()?, None, Target::AtMost(1.0)),
    ])
}

async fn of_node(program: &Path, data: &Path, kind: Asked) -> Result<Cost> {
    let address = free_address()?;
    let mut command = node(program, data, &address.to_string());
    // The other one counts no calls and slows nobody down.
    command.args(["--set", "limits.commands=0", "--set", "limits.api_services=0"]);
    let mut process = Measured::start(&mut command)?;
    healthy(address, &mut process, &Clock::real()).await?;
    let made = Command::new(program).args(["key", "create", "--role", "trigger", "--name", "bench", "--data"]).arg(data).output()?;
    ensure!(made.status.success(), "no key could be made");
    let cost = cost(address, &process, kind, String::from_utf8(made.stdout)?.trim()).await?;
    process.stop(&Clock::real()).await?;
    Ok(cost)
}

async fn of_bare(program: &Path, kind: Asked) -> Result<Cost> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.args(["bench-peer", "router", &address.to_string()]).stdin(Stdio::null());
    let mut process = Measured::start(&mut command)?;
    healthy(address, &mut process, &Clock::real()).await?;
    cost(address, &process, kind, "none").await
}

async fn cost(address: SocketAddr, process: &Measured, kind: Asked, key: &str) -> Result<Cost> {
    let clock = Clock::real();
    let caller = Caller::new(address, kind, key);
    caller.call_for(&clock, WARM).await?;
    let (before, from) = (process.cpu()?, clock.since_boot());
    let events = caller.call_for(&clock, TIME).await?.events as f64;
    let (used, took) = (process.cpu()? - before, clock.since_boot() - from);
    Ok(Cost { rate: events / took.as_secs_f64(), cpu: used.as_secs_f64() * 100_000.0 / events })
}

/// Microseconds to find a command in a channel's table.
fn look_up() -> Result<f64> {
    let table = Table::new(&modules::list(), |_| true, &[]);
    ensure!(matches!(table.resolve("!ping hello", "ana"), Resolution::Command { .. }), "!ping is not known");
    let clock = Clock::real();
    let from = clock.since_boot();
    for _ in 0..LOOKS {
        black_box(table.resolve(black_box("!ping hello"), black_box("ana")));
    }
    Ok((clock.since_boot() - from).as_secs_f64() * 1e6 / f64::from(LOOKS))
}
