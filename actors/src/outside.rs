//! A round: what one message or event sets off outside this program, in order, each recorded and within its time.

mod payload;
mod room;
mod run;
mod trial;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use futures_util::future::join_all;
use tokio::sync::{Mutex, OnceCell, oneshot};
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Millis, Text, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::engine::{Engine, EngineError, EngineKind, Job, Method, Purpose, Reply, Target};
use waddlebot_runtime::event::Event;
use waddlebot_runtime::gate::Gate;
use waddlebot_runtime::journal::Writing;
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::secret::{Secret, fingerprint};
use waddlebot_runtime::sessions::{MemorySessions, Sessions, TTL};
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::{Claim, Store};

use crate::commands::{Command, Mode, Refused};
use crate::delivery::Answered;
use room::Room;

pub use trial::Trial;

/// How many commands a node runs at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// All communities together.
    pub at_once: usize,
    /// One community.
    pub of_community: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once: 100, of_community: 20 }
    }
}

/// Runs what runs elsewhere, outside every actor. Cloning shares it.
#[derive(Clone)]
pub struct Outside(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    sessions: Arc<dyn Sessions>,
    secret: Secret,
    clock: Clock,
    room: Room,
    /// The executions that are under way here.
    running: DashMap<String, Arc<Mutex<()>>>,
}

/// What set a round off.
pub struct Occasion {
    /// Where.
    pub channel: ChannelKey,
    /// Whose channel it is.
    pub community: CommunityId,
    /// Who.
    pub by: User,
    /// The id under which the message is written down.
    pub message_id: String,
    /// The platform's own id of it.
    pub platform_id: Text,
    /// When.
    pub at: Millis,
    /// What they did.
    pub what: What,
}

/// What somebody did.
pub enum What {
    /// They typed a command.
    Typed {
        /// All of it.
        text: Text,
        /// The words behind it.
        rest: String,
    },
    /// Something happened.
    Happened(Event),
}

/// What runs are written down with.
#[derive(Clone)]
pub struct Ground {
    /// The store.
    pub store: Store,
    /// The claim of the community.
    pub claim: Claim,
    /// Whether effects may start.
    pub gate: Gate,
}

/// One command of a round, and who waits for its answer.
pub struct Step {
    /// The command.
    pub command: Arc<Command>,
    /// Who waits.
    pub reply: oneshot::Sender<Answered>,
}

/// What a rule tells another program.
pub struct Notice {
    /// Whose rule it is.
    pub community: CommunityId,
    /// Where to.
    pub url: String,
    /// The same id is the same match.
    pub id: String,
    /// What.
    pub payload: serde_json::Value,
}

/// How long one try of a rule's webhook may take.
const NOTICE: Duration = Duration::from_secs(10);

