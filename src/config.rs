//! The effective configuration: flags before environment before `cluster.toml` before defaults, each value with its origin.

mod cluster;
mod error;
mod file;
mod given;
mod layers;
mod settings;
mod show;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

pub(crate) use cluster::Among;
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
        Ok(Self::from_layers(flags, &surroundings())?)
    }

    /// As [`Config::load`], as if nothing stood in the environment.
    pub(crate) fn of_flags(flags: &Flags) -> Result<Self, anyhow::Error> {
        Ok(Self::from_layers(flags, &[])?)
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
        if let Some(url) = self.http.base_url.as_deref().filter(|url| !is_web_address(url)) {
            let why = format!("http.base_url wants an address like https://bot.example.org, not {url:?}");
            return Err(ConfigError::Contradiction(why));
        }
        self.check_cluster()?;
        self.irc_settings().map_or(Ok(()), |irc| irc.check()).map_err(|wrong| ConfigError::Contradiction(wrong.to_string()))
    }

    /// Makes the data folder, for this user alone, and says what is wrong when it cannot be written.
    pub(crate) fn make_data_folder(&self) -> Result<(), anyhow::Error> {
        let data = self.data.display();
        let mut maker = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        maker
            .recursive(true)
            .create(&self.data)
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

/// The variables of this process that are text.
fn surroundings() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// Whether links can be made of it by adding a path.
fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    let odd = |letter: char| letter.is_whitespace() || letter.is_control() || "?#\"<>".contains(letter);
    !rest.is_empty() && !rest.starts_with('/') && !rest.contains(odd)
}

/// Three times the given duration must fit, so nobody may configure centuries.
pub(crate) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests;
