//! A channel: hears what is said, in order, one at a time; finds the command, asks whether, passes it on.

pub mod admit;
mod before;
mod chatters;
mod counting;
pub mod dispatch;
mod elsewhere;
mod outlet;
pub mod resolve;
mod ruled;
mod say;
mod sessions;
mod windows;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Actor, Address, Fault, Me, Refusal, World};
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, CommunityId, Text, User};
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::{Ear, Heard, Outcome, Unheard};
use waddlebot_runtime::journal::Journal;
use waddlebot_runtime::module::Counts;
use waddlebot_runtime::placement::Claims;
use waddlebot_runtime::platform::Boxed;
use waddlebot_runtime::store::{Claim, Store};

use crate::commands::table::Uses;
use crate::delivery::Courier;
use crate::limits::Limits;
use crate::outside::Outside;
use crate::roles::Roles;
use crate::{community, rules};
use admit::{Gatekeeper, Rate};
pub use before::{Asker, Before};
use chatters::Chatters;
use foldhash::quality::RandomState;
use outlet::Outlet;
use resolve::Table;
use sessions::Sessions;

/// What a channel is told.
pub enum Order {
    /// Something was heard.
    Heard(Heard),
    /// A message that was accepted before the last stop; it stands in the inbox.
    Again(Accepted),
    /// The community's commands changed.
    Table(Arc<Table>),
    /// Somebody's role changed, or what badges count for.
    Roles(Arc<Roles>),
    /// How often commands may be used changed.
    Limits(Arc<Limits>),
    /// Forget what was used: by one person, of one command, or all where they are empty.
    Forget {
        /// Their id on the platform.
        user: String,
        /// Without its prefix.
        command: String,
        /// How many counts it was.
        reply: oneshot::Sender<Result<u64, String>>,
    },
    /// Count, save, close when idle.
    Tick,
}

/// A durable message, as its body stands in the inbox.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub enum Accepted {
    /// Somebody said it.
    Message(ChatMessage),
    /// It happened.
    Event(Event),
    /// Somebody said it to a node that could not reach this one; nobody asked yet whether they may.
    Left(ChatMessage),
}

/// How a command came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Somebody said it just now.
    Said,
    /// It was said, admitted and accepted before; it stands in the inbox.
    Accepted,
    /// It was said elsewhere and left in the inbox.
    Left,
}

/// What a channel is opened with.
#[derive(Clone)]
pub struct Seed {
    /// Its name.
    pub key: ChannelKey,
    /// Its claim.
    pub claim: Claim,
    /// The community it belongs to.
    pub community: CommunityId,
    /// Whether it is known who was first here.
    pub owned: bool,
    /// Where that community is reached.
    pub address: Address<community::Order>,
    /// The claim of that community.
    pub community_claim: Claim,
    /// What must not be lost.
    pub journal: Journal,
    /// Carries answers.
    pub courier: Courier,
    /// How often one person may use one command.
    pub rate: Rate,
    /// Runs what runs elsewhere.
    pub outside: Outside,
    /// The store, to write down what ran elsewhere.
    pub store: Store,
    /// Told when the stream goes on air and off.
    pub claims: Arc<dyn Claims>,
    /// Makes ids for messages that have none: unlike any other, also after a restart.
    pub ids: Arc<str>,
}

/// Every two seconds chatters' points go to the journal.
const TICK: Duration = Duration::from_secs(2);
/// A channel that heard nothing for this long closes.
const IDLE: Duration = Duration::from_secs(600);
/// The same message id within this time is the same message.
const SEEN: Duration = Duration::from_secs(900);

/// The actor of one channel.
pub struct Channel {
    seed: Seed,
    table: Arc<Table>,
    roles: Arc<Roles>,
    gatekeeper: Gatekeeper,
    world: World,
    counts: Counts,
    chatters: Chatters,
    outlet: Outlet,
    hosts: HashMap<&'static str, dispatch::Known, RandomState>,
    sessions: Sessions,
    seen: HashMap<Text, Duration, RandomState>,
    before: Before,
    /// What is said here leaves with the answer to who brought the message.
    is_inline: bool,
    /// Until then answers to lines that are no commands are remembered.
    lines_until: Duration,
    opened: Duration,
    heard: Duration,
    made: u64,
    ruled: ruled::Ruled,
    /// How often commands that run elsewhere were used, since the community was told last.
    uses: Uses,
}

