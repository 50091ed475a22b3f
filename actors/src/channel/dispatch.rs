//! Passes a command or an event on: to the journal first when it must not be lost, then to who runs it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Address, Fault, Me, Refusal};
use waddlebot_runtime::chat::{ChatMessage, Text, User};
use waddlebot_runtime::command::CommandInfo;
use waddlebot_runtime::event::Event;
use waddlebot_runtime::fault;
use waddlebot_runtime::intake::{Outcome, Verdict};
use waddlebot_runtime::journal::{Entry, Writing};

use super::resolve::Resolution;
use super::{Accepted, Asker, Channel, Order, Way, say};
use crate::commands::Command;
use crate::delivery::{Answered, Asked, Coming, Entered, Reply};
use crate::host::{self, Call, Origin};
use crate::{community, outside, tally};

/// How long a module that has too much to do is waited for, and again for as long as it does so much within that time.
const PATIENCE: Duration = Duration::from_millis(300);
const ENOUGH: u64 = 50;

/// A command that was resolved and admitted, ready to go.
struct Admitted {
    goal: Goal,
    rest: String,
    taught: Vec<(&'static str, String)>,
}

/// Who answers it.
enum Goal {
    /// A module of the house, and the row of its table.
    Module(CommandInfo, usize),
    /// Programs elsewhere.
    Elsewhere(Vec<Arc<Command>>),
}

/// What a command may take of the lease before its effects ask again.
const NEED: Duration = Duration::from_millis(200);
/// How long a frozen node keeps what it was asked: an answer that comes later surprises.
const ASKED: Duration = Duration::from_secs(30);
/// How long it keeps what stands in the inbox.
const ACCEPTED: Duration = Duration::from_secs(3600);

impl Channel {
    /// Resolves, admits and dispatches one command. One that stands in the inbox is done there when it is answered.
    pub(super) async fn command(&mut self, mut message: ChatMessage, asked: Option<Asker>, way: Way, me: &Me<Order>) -> Result<(), Fault> {
        let again = way != Way::Said;
        let named = !message.id.is_empty();
        if !named {
            self.made += 1;
            message.id = format!("{}-{}", self.seed.ids, self.made).into();
        } else if !again && asked.is_none() && self.was_heard(&message.id, me) {
            return Ok(());
        }
        if !self.may_act(again, me).await {
            unavailable(asked);
            return Ok(());
        }
        self.begin_counting(me).await;
        // What was accepted was admitted then; it is not judged twice.
        let judged = way == Way::Accepted || asked.as_ref().is_some_and(Asker::is_admitted);
        let admitted = match self.admitted(&message, judged, me) {
            Err(answered) if answered.verdict == Verdict::Limited && named && Box::pin(self.is_on_record(&message, me)).await => {
                self.admitted(&message, true, me)
            }
            admitted => admitted,
        };
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(answered) => {
                if answered.verdict == Verdict::Limited {
                    tally::limited();
                }
                let entry = again.then(|| Entered { id: self.message_id(&message.id), left: true });
                self.deliver(vec![Coming::Ready(answered)], asked, entry, me).await;
                return Ok(());
            }
        };
        self.keep_counting().await;
        self.counts.commands += 1;
        let message_id = self.message_id(&message.id);
        let Admitted { goal, rest, taught } = admitted;
        let durable = !matches!(&goal, Goal::Module(info, _) if !info.writes);
        if durable && !again {
            self.before.admit(asked.as_ref(), me.clock().since_boot());
        }
        let accepted = (durable && !again).then(|| self.accepting(&message_id, &Accepted::Message(message.clone())));
        for (module, word) in taught {
            if let Ok(host) = self.host(module).await {
                host.send(host::Order::Expanded(word)).ok();
            }
        }
        let (info, index) = match goal {
            Goal::Module(info, index) => (info, index),
            Goal::Elsewhere(commands) => {
                let coming = Box::pin(self.typed(commands, &message, rest, accepted, me)).await;
                self.deliver(coming, asked, Some(Entered { id: message_id, left: again }), me).await;
                return Ok(());
            }
        };
        let origin = Origin { channel: self.seed.key.clone(), message_id: message_id.clone(), counts: self.counted() };
        self.used(&message.by, Text::from_static(info.word)).await;
        let call = Box::new(Call { index, info, rest, by: message.by.clone(), origin, accepted });
        let (module, asked_for, who) = (Text::from_static(info.module), Asked::Command(info.word), message.by.name.clone());
        let entry = (durable || again).then_some(Entered { id: message_id, left: again });
        let reply = match asked {
            Some(asked) if entry.is_none() && self.is_inline => {
                let Some(reply) = self.straight(asked, module, asked_for, who, me).await else { return Ok(()) };
                reply
            }
            asked => {
                let (sender, answer) = oneshot::channel();
                let coming = Coming::Later { module, asked_for, who, answer };
                // The delivery first: who is woken last runs first, so that the answer is mostly there when the delivery looks.
                self.deliver(vec![coming], asked, entry, me).await;
                Reply::Delivery(sender)
            }
        };
        match self.send(info.module, host::Order::Command(call, reply)).await {
            Ok(()) => _ = self.hosts.get(info.module).inspect(|host| host.commands.increment(1)),
            Err((why, host::Order::Command(_, reply))) => reply.send(say::unavailable(&message.by, info.word, &why)),
            Err(_) => unreachable!("an order is given back as it was sent"),
        }
        Ok(())
    }

