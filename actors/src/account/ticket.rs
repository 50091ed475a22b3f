//! A line that an account was given: who gave it may take it back until it is on its way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::platform::PlatformError;

/// What became of a line; an error of the channel says that the account has ended.
pub(crate) type Answer = Result<Result<(), PlatformError>, oneshot::error::RecvError>;

/// The giver's end; comes true with what became of the line.
#[derive(Debug)]
pub struct Ticket {
    place: Arc<Place>,
    answer: oneshot::Receiver<Result<(), PlatformError>>,
}

/// The account's end.
#[derive(Debug)]
pub struct Stub {
    place: Arc<Place>,
    answer: oneshot::Sender<Result<(), PlatformError>>,
}

/// Where the line is.
#[derive(Debug, Default)]
struct Place {
    /// Whether the platform has it, and nobody knows yet what it does with it.
    on_its_way: Mutex<bool>,
    wanted_back: CancellationToken,
}

/// Both ends of one.
#[must_use]
pub fn ticket() -> (Stub, Ticket) {
    let place = Arc::<Place>::default();
    let (sender, receiver) = oneshot::channel();
    (Stub { place: place.clone(), answer: sender }, Ticket { place, answer: receiver })
}

impl Ticket {
    /// Takes the line back. `false` when it is on its way: it is not said again should the platform not have taken it.
    pub(crate) fn take_back(&self) -> bool {
        let on_its_way = self.place.on_its_way.lock();
        self.place.wanted_back.cancel();
        !*on_its_way
    }
}

impl Future for Ticket {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.answer).poll(cx)
    }
}

impl Stub {
    /// The line goes to the platform now; `false` when it was taken back.
    pub(super) fn leaves(&self) -> bool {
        let mut on_its_way = self.place.on_its_way.lock();
        *on_its_way = !self.place.wanted_back.is_cancelled();
        *on_its_way
    }

    /// The platform did not take it.
    pub(super) fn stays(&self) {
        *self.place.on_its_way.lock() = false;
    }

    /// Whether its giver wants it back.
    pub(super) fn is_wanted_back(&self) -> bool {
        self.place.wanted_back.is_cancelled()
    }

    /// Waits until its giver wants it back.
    pub(super) async fn wanted_back(&self) {
        self.place.wanted_back.cancelled().await;
    }

    /// Tells what became of it.
    pub(super) fn became(self, what: Result<(), PlatformError>) {
        // Who took it back does not ask any more.
        self.answer.send(what).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_back_before_it_leaves_and_never_while_it_is_on_its_way() {
        let (stub, early) = ticket();
        assert!(early.take_back());
        assert!(!stub.leaves(), "what was taken back does not leave");

        let (stub, late) = ticket();
        assert!(stub.leaves());
        assert!(!late.take_back(), "the platform has it");
        stub.stays();
        assert!(stub.is_wanted_back() && !stub.leaves(), "what the platform did not take goes back");
    }

    #[tokio::test]
    async fn who_gave_a_line_learns_what_became_of_it() {
        let (stub, line) = ticket();
        stub.became(Ok(()));
        assert_eq!(line.await, Ok(Ok(())));
        let (stub, line) = ticket();
        drop(stub);
        assert!(line.await.is_err(), "the account has ended");
    }
}
