//! One channel that another node serves: brings what is heard, in order; what cannot be brought waits in the inbox.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Text};
use waddlebot_runtime::gate::Gate;
use waddlebot_runtime::gateway::{Answer, Envelope, Payload};
use waddlebot_runtime::intake::{self, Ear, Heard, Outcome, Ran, Unheard, Verdict};
use waddlebot_runtime::journal::Entry;
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::response::Response;
use waddlebot_runtime::spawn;

use super::bundle::{gather, pieces, weighs};
use super::{Afar, Where, is_lost};
use crate::channel::{Accepted, resolve};
use crate::host;
use crate::household::Household;

/// How much may wait to be brought.
const QUEUE: usize = 256;
/// A way that nobody used for this long is forgotten.
const IDLE: Duration = Duration::from_secs(60);
/// How long a frozen node keeps what it heard.
const FROZEN: Duration = Duration::from_secs(30);
/// How often a way is looked up anew for one thing, and the pause before.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);
/// How long who asked waits for what comes of a message in the inbox, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long what comes later goes behind what was left in the inbox.
const BEHIND: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(200);

/// A channel on another node, as a platform sees it.
pub(super) struct RemoteEar {
    heard: mpsc::Sender<Heard>,
    emptied: CancellationToken,
    over: CancellationToken,
    gate: Gate,
    /// In which of this node's lives it hears.
    life: Option<u64>,
}

impl RemoteEar {
    pub(super) fn open(afar: Afar, key: ChannelKey) -> Self {
        let (sender, heard) = mpsc::channel(QUEUE);
        let (emptied, over) = (CancellationToken::new(), CancellationToken::new());
        let gate = afar.0.household.world().gate.clone();
        let life = gate.life();
        let carrier = Carrier { afar, key, way: None, left: None, life };
        let (done, ends) = (emptied.clone().drop_guard(), over.clone());
        spawn::task("afar", async move {
            let (afar, key) = (carrier.afar.clone(), carrier.key.clone());
            carrier.run(heard, ends).await;
            drop(done);
            afar.forget(&key);
        });
        Self { heard: sender, emptied, over, gate, life }
    }

    /// Comes true when all that was heard has been handed on and nothing more is. One that nobody speaks to any more, for
    /// this node's life in which it was opened is over, ends now: it would wait for more.
    pub(super) async fn emptied(&self) {
        self.over.cancel();
        self.emptied.cancelled().await;
    }
}

impl Ear for RemoteEar {
    fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)> {
        if !self.is_open() {
            return Err((Unheard::Unavailable, heard));
        }
        self.heard.try_send(heard).map_err(|error| match error {
            mpsc::error::TrySendError::Full(heard) => (Unheard::Busy, heard),
            mpsc::error::TrySendError::Closed(heard) => (Unheard::Unavailable, heard),
        })
    }

    fn ready(&self) -> Boxed<'_, ()> {
        Box::pin(async { drop(self.heard.reserve().await) })
    }

    fn is_open(&self) -> bool {
        !self.heard.is_closed() && self.life.is_some() && self.life == self.gate.life()
    }
}

type Asked = Option<oneshot::Sender<Arc<Outcome>>>;

/// Brings what is heard in one channel.
struct Carrier {
    afar: Afar,
    key: ChannelKey,
    way: Option<Where>,
    /// What was left in the inbox last, and when: what comes behind it must not overtake it.
    left: Option<(String, Duration)>,
    life: Option<u64>,
}

/// What became of one try to bring something.
enum Tried {
    /// It is there; what comes of it, when somebody waits.
    There(Option<oneshot::Receiver<Answer>>),
    /// Not there, or not now: try again.
    Again,
    /// The node cannot be reached.
    Unreachable,
}

impl Carrier {
    async fn run(mut self, mut heard: mpsc::Receiver<Heard>, over: CancellationToken) {
        while let Some(Ok(next)) = over.run_until_cancelled(tokio::time::timeout(IDLE, heard.recv())).await {
            let Some(next) = next else { return };
            let (mut next, mut behind) = (Some(next), None);
            if let Some(Heard::Said(messages)) = &mut next {
                behind = gather(messages, &mut heard);
            }
            for one in next.into_iter().chain(behind) {
                self.carry(one).await;
            }
            // Served here now: whoever speaks next finds the channel itself.
            if self.way == Some(Where::Here) {
                break;
            }
        }
        // Whoever comes now asks for the channel anew; what is here goes first.
        heard.close();
        while let Ok(rest) = heard.try_recv() {
            self.carry(rest).await;
        }
    }

    async fn carry(&mut self, heard: Heard) {
        if !self.may_carry().await {
            // Whoever has what this node had hears it as well; who waits learns that there is no answer.
            tracing::warn!(channel = %self.key, "what was heard is not carried: this node has lost its lease, or waits for it");
            return;
        }
        match heard {
            Heard::Said(messages) => {
                for piece in pieces(messages) {
                    self.carry_one(Payload::Said(piece), None).await;
                }
            }
            Heard::Asked(message, asked) => self.carry_one(Payload::Asked(message), Some(asked)).await,
            Heard::Happened(event, asked) => self.carry_one(Payload::Happened(event), asked).await,
        }
    }

