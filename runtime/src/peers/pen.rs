//! Writes frames to a connection, many at once, and gives up on who does not read them.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, WriteHalf};
use tokio::sync::mpsc;

use super::secure::Wire;

/// How long a peer may not read.
const UNREAD: Duration = Duration::from_secs(3);
/// How much is written at once.
const CHUNK: usize = 64 * 1024;

/// Frames for one connection. How much may wait is the business of who writes: of callers by their
/// credit, of who answers by the room it keeps for answers.
#[derive(Clone)]
pub(super) struct Pen(mpsc::UnboundedSender<(Vec<u8>, Held)>);

/// What is given back when a frame is written, or nothing.
pub(super) type Held = Option<Box<dyn Send + Sync>>;

impl Pen {
    /// Writes a frame after all that were written before.
    pub(super) fn write(&self, frame: Vec<u8>) -> bool {
        self.0.send((frame, None)).is_ok()
    }

    /// The same; `held` is dropped once it is written.
    pub(super) fn write_holding(&self, frame: Vec<u8>, held: impl Send + Sync + 'static) {
        self.0.send((frame, Some(Box::new(held)))).ok();
    }
}

/// A pen, and the work that carries to the connection what it writes: it ends with an error only.
pub(super) fn pen(mut to: WriteHalf<Wire>) -> (Pen, impl Future<Output = io::Error> + Send) {
    let (sender, mut frames) = mpsc::unbounded_channel::<(Vec<u8>, Held)>();
    let work = async move {
        while let Some((mut chunk, first)) = frames.recv().await {
            let mut held: Vec<_> = first.into_iter().collect();
            while chunk.len() < CHUNK
                && let Ok((more, next)) = frames.try_recv()
            {
                chunk.extend_from_slice(&more);
                held.extend(next);
            }
            let write = async {
                to.write_all(&chunk).await?;
                to.flush().await
            };
            match tokio::time::timeout(UNREAD, write).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(_) => return io::Error::new(io::ErrorKind::TimedOut, "it does not read"),
            }
        }
        io::Error::other("nobody writes any more")
    };
    (Pen(sender), work)
}
