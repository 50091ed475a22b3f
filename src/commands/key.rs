//! `waddlebot key`: makes, lists and revokes API keys, beside a running node or without one.

use anyhow::{Result, bail};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::{KeyInfo, KeyRole, Keys};
use waddlebot_runtime::store::Store;

use crate::config::{Config, Flags};
use crate::terminal;

/// What about keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Asked {
    /// Makes a key and prints it, this once, on standard output
    Create {
        /// What its holder may do: admin everything, user what a person may, the others what a part of that name may
        #[arg(long, default_value = "user", value_parser = role())]
        role: KeyRole,
        /// Whose it is, or what for
        #[arg(long)]
        name: String,
    },
    /// Lists all keys, revoked ones too
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Makes keys good for nothing, at once
    Revoke {
        /// A key's id, or a name: then all keys of that name
        #[arg(value_name = "NAME|ID")]
        which: String,
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
    let keys = Keys::new(store.clone(), Clock::real());
    match asked {
        Asked::Create { role, name } => {
            let (_, key) = keys.create(&name, role).await?;
            terminal::line(key)
        }
        Asked::List { json } => {
            let all = keys.list().await?;
            if json {
                return terminal::line(serde_json::to_string_pretty(&all)?);
            }
            terminal::table(["id", "name", "role", "made", "last used", "state"], &all.iter().map(row).collect::<Vec<_>>())
        }
        Asked::Revoke { which } => match keys.revoke(&which).await? {
            0 => bail!("there is no key {which:?} that is good for anything; see `waddlebot key list`"),
            1 => terminal::line("1 key is revoked"),
            more => terminal::line(format!("{more} keys are revoked")),
        },
    }
}

/// Reads a role, the documented names only.
fn role() -> impl TypedValueParser<Value = KeyRole> {
    let names = KeyRole::ALL.map(KeyRole::name);
    PossibleValuesParser::new(names).map(|name| KeyRole::parse(&name).expect("every name is a role's"))
}

fn row(key: &KeyInfo) -> [String; 6] {
    let state = if key.revoked_at.is_some() { "revoked" } else { "good" };
    let used = key.last_used_at.map_or_else(|| "never".to_owned(), date);
    [key.id.clone(), key.name.clone(), key.role.to_string(), date(key.created_at), used, state.to_owned()]
}

fn date(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis);
    time.map_or_else(|_| millis.to_string(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