impl Actor for Channel {
    const KIND: &'static str = "channel";
    const BOUND: usize = 1024;
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, me: &Me<Order>) -> Result<Self, Fault> {
        me.address().meter().claimed(seed.claim.epoch);
        let joined = seed.address.ask(|reply| community::Order::Joined(me.address().clone(), reply));
        let community::Joined { table, roles, limits } = joined.await.map_err(|gone| format!("its community: {gone}"))?;
        me.later(TICK, Order::Tick);
        let mut gatekeeper = Gatekeeper::new(seed.rate);
        gatekeeper.limit(limits);
        Ok(Self {
            table,
            roles,
            gatekeeper,
            world: me.world().clone(),
            counts: Counts { since: me.clock().now(), ..Counts::default() },
            chatters: Chatters::new(seed.owned),
            outlet: Outlet::default(),
            hosts: HashMap::default(),
            sessions: Sessions::default(),
            seen: HashMap::default(),
            before: Before::default(),
            is_inline: seed.courier.is_inline(&seed.key),
            lines_until: Duration::ZERO,
            opened: me.clock().since_boot(),
            heard: me.clock().since_boot(),
            made: 0,
            ruled: ruled::Ruled::default(),
            uses: Uses::default(),
            seed,
        })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Heard(heard) => {
                self.heard = me.clock().since_boot();
                match heard {
                    Heard::Said(messages) => {
                        for message in messages {
                            self.said(message, None, me).await?;
                        }
                    }
                    Heard::Asked(message, asked) => self.said(message, Some(asked), me).await?,
                    Heard::Happened(mut event, asked) => {
                        let asked = asked.map(Asker::new);
                        self.ranked(&mut event.by);
                        self.airs(&event);
                        Box::pin(self.happened(event, asked, false, me)).await?;
                    }
                }
            }
            Order::Again(Accepted::Message(message)) => Box::pin(self.command(message, None, Way::Accepted, me)).await?,
            Order::Again(Accepted::Left(mut message)) => {
                self.ranked(&mut message.by);
                Box::pin(self.command(message, None, Way::Left, me)).await?;
            }
            Order::Again(Accepted::Event(event)) => {
                self.airs(&event);
                Box::pin(self.happened(event, None, true, me)).await?;
            }
            Order::Table(table) => {
                self.table = table;
                self.hosts.clear();
            }
            Order::Roles(roles) => self.roles = roles,
            Order::Limits(limits) => self.gatekeeper.limit(limits),
            Order::Forget { user, command, reply } => {
                self.begin_counting(me).await;
                Box::pin(self.forget_uses(&user, &command, reply)).await;
            }
            Order::Tick => {
                self.save_counts(false).await;
                Box::pin(self.close_outlet_when_idle(me)).await;
                self.tick(me);
            }
        }
        Ok(())
    }

    async fn close(&mut self) {
        self.bank();
        self.introduce();
        self.tell_uses();
        self.save_counts(true).await;
        self.report(self.heard);
        self.outlet.close().await;
    }

    fn memory(&self) -> Value {
        json!({
            "channel": self.seed.key,
            "community": self.seed.community,
            "counts": self.counts,
            "chatters_remembered": self.chatters.len(),
            "message_ids_remembered": self.seen.len() + self.before.len(),
            "rate_windows_remembered": self.gatekeeper.remembered(),
            "hosts_known": self.hosts.keys().collect::<Vec<_>>(),
        })
    }
}

impl Channel {
    /// A stream that went on air or off is noted with the claims: what is live is served first.
    fn airs(&self, event: &Event) {
        let is_live = match event.kind {
            EventKind::StreamOnline => true,
            EventKind::StreamOffline => false,
            _ => return,
        };
        let viewers = if is_live { event.amount.max(0) } else { 0 };
        self.seed.claims.airs(self.seed.key.as_str(), &self.seed.community_claim.entity, is_live, viewers);
    }

