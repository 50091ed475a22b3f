//! The effective configuration: flags before environment before `cluster.toml` before defaults, each value with its origin.

mod error;
mod file;
mod layers;
mod settings;
mod show;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use waddlebot_platforms::irc::settings as irc;
use waddlebot_runtime::store::{Place, file_in};
use waddlebot_runtime::telemetry::Hidden;

pub(crate) use error::ConfigError;
pub(crate) use settings::Config;

/// The file that is read from the data folder when no other is named.
const FILE: &str = "cluster.toml";

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--data`.
    pub(crate) data: Option<PathBuf>,
    /// `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `--listen`.
    pub(crate) listen: Option<String>,
    /// `--set KEY=VALUE`, as often as it was given.
    pub(crate) set: Vec<(String, String)>,
}

impl Config {
    /// Reads every layer of this process.
    pub(crate) fn load(flags: &Flags) -> Result<Self, anyhow::Error> {
        let environment: Vec<(String, String)> = std::env::vars().collect();
        Ok(Self::from_layers(flags, &environment)?)
    }

    /// As [`Config::load`], with the environment passed in.
    fn from_layers(flags: &Flags, environment: &[(String, String)]) -> Result<Self, ConfigError> {
        let data = data_folder(flags, environment)?;
        let mut layers = layers::Layers::default();
        if let Some(path) = config_file(flags, environment, &data) {
            file::read(&path, &mut layers)?;
        }
        layers.add_environment(environment);
        for (key, value) in &flags.set {
            layers.set(key, value)?;
        }
        if let Some(listen) = &flags.listen {
            layers.add_flag("http.listen", "--listen", listen);
        }
        let config = Self::assemble(data, layers)?;
        config.check()?;
        Ok(config)
    }

    /// What the layers say together must make sense.
    fn check(&self) -> Result<(), ConfigError> {
        let lease = &self.lease;
        if lease.ttl < lease.renew * 3 + lease.guard {
            return Err(ConfigError::Contradiction(format!(
                "lease.ttl ({:?}) must be at least three times lease.renew ({:?}) and lease.guard ({:?}) together, \
                 or a short delay would look like death",
                lease.ttl, lease.renew, lease.guard
            )));
        }
        if self.store.read_replica_url.is_some() && self.store.database_url.is_none() {
            let why = "store.read_replica_url is set, but store.database_url is not: there is nothing it could be a replica of";
            return Err(ConfigError::Contradiction(why.to_owned()));
        }
        self.irc_settings().map_or(Ok(()), |irc| irc.check()).map_err(|wrong| ConfigError::Contradiction(wrong.to_string()))
    }

    /// Where the rows are.
    pub(crate) fn place(&self) -> Place {
        match &self.store.database_url {
            None => Place::Sqlite(file_in(&self.data)),
            Some(url) => Place::Postgres {
                url: url.reveal().clone(),
                replica: self.store.read_replica_url.as_ref().map(|replica| replica.reveal().clone()),
            },
        }
    }

    /// Where sessions are kept, when not in this process: `redis_url`, or what the single settings make of it.
    pub(crate) fn redis(&self) -> Option<Hidden<String>> {
        let store = &self.store;
        if let Some(url) = &store.redis_url {
            return Some(url.clone());
        }
        let host = store.redis_host.as_ref()?;
        let password = store.redis_password.as_ref().map(|word| format!(":{}@", percent_encoded(word.reveal()))).unwrap_or_default();
        Some(Hidden::new(format!("redis://{password}{host}:{}/{}", store.redis_port, store.redis_db)))
    }

    /// The connection to an IRC server, when one is named.
    pub(crate) fn irc_settings(&self) -> Option<irc::Settings> {
        let irc = &self.irc;
        let hide = |word: &Option<Hidden<String>>| word.as_ref().map(|word| irc::Secret::new(word.reveal().clone()));
        Some(irc::Settings {
            server: irc.server.clone()?,
            nick: irc.nick.clone(),
            channels: irc.channels.clone(),
            tls: irc.tls,
            flood: if irc.flood.0 == "off" { irc::Flood::Off } else { irc::Flood::Rfc },
            password: hide(&irc.password),
            sasl_user: irc.sasl_user.clone(),
            sasl_password: hide(&irc.sasl_password),
            sasl_required: irc.sasl_required,
            ca_file: irc.ca_file.clone(),
        })
    }

    /// How others reach the hub, without a slash at the end.
    pub(crate) fn base_url(&self) -> String {
        let own = || format!("http://{}", self.http.listen);
        self.http.base_url.clone().unwrap_or_else(own).trim_end_matches('/').to_owned()
    }

    /// The folder of the log file.
    pub(crate) fn log_folder(&self) -> PathBuf {
        self.log.dir.clone().unwrap_or_else(|| self.data.join("log"))
    }

    /// Makes the data folder, and says what is wrong when it cannot be written.
    pub(crate) fn make_data_folder(&self) -> Result<(), anyhow::Error> {
        let data = self.data.display();
        std::fs::create_dir_all(&self.data)
            .with_context(|| format!("the data folder {data} cannot be made; choose another with --data or WADDLEBOT_DATA"))?;
        let probe = self.data.join(format!(".probe-{}", std::process::id()));
        std::fs::write(&probe, b"").with_context(|| {
            format!("the data folder {data} cannot be written; give this user the right to, or choose another with --data")
        })?;
        std::fs::remove_file(&probe).with_context(|| format!("nothing can be removed from the data folder {data}"))
    }
}

/// `--data`, `$WADDLEBOT_DATA`, `$XDG_DATA_HOME/waddlebot`, `~/.local/share/waddlebot`.
fn data_folder(flags: &Flags, environment: &[(String, String)]) -> Result<PathBuf, ConfigError> {
    let from = |name: &str| variable(environment, name).map(PathBuf::from);
    flags
        .data
        .clone()
        .or_else(|| from("WADDLEBOT_DATA"))
        .or_else(|| from("XDG_DATA_HOME").map(|home| home.join("waddlebot")))
        .or_else(|| from("HOME").map(|home| home.join(".local/share/waddlebot")))
        .ok_or(ConfigError::NoDataFolder)
}

fn config_file(flags: &Flags, environment: &[(String, String)], data: &Path) -> Option<PathBuf> {
    let named = flags.config.clone().or_else(|| variable(environment, "WADDLEBOT_CONFIG").map(PathBuf::from));
    named.or_else(|| Some(data.join(FILE)).filter(|path| path.exists()))
}

/// An environment variable, an empty one being none.
fn variable<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// What may not stand in the password of a URL as it is.
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Three times the given duration must fit, so nobody may configure centuries.
pub(crate) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests;
