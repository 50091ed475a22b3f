//! `waddlebot inspect`: who lives on a running node, as a tree; or what one actor remembers.

mod tree;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::KeyRole;

use crate::client::access::{Access, Reach};
use crate::client::{Client, ClientError};
use crate::config::Flags;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  waddlebot inspect                        everybody, who supervises whom
  waddlebot inspect --watch                the same, every two seconds
  waddlebot inspect --node n2               those of one node of a cluster
  waddlebot inspect local:lobby             one actor and its memory, secrets hidden
  waddlebot inspect --json | jq '.actors[] | select(.mailbox > 0)'";

/// Who, and how.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Asked {
    /// One actor, by its key
    #[arg(value_name = "KEY")]
    actor: Option<String>,

    /// Of this node only
    #[arg(long, value_name = "NODE")]
    node: Option<String>,

    /// As JSON, as the API answers
    #[arg(long)]
    json: bool,

    /// Again and again, every so many seconds, until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,

    #[command(flatten)]
    reach: Reach,
}

/// One actor, as `/admin/actors` tells of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Actor {
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) node: String,
    pub(super) parent: Option<String>,
    pub(super) state: String,
    pub(super) mailbox: u64,
    pub(super) handled: u64,
    pub(super) rate: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) restarts: u64,
    pub(super) last_error: Option<String>,
    pub(super) epoch: Option<i64>,
}

/// How a node answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    node: String,
    why: Option<String>,
}

/// Shows it, once or until a signal.
pub(crate) async fn run(asked: Asked, flags: &Flags, closing: CancellationToken) -> Result<()> {
    let access = Access::open(&asked.reach, flags, KeyRole::Admin).await?;
    let looked = tokio::select! {
        looked = look(&asked, &access.client) => looked,
        () = closing.cancelled() => Ok(()),
    };
    access.close().await;
    looked
}

async fn look(asked: &Asked, client: &Client) -> Result<()> {
    let clock = Clock::real();
    loop {
        let shown = match &asked.actor {
            Some(key) => one(client, key, asked).await?,
            None => all(client, asked).await?,
        };
        let Some(seconds) = asked.watch else { return terminal::text(&shown) };
        // Home, the new text over the old, and nothing left below it.
        let (before, after) = if terminal::is_seen() { ("\u{1b}[H\u{1b}[2J", "") } else { ("", "\n") };
        terminal::text(&format!("{before}{shown}{after}"))?;
        clock.sleep(Duration::from_secs(seconds)).await;
    }
}

fn at(asked: &Asked) -> [(&'static str, String); 1] {
    [("node", asked.node.clone().unwrap_or_default())]
}

async fn all(client: &Client, asked: &Asked) -> Result<String> {
    let answer: Value = client.find(&["admin", "actors"], &at(asked)).await?;
    if asked.json {
        return pretty(&answer);
    }
    let actors: Vec<Actor> = serde_json::from_value(answer["actors"].clone())?;
    let told: Vec<Told> = serde_json::from_value(answer["nodes"].clone()).unwrap_or_default();
    let silent = told.into_iter().filter_map(|one| Some(format!("{}: {}\n", terminal::plain(&one.node), terminal::plain(&one.why?))));
    Ok(tree::table(actors) + &silent.collect::<String>())
}

async fn one(client: &Client, key: &str, asked: &Asked) -> Result<String> {
    let answer: Value = match client.find(&["admin", "actors", key], &at(asked)).await {
        Err(ClientError::Refused { status: StatusCode::NOT_FOUND, message }) => {
            bail!("{message}; `waddlebot inspect` shows who does")
        }
        answer => answer?,
    };
    if asked.json {
        return pretty(&answer);
    }
    let actor: Actor = serde_json::from_value(answer["actor"].clone())?;
    let memory = match &answer["memory"] {
        Value::Null => "it did not answer within a second: it is busy with one order\n".to_owned(),
        memory => pretty(memory)?,
    };
    Ok(format!("{}memory\n{memory}", tree::sheet(&actor)))
}

/// JSON in lines, none of which can steer the terminal.
fn pretty(value: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(text.lines().map(|line| terminal::plain(line) + "\n").collect())
}