    /// The walk of plain chatter ends here: one counter, one look at the first letters, one at the rules. What goes on
    /// from here waits in a box of its own, or every line of chatter would carry the room for it.
    async fn said(&mut self, mut message: ChatMessage, asked: Option<oneshot::Sender<Arc<Outcome>>>, me: &Me<Order>) -> Result<(), Fault> {
        let sentence = self.sentence(&message);
        let is_command = resolve::is_command(&message.text);
        let goes_on = sentence.is_some() || is_command || self.table.hears_chat();
        let asked = match asked {
            None => None,
            Some(asked) => match self.asker(&message.id, asked, goes_on, is_command) {
                Some(asker) => Some(asker),
                None => return Ok(()),
            },
        };
        self.counts.messages += 1;
        self.chatters.spoke(&message);
        self.keep(&message);
        if let Some(sentence) = sentence {
            self.ranked(&mut message.by);
            return Box::pin(self.carry_out(sentence, message, asked, me)).await;
        }
        if is_command {
            self.ranked(&mut message.by);
            return Box::pin(self.command(message, asked, Way::Said, me)).await;
        }
        if self.table.hears_chat() {
            return Box::pin(self.overheard(message, asked, me)).await;
        }
        if let Some(asked) = asked {
            asked.tell(Outcome::default());
        }
        Ok(())
    }

    /// What a string rule says about a message, where one does.
    fn sentence(&self, message: &ChatMessage) -> Option<rules::Sentence> {
        let compiled = &self.table.ruling().compiled;
        let may_match = !compiled.is_empty() && !self.table.knows(&message.text);
        may_match.then(|| rules::judge(compiled, message, self.seed.key.as_str())).flatten()
    }

    /// Who asks, unless they were told the first answer. Chatter is looked up only while lines are remembered that may have
    /// been answered and are chatter by now: of a rule that was switched off since.
    fn asker(&mut self, id: &str, asked: oneshot::Sender<Arc<Outcome>>, goes_on: bool, is_command: bool) -> Option<Asker> {
        if goes_on && !is_command {
            self.lines_until = self.heard + SEEN;
        }
        if goes_on || self.heard < self.lines_until { self.before.asks(id, asked) } else { Some(Asker::new(asked)) }
    }

    /// Gives somebody the role they have here, in place of what their badge says.
    fn ranked(&self, by: &mut User) {
        by.role = self.roles.of(self.seed.key.as_str(), self.seed.key.platform(), &by.id, by.role);
    }

    fn tick(&mut self, me: &Me<Order>) {
        let now = me.clock().since_boot();
        self.bank();
        self.introduce();
        self.tell_uses();
        self.report(now);
        self.chatters.sweep(me.clock().now());
        self.sessions.tell();
        self.seen.retain(|_, at| *at + SEEN > now);
        self.before.sweep(now);
        if now.saturating_sub(self.heard) >= IDLE && me.address().meter().waiting() == 0 {
            me.drain();
        } else {
            me.later(TICK, Order::Tick);
        }
    }

    /// Tells the community who is new here.
    fn introduce(&mut self) {
        if let Some(seen) = self.chatters.newcomers(&self.seed.key) {
            self.seed.address.send(community::Order::Roles(community::roles::Order::Seen(seen))).ok();
        }
    }

    /// Hands what chatters earned to the journal.
    fn bank(&mut self) {
        if let Some(points) = self.chatters.earned(&self.seed) {
            self.seed.journal.points(points);
        }
    }
}

/// A channel on this node, as a platform sees it.
#[derive(Clone, Debug)]
pub struct LocalEar(pub Address<Order>);

impl Ear for LocalEar {
    fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)> {
        self.0.offer(Order::Heard(heard)).map_err(|(refusal, order)| {
            let why = match refusal {
                Refusal::Busy => Unheard::Busy,
                Refusal::Gone => Unheard::Unavailable,
            };
            match order {
                Order::Heard(heard) => (why, heard),
                _ => unreachable!("an order is given back as it was offered"),
            }
        })
    }

    fn ready(&self) -> Boxed<'_, ()> {
        Box::pin(self.0.eased())
    }

    fn is_open(&self) -> bool {
        self.0.is_open()
    }
}
