//! Events over HTTP, measured: the whole node against a bare axum handler that parses the same JSON and answers.

mod bare;
pub(super) mod caller;

use std::hint::black_box;
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

/// How long each is asked at a time; and before it, until caches are warm.
const TIME: Duration = Duration::from_millis(500);
const WARM: Duration = Duration::from_secs(1);
/// How often, one after the other: what else the machine does meets both alike, and the middle one counts.
const TIMES: usize = 21;
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

/// Somebody who answers, and who asks them.
struct Answering {
    process: Measured,
    caller: Caller,
}

/// Requests per second and CPU, for one event a request and for a hundred; and the look-up of a command.
pub(super) async fn rows(program: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (kind, name, targets) in [
        (Asked::Chat, "plain chat", [Some(Target::Share(0.7)), Some(Target::Ratio(1.5))]),
        (Asked::Command, "!ping", [Some(Target::Share(0.6)), Some(Target::Ratio(3.0))]),
        (Asked::Batch, "batches of 100", [None, Some(Target::AtMost(0.4))]),
    ] {
        let [ours, bare] = measured(program, kind).await?;
        let [rate, cpu] = targets;
        let row = |what: &str, ours, bare, target| Row { name: format!("router, {name}: {what}"), ours, bare: Some(bare), target };
        rows.extend(rate.map(|target| row("events per second", ours.rate, bare.rate, target)));
        rows.extend(cpu.map(|target| row("CPU seconds per 100,000", ours.cpu, bare.cpu, target)));
    }
    rows.push(Row { name: "router, a cached command's look-up: µs".into(), ours: look_up()?, bare: None, target: Target::AtMost(1.0) });
    Ok(rows)
}

/// The node and the bare handler, asked in turn.
async fn measured(program: &Path, kind: Asked) -> Result<[Cost; 2]> {
    let folder = Folder::make("router")?;
    let mut both =
        [of_node(program, folder.path(), kind).await.context("the node")?, of_bare(program, kind).await.context("the bare handler")?];
    let mut costs = [Vec::new(), Vec::new()];
    for one in &both {
        one.cost(WARM).await?;
    }
    for _ in 0..TIMES {
        for (one, costs) in both.iter().zip(&mut costs) {
            costs.push(one.cost(TIME).await?);
        }
    }
    both[0].process.stop(&Clock::real()).await?;
    Ok(costs.map(|costs| Cost { rate: middle(costs.iter().map(|cost| cost.rate)), cpu: middle(costs.iter().map(|cost| cost.cpu)) }))
}

fn middle(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

async fn of_node(program: &Path, data: &Path, kind: Asked) -> Result<Answering> {
    let address = free_address()?;
    let mut command = node(program, data, &address.to_string());
    // The other one counts no calls and slows nobody down.
    command.args(["--set", "limits.commands=0", "--set", "limits.api_services=0"]);
    let mut process = Measured::start(&mut command)?;
    healthy(address, &mut process, &Clock::real()).await?;
    let made = Command::new(program).args(["key", "create", "--role", "trigger", "--name", "bench", "--data"]).arg(data).output()?;
    ensure!(made.status.success(), "no key could be made");
    Ok(Answering { process, caller: Caller::new(address, kind, String::from_utf8(made.stdout)?.trim()) })
}

async fn of_bare(program: &Path, kind: Asked) -> Result<Answering> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.args(["bench-peer", "router", &address.to_string()]).stdin(Stdio::null());
    let mut process = Measured::start(&mut command)?;
    healthy(address, &mut process, &Clock::real()).await?;
    Ok(Answering { process, caller: Caller::new(address, kind, "none") })
}

impl Answering {
    async fn cost(&self, time: Duration) -> Result<Cost> {
        let clock = Clock::real();
        let (before, from) = (self.process.cpu()?, clock.since_boot());
        let events = self.caller.call_for(&clock, time).await?.events as f64;
        let (used, took) = (self.process.cpu()? - before, clock.since_boot() - from);
        Ok(Cost { rate: events / took.as_secs_f64(), cpu: used.as_secs_f64() * 100_000.0 / events })
    }
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
