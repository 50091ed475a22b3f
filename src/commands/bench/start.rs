//! From nothing to healthy, at rest, and to the end: times and memory of a node on a new folder and on an old one.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use waddlebot_runtime::clock::Clock;

use super::process::{Folder, Measured, node};
use super::row::{Row, Target};

/// How often an existing folder is started on; the middle one counts.
const TIMES: usize = 5;
/// How long a node rests before its memory is read.
const REST: Duration = Duration::from_secs(3);
/// Longest wait for a node to be healthy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Milliseconds and MiB.
pub(super) async fn rows(program: &Path) -> Result<Vec<Row>> {
    let clock = Clock::real();
    let (mut fresh, mut again, mut stops) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = 0.0_f64;
    for time in 0..TIMES {
        let folder = Folder::make("start")?;
        for starts in [&mut fresh, &mut again] {
            let address = free_address()?;
            let from = clock.since_boot();
            let mut process = Measured::start(&mut node(program, folder.path(), &address.to_string()))?;
            healthy(address, &mut process, &clock).await?;
            starts.push(milliseconds(clock.since_boot() - from));
            if time == 0 {
                clock.sleep(REST).await;
                memory = memory.max(process.resident()? as f64 / 1_000_000.0);
            }
            stops.push(milliseconds(process.stop(&clock).await?));
        }
    }
    let row = |name: &str, ours, most| Row { name: name.to_owned(), ours, bare: None, target: Target::AtMost(most) };
    Ok(vec![
        row("start on a new folder: ms to healthy", middle(fresh), 500.0),
        row("start on an existing folder: ms to healthy", middle(again), 150.0),
        row("idle: MB resident", memory, 40.0),
        row("stop when idle: ms from SIGTERM to the end", middle(stops), 500.0),
    ])
}

/// Asks until the node says that it is well.
pub(super) async fn healthy(address: SocketAddr, process: &mut Measured, clock: &Clock) -> Result<()> {
    let from = clock.since_boot();
    loop {
        if ask(address).await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200") && answer.contains("\"healthy\"")) {
            return Ok(());
        }
        ensure!(!process.has_ended()?, "the node ended before it was healthy");
        if clock.since_boot() > from + PATIENCE {
            bail!("the node was not healthy within {} s", PATIENCE.as_secs());
        }
        clock.sleep(Duration::from_millis(1)).await;
    }
}

async fn ask(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// A port that nobody has at the moment.
pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
