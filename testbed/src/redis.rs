//! A Redis server that keeps nothing on disk.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, Recipe, folder, free_port};
use crate::program;

/// A running Redis.
pub struct Redis {
    process: Process,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it is not installed or does not come up.
    pub fn start() -> Self {
        let folder = folder("redis");
        let port = free_port();
        let recipe = Recipe {
            name: "redis-server",
            program: program::find("redis-server", "redis-server"),
            args: ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"].map(str::to_owned).to_vec(),
            environment: None,
            user: None,
        };
        let mut process = Process::start(recipe, folder.path());
        process.wait_ready(|_| answers(port));
        Self { process, port, _folder: folder }
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it; what it held is gone.
    pub fn stop(&mut self) {
        self.process.terminate();
    }

    /// Starts it again, empty, on the same port.
    pub fn start_again(&mut self) {
        self.process.start_again();
        let port = self.port;
        self.process.wait_ready(|_| answers(port));
    }
}

fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let mut answer = [0; 7];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"+PONG\r\n"
}
