//! WaddleBot: a community bot in one binary.

mod api;
mod hub;
mod program;
mod residence;
mod server;

use std::path::PathBuf;

use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[arg(default_value = "run")]
    command: String,
    #[arg(long, default_value = "data")]
    data: PathBuf,
    #[arg(long, default_value = "127.0.0.1:8060")]
    listen: std::net::SocketAddr,
}

fn main() -> anyhow::Result<()> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let closing = tokio_util::sync::CancellationToken::new();
    let stop = closing.clone();
    let program = runtime.spawn(program::run(program::Options { data: cli.data, listen: cli.listen }, closing));
    runtime.block_on(async {
        tokio::pin!(program);
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            done = &mut program => return done?,
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
        stop.cancel();
        program.await?
    })
}
