//! A request's body that may pause only so long. There is a timer only while it is waited for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How long a body may pause.
const SILENCE: Duration = Duration::from_secs(10);

/// A body whose sender may not fall silent.
pub(super) struct Patient<B> {
    body: B,
    waits: Option<Pin<Box<Sleep>>>,
}

impl<B> Patient<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, waits: None }
    }
}

impl<B: HttpBody<Error: Into<BoxError>> + Unpin> HttpBody for Patient<B> {
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waits = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(SILENCE)));
        ready!(waits.as_mut().poll(context));
        Poll::Ready(Some(Err(format!("nothing more came for {} seconds", SILENCE.as_secs()).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
