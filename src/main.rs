//! temp
#![allow(dead_code)]
mod api; mod hub; mod overlay_pages;
mod commands { pub(crate) mod bench { pub(crate) mod overlay; } }
use commands::bench::overlay::*;
fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;


    let joined = runtime.block_on(async move { waddlebot_runtime::spawn::task("bench", async move {
        if args[1] == "serve" {
            let server = if args[2] == "ours" { Server::Ours } else { Server::Bare };
            serve(server, args[3].parse()?).await
        } else {
            println!("{}", measure(&std::env::current_exe()?, &["serve"]).await?);
            Ok(())
        }
    }).await });
    joined?
}
