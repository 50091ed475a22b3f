//! What the doctor looks at besides the disk: configuration, database, sessions, the node itself, IRC.

use std::time::Duration;

use tokio::net::TcpListener;
use waddlebot_platforms::irc::stream::Dialer;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::sessions::{RedisSessions, Sessions as _};
use waddlebot_runtime::store::{Place, Store, StoreError};

use super::{HELLO, Verdict};
use crate::client::{Client, ClientError};
use crate::config::Config;

/// How long a server elsewhere may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// It was read; are there names in the environment that mean nothing?
pub(super) fn configuration(config: &Config) -> Verdict {
    match config.layers.slips.first() {
        Some(slip) => Verdict::Warning(slip.clone()),
        None => Verdict::Fine("read; `waddlebot config` shows it".to_owned()),
    }
}

/// Whether it is there, whole and up to date.
pub(super) async fn database(config: &Config) -> Verdict {
    let place = config.place();
    let name = match &place {
        Place::Sqlite(file) => match file.try_exists() {
            Ok(true) => file.display().to_string(),
            Ok(false) => return Verdict::Fine(format!("{} is made at the first start", file.display())),
            Err(error) => return Verdict::Error(format!("{} cannot be looked at ({error}): see the data folder", file.display())),
        },
        Place::Postgres { .. } => "PostgreSQL".to_owned(),
    };
    let store = match Store::open(&place).await {
        Ok(store) => store,
        Err(error @ StoreError::Lost(_)) => {
            return Verdict::Error(format!("{error}: is it started, and is store.database_url (DATABASE_URL) right?"));
        }
        Err(error) => return Verdict::Error(error.to_string()),
    };
    let verdict = condition(&store, &name).await;
    store.close().await;
    verdict.unwrap_or_else(|error| Verdict::Error(error.to_string()))
}

async fn condition(store: &Store, name: &str) -> Result<Verdict, StoreError> {
    if let Some(damage) = store.damage().await? {
        return Ok(Verdict::Error(format!("{name} is damaged ({damage}): stop the node and restore a backup")));
    }
    Ok(match store.lacks().await? {
        0 => Verdict::Fine(format!("{name} is whole and up to date")),
        lacking => Verdict::Warning(format!("{name} lacks {lacking} migrations: `waddlebot migrate` or the next start applies them")),
    })
}

/// Where there is a Redis, whether it answers.
pub(super) async fn redis(config: &Config) -> Verdict {
    let Some(url) = config.redis() else { return Verdict::Fine("kept in the node itself".to_owned()) };
    let clock = Clock::real();
    let asked = async {
        let sessions = RedisSessions::connect(url.reveal(), clock.clone(), config.store.session_ttl).await?;
        sessions.validate("doctor", "doctor").await
    };
    let next = "is it started, and is store.redis_url (REDIS_URL) right?";
    tokio::select! {
        answered = asked => match answered {
            Ok(_) => Verdict::Fine("Redis answers".to_owned()),
            Err(error) => Verdict::Error(format!("Redis: {error}; {next}")),
        },
        () = clock.sleep(PATIENCE) => Verdict::Error(format!("Redis does not answer within {} s; {next}", PATIENCE.as_secs())),
    }
}

/// Whether a node runs and is healthy, or could have its port.
pub(super) async fn node(config: &Config) -> Verdict {
    let address = config.own_url();
    let client = match Client::new(&address) {
        Ok(client) => client,
        Err(error) => return Verdict::Error(error.to_string()),
    };
    match client.health(HELLO).await {
        Ok(health) if health.status == "healthy" => Verdict::Fine(format!("version {} runs at {address}, healthy", health.version)),
        Ok(health) => Verdict::Error(format!("version {} runs at {address} and is {}: its log says why", health.version, health.status)),
        Err(error) => match (TcpListener::bind(config.http.listen).await, error) {
            (Ok(_), _) => Verdict::Fine(format!("none runs; {} is free for one", config.http.listen)),
            (Err(_), error @ ClientError::Strange { .. }) => Verdict::Error(format!("{error}: choose another port with --listen")),
            (Err(why), _) => {
                Verdict::Error(format!("cannot listen on {} ({why}): choose another address with --listen", config.http.listen))
            }
        },
    }
}

/// Where there is an IRC server, whether it can be reached, with TLS when that is wanted.
pub(super) async fn irc(config: &Config) -> Verdict {
    let Some(settings) = config.irc_settings() else { return Verdict::Fine("not wanted".to_owned()) };
    let dialer = match Dialer::new(&settings) {
        Ok(dialer) => dialer,
        Err(error) => return Verdict::Error(error.to_string()),
    };
    let clock = Clock::real();
    let reached = tokio::select! {
        reached = dialer.dial(&clock) => reached.map(drop).map_err(|error| error.to_string()),
        () = clock.sleep(PATIENCE) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    match reached {
        Ok(()) if settings.tls => Verdict::Fine(format!("{} is reached, with TLS", dialer.server())),
        Ok(()) => Verdict::Fine(format!("{} is reached, without TLS", dialer.server())),
        Err(why) => {
            Verdict::Error(format!("{}: {why}; check irc.server and irc.tls (WADDLEBOT_IRC_SERVER, WADDLEBOT_IRC_TLS)", dialer.server()))
        }
    }
}
