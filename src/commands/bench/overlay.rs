//! Overlay fan-out, measured: our relay against a bare tokio-tungstenite broadcaster, each in a process of its own.

mod crowd;
mod servers;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

pub(crate) use servers::serve;

/// Whose fan-out is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Server {
    /// Ours: HTTP upgrade, token, relay, actor per connection, queue in the store.
    Ours,
    /// A broadcast channel and one `ws.send` per client.
    Bare,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    /// CPU seconds per million frames.
    pub(crate) ours: f64,
    pub(crate) bare: f64,
}

/// All measurements.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    /// Resident bytes per connection at [`MANY`] connections.
    pub(crate) ours_bytes: f64,
    pub(crate) bare_bytes: f64,
    /// How many of [`MANY`] connected, and in how many seconds.
    pub(crate) connected: usize,
    pub(crate) seconds: f64,
}

/// How many connections the memory is measured with.
pub(crate) const MANY: usize = 10_000;
/// So many frames make one measurement of CPU.
const FRAMES: usize = 600_000;
const CASES: [(usize, usize); 4] = [(1000, 1), (1000, 4), (5000, 1), (5000, 4)];

/// Measures everything; `program` is this program, started anew for each server with `arguments` before its own.
pub(crate) async fn measure(program: &Path, arguments: &[&str]) -> Result<Report> {
    let mut rows = Vec::new();
    for (connections, in_flight) in CASES {
        let [ours, bare] = [Server::Ours, Server::Bare].map(|server| cost(program, arguments, server, connections, in_flight));
        rows.push(Row { connections, in_flight, ours: ours.await?, bare: bare.await? });
    }
    let (ours_bytes, connected, seconds) = weight(program, arguments, Server::Ours).await?;
    let (bare_bytes, _, _) = weight(program, arguments, Server::Bare).await?;
    Ok(Report { rows, ours_bytes, bare_bytes, connected, seconds })
}

/// CPU seconds per million frames.
async fn cost(program: &Path, arguments: &[&str], server: Server, connections: usize, in_flight: usize) -> Result<f64> {
    let mut peer = Peer::start(program, arguments, server).await?;
    let crowd = crowd::Crowd::gather(peer.address, &peer.path, connections, peer.greetings()).await?;
    ensure!(crowd.len() == connections, "only {} of {connections} could connect", crowd.len());
    peer.play(&crowd, 4, 1).await?;
    let before = peer.ask("cpu").await?;
    let broadcasts = (FRAMES / connections).max(50);
    peer.play(&crowd, broadcasts, in_flight).await?;
    let used = peer.ask("cpu").await? - before;
    Ok(used / (broadcasts * connections) as f64)
}

/// Resident bytes per connection, how many connected, in how many seconds.
async fn weight(program: &Path, arguments: &[&str], server: Server) -> Result<(f64, usize, f64)> {
    let mut peer = Peer::start(program, arguments, server).await?;
    let first = crowd::Crowd::gather(peer.address, &peer.path, 100, peer.greetings()).await?;
    peer.play(&first, 4, 1).await?;
    let before = peer.ask("rss").await?;
    let started = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let crowd = crowd::Crowd::gather(peer.address, &peer.path, MANY, peer.greetings()).await?;
    let ended = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = (ended.tv_sec - started.tv_sec) as f64 + (ended.tv_nsec - started.tv_nsec) as f64 / 1e9;
    // Everybody is served, so everybody's memory is really there.
    peer.play(&crowd, 4, 1).await?;
    let bytes = (peer.ask("rss").await? - before) / crowd.len() as f64;
    Ok((bytes, crowd.len(), seconds))
}

/// A server in a process of its own, told what to do over a line of text.
struct Peer {
    server: Server,
    child: Child,
    address: SocketAddr,
    path: String,
    lines: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
}

impl Peer {
    async fn start(program: &Path, arguments: &[&str], server: Server) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let name = if server == Server::Ours { "ours" } else { "bare" };
        let child = Command::new(program)
            .args(arguments)
            .args([name, &listener.local_addr()?.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("{} could not be started", program.display()))?;
        let (control, _) = listener.accept().await?;
        let (read, orders) = control.into_split();
        let mut lines = BufReader::new(read).lines();
        let hello = lines.next_line().await?.context("the server ended before it was ready")?;
        let (address, path) = hello.split_once(' ').context("the server says where it is")?;
        Ok(Self { server, child, address: address.parse()?, path: path.to_owned(), lines, orders })
    }

    /// How many frames a page gets before the first broadcast.
    fn greetings(&self) -> usize {
        usize::from(self.server == Server::Ours)
    }

    async fn order(&mut self, order: &str) -> Result<()> {
        Ok(self.orders.write_all(format!("{order}\n").as_bytes()).await?)
    }

    async fn ask(&mut self, question: &str) -> Result<f64> {
        self.order(question).await?;
        Ok(self.lines.next_line().await?.context("the server ended")?.parse()?)
    }

    /// Lets the server broadcast so many times, so many at once, until everybody got everything.
    async fn play(&mut self, crowd: &crowd::Crowd, broadcasts: usize, in_flight: usize) -> Result<()> {
        let first = crowd.heard();
        let mut sent = 0;
        while sent < broadcasts {
            let done = crowd.heard() - first;
            while sent < broadcasts && sent - done < in_flight {
                self.order("show").await?;
                sent += 1;
            }
            crowd.wait(first + done + 1).await?;
        }
        crowd.wait(first + broadcasts).await
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Report {
    /// The measurements as rows of the table.
    pub(super) fn rows(&self) -> Vec<super::row::Row> {
        use super::row::{Row as Line, Target};
        let fan_out = |row: &Row| Line {
            name: format!("overlay: CPU seconds per million frames, {} pages, {} in flight", row.connections, row.in_flight),
            ours: row.ours,
            bare: Some(row.bare),
            target: Target::Ratio(if row.in_flight == 1 { 1.0 } else { 0.6 }),
        };
        let line = |name: &str, ours: f64, bare: Option<f64>, target: Target| Line { name: name.to_owned(), ours, bare, target };
        let mut lines: Vec<_> = self.rows.iter().map(fan_out).collect();
        lines.push(line("overlay: KiB resident per page", self.ours_bytes / 1024.0, Some(self.bare_bytes / 1024.0), Target::AtMost(16.0)));
        lines.push(line(
            &format!("overlay: pages connected of {MANY}, in {:.1} s", self.seconds),
            self.connected as f64,
            None,
            Target::AtLeast(MANY as f64),
        ));
        lines
    }
}
