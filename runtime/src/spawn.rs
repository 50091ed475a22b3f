//! The one place that starts a task, so that every task has a name and a panic in it is told.

use tokio::task::JoinHandle;
use tracing::Instrument;

/// Starts a task outside any actor: a socket's loop, a flush, a wait.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub fn task<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future.instrument(tracing::trace_span!("task", name)))
}
