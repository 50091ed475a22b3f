//! Sessions in Redis: one hash each, so that every node of a cluster sees them; Redis itself ends them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike, HashesInterface, KeysInterface, LuaInterface};
use fred::types::config::Config;
use fred::types::scan::ScanType;
use fred::types::{Builder, Key, config::ReconnectPolicy};
use futures_util::stream::{Stream, StreamExt};

use super::{PREFIX, Session, SessionError, Sessions, Statistics, is_id, millis, noted};
use crate::chat::Millis;
use crate::clock::Clock;
use crate::platform::Boxed;

/// What stands before the name of a fact among a hash's fields.
const FACT: &str = "fact:";

/// Longest wait for one answer, and for a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most commands that may wait for a connection.
const WAITING: usize = 10_000;

/// How many sessions statistics ask for in one round.
const AT_ONCE: usize = 500;

/// Begins a session and its time in one step.
const CREATE: &str = "redis.call('DEL', KEYS[1]) redis.call('HSET', KEYS[1], unpack(ARGV, 2)) \
    return redis.call('PEXPIRE', KEYS[1], ARGV[1])";

/// Uses a session in one step, and never brings one back that has ended.
const TOUCH: &str = "if redis.call('EXISTS', KEYS[1]) == 0 then return {} end \
    redis.call('HINCRBY', KEYS[1], 'request_count', 1) \
    redis.call('HSET', KEYS[1], 'last_activity', ARGV[1]) \
    redis.call('PEXPIRE', KEYS[1], ARGV[2]) \
    return redis.call('HGETALL', KEYS[1])";

/// Sessions that outlive the process.
pub struct RedisSessions {
    client: Client,
    clock: Clock,
    ttl: Duration,
}

impl RedisSessions {
    /// Connects to Redis; a connection lost later is made anew by itself.
    ///
    /// # Errors
    /// [`SessionError::Address`] for a URL that is none, [`SessionError::Lost`] when nobody answers there.
    pub async fn connect(url: &str, clock: Clock, ttl: Duration) -> Result<Self, SessionError> {
        let config = Config::from_url(url).map_err(|_| SessionError::Address)?;
        let mut builder = Builder::from_config(config);
        builder.with_performance_config(|limits| limits.default_command_timeout = PATIENCE).with_connection_config(|limits| {
            limits.connection_timeout = PATIENCE;
            limits.internal_command_timeout = PATIENCE;
            limits.max_command_attempts = 2;
            limits.max_command_buffer_len = WAITING;
            limits.unresponsive.max_timeout = Some(PATIENCE * 2);
        });
        // 0: as often as it takes; between 50 ms and 5 s apart, twice as long each time.
        builder.set_policy(ReconnectPolicy::new_exponential(0, 50, 5_000, 2));
        let client = builder.build().map_err(lost)?;
        client.init().await.map_err(lost)?;
        Ok(Self { client, clock, ttl })
    }

    /// Says goodbye to Redis.
    pub async fn close(&self) {
        self.client.quit().await.ok();
    }

    /// Whether Redis answers now.
    ///
    /// # Errors
    /// When it does not.
    pub async fn answers(&self) -> Result<(), SessionError> {
        self.client.ping::<()>(None).await.map_err(lost)
    }

    async fn begin(&self, id: String, entity: &str, facts: &[(&str, &str)]) -> Result<Session, SessionError> {
        let at = self.clock.now();
        let facts = noted(facts)?;
        let session = Session { id, entity: entity.to_owned(), created_at: at, last_activity: at, request_count: 0, facts };
        let mut fields = vec![millis(self.ttl).to_string()];
        fields.extend(["entity_id".to_owned(), session.entity.clone()]);
        fields.extend(["created_at".to_owned(), at.to_string()]);
        fields.extend(["last_activity".to_owned(), at.to_string()]);
        fields.extend(["request_count".to_owned(), "0".to_owned()]);
        for (name, value) in &session.facts {
            fields.extend([format!("{FACT}{name}"), value.clone()]);
        }
        let _: i64 = self.client.eval(CREATE, key(&session.id), fields).await.map_err(lost)?;
        Ok(session)
    }

    async fn count(&self) -> Result<Statistics, SessionError> {
        let pattern = format!("{PREFIX}*");
        let (count, kind) = (Some(AT_ONCE as u32), Some(ScanType::Hash));
        let keys: std::pin::Pin<Box<dyn Stream<Item = _> + Send>> = if self.client.is_clustered() {
            Box::pin(self.client.scan_cluster_buffered(pattern, count, kind))
        } else {
            Box::pin(self.client.scan_buffered(pattern, count, kind))
        };
        let mut rounds = keys.ready_chunks(AT_ONCE);
        let now = self.clock.now();
        let mut all = Statistics::default();
        while let Some(round) = rounds.next().await {
            let round: Vec<Key> = round.into_iter().collect::<Result<_, _>>().map_err(lost)?;
            let pipeline = self.client.pipeline();
            for key in round {
                let _: () = pipeline.hmget(key, vec!["last_activity", "request_count"]).await.map_err(lost)?;
            }
            for fields in pipeline.all::<Vec<Vec<Option<String>>>>().await.map_err(lost)? {
                // A session that ended between the two questions has no fields any more.
                if let [Some(last), Some(requests)] = fields.as_slice() {
                    all.count(last.parse().unwrap_or_default(), requests.parse().unwrap_or_default(), now);
                }
            }
        }
        Ok(all)
    }
}

impl Sessions for RedisSessions {
    fn open<'a>(&'a self, id: String, entity: &'a str, facts: &'a [(&'a str, &'a str)]) -> Boxed<'a, Result<Session, SessionError>> {
        Box::pin(self.begin(id, entity, facts))
    }

    fn get<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Option<Session>, SessionError>> {
        Box::pin(async move {
            if !is_id(id) {
                return Ok(None);
            }
            Ok(read(id, self.client.hgetall(key(id)).await.map_err(lost)?))
        })
    }

    fn touch<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Option<Session>, SessionError>> {
        Box::pin(async move {
            if !is_id(id) {
                return Ok(None);
            }
            let values = vec![self.clock.now().to_string(), millis(self.ttl).to_string()];
            Ok(read(id, self.client.eval(TOUCH, key(id), values).await.map_err(lost)?))
        })
    }

    fn delete<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<bool, SessionError>> {
        Box::pin(async move {
            if !is_id(id) {
                return Ok(false);
            }
            Ok(self.client.del::<i64, _>(key(id)).await.map_err(lost)? > 0)
        })
    }

    fn statistics(&self) -> Boxed<'_, Result<Statistics, SessionError>> {
        Box::pin(self.count())
    }
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn read(id: &str, mut fields: HashMap<String, String>) -> Option<Session> {
    let time = |name: &str| fields.get(name).and_then(|text| text.parse::<Millis>().ok());
    let (created_at, last_activity) = (time("created_at")?, time("last_activity")?);
    let request_count = fields.get("request_count")?.parse().ok()?;
    let entity = fields.remove("entity_id")?;
    let facts: BTreeMap<_, _> = fields.into_iter().filter_map(|(name, value)| Some((name.strip_prefix(FACT)?.to_owned(), value))).collect();
    Some(Session { id: id.to_owned(), entity, created_at, last_activity, request_count, facts })
}

fn lost(error: fred::error::Error) -> SessionError {
    SessionError::Lost(error.to_string())
}
