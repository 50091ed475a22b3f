//! `waddlebot rules`: lists a community's string rules and tries them out, beside a running node or without one.

use std::io::{BufRead as _, stdin};

use anyhow::{Result, bail};
use clap::Subcommand;
use waddlebot_actors::registry;
use waddlebot_actors::rules::table::{self, Kept, Wanted};
use waddlebot_actors::rules::trial::{self, LINES, Line, Tried};
use waddlebot_actors::rules::wire::shown;
use waddlebot_actors::rules::{Rule, check, history};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::store::Store;

use crate::config::{Config, Flags};
use crate::terminal;

/// What about string rules.
#[derive(Debug, Subcommand)]
pub(crate) enum Asked {
    /// Lists string rules in the order in which they are asked
    List {
        /// Only those of this community
        #[arg(long, value_name = "ID")]
        community: Option<CommunityId>,
        /// Only those with this in their pattern
        #[arg(long, default_value = "")]
        search: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows which rule each line would have matched; nothing is done. Fails when none matched
    Test {
        /// The community whose rules are tried
        #[arg(long, value_name = "ID")]
        community: CommunityId,
        /// A line to try; may be repeated. Without any, lines are read from standard input
        #[arg(long, conflicts_with = "history")]
        text: Vec<String>,
        /// Tries so many of the lines that the community kept, the newest first
        #[arg(long, value_name = "LINES")]
        history: Option<u32>,
        /// The channel it is said in, as platform:channel
        #[arg(long, value_name = "CHANNEL", default_value = "")]
        channel: String,
        /// Tries this rule alone, also when it is switched off
        #[arg(long, value_name = "RULE")]
        rule: Option<i64>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Does it in the node's database.
pub(crate) async fn run(asked: Asked, flags: &Flags) -> Result<()> {
    let config = Config::load(flags)?;
    let store = Store::open(&config.place()).await?;
    let done = act(asked, &store).await;
    store.close().await;
    done
}

async fn act(asked: Asked, store: &Store) -> Result<()> {
    store.migrate().await?;
    match asked {
        Asked::List { community, search, json } => {
            let (rules, _) = table::find(store, Wanted { community, text: &search, ..Wanted::default() }).await?;
            if json {
                return terminal::line(serde_json::to_string_pretty(&rules.iter().map(shown).collect::<Vec<_>>())?);
            }
            let heads = ["rule", "community", "priority", "match", "pattern", "action", "state", "matches"];
            terminal::table(heads, &rules.iter().map(row).collect::<Vec<_>>())
        }
        Asked::Test { community, text, history, channel, rule, json } => {
            if registry::community(store, community).await?.is_none() {
                bail!("there is no community {community}");
            }
            let rules = chosen(store, community, rule).await?;
            let lines = match history {
                Some(most) => kept(store, community, &channel, most).await?,
                None => given(text, &channel)?,
            };
            if lines.len() > LINES {
                bail!("at most {LINES} lines are tried at once");
            }
            let tried = trial::tried(rules, lines).await?;
            if json {
                terminal::line(serde_json::to_string_pretty(&tried)?)?;
            } else {
                terminal::table(["rule", "action", "matched", "line"], &tried.iter().map(verdict).collect::<Vec<_>>())?;
            }
            if tried.iter().all(|tried| tried.rule_id.is_none()) {
                bail!("no line was matched");
            }
            Ok(())
        }
    }
}

async fn chosen(store: &Store, community: CommunityId, rule: Option<i64>) -> Result<Vec<Rule>> {
    let (all, _) = table::find(store, Wanted { community: Some(community), ..Wanted::default() }).await?;
    let all = all.into_iter().map(|kept| kept.rule);
    let Some(id) = rule else { return Ok(all.filter(|rule| check(rule).is_ok()).collect()) };
    match all.into_iter().find(|rule| rule.id == id) {
        Some(rule) => Ok(vec![trial::alone(rule)]),
        None => bail!("community {community} has no rule {id}; see `waddlebot rules list --community {community}`"),
    }
}

async fn kept(store: &Store, community: CommunityId, channel: &str, most: u32) -> Result<Vec<Line>> {
    let said = history::last(store, community, channel, most).await?;
    if said.is_empty() {
        bail!("this community has kept no chat; it can be switched on with the string rules in the hub");
    }
    Ok(said.into_iter().map(|said| Line { entity: said.entity_id, text: said.text }).collect())
}

fn given(text: Vec<String>, channel: &str) -> Result<Vec<Line>> {
    let text = if text.is_empty() { stdin().lock().lines().take(LINES + 1).collect::<Result<_, _>>()? } else { text };
    Ok(text.into_iter().map(|text| Line { entity: channel.to_owned(), text }).collect())
}

fn row(kept: &Kept) -> [String; 8] {
    let rule = &kept.rule;
    [
        rule.id.to_string(),
        kept.community.to_string(),
        rule.priority.to_string(),
        rule.kind.name().to_owned(),
        terminal::plain(&rule.pattern),
        rule.action.name().to_owned(),
        if rule.enabled { "on" } else { "off" }.to_owned(),
        kept.matches.to_string(),
    ]
}

fn verdict(tried: &Tried) -> [String; 4] {
    [
        tried.rule_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
        tried.action.unwrap_or("-").to_owned(),
        tried.matched.as_deref().map_or_else(|| "-".to_owned(), terminal::plain),
        terminal::plain(&tried.line),
    ]
}
