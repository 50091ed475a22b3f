//! How a command comes in to a running node: with a key it is given, or with one it lends itself from the node's database.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use reqwest::StatusCode;
use serde_json::Value;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::keys::{KeyRole, Keys};
use waddlebot_runtime::store::{Place, Store};
use waddlebot_runtime::telemetry::Hidden;

use super::{Client, ClientError};
use crate::config::{Config, Flags};

/// What lent keys are called in `waddlebot key list`.
const NAME: &str = "lent to a terminal";

/// How long a node may take to say that it is there.
const HELLO: Duration = Duration::from_secs(5);

/// Where the node is, when it is not this machine's own.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Reach {
    /// The node's address, when it is not where --listen and the configuration say
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// An API key; without it, one is made in the node's database and dropped at the end
    #[arg(long, env = "WADDLEBOT_API_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<String>,
}

/// A way in to a node. To be closed: a lent key is given back then.
pub(crate) struct Access {
    /// The node.
    pub(crate) client: Client,
    lent: Option<Lent>,
}

struct Lent {
    store: Store,
    keys: Keys,
    id: String,
}

impl Access {
    /// Comes in with this role.
    pub(crate) async fn open(reach: &Reach, flags: &Flags, role: KeyRole) -> Result<Self> {
        let config = Config::load(flags)?;
        let client = Client::new(reach.url.as_deref().unwrap_or(&config.own_url()))?;
        if let Err(error) = client.health(HELLO).await {
            bail!("{error}; start a node with `waddlebot run`, or say where one runs with --listen or --url");
        }
        match &reach.key {
            Some(key) => {
                let client = client.with_key(Hidden::new(key.clone()));
                known(&client).await?;
                Ok(Self { client, lent: None })
            }
            None => Self::lend(client, &config.place(), &config.data, role).await,
        }
    }

    /// Comes in with a key lent from the database at `place`.
    pub(crate) async fn lend(client: Client, place: &Place, data: &Path, role: KeyRole) -> Result<Self> {
        let elsewhere = format!(
            "the node at {} does not keep its data in {}: say where it does with --data, or give a key with --key \
             (`waddlebot key create` prints one)",
            client.base(),
            data.display()
        );
        // Opening would make a file where there is none.
        if matches!(place, Place::Sqlite(file) if !file.exists()) {
            bail!(elsewhere);
        }
        let store = Store::open(place).await?;
        let keys = Keys::new(store.clone(), Clock::real());
        let (info, key) = match keys.lend(NAME, role).await {
            Ok(lent) => lent,
            Err(error) => {
                store.close().await;
                return Err(error.into());
            }
        };
        let access = Self { client: client.with_key(Hidden::new(key)), lent: Some(Lent { store, keys, id: info.id }) };
        match known(&access.client).await {
            Ok(()) => Ok(access),
            Err(error) => {
                access.close().await;
                match error {
                    ClientError::Refused { status: StatusCode::UNAUTHORIZED, .. } => bail!(elsewhere),
                    other => Err(other.into()),
                }
            }
        }
    }

    /// Leaves: a lent key opens nothing from now on.
    pub(crate) async fn close(self) {
        let Some(lent) = self.lent else { return };
        if let Err(error) = lent.keys.give_back(&lent.id).await {
            eprintln!("warning: the key {} could not be dropped ({error}): `waddlebot key revoke {0}` does", lent.id);
        }
        lent.store.close().await;
    }
}

/// Whether the node knows the key.
async fn known(client: &Client) -> Result<(), ClientError> {
    client.get::<Value>(&["api", "v1", "communities"]).await.map(drop)
}