    /// Whether this node lives still as it did when it heard. One that stood still waits until it knows.
    async fn may_carry(&self) -> bool {
        let gate = &self.afar.0.household.world().gate;
        gate.life() == self.life && gate.wait(Duration::ZERO, FROZEN).await.is_ok() && gate.life() == self.life
    }

    async fn carry_one(&mut self, mut payload: Payload, asked: Asked) {
        self.name(&mut payload);
        if weighs(&payload) && self.is_behind().await {
            return self.leave(payload, asked).await;
        }
        let id = self.afar.id();
        for tried in 0..TRIES {
            if tried > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let way = match self.way.clone() {
                Some(way @ Where::Node { .. }) => way,
                _ => match self.afar.serving(&self.key).await {
                    Ok(way) => way,
                    Err(error) => {
                        tracing::warn!(channel = %self.key, %error, "it cannot be seen who serves a channel");
                        continue;
                    }
                },
            };
            self.way = Some(way.clone());
            let Where::Node { owner, under, epoch } = way else {
                match self.at_home(&payload).await {
                    Ok(outcome) => {
                        self.way = Some(Where::Here);
                        return self.pass_on(outcome, asked);
                    }
                    Err(()) => continue,
                }
            };
            let envelope = Envelope { entity: self.key.to_string(), under, epoch, id: id.clone(), payload };
            let tried = self.bring(&owner, &envelope).await;
            payload = envelope.payload;
            match tried {
                Tried::There(Some(later)) => return self.pass_on_from_afar(later, &payload, asked),
                Tried::There(None) => return,
                Tried::Again => self.way = None,
                Tried::Unreachable => {
                    self.way = None;
                    // Whoever it is that serves it, or will: the inbox reaches them.
                    if matches!(self.afar.serving(&self.key).await, Ok(Where::Node { owner: still, .. }) if still == owner) {
                        break;
                    }
                }
            }
        }
        self.leave(payload, asked).await;
    }

    /// Whether something that was left in the inbox was not acted on yet.
    async fn is_behind(&mut self) -> bool {
        let Some((id, since)) = &self.left else { return false };
        let household = &self.afar.0.household;
        let patient = household.world().clock.since_boot() < *since + BEHIND;
        let behind = patient && household.journal().is_open(id).await.unwrap_or(true);
        if !behind {
            self.left = None;
        }
        behind
    }

    async fn bring(&self, owner: &str, envelope: &Envelope) -> Tried {
        let Some(link) = self.afar.0.peers.link(owner) else { return Tried::Unreachable };
        match link.bring(envelope).await {
            Ok(brought) if brought.answer == Answer::Taken => Tried::There(brought.outcome),
            Ok(brought) => {
                tracing::debug!(channel = %self.key, owner, answer = ?brought.answer, "not taken");
                Tried::Again
            }
            Err(error) => {
                tracing::debug!(channel = %self.key, owner, %error, "not brought");
                if is_lost(&error) { Tried::Unreachable } else { Tried::Again }
            }
        }
    }

    /// It is this node's to serve, now or since now.
    async fn at_home(&self, payload: &Payload) -> Result<Option<oneshot::Receiver<Arc<Outcome>>>, ()> {
        let ear = self.afar.0.household.local(&self.key).await.map_err(|_| ())?;
        let (sender, outcome) = oneshot::channel();
        let (heard, awaited) = match payload.clone() {
            Payload::Said(messages) => (Heard::Said(messages), false),
            Payload::Asked(message) => (Heard::Asked(message, sender), true),
            Payload::Happened(event) => (Heard::Happened(event, Some(sender)), true),
            Payload::Errand(_) => return Err(()),
        };
        intake::hand_on(ear.as_ref(), heard).await.map_err(|_| ())?;
        Ok(awaited.then_some(outcome))
    }

    fn pass_on(&self, outcome: Option<oneshot::Receiver<Arc<Outcome>>>, asked: Asked) {
        let (Some(outcome), Some(asked)) = (outcome, asked) else { return };
        spawn::task("outcome", async move {
            if let Ok(outcome) = outcome.await {
                asked.send(outcome).ok();
            }
        });
    }

    fn pass_on_from_afar(&self, later: oneshot::Receiver<Answer>, payload: &Payload, asked: Asked) {
        let Some(asked) = asked else { return };
        let (id, household) = (self.message_id(payload), self.afar.0.household.clone());
        spawn::task("outcome", async move {
            let outcome = match later.await {
                Ok(Answer::Outcome(text)) => serde_json::from_str(&text).ok(),
                Ok(Answer::Taken) => Some(Outcome { verdict: Verdict::Done, ..Outcome::default() }),
                // It was taken, and who took it died or gave it to another: what is durable is done, and told then.
                _ => recorded(&household, &id).await.filter(|outcome| !outcome.ran.is_empty()),
            };
            match outcome {
                Some(outcome) => _ = asked.send(outcome.into()),
                None => tracing::warn!(message = id, "what came of a message is not known"),
            }
        });
    }

