//! A connection that ends when nobody waits for its answer any more: what a caller who gave up left behind would stay for as
//! long as the answer takes. Looked at now and then and only while one is worked on; each look costs a call of the system.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::socket::Peer;

/// How many requests a connection brought, and how many of them are answered. Cloning shares it.
#[derive(Clone, Default)]
pub(super) struct Requests(Arc<(AtomicU64, AtomicU64)>);

impl Requests {
    /// One came; it is answered when what this gives has ended.
    pub(super) async fn answered<T>(self, answer: impl Future<Output = T>) -> T {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        let answer = answer.await;
        self.0.1.fetch_add(1, Ordering::Relaxed);
        answer
    }

    /// The number of the one that is worked on.
    fn open(&self) -> Option<u64> {
        let came = self.0.0.load(Ordering::Relaxed);
        (came != self.0.1.load(Ordering::Relaxed)).then_some(came)
    }
}

/// A connection, and whether somebody is at its other end.
pub(super) struct Attended<C> {
    connection: Pin<Box<C>>,
    peer: Peer,
    requests: Requests,
    alarm: Pin<Box<Sleep>>,
    /// An answer that is worked on for longer is looked after.
    slow: Duration,
    /// The request for which the alarm was set.
    asked: Option<u64>,
}

impl<C> Attended<C> {
    pub(super) fn new(connection: C, peer: Peer, requests: Requests, slow: Duration) -> Self {
        Self { connection: Box::pin(connection), peer, requests, alarm: Box::pin(sleep(slow)), slow, asked: None }
    }
}

impl<C: Future> Future for Attended<C> {
    /// What the connection ended with; nothing when who asked has gone.
    type Output = Option<C::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(ended) = self.connection.as_mut().poll(context) {
            return Poll::Ready(Some(ended));
        }
        while let Some(open) = self.requests.open() {
            if self.asked.is_some() && self.alarm.as_mut().poll(context).is_pending() {
                break;
            }
            if self.asked == Some(open) && self.peer.has_left(context) {
                return Poll::Ready(None);
            }
            self.asked = Some(open);
            let next = Instant::now() + self.slow;
            self.alarm.as_mut().reset(next);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::server::socket::Socket;

    const SLOW: Duration = Duration::from_millis(10);
    /// Time for some looks; what must happen has a minute.
    const MOMENT: Duration = Duration::from_millis(200);

    async fn ends() -> (TcpStream, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let caller = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        (caller, Socket::new(listener.accept().await.expect("accepted").0))
    }

    #[tokio::test]
    async fn a_slow_answer_is_worked_on_while_somebody_waits_and_no_longer() {
        let (mut caller, socket) = ends().await;
        let requests = Requests::default();
        let answer = requests.clone().answered(pending::<()>());
        let mut connection = Box::pin(Attended::new(answer, socket.peer(), requests, SLOW));
        assert!(timeout(MOMENT, &mut connection).await.is_err(), "who asked is there");
        caller.write_all(b"and another thing").await.expect("sent");
        assert!(timeout(MOMENT, &mut connection).await.is_err(), "who asked says more");
        let mut read = vec![0; 64];
        let mut socket = socket;
        tokio::io::AsyncReadExt::read(&mut socket, &mut read).await.expect("read");
        drop(caller);
        assert_eq!(timeout(Duration::from_secs(60), &mut connection).await.expect("it ends"), None);
    }

    #[tokio::test]
    async fn nobody_looks_after_a_connection_that_is_at_rest() {
        let (caller, socket) = ends().await;
        drop(caller);
        let mut connection = Box::pin(Attended::new(pending::<()>(), socket.peer(), Requests::default(), SLOW));
        assert!(timeout(MOMENT, &mut connection).await.is_err(), "hyper itself reads what comes then");
    }
}
