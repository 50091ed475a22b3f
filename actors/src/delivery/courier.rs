//! Carries one answer after the other to where it belongs: the account of the platform, or the overlays.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use waddlebot_runtime::actor::Address;
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Text};
use waddlebot_runtime::fault;
use waddlebot_runtime::gate::Gate;
use waddlebot_runtime::journal::{Journal, Marked};
use waddlebot_runtime::platform::{Boxed, Capabilities, Measure, Moderation, Outgoing, PlatformError, Platforms};
use waddlebot_runtime::response::{Line, Response};
use waddlebot_runtime::spawn;

use super::cut::cut;
use super::ways::{Carried, Pass, Ways};
use crate::account;
use crate::account::ticket::{Ticket, ticket};

/// One response on its way.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its outbox row, when what caused it was written.
    pub id: Option<String>,
    /// What to do.
    pub response: Response,
}

/// Where overlay items go.
pub trait Screens: Send + Sync + 'static {
    /// Shows an item on a community's overlay; the same key twice is shown once.
    fn show<'a>(&'a self, community: CommunityId, item: &'a Response, key: &'a str) -> Boxed<'a, Result<(), String>>;
}

/// Lines that were handed to an account, by their outbox row.
#[must_use = "their outbox rows stay until it is settled what became of them"]
pub struct OnItsWay {
    lines: Vec<Carried>,
    /// The life that marked them.
    life: String,
    /// Shows that they are on their way, and whose they are.
    pass: Option<Pass>,
}

/// Knows the way to every account and overlay. Cloning shares it.
#[derive(Clone)]
pub struct Courier {
    accounts: Arc<DashMap<&'static str, Address<account::Order>>>,
    platforms: Platforms,
    screens: Arc<dyn Screens>,
    journal: Journal,
    gate: Gate,
    ways: Ways,
}

/// What handing a line over may take of the lease.
const NEED: Duration = Duration::from_millis(500);
/// A committed answer waits until the lease is renewed; when it is lost instead, the next owner sends it.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a community that goes to another node waits for the answer to a line that was on its way when it was called back.
const ARRIVAL: Duration = Duration::from_secs(1);
/// How long it waits for all of them.
const RETURN: Duration = Duration::from_secs(3);

impl Courier {
    /// One that knows these ways.
    #[must_use]
    pub fn new(platforms: Platforms, screens: Arc<dyn Screens>, journal: Journal) -> Self {
        Self { accounts: Arc::default(), platforms, screens, journal, gate: Gate::always(), ways: Ways::default() }
    }

    /// The same on a node with a lease: nothing committed is marked as going out while this gate is shut.
    #[must_use]
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Learns where a platform's account is reached.
    pub fn account(&self, platform: &'static str, address: Address<account::Order>) {
        self.accounts.insert(platform, address);
    }

    /// Whether a channel's platform drops a second message of the same key.
    #[must_use]
    pub fn is_idempotent(&self, channel: &ChannelKey) -> bool {
        self.platforms.of(channel).is_some_and(|platform| platform.capabilities().idempotent)
    }

    /// Whether what is said in a channel leaves with the answer to who brought the message.
    #[must_use]
    pub fn is_inline(&self, channel: &ChannelKey) -> bool {
        self.platforms.of(channel).is_some_and(|platform| platform.capabilities().inline)
    }

    /// Has a measure taken, where the channel's platform can.
    pub fn moderate(&self, moderation: Moderation) {
        let can = self.platforms.of(&moderation.channel).map_or(Capabilities::default(), |platform| platform.capabilities());
        let able = match moderation.measure {
            Measure::Delete { .. } => can.deletes,
            Measure::Timeout { .. } => can.timeouts,
        };
        if able
            && let Some(platform) = self.platforms.of(&moderation.channel)
            && let Some(account) = self.accounts.get(platform.name())
        {
            account.send(account::Order::Moderate(moderation)).ok();
        }
    }

    /// Carries parcels to a channel and its community's overlays, in order, and waits until they are there.
    pub async fn carry(&self, channel: &ChannelKey, community: CommunityId, parcels: Vec<Parcel>) {
        let on_its_way = self.hand_over(channel, community, parcels).await;
        self.settle(on_its_way).await;
    }

    /// Hands parcels to those who bring them, in order; what became of them is for [`Courier::settle`].
    pub async fn hand_over(&self, channel: &ChannelKey, community: CommunityId, parcels: Vec<Parcel>) -> OnItsWay {
        let mut on_its_way = OnItsWay { lines: Vec::new(), life: String::new(), pass: None };
        // In a box: large, and most answers have no row in the outbox.
        let marked = match parcels.iter().all(|parcel| parcel.id.is_none()) {
            true => Some(Mark::All),
            false => Box::pin(self.mark(channel, &parcels)).await,
        };
        let Some(marked) = marked else { return on_its_way };
        on_its_way.pass = parcels.iter().any(|parcel| parcel.id.is_some()).then(|| self.ways.pass(community));
        for Parcel { id, response } in parcels {
            match response {
                Response::Chat(_) if marked.leaves_out(id.as_ref()) => {
                    tracing::info!(%channel, id, "an answer is not said: another life has taken it up");
                }
                Response::Chat(line) => on_its_way.lines.extend(self.say(channel, &line, id)),
                item => self.show(community, &item, id).await,
            }
        }
        if let Mark::These(marked) = marked {
            on_its_way.life = marked.life;
        }
        on_its_way
    }

