//! One run: written down as pending, called once, its end and its answer written down together.

use std::time::Duration;

use tokio::sync::OnceCell;
use waddlebot_runtime::chat::Text;
use waddlebot_runtime::engine::{EngineError, Job, Reply};
use waddlebot_runtime::fault;
use waddlebot_runtime::intake::{Ran, Verdict};
use waddlebot_runtime::journal::{Begun, Effect, Ending, Run, begin, end};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::sessions;
use waddlebot_runtime::store::StoreError;

use super::payload::{parameters, payload};
use super::{Ground, Occasion, Outside, Step, What, execution_id};
use crate::commands::{Command, answer};
use crate::delivery::{Answered, Parcel};
use crate::listing::short;
use crate::tally;

/// What a call may take of the lease before it is asked again.
const NEED: Duration = Duration::from_millis(200);
/// How long a call waits for a lease that is renewed late.
const FROZEN: Duration = Duration::from_secs(30);
/// What is said of a program that does not answer as it should.
const UNAVAILABLE: &str = "is not available right now, try again in a minute";
/// The most characters of an answer that are kept with its execution.
const KEPT: usize = 4000;

/// How a call went, as it is told and written down.
struct Outcome {
    responses: Vec<Response>,
    status: &'static str,
    code: Option<u16>,
    /// For who runs the house.
    error: Option<String>,
    /// What who asked is told of a failure, behind the command's word.
    excuse: &'static str,
    body: String,
    tries: u32,
}

impl Outside {
    /// Runs one command of a round and tells who waits. Who is not told is told that it failed.
    pub(super) async fn step(&self, step: Step, occasion: &Occasion, session: &OnceCell<String>, ground: &Ground) {
        let Step { command, reply } = step;
        let id = execution_id(&occasion.message_id, command.id);
        // The same message twice at once: the second finds what the first did.
        let turn = self.0.running.entry(id.clone()).or_default().clone();
        let held = turn.lock().await;
        match self.one(&command, occasion, &id, session, ground).await {
            Ok(answered) => drop(reply.send(answered)),
            Err(error) => tracing::error!(%error, execution = id, command = %command.word, "a run could not be written down"),
        }
        drop(held);
        drop(turn);
        self.0.running.remove_if(&id, |_, turn| std::sync::Arc::strong_count(turn) == 1);
    }

    async fn one(
        &self,
        command: &Command,
        occasion: &Occasion,
        id: &str,
        session: &OnceCell<String>,
        ground: &Ground,
    ) -> Result<Answered, StoreError> {
        let Some(_place) = self.0.room.enter(occasion.community).await else {
            return Ok(plain(command, occasion, "is asked for by too many at once, try again in a minute", Verdict::Unavailable, 503));
        };
        ground.gate.wait(NEED, FROZEN).await?;
        let run = self.record(command, occasion, id, ground);
        let mut tx = ground.store.begin_fenced(&ground.claim).await?;
        let begun = begin(&mut tx, &run).await?;
        tx.into_inner().commit().await?;
        fault::point("outside-begun");
        let started = self.0.clock.since_boot();
        let outcome = match begun {
            Begun::Ended { status, answer, error, command: name, code, millis } => {
                let ran = Ran {
                    module: command.module.clone().into(),
                    command: name.into(),
                    error: (status != "success").then_some(error),
                    execution_time_ms: u64::try_from(millis).unwrap_or_default(),
                    execution_id: id.to_owned(),
                    session_id: self.session_id(occasion),
                    status_code: code.and_then(|code| u16::try_from(code).ok()),
                };
                return Ok(Answered::before(&answer, ran));
            }
            // It was called before a crash, or was about to be: a target that cannot tell is not called twice.
            Begun::Open if !command.idempotent => Outcome::interrupted(),
            Begun::New | Begun::Open => {
                let session = session.get_or_init(|| self.session(occasion)).await;
                let job =
                    Job { target: self.target(command), execution_id: id.to_owned(), payload: payload(command, occasion, id, session) };
                Outcome::of(self.call(&job, command.patience()).await, &occasion.by.name)
            }
        };
        fault::point("outside-called");
        let now = self.0.clock.since_boot();
        let took = now.saturating_sub(started);
        tally::ran(outcome.error.is_none(), took, now);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.close(command, occasion, &run, outcome, millis, ground).await
    }

    /// Writes down how a run ended, with what it answers, and gives that.
    async fn close(
        &self,
        command: &Command,
        occasion: &Occasion,
        run: &Run,
        outcome: Outcome,
        millis: u64,
        ground: &Ground,
    ) -> Result<Answered, StoreError> {
        let responses = outcome.told(command, occasion);
        let ran = Ran {
            module: command.module.clone().into(),
            command: run.command.clone().into(),
            error: outcome.error.clone(),
            execution_time_ms: millis,
            execution_id: run.id.clone(),
            session_id: self.session_id(occasion),
            status_code: outcome.code,
        };
        let ending = Ending {
            status: outcome.status,
            answer: json(&responses),
            response_status: outcome.code.map(i64::from),
            response_data: outcome.body,
            error: outcome.error.clone().unwrap_or_default(),
            retries: i64::from(outcome.tries.saturating_sub(1)),
            millis: i64::try_from(millis).unwrap_or(i64::MAX),
            at: self.0.clock.now(),
        };
        let effect = |response: &Response| Effect { entity: run.entity.clone(), body: json(response) };
        let effects: Vec<_> = responses.iter().map(effect).collect();
        let mut tx = ground.store.begin_fenced(&ground.claim).await?;
        let Some(ids) = end(&mut tx, run, &ending, &effects).await? else {
            return Err(StoreError::Refused("somebody else has ended this run".into()));
        };
        tx.into_inner().commit().await?;
        fault::point("outside-ended");
        let parcels = ids.into_iter().zip(responses).map(|(id, response)| Parcel { id: Some(id), response }).collect();
        let verdict = if outcome.error.is_some() { Verdict::Failed } else { Verdict::Done };
        Ok(Answered { parcels, ran: Some(ran), verdict, again: false })
    }

