//! Does what modules answered: to the platform, to an overlay; in the order of the channel.

mod courier;
pub mod cut;
mod reply;
mod ways;

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot::{self, error::TryRecvError};
use waddlebot_runtime::actor::{Actor, Fault, Me};
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Text};
use waddlebot_runtime::intake::{Outcome, Ran, Verdict};
use waddlebot_runtime::journal::Journal;
use waddlebot_runtime::response::Response;
use waddlebot_runtime::spawn;

pub use courier::{Courier, Parcel, Screens};
pub use reply::{Reply, Straight};

use crate::channel::{Asker, Before};

/// What came of one module's work.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// What to do, each with its outbox id when it stands there.
    pub parcels: Vec<Parcel>,
    /// What ran.
    pub ran: Option<Ran>,
    /// How it ended.
    pub verdict: Verdict,
    /// It ran before: tell who asked, do nothing again.
    pub again: bool,
}

impl Answered {
    /// What was answered when it ran before, as it was written down.
    pub(crate) fn before(answer: &str, ran: Ran) -> Self {
        let responses: Vec<Response> = serde_json::from_str(answer).unwrap_or_default();
        let parcels = responses.into_iter().map(|response| Parcel { id: None, response }).collect();
        let verdict = if ran.error.is_some() { Verdict::Failed } else { Verdict::Duplicate };
        Self { parcels, ran: Some(ran), verdict, again: true }
    }
}

/// An answer that is there, or still being worked on.
pub enum Coming {
    /// It is there.
    Ready(Answered),
    /// The module is at it.
    Later {
        /// The module.
        module: Text,
        /// What to name when it never answers.
        asked_for: Asked,
        /// Whom to tell when it fails.
        who: Text,
        /// Its answer.
        answer: oneshot::Receiver<Answered>,
    },
}

/// What a module was asked for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// A command, without its prefix.
    Command(&'static str),
    /// The kind of an event.
    Event(&'static str),
    /// A command that runs elsewhere, with its prefix.
    Elsewhere(Text),
}

impl fmt::Display for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(word) => write!(out, "!{word}"),
            Self::Event(kind) => out.write_str(kind),
            Self::Elsewhere(word) => out.write_str(word),
        }
    }
}

/// What delivery is told: one message's answers.
pub struct Order {
    /// What is coming, in order.
    pub coming: Vec<Coming>,
    /// Who waits for the outcome.
    pub asked: Option<Asker>,
    /// The inbox entry that is done when all is answered.
    pub entry: Option<Entered>,
}

/// An entry of the inbox that is being worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Its message.
    pub id: String,
    /// Nobody waits for it here; who left it there may wait for what comes of it.
    pub left: bool,
}

/// What a channel's delivery is opened with.
pub struct Seed {
    /// Where it delivers to.
    pub channel: ChannelKey,
    /// Whose channel it is.
    pub community: CommunityId,
    /// Who carries.
    pub courier: Courier,
    /// Where finished entries are noted.
    pub journal: Journal,
    /// What was answered is remembered there.
    pub before: Before,
}

/// How long the answers behind a slow one wait for it.
const PATIENCE: Duration = Duration::from_millis(300);

/// The delivery of one channel.
pub struct Delivery {
    seed: Seed,
    delivered: u64,
    overtaken: u64,
}

impl Actor for Delivery {
    const KIND: &'static str = "delivery";
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, _: &Me<Order>) -> Result<Self, Fault> {
        Ok(Self { seed, delivered: 0, overtaken: 0 })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        let Order { coming, asked, entry } = order;
        let mut ready = Vec::with_capacity(coming.len());
        let mut coming = coming.into_iter();
        for mut next in coming.by_ref() {
            match arrived(&mut next, PATIENCE).await {
                Some(answered) => ready.push(Coming::Ready(answered)),
                None => {
                    // One module is slow: the channel's other answers go first.
                    self.overtaken += 1;
                    let address = me.address().clone();
                    let rest: Vec<_> = coming.collect();
                    spawn::task("slow answer", async move {
                        ready.push(Coming::Ready(arrived(&mut next, Duration::from_secs(120)).await.unwrap_or_default()));
                        ready.extend(rest);
                        address.send(Order { coming: ready, asked, entry }).ok();
                    });
                    return Ok(());
                }
            }
        }
        let answered = ready.into_iter().filter_map(|coming| match coming {
            Coming::Ready(answered) => Some(answered),
            Coming::Later { .. } => None,
        });
        self.deliver(answered.collect(), asked, entry, me.clock().since_boot()).await;
        Ok(())
    }

    fn memory(&self) -> Value {
        json!({ "channel": self.seed.channel, "delivered": self.delivered, "overtaken": self.overtaken })
    }
}

impl Delivery {
    async fn deliver(&mut self, answered: Vec<Answered>, asked: Option<Asker>, entry: Option<Entered>, now: Duration) {
        let mut outcome = Outcome::default();
        let keep = asked.is_some() || entry.as_ref().is_some_and(|entry| entry.left);
        let silent = answered.iter().all(|one| one.verdict != Verdict::Unavailable || one.parcels.is_empty());
        for one in answered {
            outcome.verdict = worst(outcome.verdict, one.verdict);
            outcome.ran.extend(one.ran);
            if keep {
                outcome.responses.extend(one.parcels.iter().map(|parcel| parcel.response.clone()));
            }
            if !one.again {
                self.delivered += one.parcels.len() as u64;
                self.seed.courier.carry(&self.seed.channel, self.seed.community, one.parcels).await;
            }
        }
        let in_journal = entry.is_some();
        match entry {
            // Nothing was done, and nobody was told so: it is taken up again.
            Some(entry) if outcome.verdict == Verdict::Unavailable && silent => self.seed.journal.put_back(entry.id),
            Some(Entered { id, left: true }) => self.seed.journal.done_with(id, serde_json::to_string(&outcome).unwrap_or_default()),
            Some(entry) => self.seed.journal.done(entry.id),
            None => {}
        }
        if let Some(asked) = asked {
            self.seed.before.answer(asked, outcome, in_journal, now);
        }
    }
}

/// The answer when it comes within `patience`; a module that ended without one has failed.
async fn arrived(coming: &mut Coming, patience: Duration) -> Option<Answered> {
    match coming {
        Coming::Ready(answered) => Some(std::mem::take(answered)),
        Coming::Later { module, asked_for, who, answer } => {
            let answer = match answer.try_recv() {
                Err(TryRecvError::Empty) => tokio::time::timeout(patience, answer).await.ok()?.ok(),
                there => there.ok(),
            };
            Some(answer.unwrap_or_else(|| failed(module, asked_for, who)))
        }
    }
}

fn failed(module: &Text, asked_for: &Asked, who: &Text) -> Answered {
    let line = Response::tell(who.clone(), format!("{asked_for} failed. It has been noted."));
    let ran = Ran {
        module: module.clone(),
        command: asked_for.to_string().into(),
        error: Some("the module ended before it answered".into()),
        ..Ran::default()
    };
    Answered { parcels: vec![Parcel { id: None, response: line }], ran: Some(ran), verdict: Verdict::Failed, again: false }
}

/// A message ends as badly as the worst of what ran for it.
fn worst(a: Verdict, b: Verdict) -> Verdict {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Chatter => 0,
        Verdict::Duplicate => 1,
        Verdict::Done => 2,
        Verdict::Unknown => 3,
        Verdict::Disabled => 4,
        Verdict::Limited => 5,
        Verdict::Denied => 6,
        Verdict::Failed => 7,
        Verdict::Unavailable => 8,
    };
    if rank(b) > rank(a) { b } else { a }
}