impl Outside {
    /// One that runs on this engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, sessions: Arc<dyn Sessions>, secret: Secret, clock: Clock, limits: Limits) -> Self {
        Self(Arc::new(Inner { engine, sessions, secret, clock, room: Room::new(limits), running: DashMap::new() }))
    }

    /// One that runs nothing: for a house without a way out.
    #[must_use]
    pub fn none(clock: Clock) -> Self {
        let sessions = Arc::new(MemorySessions::new(clock.clone(), TTL));
        Self::new(Arc::new(Nothing), sessions, Secret::passing(), clock, Limits::default())
    }

    /// The sessions that answers name.
    #[must_use]
    pub fn sessions(&self) -> &Arc<dyn Sessions> {
        &self.0.sessions
    }

    /// What headers are sealed with.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0.secret
    }

    /// The key that signs what a command is sent: derived, so that it stands nowhere.
    #[must_use]
    pub fn signing_key(&self, command: &Command) -> String {
        self.0.secret.derive_text("command signing key", &[&command.id.to_string(), &command.signing_key.to_string()])
    }

    /// The key that signs what a community's rules send.
    #[must_use]
    pub fn notice_key(&self, community: CommunityId) -> String {
        self.0.secret.derive_text("rule signing key", &[&community.to_string()])
    }

    /// Says whether a command's target may be called at all.
    ///
    /// # Errors
    /// [`Refused::Location`].
    pub fn may(&self, command: &Command) -> Result<(), Refused> {
        self.0.engine.may(&self.target(command)).map_err(|why| Refused::Location(why.to_string()))
    }

    /// Says whether a rule may call this address.
    ///
    /// # Errors
    /// With the reason, for who wrote it.
    pub fn may_notify(&self, url: &str) -> Result<(), String> {
        self.0.engine.may(&notice_target(url, String::new())).map_err(|why| why.to_string())
    }

    /// Runs a round: first those that run one after the other, then the others at once. Nothing is
    /// called before the message is in the inbox, where it has to be.
    pub fn run(&self, occasion: Occasion, steps: Vec<Step>, ground: Ground, accepted: Option<Writing>) {
        let outside = self.clone();
        spawn::task("outside", async move {
            if let Some(accepting) = accepted
                && !crate::channel::dispatch::accepted(accepting).await
            {
                for step in steps {
                    step.reply.send(run::not_accepted(&step.command, &occasion)).ok();
                }
                return;
            }
            let session = OnceCell::new();
            let (one_by_one, at_once): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step.command.mode == Mode::Sequential);
            for step in one_by_one {
                outside.step(step, &occasion, &session, &ground).await;
            }
            join_all(at_once.into_iter().map(|step| outside.step(step, &occasion, &session, &ground))).await;
        });
    }

    /// Tells another program of a match; nobody waits for it.
    pub fn notify(&self, notice: Notice) {
        let outside = self.clone();
        spawn::task("notice", async move {
            let Some(_room) = outside.0.room.enter(notice.community).await else {
                metrics::counter!("waddlebot_engine_calls_total", "engine" => "webhook", "outcome" => "refused").increment(1);
                tracing::warn!(community = notice.community, "too many webhooks of rules wait already: one was not called");
                return;
            };
            let target = notice_target(&notice.url, outside.notice_key(notice.community));
            let job = Job { target, execution_id: notice.id, payload: notice.payload };
            if let Err(error) = outside.call(&job, NOTICE * 2).await {
                tracing::warn!(community = notice.community, %error, "a rule's webhook was not reached");
            }
        });
    }

    fn target(&self, command: &Command) -> Target {
        Target {
            engine: command.engine,
            location: command.location.clone(),
            method: command.method,
            headers: command.headers.clone(),
            timeout: Duration::from_secs(command.timeout.into()),
            secret: Some(self.signing_key(command)),
            purpose: Purpose::Command,
        }
    }

    async fn call(&self, job: &Job, patience: Duration) -> Result<Reply, EngineError> {
        let called = tokio::time::timeout(patience, self.0.engine.run(job)).await.unwrap_or(Err(EngineError::Timeout(patience)));
        let outcome = match &called {
            Ok(_) => "success",
            Err(EngineError::Timeout(_)) => "timeout",
            Err(EngineError::Forbidden(_) | EngineError::Unconfigured(_) | EngineError::Resting(_)) => "refused",
            Err(_) => "failed",
        };
        metrics::counter!("waddlebot_engine_calls_total", "engine" => job.target.engine.name(), "outcome" => outcome).increment(1);
        called
    }
}

fn notice_target(url: &str, secret: String) -> Target {
    Target {
        engine: EngineKind::Webhook,
        location: url.to_owned(),
        method: Method::Post,
        headers: BTreeMap::new(),
        timeout: NOTICE,
        secret: Some(secret),
        purpose: Purpose::StringMatch,
    }
}

/// The id of a command's run for a message: the same for the same two, telling nothing of either.
#[must_use]
pub fn execution_id(message_id: &str, command: i64) -> String {
    format!("exec_{}", &fingerprint(&format!("{command}|{message_id}"))[..32])
}

/// Calls nobody.
struct Nothing;

impl Engine for Nothing {
    fn run<'a>(&'a self, _: &'a Job) -> Boxed<'a, Result<Reply, EngineError>> {
        Box::pin(async { Err(EngineError::Unconfigured("this house has no way out")) })
    }
}
