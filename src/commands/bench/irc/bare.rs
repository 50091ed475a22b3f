//! What the node is compared with: a loop over the `irc` crate's stream that answers `!ping` and does nothing else.

use std::net::SocketAddr;

use anyhow::Result;
use futures_util::StreamExt;
use irc::client::prelude::{Client, Command, Config};

/// Answers until the server hangs up.
pub(in crate::commands::bench) async fn bare(server: SocketAddr, channels: &str) -> Result<()> {
    let config = Config {
        nickname: Some("waddle".to_owned()),
        server: Some(server.ip().to_string()),
        port: Some(server.port()),
        channels: channels.split(',').map(str::to_owned).collect(),
        // Its own flood protection off, as ours is.
        max_messages_in_burst: Some(u32::MAX),
        burst_window_length: Some(1),
        ..Config::default()
    };
    let mut client = Client::from_config(config).await?;
    client.identify()?;
    let mut stream = client.stream()?;
    while let Some(message) = stream.next().await.transpose()? {
        if let Command::PRIVMSG(channel, text) = &message.command
            && text.starts_with("!ping")
        {
            client.send_privmsg(channel, "pong")?;
        }
    }
    Ok(())
}
