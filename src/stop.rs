//! SIGTERM, Ctrl-C and a closed terminal: the first asks for an orderly end, the second ends at once.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::spawn;

/// Cancels `closing` at the first signal. Ends the process at the second, or at the first when what
/// runs does not end by itself. What lives `in_terminal` ends with it; a node may outlive the one it was started in (nohup).
pub(crate) async fn on_signals(closing: CancellationToken, winds_down: bool, in_terminal: bool) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    if in_terminal && let Ok(mut hangup) = signal(SignalKind::hangup()) {
        let closing = closing.clone();
        spawn::task("hangup", async move {
            hangup.recv().await;
            closing.cancel();
        });
    }
    let mut code = either(&mut terminate, &mut interrupt).await;
    if winds_down {
        closing.cancel();
        code = either(&mut terminate, &mut interrupt).await;
        eprintln!("stopped at once, at the second signal");
    }
    process::exit(code);
}

/// Waits for one of them; returns what a shell reports for a program that it ended.
async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> i32 {
    tokio::select! {
        _ = terminate.recv() => 128 + SignalKind::terminate().as_raw_value(),
        _ = interrupt.recv() => 128 + SignalKind::interrupt().as_raw_value(),
    }
}