    /// Waits until it is known what became of each line, and notes it. What is called back meanwhile and has not left
    /// stays in the outbox.
    pub async fn settle(&self, OnItsWay { lines, life, pass }: OnItsWay) {
        let Some(pass) = pass else { return };
        for mut line in lines {
            let called = tokio::select! {
                biased;
                () = line.arrives() => false,
                () = self.ways.calls(pass.community()) => true,
            };
            if called { self.take_back(line, &life).await } else { self.note(line, &life) }
        }
    }

    /// Calls back what is on its way out of a community that goes to another node, and what sets out from now on; waits
    /// until nothing is on its way. Whether anything was.
    pub async fn call_back(&self, community: CommunityId) -> bool {
        let any = !self.ways.are_empty(community);
        self.ways.call(community);
        if tokio::time::timeout(RETURN, self.ways.emptied(community)).await.is_err() {
            tracing::warn!(community, "answers are on their way still, though they were called back");
        }
        any
    }

    /// A community has gone, or stays after all: nothing more is called back.
    pub fn called_back(&self, community: CommunityId) {
        self.ways.call_no_more(community);
    }

    /// Answers of which it is not known whether they were written: should they be, they are sent.
    pub fn doubts(&self, ids: Vec<String>) {
        self.journal.let_go(ids);
    }

    /// Notes which lines of the outbox are about to be sent where a second one could not be told from the first; `None` when nothing
    /// may be sent now.
    async fn mark(&self, channel: &ChannelKey, parcels: &[Parcel]) -> Option<Mark> {
        fault::point("before-sending");
        if let Err(why) = self.gate.wait(NEED, PATIENCE).await {
            tracing::error!(%channel, %why, "answers stay in the outbox for who serves this channel next");
            return None;
        }
        let ids: Vec<_> =
            parcels.iter().filter(|parcel| matches!(parcel.response, Response::Chat(_))).filter_map(|parcel| parcel.id.clone()).collect();
        if ids.is_empty() || self.is_idempotent(channel) {
            return Some(Mark::All);
        }
        match self.journal.sending(ids).await {
            Ok(marked) => {
                fault::point("sending-marked");
                Some(Mark::These(marked))
            }
            Err(error) => {
                tracing::error!(%channel, %error, "answers stay in the outbox for whoever looks next");
                None
            }
        }
    }

    /// Hands a line to the account; for a line of the outbox, what to wait for.
    fn say(&self, channel: &ChannelKey, line: &Line, id: Option<String>) -> Option<Carried> {
        let platform = self.platforms.of(channel);
        if platform.is_some_and(|platform| platform.capabilities().inline) {
            return id.map(|id| Carried::new(id, Vec::new()));
        }
        let Some((platform, account)) = platform.and_then(|platform| Some((platform, self.accounts.get(platform.name())?))) else {
            tracing::error!(%channel, "no account speaks on this platform");
            return None;
        };
        let mut tickets: Vec<Ticket> = Vec::new();
        for (part, text) in cut(&line.shown(), platform.limits(channel)).into_iter().enumerate() {
            let key = match &id {
                Some(id) => format!("{id}.{part}").into(),
                None => Text::new(),
            };
            let (stub, ticket) = id.is_some().then(ticket).unzip();
            let sent = account.send(account::Order::Send(Outgoing { channel: channel.clone(), text, key }, stub));
            if sent.is_err() {
                tracing::error!(%channel, "the account has ended: a line was not sent");
            }
            tickets.extend(ticket);
        }
        id.map(|id| Carried::new(id, tickets))
    }

    /// Takes a line back that has not left: whoever serves its channel next says it.
    async fn take_back(&self, mut line: Carried, life: &str) {
        if line.comes_back() {
            tracing::debug!(id = line.id, "an answer is left to who serves its channel next");
            self.journal.unsent(vec![line.id.clone()], life);
            // Or by this life, should the community stay.
            return self.journal.let_go(vec![line.id]);
        }
        if tokio::time::timeout(ARRIVAL, line.arrives()).await.is_ok() {
            return self.note(line, life);
        }
        let (courier, life) = (self.clone(), life.to_owned());
        spawn::task("late line", async move {
            line.arrives().await;
            courier.note(line, &life);
        });
    }

    fn note(&self, Carried { id, answers, .. }: Carried, life: &str) {
        let (mut said, mut lost, mut unknown) = (false, false, false);
        for answer in answers {
            match answer {
                Ok(Err(PlatformError::Lost { .. })) => lost = true,
                Ok(Err(PlatformError::Unknown { .. })) | Err(_) => unknown = true,
                Ok(_) => said = true,
            }
        }
        fault::point("sent");
        if lost && !said && !unknown {
            self.journal.unsent(vec![id], life);
        } else if lost || unknown {
            // A reply of which a part may have been said is not said again.
            metrics::counter!("waddlebot_replies_unknown_total").increment(1);
            self.journal.unknown(id);
        } else {
            self.journal.sent(id);
        }
    }

    async fn show(&self, community: CommunityId, item: &Response, id: Option<String>) {
        let key = id.clone().unwrap_or_default();
        if let Err(error) = self.screens.show(community, item, &key).await {
            tracing::warn!(community, error, "an overlay item was not shown");
        }
        if let Some(id) = id {
            self.journal.sent(id);
        }
    }
}

/// Which lines of the outbox may be sent.
enum Mark {
    /// All: none can be said twice.
    All,
    /// These.
    These(Marked),
}

impl Mark {
    /// Whether a line of the outbox must not be sent.
    fn leaves_out(&self, id: Option<&String>) -> bool {
        match (self, id) {
            (Self::These(marked), Some(id)) => !marked.ids.contains(id),
            _ => false,
        }
    }
}
