//! `waddlebot command`: lists the commands that run elsewhere and shows one, beside a running node or without one.

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::Value;
use waddlebot_actors::commands::table::{self, Kept, Wanted};
use waddlebot_actors::commands::wire::shown;
use waddlebot_runtime::chat::{CommunityId, Role};
use waddlebot_runtime::secret::Secret;
use waddlebot_runtime::store::Store;

use crate::config::{Config, Flags};
use crate::terminal;

/// What about commands that run elsewhere.
#[derive(Debug, Subcommand)]
pub(crate) enum Asked {
    /// Lists the commands that run elsewhere, by name; those of the modules are in `waddlebot module list`
    List {
        /// Only those that this community has, everybody's included
        #[arg(long, value_name = "ID")]
        community: Option<CommunityId>,
        /// Only those with this in their name or description
        #[arg(long, default_value = "")]
        search: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows all that is stored about commands of this name or number; the values of headers are told to nobody
    Show {
        /// As it is typed, such as #weather, or its number
        #[arg(value_name = "COMMAND")]
        which: String,
        /// Only those that this community has, everybody's included
        #[arg(long, value_name = "ID")]
        community: Option<CommunityId>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Does it in the node's database.
pub(crate) async fn run(asked: Asked, flags: &Flags) -> Result<()> {
    let config = Config::load(flags)?;
    let secret = Secret::open(&config.data, config.store.secret_key.as_ref().map(|key| key.reveal().as_str()))?;
    let store = Store::open(&config.place()).await?;
    let done = act(asked, &store, &secret).await;
    store.close().await;
    done
}

async fn act(asked: Asked, store: &Store, secret: &Secret) -> Result<()> {
    store.migrate().await?;
    match asked {
        Asked::List { community, search, json } => {
            let all = table::find(store, secret, Wanted { community, text: &search, ..Wanted::default() }).await?;
            if json {
                return terminal::line(serde_json::to_string_pretty(&all.iter().map(shown).collect::<Vec<_>>())?);
            }
            let heads = ["id", "command", "community", "module", "type", "set off by", "who may", "state", "used", "about"];
            terminal::table(heads, &all.iter().map(row).collect::<Vec<_>>())
        }
        Asked::Show { which, community, json } => {
            let all = table::find(store, secret, Wanted { community, ..Wanted::default() }).await?;
            let word = which.trim().to_lowercase();
            let found: Vec<_> = all.iter().filter(|kept| is_called(kept, &word)).map(shown).collect();
            if found.is_empty() {
                bail!("there is no command {which:?}; `waddlebot command list` shows which there are");
            }
            if json {
                return terminal::line(serde_json::to_string_pretty(&found)?);
            }
            let facts: Vec<_> = found.iter().flat_map(facts).collect();
            terminal::table(["what", "is"], &facts)
        }
    }
}

/// By its number, or by what is typed, with or without its prefix.
fn is_called(kept: &Kept, word: &str) -> bool {
    let typed = &*kept.command.word;
    word.parse() == Ok(kept.command.id) || typed == word || typed.trim_start_matches(['!', '#']) == word
}

fn row(kept: &Kept) -> [String; 10] {
    let command = &kept.command;
    [
        command.id.to_string(),
        command.word.to_string(),
        if command.is_global() { "everybody's".to_owned() } else { command.community.to_string() },
        terminal::plain(&command.module),
        command.engine.name().to_owned(),
        command.trigger.name().to_owned(),
        who(command.role),
        if command.enabled { "on" } else { "off" }.to_owned(),
        kept.uses.to_string(),
        terminal::plain(&command.about),
    ]
}

fn who(role: Role) -> String {
    if role == Role::Viewer { "everybody".to_owned() } else { role.name().to_owned() }
}

/// Each field that says something, in one line.
fn facts(command: &Value) -> Vec<[String; 2]> {
    let says = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(terminal::plain(text)).filter(|text| !text.is_empty()),
        Value::Array(all) if all.is_empty() => None,
        Value::Object(all) if all.is_empty() => None,
        other => Some(terminal::plain(&other.to_string())),
    };
    command.as_object().into_iter().flatten().filter_map(|(name, value)| Some([name.clone(), says(value)?])).collect()
}
