//! Many overlay pages in one process, as cheap as they can be: sockets that count the frames they get.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use waddlebot_runtime::spawn;

/// Pages that are connected.
pub(super) struct Crowd {
    tally: Arc<Tally>,
    pages: Vec<JoinHandle<()>>,
}

struct Tally {
    people: usize,
    /// How many pages got the n-th broadcast.
    got: Vec<AtomicU32>,
    /// How many broadcasts everybody got.
    heard: AtomicUsize,
    news: Notify,
}

/// The most broadcasts one crowd can count.
const MOST: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(60);

impl Crowd {
    /// Connects so many pages; each gets `greetings` frames that are not counted.
    pub(super) async fn gather(address: SocketAddr, path: &str, people: usize, greetings: usize) -> Result<Self> {
        let got = (0..MOST).map(|_| AtomicU32::new(0)).collect();
        let tally = Arc::new(Tally { people, got, heard: AtomicUsize::new(0), news: Notify::new() });
        let turns = Arc::new(Semaphore::new(128));
        let mut arriving = Vec::with_capacity(people);
        for _ in 0..people {
            let (turns, path, tally) = (turns.clone(), path.to_owned(), tally.clone());
            arriving.push(spawn::task("page", async move {
                let turn = turns.acquire_owned().await;
                let arrived = connect(address, &path, greetings).await;
                drop(turn);
                arrived.map(|(stream, rest)| spawn::task("page", listen(stream, rest, tally)))
            }));
        }
        let mut pages = Vec::with_capacity(people);
        for page in arriving {
            match page.await? {
                Ok(page) => pages.push(page),
                Err(error) => tracing::debug!(%error, "a page was refused"),
            }
        }
        Ok(Self { tally, pages })
    }

    /// How many are connected.
    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }

    /// How many broadcasts everybody got.
    pub(super) fn heard(&self) -> usize {
        self.tally.heard.load(Relaxed)
    }

    /// Waits until everybody got so many.
    pub(super) async fn wait(&self, broadcasts: usize) -> Result<()> {
        let all = async {
            loop {
                let news = self.tally.news.notified();
                if self.heard() >= broadcasts {
                    return;
                }
                news.await;
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            bail!("after {PATIENCE:?} only {} of {broadcasts} broadcasts had reached everybody", self.heard());
        }
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.pages.iter().for_each(JoinHandle::abort);
    }
}

impl Tally {
    fn note(&self, broadcast: usize) {
        if self.got[broadcast].fetch_add(1, Relaxed) + 1 == self.people as u32 {
            // Everybody gets them in order, so the last to be complete is the newest.
            self.heard.fetch_max(broadcast + 1, Relaxed);
            self.news.notify_one();
        }
    }
}

async fn connect(address: SocketAddr, path: &str, greetings: usize) -> Result<(TcpStream, Frames)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let (mut read, mut chunk) = (Vec::new(), [0; 1024]);
    let body = loop {
        let size = stream.read(&mut chunk).await?;
        if size == 0 {
            bail!("refused: {}", String::from_utf8_lossy(&read));
        }
        read.extend_from_slice(&chunk[..size]);
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    if !read.starts_with(b"HTTP/1.1 101") {
        bail!("refused: {}", String::from_utf8_lossy(&read));
    }
    let mut frames = Frames::default();
    let mut seen = frames.add(&read[body..]);
    while seen < greetings {
        let size = stream.read(&mut chunk).await?;
        if size == 0 {
            bail!("closed before the greeting");
        }
        seen += frames.add(&chunk[..size]);
    }
    Ok((stream, frames))
}

async fn listen(stream: TcpStream, mut frames: Frames, tally: Arc<Tally>) {
    let mut broadcast = 0;
    while stream.readable().await.is_ok() {
        let mut chunk = [0; 8192];
        match stream.try_read(&mut chunk) {
            Ok(0) => return,
            Ok(size) => {
                for _ in 0..frames.add(&chunk[..size]) {
                    if broadcast < MOST {
                        tally.note(broadcast);
                    }
                    broadcast += 1;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Counts text frames in what a server sends: headers may be torn over reads.
#[derive(Default)]
struct Frames {
    head: Vec<u8>,
    left: usize,
    is_text: bool,
}

impl Frames {
    fn add(&mut self, mut bytes: &[u8]) -> usize {
        let mut ended = 0;
        loop {
            if self.left > 0 {
                let taken = self.left.min(bytes.len());
                bytes = &bytes[taken..];
                self.left -= taken;
                if self.left > 0 {
                    return ended;
                }
                ended += usize::from(self.is_text);
            }
            while !bytes.is_empty() && !self.is_whole() {
                self.head.push(bytes[0]);
                bytes = &bytes[1..];
            }
            if !self.is_whole() {
                return ended;
            }
            self.is_text = self.head[0] & 0x0f == 1;
            self.left = match self.head[1] & 0x7f {
                126 => usize::from(u16::from_be_bytes([self.head[2], self.head[3]])),
                short => usize::from(short),
            };
            self.head.clear();
            if self.left == 0 {
                ended += usize::from(self.is_text);
                if bytes.is_empty() {
                    return ended;
                }
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.head.len() >= if self.head.get(1).is_some_and(|length| length & 0x7f == 126) { 4 } else { 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_however_they_are_torn() {
        let mut bytes = vec![0x81, 3, b'a', b'b', b'c', 0x89, 0, 0x81, 0, 0x81, 126, 1, 0];
        bytes.extend(vec![b'x'; 256]);
        for size in 1..bytes.len() {
            let mut frames = Frames::default();
            assert_eq!(bytes.chunks(size).map(|chunk| frames.add(chunk)).sum::<usize>(), 3, "in pieces of {size}");
        }
    }
}
