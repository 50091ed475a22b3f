//! Passes a command or an event on: to the journal first when it must not be lost, then to who runs it.

use std::time::Duration;

use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Address, Fault, Me};
use waddlebot_runtime::chat::{ChatMessage, Text, User};
use waddlebot_runtime::event::Event;
use waddlebot_runtime::fault;
use waddlebot_runtime::intake::{Outcome, Verdict};
use waddlebot_runtime::journal::Entry;

use super::resolve::Resolution;
use super::{Accepted, Channel, Order, say};
use crate::delivery::{Answered, Coming};
use crate::host::{self, Call, Origin};
use crate::{community, delivery, session};

/// A command that was resolved and admitted, ready to go.
struct Admitted {
    info: waddlebot_runtime::command::CommandInfo,
    index: usize,
    rest: String,
    taught: Vec<(&'static str, String)>,
}

/// What a command may take of the lease before its effects ask again.
const NEED: Duration = Duration::from_millis(200);
/// How long a frozen node keeps what it was asked: an answer that comes later surprises.
const ASKED: Duration = Duration::from_secs(30);
/// How long it keeps what stands in the inbox.
const ACCEPTED: Duration = Duration::from_secs(3600);

impl Channel {
    /// Resolves, admits and dispatches one command. `again` marks one from the inbox.
    pub(super) async fn command(
        &mut self,
        mut message: ChatMessage,
        asked: Option<oneshot::Sender<Outcome>>,
        again: bool,
        me: &Me<Order>,
    ) -> Result<(), Fault> {
        if message.id.is_empty() {
            self.made += 1;
            message.id = format!("{}-{}", self.seed.ids, self.made).into();
        } else if !again && asked.is_none() && self.seen.insert(message.id.clone(), me.clock().since_boot()).is_some() {
            return Ok(());
        }
        if !self.may_act(again, me).await {
            unavailable(asked);
            return Ok(());
        }
        let admitted = match self.admitted(&message, again, me) {
            Ok(admitted) => admitted,
            Err(answered) => {
                let entry = again.then(|| self.message_id(&message.id));
                self.deliver(vec![Coming::Ready(answered)], asked, entry);
                return Ok(());
            }
        };
        self.counts.commands += 1;
        metrics::counter!("waddlebot_commands_total", "module" => admitted.info.module).increment(1);
        let message_id = self.message_id(&message.id);
        let durable = admitted.info.writes;
        let accepted = (durable && !again).then(|| self.accepting(&message_id, &Accepted::Message(message.clone())));
        for (module, word) in admitted.taught {
            if let Ok(host) = self.host(module).await {
                host.send(host::Order::Expanded(word)).ok();
            }
        }
        let Admitted { info, index, rest, .. } = admitted;
        let origin = Origin { channel: self.seed.key.clone(), message_id: message_id.clone(), counts: self.counted() };
        self.used(&message.by, info.word).await;
        let (sender, answer) = oneshot::channel();
        let call = Call { index, info, rest, by: message.by.clone(), origin, accepted };
        let coming = match self.send(info.module, host::Order::Command(call, sender)).await {
            Ok(()) => Coming::Later { module: info.module, word: format!("!{}", info.word).into(), who: message.by.name, answer },
            Err(why) => Coming::Ready(say::unavailable(&message.by, info.word, &why)),
        };
        self.deliver(vec![coming], asked, (durable || again).then_some(message_id));
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
    fn admitted(&mut self, message: &ChatMessage, again: bool, me: &Me<Order>) -> Result<Admitted, Answered> {
        let table = self.table.clone();
        match table.resolve(&message.text, &message.by.name) {
            Resolution::Chatter => Err(Answered::default()),
            Resolution::Unknown { word } => Err(say::unknown(&message.by, &word)),
            Resolution::TooDeep { word } => Err(say::too_deep(&message.by, &word)),
            Resolution::Group { word, rows } => Err(say::group(&message.by, &word, &rows)),
            Resolution::Command { row, rest, taught } => {
                // What was accepted was admitted then; it is not judged twice.
                let admission =
                    if again { super::admit::Admission::Go } else { self.gatekeeper.admit(row, &message.by, me.clock().since_boot()) };
                match say::refused(&message.by, row.info.word, admission) {
                    Some(answered) => Err(answered),
                    None => Ok(Admitted { info: row.info, index: row.index, rest, taught }),
                }
            }
        }
    }

    /// Something happened: durable first, then every module it wakes.
    pub(super) async fn happened(
        &mut self,
        mut event: Event,
        asked: Option<oneshot::Sender<Outcome>>,
        again: bool,
        me: &Me<Order>,
    ) -> Result<(), Fault> {
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
            self.deliver(vec![Coming::Ready(Answered { verdict: Verdict::Unavailable, ..Answered::default() })], asked, None);
            return Ok(());
        }
        self.chatters.did(&event, me.clock().now());
        let origin = Origin { channel: self.seed.key.clone(), message_id: message_id.clone(), counts: self.counted() };
        let mut coming = vec![Coming::Ready(Answered { verdict: Verdict::Done, ..Answered::default() })];
        let table = self.table.clone();
        for module in table.woken_by(event.kind) {
            let (sender, answer) = oneshot::channel();
            match self.send(module, host::Order::Event(event.clone(), origin.clone(), sender)).await {
                Ok(()) => coming.push(Coming::Later { module, word: event.kind.name().into(), who: event.by.name.clone(), answer }),
                Err(why) => tracing::warn!(module, why, "a module was not woken"),
            }
        }
        self.deliver(coming, asked, Some(message_id));
        Ok(())
    }

