//! `waddlebot cluster`: nodes and claims of a running cluster, and what an operator may do about them.

mod shown;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::KeyRole;

use crate::client::Client;
use crate::client::access::{Access, Reach};
use crate::config::Flags;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  waddlebot cluster status                      nodes, what each holds, what failed
  waddlebot cluster claims --search ducks       who holds what, page by page
  waddlebot cluster drain n2                    n2 hands everything over and stays; waits until it has
  waddlebot cluster undrain n2                  n2 takes part again
  waddlebot cluster move community:2 n3         a community and its channels go to n3
  waddlebot cluster clear community:2           what failed too often may be served again
  waddlebot cluster status --json | jq '.nodes[] | {node, state}'";

/// How long a drain is waited for, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(500);

/// What to do.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Asked {
    #[command(subcommand)]
    what: What,

    /// As JSON, as the API answers
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The nodes, how many claims each holds, and what failed
    Status,
    /// Who holds what
    Claims {
        /// A part of the entity
        #[arg(long, default_value = "")]
        search: String,
        /// Held by this node
        #[arg(long, default_value = "")]
        node: String,
        /// The first so many are left out
        #[arg(long, default_value_t = 0)]
        offset: u64,
    },
    /// Who held what, the latest first
    History {
        /// One entity
        #[arg(default_value = "")]
        entity: String,
    },
    /// Has a node hand everything over and stay
    Drain {
        /// The node
        node: String,
        /// Do not wait until it has
        #[arg(long)]
        no_wait: bool,
    },
    /// Has a node that was drained take part again
    Undrain {
        /// The node
        node: String,
    },
    /// Hands a community and its channels to a node
    Move {
        /// The community, or one of its channels
        entity: String,
        /// The node
        node: String,
    },
    /// Lets something that failed too often be served again
    Clear {
        /// What
        entity: String,
    },
}

/// Does it.
pub(crate) async fn run(asked: Asked, flags: &Flags) -> Result<()> {
    let access = Access::open(&asked.reach, flags, KeyRole::Admin).await?;
    let done = perform(&asked, &access.client).await;
    access.close().await;
    terminal::text(&done?)
}

async fn perform(asked: &Asked, client: &Client) -> Result<String> {
    let page = |offset: u64| ("offset", offset.to_string());
    let (answer, told): (Value, String) = match &asked.what {
        What::Status => {
            let answer: Value = client.find(&["api", "v1", "cluster"], &[]).await?;
            let told = shown::status(&answer);
            (answer, told)
        }
        What::Claims { search, node, offset } => {
            let query = [("search", search.clone()), ("node", node.clone()), page(*offset)];
            let answer: Value = client.find(&["api", "v1", "cluster", "claims"], &query).await?;
            let told = shown::claims(&answer, *offset);
            (answer, told)
        }
        What::History { entity } => {
            let answer: Value = client.find(&["api", "v1", "cluster", "history"], &[("entity", entity.clone())]).await?;
            let told = shown::history(&answer);
            (answer, told)
        }
        What::Drain { node, no_wait } => {
            let answer: Value = client.post(&["api", "v1", "cluster", "nodes", node, "drain"], &json!({})).await?;
            if !no_wait {
                drained(client, node).await?;
            }
            (answer, format!("{} holds nothing any more; `waddlebot cluster undrain` has it take part again\n", terminal::plain(node)))
        }
        What::Undrain { node } => {
            let answer = client.post(&["api", "v1", "cluster", "nodes", node, "undrain"], &json!({})).await?;
            (answer, format!("{} takes part again\n", terminal::plain(node)))
        }
        What::Move { entity, node } => {
            let answer: Value = client.post(&["api", "v1", "cluster", "claims", "move"], &json!({"entity": entity, "to": node})).await?;
            let told = match answer["moved"].as_u64() {
                Some(0) => format!("{} is there already\n", terminal::plain(entity)),
                many => format!("{} claims went to {}\n", many.unwrap_or_default(), terminal::plain(node)),
            };
            (answer, told)
        }
        What::Clear { entity } => {
            let answer = client.post(&["api", "v1", "cluster", "claims", "clear"], &json!({"entity": entity})).await?;
            (answer, format!("{} may be served again\n", terminal::plain(entity)))
        }
    };
    if !asked.json {
        return Ok(told);
    }
    let text = serde_json::to_string_pretty(&answer)?;
    Ok(text.lines().map(|line| terminal::plain(line) + "\n").collect())
}

/// Waits until a node holds nothing.
async fn drained(client: &Client, node: &str) -> Result<()> {
    let clock = Clock::real();
    let began = clock.since_boot();
    while clock.since_boot().saturating_sub(began) < PATIENCE {
        let answer: Value = client.find(&["api", "v1", "cluster"], &[]).await?;
        let nodes = answer["nodes"].as_array().cloned().unwrap_or_default();
        let row = nodes.iter().find(|one| one["node"] == *node);
        if row.and_then(|one| one["claims"].as_object()).is_none_or(|held| held.is_empty()) {
            return Ok(());
        }
        if row.is_some_and(|one| one["state"] == "up") {
            bail!("{node} was told to take part again before everything was handed over");
        }
        clock.sleep(LOOK).await;
    }
    bail!("{node} still holds something after {} s; `waddlebot cluster status` shows what", PATIENCE.as_secs())
}
