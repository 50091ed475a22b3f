//! What a community command that lives elsewhere is run by, and what such a run needs and gives.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::Boxed;

/// Which engine runs a command (spec 01 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Any HTTP address.
    Webhook,
    /// A module of our own kind that runs as an HTTP service.
    Container,
    /// A function on AWS Lambda.
    Lambda,
    /// An action on Apache OpenWhisk.
    OpenWhisk,
}

impl EngineKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Container, Self::Lambda, Self::OpenWhisk];

    /// Its name as stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Container => "container",
            Self::Lambda => "lambda",
            Self::OpenWhisk => "openwhisk",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where a command lives and how it is called.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Which engine.
    pub engine: EngineKind,
    /// An address for webhooks and containers, the function's or action's name for the others.
    pub location: String,
    /// `POST` or `GET`; only webhooks and containers look at it.
    pub method: Method,
    /// More headers.
    pub headers: BTreeMap<String, String>,
    /// How long one try may take.
    pub timeout: Duration,
    /// Signs what is sent.
    pub secret: Option<String>,
    /// What it is called for.
    pub purpose: Purpose,
}

/// What a target is called for; it is told in `X-WaddleBot-Source` and `X-WaddleBot-Type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Somebody used a command, or something happened that wakes it.
    #[default]
    Command,
    /// A string rule matched.
    StringMatch,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers may hold keys, and a location may hold one in its query.
        out.debug_struct("Target").field("engine", &self.engine).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// How a payload is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// As a JSON body.
    #[default]
    Post,
    /// As the query.
    Get,
}

/// One run of a command.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where to.
    pub target: Target,
    /// The same id is the same run: sent along, so that the other side can tell a second try.
    pub execution_id: String,
    /// What is sent (spec 01 section 7).
    pub payload: Value,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status, 200 to 299.
    pub status: u16,
    /// The answer: JSON when it is some, else its text.
    pub body: Value,
    /// How many tries it took.
    pub tries: u32,
}

/// Why a run failed, in words for an operator; none holds an address or a key.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EngineError {
    /// The location is none, or may not be called.
    #[error("it may not be called: {0}")]
    Forbidden(String),
    /// It did not answer in time.
    #[error("it did not answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// It cannot be reached.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It answered with an error.
    #[error("it answered with the status {0}")]
    Status(u16),
    /// Its answer is longer than is read.
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
    /// It failed so often that it is left alone for a while.
    #[error("it failed too often and is left alone for {} s more", .0.as_secs())]
    Resting(Duration),
    /// This engine is not configured.
    #[error("this engine is not set up here: {0}")]
    Unconfigured(&'static str),
}

/// Runs commands that live elsewhere.
pub trait Engine: Send + Sync + 'static {
    /// Whether a target may be called at all, as far as that can be said before.
    ///
    /// # Errors
    /// [`EngineError::Forbidden`], in words for who wrote it.
    fn may(&self, target: &Target) -> Result<(), EngineError> {
        let _ = target;
        Ok(())
    }

    /// Runs one, with tries as the engine sees fit; bounded in time by the target's timeout.
    fn run<'a>(&'a self, job: &'a Job) -> Boxed<'a, Result<Reply, EngineError>>;
}
