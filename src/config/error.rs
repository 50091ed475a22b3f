//! What can be wrong with the configuration, said so that one knows where to mend it.

use std::path::PathBuf;

use super::layers::Origin;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {why}", path.display())]
    Unreadable { path: PathBuf, why: std::io::Error },
    /// It is not TOML.
    #[error("{}:{line}: {why}", path.display())]
    Syntax { path: PathBuf, line: usize, why: String },
    /// A key that means nothing.
    #[error("{place}: there is no setting `{key}`{}", nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown { place: Origin, key: String, nearest: Option<String> },
    /// A value of the wrong kind.
    #[error("{place}: `{key}` wants {wants}, not {got}")]
    Wrong { place: Origin, key: String, wants: &'static str, got: String },
    /// Values that do not go together.
    #[error("{0}")]
    Contradiction(String),
    /// Nowhere to put anything.
    #[error("there is no data folder: say --data DIR, or set WADDLEBOT_DATA or HOME")]
    NoDataFolder,
}
