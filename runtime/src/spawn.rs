//! The one place that starts tasks and threads, so that every one has a name and a panic in it is told.

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

/// Starts a task on another runtime than the one this is called in.
pub fn task_on<F>(runtime: &tokio::runtime::Handle, name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    runtime.spawn(future.instrument(tracing::trace_span!("task", name)))
}

/// Does something that blocks (a file, a lock) on a thread that may.
pub fn blocking<T, F>(name: &'static str, work: F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(move || tracing::trace_span!("blocking", name).in_scope(work))
}

/// Starts a thread for what must go on while the runtime stands still.
///
/// # Errors
/// When the system gives no more threads.
pub fn thread<T, F>(name: &str, work: F) -> std::io::Result<std::thread::JoinHandle<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}
