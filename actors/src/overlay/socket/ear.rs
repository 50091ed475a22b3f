//! Listens to a page: what it says goes to its ear, what breaks the rules ends in a close.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Socket, Wake};

/// The largest message a page may send, in bytes.
const LARGEST: usize = 64 * 1024;
/// How many messages are read from one page before others get their turn.
const TURN: usize = 32;

/// What the task that reads a page is told.
pub(in crate::overlay) trait Ear: Send {
    /// The page said something.
    fn said(&mut self, text: &str);
    /// The page was too slow and has caught up: it must be told what shows.
    fn caught_up(&mut self);
    /// The time, in milliseconds since boot.
    fn now(&self) -> i64;
}

/// Reads a page until it is gone.
pub(in crate::overlay) async fn listen(socket: Arc<Socket>, first: Bytes, mut ear: impl Ear) {
    let config = WebSocketConfig::default()
        .read_buffer_size(128)
        .write_buffer_size(0)
        .max_write_buffer_size(LARGEST * 2)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let mut web = Box::new(WebSocket::from_partially_read(Wire(socket.clone()), first.to_vec(), Role::Server, Some(config)));
    drop(first);
    // What came along with the request is looked at before the socket is waited for.
    let mut more = true;
    loop {
        if !more {
            match std::future::poll_fn(|cx| socket.poll(cx)).await {
                Wake::Closed => break,
                Wake::CaughtUp => {
                    ear.caught_up();
                    continue;
                }
                Wake::Read => {}
            }
        }
        match read(&mut web, &socket, &mut ear) {
            Turn::Over => more = false,
            Turn::More => {
                more = true;
                tokio::task::yield_now().await;
            }
            Turn::Gone => break,
            Turn::Deaf => {
                drop(web);
                ignore(&socket).await;
                break;
            }
        }
    }
    socket.cut();
}

/// Reads and forgets what still comes, so that the page gets our close and not a reset. The sweep ends it.
async fn ignore(socket: &Socket) {
    loop {
        match std::future::poll_fn(|cx| socket.poll(cx)).await {
            Wake::Closed => return,
            Wake::CaughtUp => {}
            Wake::Read if forget(socket) => tokio::task::yield_now().await,
            Wake::Read => return,
        }
    }
}

/// `false` when nothing will come any more. The buffer lives here and in no task.
fn forget(socket: &Socket) -> bool {
    match socket.stream.try_read(&mut [0; 4096]) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

enum Turn {
    /// Everything that came was read.
    Over,
    /// There may be more.
    More,
    /// The page is gone.
    Gone,
    /// It broke the rules and was told so: nothing it says counts any more.
    Deaf,
}

fn read(web: &mut WebSocket<Wire>, socket: &Socket, ear: &mut impl Ear) -> Turn {
    for _ in 0..TURN {
        match web.read() {
            Ok(Message::Text(text)) => {
                socket.heard.store(ear.now(), Relaxed);
                ear.said(text.as_str());
            }
            Ok(Message::Pong(_)) => {
                let pinged = socket.pinged.load(Relaxed);
                socket.pinged.store(-pinged.abs(), Relaxed);
            }
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Over,
            Err(Error::Capacity(_)) => {
                socket.close(1009, "message too large", ear.now());
                return Turn::Deaf;
            }
            Err(Error::Utf8(_)) => {
                socket.close(1007, "not UTF-8", ear.now());
                return Turn::Deaf;
            }
            Err(Error::Protocol(_)) => {
                socket.close(1002, "protocol error", ear.now());
                return Turn::Deaf;
            }
            Err(_) => return Turn::Gone,
        }
    }
    Turn::More
}

/// The library's view of the socket: it reads, and its own answers (pong, close) stand in line with the rest.
struct Wire(Arc<Socket>);

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.stream.try_read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(&Bytes::copy_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
