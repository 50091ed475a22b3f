//! A connection's socket: hyper reads and writes it, and who waits for an answer can be seen to have gone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Both directions, for hyper.
pub(super) struct Socket {
    read: Peer,
    write: OwnedWriteHalf,
}

/// The other side, as far as it can be heard. Cloning shares it.
#[derive(Clone)]
pub(super) struct Peer(Arc<Mutex<OwnedReadHalf>>);

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        let (read, write) = stream.into_split();
        Self { read: Peer(Arc::new(Mutex::new(read))), write }
    }

    pub(super) fn peer(&self) -> Peer {
        self.read.clone()
    }
}

impl Peer {
    /// Whether it says nothing more: it closed its side, or the connection is broken.
    pub(super) fn has_left(&self, context: &mut Context<'_>) -> bool {
        let mut letter = [0];
        let looked = self.0.lock().as_ref().poll_peek(context, &mut ReadBuf::new(&mut letter));
        matches!(looked, Poll::Ready(Ok(0) | Err(_)))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.read.0.lock()).poll_read(context, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.write).poll_write(context, from)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.write).poll_write_vectored(context, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.write.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_shutdown(context)
    }
}