    fn record(&self, command: &Command, occasion: &Occasion, id: &str, ground: &Ground) -> Run {
        let (name, message) = match &occasion.what {
            What::Typed { text, .. } => (command.word.to_string(), text.to_string()),
            What::Happened(event) => (event.kind.name().to_owned(), event.text.to_string()),
        };
        Run {
            id: id.to_owned(),
            entity: occasion.channel.to_string(),
            community: occasion.community,
            module: command.module.clone(),
            command: name,
            command_id: command.id,
            user_id: occasion.by.id.to_string(),
            user_name: occasion.by.name.to_string(),
            message,
            parameters: json(&parameters(occasion)),
            epoch: ground.claim.epoch,
            holder: ground.claim.owner().life(),
            at: self.0.clock.now(),
        }
    }

    /// The id of a message's session: the same for the same message, also after a restart, and nobody else can tell it.
    fn session_id(&self, occasion: &Occasion) -> String {
        let bits = self.0.secret.derive("session of a message", &[&occasion.message_id]);
        sessions::id_of(*bits.first_chunk().expect("it has twice as many"))
    }

    /// The session that later answers name; empty when none can be had now.
    async fn session(&self, occasion: &Occasion) -> String {
        let facts = [("user_id", occasion.by.id.as_ref()), ("user_name", occasion.by.name.as_ref())];
        match self.0.sessions.open(self.session_id(occasion), occasion.channel.as_str(), &facts).await {
            Ok(session) => session.id,
            Err(error) => {
                tracing::warn!(%error, "a command runs without a session: it cannot answer later");
                String::new()
            }
        }
    }
}

impl Outcome {
    fn of(called: Result<Reply, EngineError>, to: &Text) -> Self {
        match called {
            Ok(reply) => Self::answered(&reply, to),
            Err(error) => {
                let (status, code, excuse) = match &error {
                    EngineError::Timeout(_) => ("timeout", 408, "took too long to answer"),
                    EngineError::Status(status) => ("failed", *status, UNAVAILABLE),
                    EngineError::Resting(_) | EngineError::Unreachable(_) => ("failed", 503, UNAVAILABLE),
                    EngineError::TooLong(_) => ("failed", 500, "gave an answer that is too long"),
                    EngineError::Forbidden(_) | EngineError::Unconfigured(_) => ("failed", 500, "is not set up right here"),
                };
                Self { status, code: Some(code), error: Some(error.to_string()), excuse, ..Self::empty() }
            }
        }
    }

    fn answered(reply: &Reply, to: &Text) -> Self {
        let body = short(&reply.body.to_string(), KEPT);
        let base = Self { code: Some(reply.status), body, tries: reply.tries, ..Self::empty() };
        match answer::read(&reply.body) {
            Ok(answer::Answer { responses, error: None }) => Self { responses, status: "success", ..base },
            Ok(answer::Answer { responses, error: Some(why) }) => {
                // What it says is for who asked, unless it answered something else, too.
                let told = if responses.is_empty() { vec![Response::tell(to.clone(), why.clone())] } else { responses };
                Self { responses: told, error: Some(why), ..base }
            }
            Err(why) => {
                Self { error: Some(format!("its answer cannot be read: {why}")), excuse: "gave an answer that cannot be read", ..base }
            }
        }
    }

    fn interrupted() -> Self {
        let error = Some("this program was interrupted while it ran; it is not called twice".into());
        Self { code: Some(500), error, excuse: "was interrupted, and it is not known what it did", ..Self::empty() }
    }

    fn empty() -> Self {
        Self { responses: Vec::new(), status: "failed", code: None, error: None, excuse: UNAVAILABLE, body: String::new(), tries: 1 }
    }

    /// What is said. Nobody asked for an event: a failure then is for the log, not for the chat.
    fn told(&self, command: &Command, occasion: &Occasion) -> Vec<Response> {
        let typed = matches!(occasion.what, What::Typed { .. });
        if let Some(error) = &self.error {
            tracing::warn!(command = %command.word, module = command.module, community = occasion.community, error, "a command that runs elsewhere failed");
        }
        match (&self.error, self.responses.is_empty()) {
            (Some(_), _) if !typed => Vec::new(),
            (Some(_), true) => vec![Response::tell(occasion.by.name.clone(), format!("{} {}", command.word, self.excuse))],
            _ => self.responses.clone(),
        }
    }
}

/// The answer to a command whose message could not be written down.
pub(super) fn not_accepted(command: &Command, occasion: &Occasion) -> Answered {
    plain(command, occasion, "cannot be written down right now, try again in a minute", Verdict::Unavailable, 503)
}

/// An answer to a command that was not called.
fn plain(command: &Command, occasion: &Occasion, why: &str, verdict: Verdict, code: u16) -> Answered {
    let typed = matches!(occasion.what, What::Typed { .. });
    let response = Response::tell(occasion.by.name.clone(), format!("{} {why}", command.word));
    let parcels = if typed { vec![Parcel { id: None, response }] } else { Vec::new() };
    let (module, word) = (command.module.clone().into(), command.word.clone());
    let ran = Ran { module, command: word, error: Some(why.to_owned()), status_code: Some(code), ..Ran::default() };
    Answered { parcels, ran: Some(ran), verdict, again: false }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
