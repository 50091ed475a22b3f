//! Sessions: who is in the middle of what, kept for an hour after the last use, in this process or in Redis.

mod memory;
mod redis;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::chat::Millis;
use crate::platform::Boxed;
use crate::secret::{fresh_bytes, hexadecimal};

pub use memory::MemorySessions;
pub use redis::RedisSessions;

/// What stands before every session's id in Redis.
pub const PREFIX: &str = "waddlebot:session:";

/// How long a session outlives its last use.
pub const TTL: Duration = Duration::from_secs(3600);

/// A session counts as active for so long after its last use.
const ACTIVE: Duration = Duration::from_secs(300);

/// The most that all facts of one session may hold, names included, in bytes.
const FACTS: usize = 16 * 1024;

/// A session and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `sess_` and 128 bits that nobody can guess: who knows it, has the session.
    pub id: String,
    /// What it is bound to: a channel, or a person who is logged in.
    pub entity: String,
    /// When it began.
    pub created_at: Millis,
    /// When it was used last.
    pub last_activity: Millis,
    /// How often it was used.
    pub request_count: u64,
    /// What else was noted when it began.
    pub facts: BTreeMap<String, String>,
}

/// How a session stands to an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It is bound to it.
    Valid(Session),
    /// It is bound to another one: refuse.
    Foreign,
    /// There is no such session, or no longer.
    Missing,
}

/// All sessions at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Sessions that are kept now.
    pub total: u64,
    /// Those used within the last five minutes.
    pub active: u64,
    /// Uses of all kept sessions.
    pub requests: u64,
    /// Uses per session.
    pub average: f64,
}

impl Statistics {
    fn count(&mut self, last_activity: Millis, requests: u64, now: Millis) {
        self.total += 1;
        self.active += u64::from(now - last_activity < millis(ACTIVE));
        self.requests += requests;
        self.average = self.requests as f64 / self.total as f64;
    }
}

/// Why a session could not be made or looked up.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SessionError {
    /// The session store cannot be reached now: try again later.
    #[error("the session store cannot be reached ({0})")]
    Lost(String),
    /// More facts than one session may hold: a fault in this program.
    #[error("a session may hold {FACTS} bytes of facts")]
    Oversized,
    /// The address of the store cannot be read. Its text may hold a password, so it is not repeated.
    #[error("REDIS_URL is no Redis address: redis://user:password@host:6379/0 is expected")]
    Address,
}

/// Where sessions are kept. All keepers pass the same tests.
pub trait Sessions: Send + Sync + 'static {
    /// Begins a session that is bound to `entity`.
    fn create<'a>(&'a self, entity: &'a str, facts: &'a [(&'a str, &'a str)]) -> Boxed<'a, Result<Session, SessionError>> {
        self.open(new_id(), entity, facts)
    }

    /// Begins a session under an id of [`id_of`]; one that is there under it begins anew.
    fn open<'a>(&'a self, id: String, entity: &'a str, facts: &'a [(&'a str, &'a str)]) -> Boxed<'a, Result<Session, SessionError>>;

    /// Looks a session up without using it.
    fn get<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Option<Session>, SessionError>>;

    /// Uses a session: counts the use and lets it live its full time again.
    fn touch<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Option<Session>, SessionError>>;

    /// Ends a session; `false` when there was none.
    fn delete<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<bool, SessionError>>;

    /// Counts all sessions.
    fn statistics(&self) -> Boxed<'_, Result<Statistics, SessionError>>;

    /// Whether a session is bound to `entity`.
    fn validate<'a>(&'a self, id: &'a str, entity: &'a str) -> Boxed<'a, Result<Validity, SessionError>> {
        Box::pin(async move {
            Ok(match self.get(id).await? {
                Some(session) if session.entity == entity => Validity::Valid(session),
                Some(_) => Validity::Foreign,
                None => Validity::Missing,
            })
        })
    }
}

/// A fresh session id.
#[must_use]
pub fn new_id() -> String {
    id_of(fresh_bytes::<16>())
}

/// The session id that is written with these bits.
#[must_use]
pub fn id_of(bits: [u8; 16]) -> String {
    hexadecimal("sess_", &bits)
}

/// Whether it may be a session's id at all; anything else is not even looked up.
fn is_id(text: &str) -> bool {
    text.strip_prefix("sess_")
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|letter| matches!(letter, b'0'..=b'9' | b'a'..=b'f')))
}

fn noted(facts: &[(&str, &str)]) -> Result<BTreeMap<String, String>, SessionError> {
    let size: usize = facts.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > FACTS {
        return Err(SessionError::Oversized);
    }
    Ok(facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX)
}
