//! A connection's socket: hyper reads and writes it, and who waits for an answer can be seen to have gone.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Both directions, for hyper.
pub(crate) struct Socket {
    read: Arc<Mutex<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

/// The other side, as far as it can be heard and the socket is there.
pub(super) struct Peer(Weak<Mutex<OwnedReadHalf>>);

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        let (read, write) = stream.into_split();
        Self { read: Arc::new(Mutex::new(read)), write }
    }

    pub(super) fn peer(&self) -> Peer {
        Peer(Arc::downgrade(&self.read))
    }

    /// The socket as the system gave it. Nothing while somebody looks whether the other side is there.
    pub(crate) fn into_inner(self) -> Option<TcpStream> {
        Arc::into_inner(self.read)?.into_inner().reunite(self.write).ok()
    }
}

impl Peer {
    /// Whether it says nothing more: it closed its side, or the connection is broken.
    pub(super) fn has_left(&self, context: &mut Context<'_>) -> bool {
        let mut letter = [0];
        let Some(socket) = self.0.upgrade() else { return false };
        let looked = socket.lock().as_ref().poll_peek(context, &mut ReadBuf::new(&mut letter));
        matches!(looked, Poll::Ready(Ok(0) | Err(_)))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.read.lock()).poll_read(context, into)
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
