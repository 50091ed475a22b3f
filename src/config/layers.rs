//! The layers of values, lowest first, and who said what.

use std::fmt;
use std::path::PathBuf;

use super::error::ConfigError;
use super::settings::{SETTINGS, Setting};
use super::value::{Raw, Value};

/// How alike two names must be to be taken for a slip, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Who said a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody: it is the default.
    Default,
    /// A line of the file.
    File(PathBuf, usize),
    /// A variable of the environment.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File(path, line) => write!(out, "{}:{line}", path.display()),
            Self::Environment(name) => write!(out, "environment {name}"),
            Self::Flag(name) => write!(out, "flag {name}"),
        }
    }
}

/// What was said about each setting by the highest layer that said anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    said: Vec<(String, Raw, Origin)>,
    /// Names in the environment that look like ours and are not.
    pub(crate) slips: Vec<String>,
}

impl Layers {
    /// Takes what a higher layer says about `section.key`.
    pub(crate) fn add(&mut self, name: &str, raw: Raw, origin: Origin) -> Result<(), ConfigError> {
        if !SETTINGS.iter().any(|setting| full_name(setting) == name) {
            return Err(ConfigError::Unknown { place: origin, key: name.to_owned(), nearest: nearest(name) });
        }
        self.put(name, raw, origin);
        Ok(())
    }

    /// Takes a flag that has a name of its own.
    pub(crate) fn add_flag(&mut self, name: &str, flag: &str, value: &str) {
        self.put(name, Raw::Words(value.to_owned()), Origin::Flag(flag.to_owned()));
    }

    /// Takes `--set KEY=VALUE`.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        self.add(key, Raw::Words(value.to_owned()), Origin::Flag(format!("--set {key}")))
    }

    /// Takes what the environment says; an empty variable says nothing.
    pub(crate) fn add_environment(&mut self, environment: &[(String, String)]) {
        for setting in SETTINGS {
            // Our own name is looked at last: it is the more precise one.
            let own = own_variable(setting);
            for name in setting.environment.iter().rev().copied().chain([own.as_str()]) {
                if let Some(value) = super::variable(environment, name) {
                    self.put(&full_name(setting), Raw::Words(value.to_owned()), Origin::Environment(name.to_owned()));
                }
            }
        }
        self.slips = environment.iter().filter_map(|(name, _)| slip(name)).collect();
    }

    /// The effective value of a setting.
    pub(crate) fn value<T: Value>(&self, section: &str, key: &str) -> Result<T, ConfigError> {
        let name = format!("{section}.{key}");
        let (raw, origin) = self.said(&name);
        T::read(&raw).ok_or_else(|| ConfigError::Wrong { place: origin, wants: T::WANTS, got: got(&name, &raw), key: name })
    }

    /// Who said it.
    pub(crate) fn origin(&self, setting: &Setting) -> Origin {
        self.said(&full_name(setting)).1
    }

    fn said(&self, name: &str) -> (Raw, Origin) {
        if let Some((_, raw, origin)) = self.said.iter().find(|(said, ..)| said == name) {
            return (raw.clone(), origin.clone());
        }
        let default = SETTINGS.iter().find(|setting| full_name(setting) == name).map_or("", |setting| setting.default);
        (Raw::Words(default.to_owned()), Origin::Default)
    }

    fn put(&mut self, name: &str, raw: Raw, origin: Origin) {
        self.said.retain(|(said, ..)| said != name);
        self.said.push((name.to_owned(), raw, origin));
    }
}

/// `section.key`.
pub(crate) fn full_name(setting: &Setting) -> String {
    format!("{}.{}", setting.section, setting.key)
}

/// The name that every setting has in the environment.
pub(crate) fn own_variable(setting: &Setting) -> String {
    format!("WADDLEBOT_{}_{}", setting.section, setting.key).to_ascii_uppercase()
}

/// The setting whose name is most like `name`, when one is.
fn nearest(name: &str) -> Option<String> {
    let key = name.rsplit('.').next().unwrap_or(name);
    let alike = |setting: &Setting| {
        // The right word in the wrong table is the likeliest slip of all.
        if setting.key == key { 1.0 } else { strsim::jaro_winkler(&full_name(setting), name) }
    };
    let best = SETTINGS.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)))?;
    (alike(best) >= ALIKE).then(|| full_name(best))
}

/// A sentence about a variable that is nearly one of ours. Others with our prefix are left alone: orchestrators make some.
fn slip(name: &str) -> Option<String> {
    if !name.starts_with("WADDLEBOT_") {
        return None;
    }
    let mut known = SETTINGS.iter().flat_map(|s| s.environment.iter().map(|&name| name.to_owned()).chain([own_variable(s)]));
    let near = known.find_map(|ours| match strsim::damerau_levenshtein(&ours, name) {
        0 => Some(None),
        1 | 2 => Some(Some(ours)),
        _ => None,
    })??;
    Some(format!("the environment has {name}, which means nothing; did you mean {near}?"))
}

/// What was given, as a person would say it; a secret's text is not repeated.
fn got(name: &str, raw: &Raw) -> String {
    let secret = ["password", "_url", "secret", "cookie"].iter().any(|word| name.contains(word));
    match raw {
        Raw::Words(_) | Raw::Text(_) if secret => "what is there".to_owned(),
        Raw::Words(text) => format!("`{text}`"),
        Raw::Text(text) => format!("the text \"{text}\""),
        Raw::Whole(number) => format!("the number {number}"),
        Raw::Number(number) => format!("the number {number}"),
        Raw::Truth(truth) => format!("the truth value {truth}"),
        Raw::List(list) => format!("a list of {}", list.len()),
    }
}
