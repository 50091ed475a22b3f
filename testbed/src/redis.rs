//! A Redis server that keeps nothing on disk.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use crate::network::Place;
use crate::process::{Process, Recipe, folder, free_port};
use crate::program;

/// A running Redis.
pub struct Redis {
    process: Process,
    at: SocketAddr,
    _folder: TempDir,
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it is not installed or does not come up.
    pub fn start() -> Self {
        Self::start_at(&Place::here())
    }

    /// As [`Redis::start`], in this place.
    pub fn start_at(place: &Place) -> Self {
        let folder = folder("redis");
        let port = if place.is_apart() { 6379 } else { free_port() };
        let at = SocketAddr::from((place.address(), port));
        // A place in a network may be given further addresses; nobody else is in that network.
        let bind = if place.is_apart() { "0.0.0.0" } else { "127.0.0.1" };
        let recipe = Recipe {
            name: "redis-server",
            program: program::find("redis-server", "redis-server"),
            args: ["--port", &port.to_string(), "--bind", bind, "--protected-mode", "no", "--save", "", "--appendonly", "no"]
                .map(str::to_owned)
                .to_vec(),
            environment: None,
            user: None,
            place: place.clone(),
        };
        let mut process = Process::start(recipe, folder.path());
        process.wait_ready(|_| answers(at));
        Self { process, at, _folder: folder }
    }

    /// `redis://127.0.0.1:PORT`, or the address of its place.
    pub fn url(&self) -> String {
        format!("redis://{}", self.at)
    }

    /// The port it listens at.
    pub fn port(&self) -> u16 {
        self.at.port()
    }

    /// Stops it; what it held is gone.
    pub fn stop(&mut self) {
        self.process.terminate();
    }

    /// Starts it again, empty, on the same port.
    pub fn start_again(&mut self) {
        self.process.start_again();
        let at = self.at;
        self.process.wait_ready(|_| answers(at));
    }
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let mut answer = [0; 7];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"+PONG\r\n"
}