    /// Waits while this node is frozen: what was accepted before for as long as it takes, anything
    /// else no longer than somebody waits for an answer. Whoever comes after it waits in the mailbox.
    async fn may_act(&self, again: bool, me: &Me<Order>) -> bool {
        let patience = if again { ACCEPTED } else { ASKED };
        let may = me.world().gate.wait(NEED, patience).await;
        if let Err(why) = may {
            tracing::warn!(channel = %self.seed.key, %why, "what was heard is not acted on");
        }
        may.is_ok()
    }

    /// What a message means and whether its speaker may; else what to answer.
    fn admitted(&mut self, message: &ChatMessage, judged: bool, me: &Me<Order>) -> Result<Admitted, Answered> {
        let table = self.table.clone();
        match table.resolve(&message.text, &message.by.name) {
            Resolution::Chatter => Err(Answered::default()),
            Resolution::Unknown { word } => Err(say::unknown(&message.by, &word)),
            Resolution::TooDeep { word } => Err(say::too_deep(&message.by, &word)),
            Resolution::Group { word, rows } => Err(say::group(&message.by, &word, &rows)),
            Resolution::Command { row, rest, taught } => {
                let admission =
                    if judged { super::admit::Admission::Go } else { self.gatekeeper.admit(row, &message.by, me.clock().since_boot()) };
                match say::refused(&message.by, format_args!("!{}", row.info.word), admission) {
                    Some(answered) => Err(answered),
                    None => Ok(Admitted { goal: Goal::Module(row.info, row.index), rest, taught }),
                }
            }
            Resolution::Elsewhere { commands, rest, taught } => {
                let commands = self.let_through(&commands, &message.by, judged, me)?;
                Ok(Admitted { goal: Goal::Elsewhere(commands), rest, taught })
            }
        }
    }

    /// Whether a command that writes was run for this message before, or waits in the inbox. What this channel heard itself it
    /// remembers: only while it has not long been open is there anything to look up.
    async fn is_on_record(&self, message: &ChatMessage, me: &Me<Order>) -> bool {
        if me.clock().since_boot().saturating_sub(self.opened) >= super::SEEN {
            return false;
        }
        let message_id = self.message_id(&message.id);
        let ids: Vec<_> = match self.table.resolve(&message.text, &message.by.name) {
            Resolution::Command { row, .. } if row.info.writes => vec![host::execution_id(&message_id, row.info.module)],
            Resolution::Elsewhere { commands, .. } => {
                commands.iter().map(|one| outside::execution_id(&message_id, one.command.id)).collect()
            }
            _ => return false,
        };
        let journal = &self.seed.journal;
        journal.told(&ids).await.is_ok_and(|told| !told.is_empty()) || journal.is_open(&message_id).await.unwrap_or_default()
    }

    /// Something happened: durable first, then every module it wakes.
    pub(super) async fn happened(&mut self, mut event: Event, asked: Option<Asker>, again: bool, me: &Me<Order>) -> Result<(), Fault> {
        if event.id.is_empty() {
            self.made += 1;
            event.id = format!("{}-{}", self.seed.ids, self.made).into();
        }
        if !self.may_act(again, me).await {
            unavailable(asked);
            return Ok(());
        }
        let message_id = self.message_id(&event.id);
        if !again && !accepted(self.accepting(&message_id, &Accepted::Event(event.clone()))).await {
            self.deliver(vec![Coming::Ready(Answered { verdict: Verdict::Unavailable, ..Answered::default() })], asked, None, me).await;
            return Ok(());
        }
        if !self.was_heard(&event.id, me) {
            self.chatters.did(&event, me.clock().now());
        }
        let origin = Origin { channel: self.seed.key.clone(), message_id: message_id.clone(), counts: self.counted() };
        let mut coming = Vec::new();
        let table = self.table.clone();
        for module in table.woken_by(event.kind) {
            let (sender, answer) = oneshot::channel();
            match self.send(module, host::Order::Event(Box::new(event.clone()), origin.clone(), Reply::Delivery(sender))).await {
                Ok(()) => {
                    let module = Text::from_static(module);
                    coming.push(Coming::Later { module, asked_for: Asked::Event(event.kind.name()), who: event.by.name.clone(), answer })
                }
                Err((why, _)) => tracing::warn!(module, why, "a module was not woken"),
            }
        }
        coming.extend(self.woken(event, &message_id, me));
        if coming.is_empty() {
            coming.push(Coming::Ready(Answered { verdict: Verdict::Done, ..Answered::default() }));
        }
        self.deliver(coming, asked, Some(Entered { id: message_id, left: again }), me).await;
        Ok(())
    }

