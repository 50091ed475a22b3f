//! Who asks, as cheaply as it can be done: connections that are kept, requests that are written once and numbered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::spawn;

/// So many ask at once.
const CONNECTIONS: usize = 32;
/// Events of a batch.
const BATCH: usize = 100;
/// Where a message's number is put; as long as the number.
const NUMBER: &str = "##########";

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands::bench) enum Asked {
    /// One line of chat.
    Chat,
    /// One command that writes nothing.
    Command,
    /// A hundred lines of chat.
    Batch,
}

/// What came of it.
#[derive(Default)]
pub(in crate::commands::bench) struct Answered {
    /// How many events were answered.
    pub(in crate::commands::bench) events: u64,
    /// How long each request took.
    took: Vec<Duration>,
}

impl Answered {
    /// The time that 99 of 100 requests did not exceed.
    pub(in crate::commands::bench) fn slow(mut self) -> Duration {
        self.took.sort_unstable();
        self.took.get(self.took.len() * 99 / 100).copied().unwrap_or_default()
    }
}

/// Sends requests of one kind.
pub(in crate::commands::bench) struct Caller {
    address: SocketAddr,
    kind: Asked,
    key: String,
    next: Arc<AtomicU64>,
}

impl Caller {
    pub(in crate::commands::bench) fn new(address: SocketAddr, kind: Asked, key: &str) -> Self {
        Self { address, kind, key: key.to_owned(), next: Arc::default() }
    }

    /// Asks for so long on all connections.
    pub(in crate::commands::bench) async fn call_for(&self, clock: &Clock, time: Duration) -> Result<Answered> {
        let end = clock.since_boot() + time;
        let calls: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let request = self.request(connection);
                let (address, next, clock) = (self.address, self.next.clone(), clock.clone());
                let batch = self.kind == Asked::Batch;
                spawn::task("caller", async move { call(address, request, &next, batch, &clock, end).await })
            })
            .collect();
        let mut all = Answered::default();
        for call in calls {
            let one = call.await??;
            all.events += one.events;
            all.took.extend(one.took);
        }
        Ok(all)
    }

    fn request(&self, connection: usize) -> Vec<u8> {
        let text = if self.kind == Asked::Command { "!ping hello" } else { "what a lovely day to watch ducks, is it not?" };
        let event = format!(
            r#"{{"platform":"tube","server_id":"ducks{}","user_id":"u{connection}","user_name":"Ana{connection}","message_type":"chatMessage","message_content":"{text}","message_id":"{NUMBER}"}}"#,
            connection % 8
        );
        let (path, body) = match self.kind {
            Asked::Batch => ("/router/events/batch", format!(r#"{{"events":[{}]}}"#, vec![event; BATCH].join(","))),
            Asked::Chat | Asked::Command => ("/router/events", event),
        };
        let (address, key, length) = (self.address, &self.key, body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        (head + &body).into_bytes()
    }
}

async fn call(address: SocketAddr, mut request: Vec<u8>, next: &AtomicU64, batch: bool, clock: &Clock, end: Duration) -> Result<Answered> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let places: Vec<usize> =
        request.windows(NUMBER.len()).enumerate().filter(|(_, part)| *part == NUMBER.as_bytes()).map(|(at, _)| at).collect();
    let mut answer = Vec::with_capacity(64 * 1024);
    let mut answered = Answered::default();
    loop {
        let from = clock.since_boot();
        if from >= end {
            return Ok(answered);
        }
        let first = next.fetch_add(places.len() as u64, Relaxed);
        for (number, place) in (first..).zip(&places) {
            request[*place..*place + NUMBER.len()].copy_from_slice(format!("{number:010}").as_bytes());
        }
        stream.write_all(&request).await?;
        read(&mut stream, &mut answer).await?;
        ensure!(answer.starts_with(b"HTTP/1.1 200"), "refused: {}", String::from_utf8_lossy(&answer[..answer.len().min(600)]));
        let refused = || answer.windows(17).any(|part| part == b"\"processed\":false");
        ensure!(!batch || !refused(), "an event of a batch was refused");
        answered.events += places.len() as u64;
        answered.took.push(clock.since_boot() - from);
    }
}

/// Sends one request and reads its answer.
pub(in crate::commands::bench) async fn post(stream: &mut TcpStream, path: &str, key: &str, body: &str) -> Result<()> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let mut answer = Vec::new();
    read(stream, &mut answer).await?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "refused: {}", String::from_utf8_lossy(&answer[..answer.len().min(600)]));
    Ok(())
}

/// Reads one answer: its head, then as much as that says.
async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<()> {
    answer.clear();
    loop {
        ensure!(stream.read_buf(answer).await? > 0, "the connection was closed");
        let Some(head) = answer.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head])?;
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let length =
            lines.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length")).context("an answer says how long it is")?;
        let whole = head + 4 + length.1.trim().parse::<usize>()?;
        while answer.len() < whole {
            ensure!(stream.read_buf(answer).await? > 0, "the connection was closed");
        }
        return Ok(());
    }
}