    /// The id under which what is brought is written down.
    fn message_id(&self, payload: &Payload) -> String {
        let id = match payload {
            Payload::Asked(message) => message.id.clone(),
            Payload::Happened(event) => event.id.clone(),
            Payload::Said(_) | Payload::Errand(_) => Text::new(),
        };
        format!("{}|{id}", self.key)
    }

    /// Gives everything an id, so that whoever gets it twice can tell.
    fn name(&self, payload: &mut Payload) {
        let name = |message: &mut ChatMessage| {
            if message.id.is_empty() {
                message.id = self.afar.text_id();
            }
        };
        match payload {
            Payload::Said(messages) => messages.iter_mut().filter(|message| resolve::is_command(&message.text)).for_each(name),
            Payload::Asked(message) => name(message),
            Payload::Happened(event) if event.id.is_empty() => event.id = self.afar.text_id(),
            Payload::Happened(_) | Payload::Errand(_) => {}
        }
    }

    /// Puts commands and events into the inbox, where who serves the channel finds them. Chatter is let go.
    async fn leave(&mut self, payload: Payload, asked: Asked) {
        let left = match payload {
            Payload::Said(messages) => messages.into_iter().map(Accepted::Left).collect(),
            Payload::Asked(message) => vec![Accepted::Left(message)],
            Payload::Happened(event) => vec![Accepted::Event(event)],
            Payload::Errand(_) => return,
        };
        let (mut last, mut lost, awaited) = (None, false, asked.is_some());
        for one in left {
            let id = match &one {
                Accepted::Message(message) | Accepted::Left(message) if resolve::is_command(&message.text) => &message.id,
                Accepted::Event(event) => &event.id,
                _ => {
                    metrics::counter!("waddlebot_chatter_lost_total").increment(1);
                    continue;
                }
            };
            let message_id = format!("{}|{id}", self.key);
            let body = serde_json::to_string(&one).unwrap_or_default();
            let entry = Entry { message_id: message_id.clone(), entity: self.key.to_string(), body };
            match self.afar.0.household.journal().leave(entry, awaited).await {
                Ok(_) => last = Some(message_id),
                Err(error) => {
                    tracing::error!(channel = %self.key, %error, "what was heard is lost, or done later");
                    // It may be there all the same: what comes after it goes behind it.
                    lost = true;
                    last = Some(message_id);
                    break;
                }
            }
        }
        if let Some(id) = &last {
            let now = self.afar.0.household.world().clock.since_boot();
            self.left = Some((id.clone(), self.left.as_ref().map_or(now, |(_, since)| *since)));
        }
        let Some(asked) = asked else { return };
        match last {
            Some(_) if lost => {}
            Some(message_id) => self.wait(message_id, asked),
            None => _ = asked.send(Arc::default()),
        }
    }

    /// Waits until an entry of the inbox is acted on, and tells who asked what is recorded.
    fn wait(&self, message_id: String, asked: oneshot::Sender<Arc<Outcome>>) {
        let household = self.afar.0.household.clone();
        spawn::task("inbox", async move {
            if let Some(outcome) = recorded(&household, &message_id).await {
                asked.send(outcome.into()).ok();
            }
        });
    }
}

/// What is recorded to have come of a message once it is out of the inbox; nothing when it does not come out in time.
async fn recorded(household: &Household, message_id: &str) -> Option<Outcome> {
    let journal = household.journal();
    let ids: Vec<_> = household.0.on.modules.iter().map(|module| host::execution_id(message_id, module.name)).collect();
    let done = async {
        while journal.is_open(message_id).await.unwrap_or(true) {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.ok()?;
    if let Some(told) = journal.outcome(message_id).await.ok()? {
        return serde_json::from_str(&told).ok();
    }
    // Whoever acted on it told nothing, or nobody asked for it: what is durable is written down.
    let mut outcome = Outcome { verdict: Verdict::Done, ..Outcome::default() };
    for one in journal.told(&ids).await.ok()? {
        outcome.responses.extend(serde_json::from_str::<Vec<Response>>(&one.answer).unwrap_or_default());
        if one.failed {
            outcome.verdict = Verdict::Failed;
        }
        let error = one.failed.then(|| "it failed on the node that serves the channel".to_owned());
        let execution_time_ms = u64::try_from(one.millis).unwrap_or(0);
        outcome.ran.push(Ran { module: one.module.into(), command: one.command.into(), error, execution_time_ms, ..Ran::default() });
    }
    Some(outcome)
}