    /// Puts a message into the inbox; nothing is done about it before the receiver says that it is there.
    fn accepting(&self, message_id: &str, what: &Accepted) -> Writing {
        let body = serde_json::to_string(what).unwrap_or_default();
        self.seed.journal.accepting(Entry { message_id: message_id.to_owned(), entity: self.seed.key.to_string(), body })
    }

    /// The id under which a message of this channel is written down: the platform's, made unlike any other's.
    pub(super) fn message_id(&self, id: &str) -> String {
        [self.seed.key.as_str(), "|", id].concat()
    }

    async fn host(&mut self, module: &'static str) -> Result<Address<host::Order>, String> {
        if let Some(host) = self.hosts.get(module) {
            return Ok(host.address.clone());
        }
        // In a box: once in a while, and large.
        let asked = Box::pin(self.seed.address.ask(|reply| community::Order::Host(module, reply)));
        let host = asked.await.map_err(|gone| gone.to_string())??;
        let commands = metrics::counter!("waddlebot_commands_total", "module" => module);
        self.hosts.insert(module, Known { address: host.clone(), commands, clogged: false });
        Ok(host)
    }

    /// Sends to a module's host; to the newly opened one when the known one has ended. Waits a little for a busy one,
    /// so that a flood is slowed down at its source; one that stays busy is not waited for again before it took something.
    /// Gives the order back with the reason when nobody takes it.
    async fn send(&mut self, module: &'static str, mut order: host::Order) -> Result<(), (String, host::Order)> {
        for _ in 0..2 {
            let host = match self.host(module).await {
                Ok(host) => host,
                Err(why) => return Err((why, order)),
            };
            let refused = match host.offer(order) {
                Err((Refusal::Busy, back)) if !self.is_clogged(module) => {
                    self.clog(module, !Box::pin(eases(&host)).await);
                    host.offer(back)
                }
                other => other,
            };
            match refused {
                Ok(()) => {
                    self.clog(module, false);
                    return Ok(());
                }
                Err((Refusal::Busy, back)) => return Err(("too much waits for it already".into(), back)),
                Err((Refusal::Gone, back)) => {
                    self.hosts.remove(module);
                    order = back;
                    tokio::task::yield_now().await;
                }
            }
        }
        Err(("it has ended twice".into(), order))
    }

    fn is_clogged(&self, module: &str) -> bool {
        self.hosts.get(module).is_some_and(|host| host.clogged)
    }

    fn clog(&mut self, module: &str, clogged: bool) {
        let Some(host) = self.hosts.get_mut(module) else { return };
        if clogged && !host.clogged {
            tracing::warn!(channel = %self.seed.key, module, "a module is too slow for what it is asked; commands are refused");
        }
        host.clogged = clogged;
    }

    /// Whether a message of this id was heard lately; it is from now on.
    pub(super) fn was_heard(&mut self, id: &Text, me: &Me<Order>) -> bool {
        // A copy: a slice would keep the whole chunk alive that it was read from.
        self.seen.contains_key(id) || self.seen.insert(Text::from(id.to_string()), me.clock().since_boot()).is_some()
    }

    /// Notes in the person's session that they used a command.
    pub(super) async fn used(&mut self, by: &User, word: Text) {
        if self.sessions.ran(&by.id, &word) {
            return;
        }
        let (id, name): (Text, Text) = (by.id.to_string().into(), by.name.to_string().into());
        let asked = self.seed.address.ask(|reply| community::Order::Session(id.clone(), name, reply)).await;
        if let Ok(Some(session)) = asked {
            self.sessions.add(id, session, word);
        }
    }

    fn counted(&self) -> waddlebot_runtime::module::Counts {
        waddlebot_runtime::module::Counts { chatters: self.chatters.len() as u64, ..self.counts }
    }
}

fn unavailable(asked: Option<Asker>) {
    if let Some(asked) = asked {
        asked.tell(Outcome { verdict: Verdict::Unavailable, ..Outcome::default() });
    }
}

/// Waits for a host that has too much to do, as long as it gets on with it; whether it takes more then.
async fn eases(host: &Address<host::Order>) -> bool {
    loop {
        let before = host.meter().done();
        if tokio::time::timeout(PATIENCE, host.eased()).await.is_ok() {
            return true;
        }
        if host.meter().done() - before < ENOUGH {
            return false;
        }
    }
}

/// A module's host, as the channel knows it.
pub(super) struct Known {
    address: Address<host::Order>,
    commands: metrics::Counter,
    /// Whether it was waited for in vain.
    clogged: bool,
}

/// Waits until an entry is in the inbox; says whether it is.
pub async fn accepted(accepting: Writing) -> bool {
    let accepted = accepting.await.unwrap_or_else(|_| Err("the journal has ended".into()));
    if let Err(why) = &accepted {
        tracing::error!(why, "a message was not accepted");
    }
    fault::point("accepted");
    accepted.is_ok()
}
