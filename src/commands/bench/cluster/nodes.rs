//! Three nodes of this program on one machine, started and stopped together.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use waddlebot_runtime::clock::Clock;

use super::super::process::{Folder, Measured, node};
use super::super::start::{free_address, healthy};

/// How many there are.
const MANY: usize = 3;

/// The nodes; they end with this value.
pub(super) struct Nodes {
    program: PathBuf,
    folder: Folder,
    environment: Vec<(&'static str, String)>,
    addresses: [SocketAddr; MANY],
    peers: [SocketAddr; MANY],
    running: [Option<Measured>; MANY],
}

impl Nodes {
    /// Three that may hold all claims with one of them gone.
    pub(super) fn new(program: &Path, database: &str, redis: &str, claims: i64) -> Result<Self> {
        let three = || -> Result<[SocketAddr; MANY]> { Ok([free_address()?, free_address()?, free_address()?]) };
        let (addresses, peers) = (three()?, three()?);
        let environment = vec![
            ("DATABASE_URL", database.to_owned()),
            ("REDIS_URL", redis.to_owned()),
            ("WADDLEBOT_SECRET_KEY", "a secret that the nodes of the bench share".to_owned()),
            ("CLUSTER_NAME", "bench".to_owned()),
            ("CLUSTER_COOKIE", "a cookie that the nodes of the bench share".to_owned()),
            ("CLUSTER_SEEDS", peers[0].to_string()),
            ("MAX_CLAIMS", (claims + 20_000).to_string()),
        ];
        let running = [const { None }; MANY];
        Ok(Self { program: program.to_owned(), folder: Folder::make("cluster")?, environment, addresses, peers, running })
    }

    /// Starts all, and waits until they are healthy.
    pub(super) async fn start(&mut self, clock: &Clock) -> Result<()> {
        for at in 0..MANY {
            let data = self.folder.path().join(name(at));
            let mut command = node(&self.program, &data, &self.addresses[at].to_string());
            command.args(["--set", "limits.commands=0", "--set", "limits.api_services=0"]);
            command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
            command.env("NODE_ID", name(at)).env("CLUSTER_LISTEN", self.peers[at].to_string());
            let mut process = Measured::start(&mut command)?;
            healthy(self.addresses[at], &mut process, clock).await?;
            self.running[at] = Some(process);
        }
        Ok(())
    }

    /// Stops those that run, in order.
    pub(super) async fn stop(&mut self, clock: &Clock) -> Result<()> {
        for running in &mut self.running {
            if let Some(mut process) = running.take() {
                process.stop(clock).await?;
            }
        }
        Ok(())
    }

    /// Ends one as a crash would.
    pub(super) fn kill(&mut self, at: usize) {
        self.running[at] = None;
    }

    /// A key for events.
    pub(super) fn key(&self) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["key", "create", "--role", "trigger", "--name", "bench", "--data"]).arg(self.folder.path().join("key"));
        command.envs(self.environment.iter().map(|(name, value)| (*name, value))).env("NODE_ID", "key");
        let made = command.output()?;
        ensure!(made.status.success(), "no key could be made: {}", String::from_utf8_lossy(&made.stderr));
        Ok(String::from_utf8(made.stdout)?.trim().to_owned())
    }

    /// Resident bytes of all.
    pub(super) fn resident(&self) -> Result<f64> {
        self.running.iter().flatten().map(|process| Ok(process.resident()? as f64)).sum()
    }

    pub(super) fn one(&self, at: usize) -> Result<&Measured> {
        self.running[at].as_ref().context("this node runs")
    }

    pub(super) fn address(&self, at: usize) -> SocketAddr {
        self.addresses[at]
    }

    pub(super) fn position(&self, id: &str) -> Option<usize> {
        (0..MANY).find(|at| name(*at) == id)
    }
}

fn name(at: usize) -> String {
    format!("n{}", at + 1)
}