    /// Puts a message into the inbox; nothing is done about it before the receiver says that it is there.
    fn accepting(&self, message_id: &str, what: &Accepted) -> Accepting {
        let body = serde_json::to_string(what).unwrap_or_default();
        self.seed.journal.accepting(Entry { message_id: message_id.to_owned(), entity: self.seed.key.to_string(), body })
    }

    /// The id under which a message of this channel is written down: the platform's, made unlike any other's.
    fn message_id(&self, id: &str) -> String {
        format!("{}|{id}", self.seed.key)
    }

    pub(super) fn deliver(&mut self, coming: Vec<Coming>, asked: Option<oneshot::Sender<Outcome>>, entry: Option<String>) {
        if self.delivery.send(delivery::Order { coming, asked, entry }).is_err() {
            tracing::error!(channel = %self.seed.key, "its delivery has ended: an answer was dropped");
        }
    }

    async fn host(&mut self, module: &'static str) -> Result<Address<host::Order>, String> {
        if let Some(host) = self.hosts.get(module) {
            return Ok(host.clone());
        }
        let asked = self.seed.address.ask(|reply| community::Order::Host(module, reply)).await;
        let host = asked.map_err(|gone| gone.to_string())??;
        self.hosts.insert(module, host.clone());
        Ok(host)
    }

    /// Sends to a module's host; to the newly opened one when the known one has ended.
    async fn send(&mut self, module: &'static str, mut order: host::Order) -> Result<(), String> {
        for _ in 0..2 {
            match self.host(module).await?.offer(order) {
                Ok(()) => return Ok(()),
                Err((waddlebot_runtime::actor::Refusal::Busy, _)) => return Err("too much waits for it already".into()),
                Err((waddlebot_runtime::actor::Refusal::Gone, back)) => {
                    self.hosts.remove(module);
                    order = back;
                    tokio::task::yield_now().await;
                }
            }
        }
        Err("it has ended twice".into())
    }

    /// Notes in the person's session that they used a command.
    async fn used(&mut self, by: &User, word: &'static str) {
        if let Some(session) = self.sessions.get(&by.id)
            && session.send(session::Order::Ran(word)).is_ok()
        {
            return;
        }
        let (id, name): (Text, Text) = (by.id.to_string().into(), by.name.to_string().into());
        let asked = self.seed.address.ask(|reply| community::Order::Session(id.clone(), name, reply)).await;
        if let Ok(Some(session)) = asked {
            session.send(session::Order::Ran(word)).ok();
            self.sessions.insert(id, session);
        }
    }

    fn counted(&self) -> waddlebot_runtime::module::Counts {
        waddlebot_runtime::module::Counts { chatters: self.chatters.len() as u64, ..self.counts }
    }
}

fn unavailable(asked: Option<oneshot::Sender<Outcome>>) {
    if let Some(asked) = asked {
        asked.send(Outcome { verdict: Verdict::Unavailable, ..Outcome::default() }).ok();
    }
}

/// Comes true when an entry is in the inbox.
pub type Accepting = oneshot::Receiver<Result<waddlebot_runtime::journal::Accepted, String>>;

/// Waits until an entry is in the inbox; says whether it is.
pub async fn accepted(accepting: Accepting) -> bool {
    let accepted = accepting.await.unwrap_or_else(|_| Err("the journal has ended".into()));
    if let Err(why) = &accepted {
        tracing::error!(why, "a message was not accepted");
    }
    fault::point("accepted");
    accepted.is_ok()
}
