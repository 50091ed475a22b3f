//! One call of a module: run it within its time, then commit its writes, the record and its replies together.

use waddlebot_runtime::actor::{Fault, Me};
use waddlebot_runtime::chat::{ChannelKey, Millis, Text};
use waddlebot_runtime::event::Event;
use waddlebot_runtime::intake::{Ran, Verdict};
use waddlebot_runtime::journal::{Effect, Execution, First, record, recording};
use waddlebot_runtime::module::{Counts, ModuleError};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::store::{Receipt, Sql, StoreError};
use waddlebot_runtime::{fault, spawn};

use super::{Call, Host, Order, Origin, Setup, scene};
use crate::channel::dispatch;
use crate::delivery::{Answered, Parcel, Reply};
use crate::installed;
use crate::seat::Said;
use crate::tally;

/// What a module said, as everybody else sees it.
struct Answer {
    responses: Vec<Response>,
    verdict: Verdict,
    error: Option<String>,
    millis: u64,
}

/// How the end of a call went.
enum Committed {
    /// Written: the ids of its replies, and when they are on disk.
    New(Vec<String>, Receipt),
    /// This had run before; nothing is written.
    Before(First),
}

/// Who ran what where: what the record says.
struct Job<'a> {
    id: String,
    command: &'static str,
    user: (&'a str, &'a str),
    origin: &'a Origin,
    /// Whether somebody waits for an answer.
    asked: bool,
}

/// What who asks is told while nothing can be written.
const LATER: &str = "this cannot be written down right now, try again in a minute";

impl Host {
    pub(super) async fn command(&mut self, call: Box<Call>, reply: Reply, me: &Me<Order>) -> Result<(), Fault> {
        let Call { index, info, rest, by, origin, accepted } = *call;
        if let Some(accepting) = accepted
            && !dispatch::accepted(accepting).await
        {
            let said = Answer::told(&by.name, LATER.into(), Verdict::Unavailable, None);
            reply.send(self.plain(said, info.word));
            return Ok(());
        }
        let started = me.clock().since_boot();
        let said = {
            let Self { setup, seat, desk, .. } = &mut *self;
            let scene = scene(setup, desk, &origin.channel, origin.counts, me.clock().now());
            tokio::time::timeout(setup.limit, seat.command(index, &rest, &by, scene)).await
        };
        let said = match said {
            Ok(Said::Answer(answer)) => self.judged(answer, &by.name, info.word, me)?,
            Ok(Said::Missing(missing)) => {
                Answer::told(&by.name, format!("{missing}. Usage: {}", info.usage()), Verdict::Failed, Some(missing.to_string()))
            }
            Err(_) => Box::pin(self.overdue(&by.name, info.word, me)).await?,
        };
        self.forget_failed(&said, me).await?;
        let (now, succeeded) = (me.clock().since_boot(), said.error.is_none());
        tally::ran(succeeded, now.saturating_sub(started), now);
        let said = Answer { millis: millis(now.saturating_sub(started)), ..said };
        if !info.writes {
            self.written().await?;
            self.dirty = true;
            self.learn(me);
            reply.send(self.plain(said, info.word));
            return Ok(());
        }
        if said.verdict == Verdict::Unavailable {
            reply.send(self.plain(said, info.word));
            return Ok(());
        }
        let id = super::execution_id(&origin.message_id, self.setup.entry.name);
        let job = Job { id, command: info.word, user: (&by.id, &by.name), origin: &origin, asked: true };
        Box::pin(self.durable(said, job, reply, me)).await
    }

    pub(super) async fn event(&mut self, event: Box<Event>, origin: Origin, reply: Reply, me: &Me<Order>) -> Result<(), Fault> {
        let started = me.clock().since_boot();
        let said = {
            let Self { setup, seat, desk, .. } = &mut *self;
            let scene = scene(setup, desk, &origin.channel, origin.counts, me.clock().now());
            tokio::time::timeout(setup.limit, seat.event(&event, scene)).await
        };
        let name = event.kind.name();
        let mut said = match said {
            Ok(answer) => self.judged(answer, &event.by.name, name, me)?,
            Err(_) => self.overdue(&event.by.name, name, me).await?,
        };
        self.forget_failed(&said, me).await?;
        if said.error.is_some() {
            // Nobody asked for anything: a failure is for the log, not for the chat.
            said.responses.clear();
        }
        if said.verdict == Verdict::Unavailable {
            // It stands in the inbox, and begins anew from there.
            reply.send(self.plain(said, name));
            return Ok(());
        }
        said.millis = millis(me.clock().since_boot().saturating_sub(started));
        let id = super::execution_id(&origin.message_id, self.setup.entry.name);
        let job = Job { id, command: name, user: (&event.by.id, &event.by.name), origin: &origin, asked: false };
        self.durable(said, job, reply, me).await
    }

    pub(super) async fn woken(&mut self, at: Millis, me: &Me<Order>) -> Result<(), Fault> {
        self.alarm = None;
        let now = me.clock().now();
        if self.seat.wakes_at().is_none_or(|due| due > now) {
            self.learn(me);
            return Ok(());
        }
        let nowhere = ChannelKey::new("community", "", &self.setup.community.to_string());
        let posted = {
            let Self { setup, seat, desk, .. } = &mut *self;
            let scene = scene(setup, desk, &nowhere, Counts::default(), now);
            tokio::time::timeout(setup.limit, seat.woken(scene)).await
        };
        let posted = match posted {
            Ok(Ok(posted)) => posted,
            Ok(Err(error)) => {
                tracing::error!(module = self.setup.entry.name, community = self.setup.community, %error, "an alarm failed");
                return Err(error.into());
            }
            Err(_) => return Err("an alarm took too long".into()),
        };
        self.alarms.1 += 1;
        let (opening, alarm) = self.alarms;
        let id = format!("wake:{}:{}:{at}:{opening:x}-{alarm}", self.setup.community, self.setup.entry.name);
        let origin = Origin { channel: nowhere, message_id: id.clone(), counts: Counts::default() };
        let effects: Vec<_> = posted.iter().map(|one| Effect { entity: one.channel.to_string(), body: body(&one.response) }).collect();
        let said = Answer { responses: Vec::new(), verdict: Verdict::Done, error: None, millis: 0 };
        let job = Job { id, command: "alarm", user: ("", ""), origin: &origin, asked: false };
        let Committed::New(ids, receipt) = self.commit(&said, &job, effects, me).await? else {
            return self.reload(me).await;
        };
        let (courier, community, address) = (self.setup.courier.clone(), self.setup.community, me.address().clone());
        spawn::task("alarm", async move {
            if let Err(error) = receipt.safe().await {
                tracing::error!(%error, "an alarm was not written and will be tried again");
                courier.doubts(ids);
                address.send(Order::Undone).ok();
                return;
            }
            for (id, one) in ids.into_iter().zip(posted) {
                courier.carry(&one.channel, community, vec![Parcel { id: Some(id), response: one.response }]).await;
            }
        });
        self.learn(me);
        Ok(())
    }

    /// Turns what a module returned into what is said; a lost claim ends the host.
    fn judged(&self, answer: Result<Vec<Response>, ModuleError>, who: &Text, what: &str, me: &Me<Order>) -> Result<Answer, Fault> {
        let error = match answer {
            Ok(responses) => return Ok(Answer { responses, verdict: Verdict::Done, error: None, millis: 0 }),
            Err(error) => error,
        };
        let why = error.to_string();
        self.desk.forget();
        let text = match &error {
            ModuleError::Store(StoreError::Stale { .. }) => return Err(error.into()),
            // Nothing was done and nothing is written down: the same message again begins anew.
            ModuleError::Store(StoreError::Lost(_) | StoreError::Shut(_)) => {
                return Ok(Answer::told(who, LATER.into(), Verdict::Unavailable, Some(why)));
            }
            ModuleError::Refused(text) => return Ok(Answer::told(who, text.clone(), Verdict::Failed, Some(why))),
            ModuleError::Unavailable { service, .. } => format!("{service} is not available now, try again later."),
            ModuleError::Store(_) => format!("{what} failed here. It has been noted."),
        };
        me.address().meter().fault(why.clone());
        tracing::error!(module = self.setup.entry.name, community = self.setup.community, what, error = why, "a module failed");
        Ok(Answer::told(who, text, Verdict::Failed, Some(why)))
    }

    /// A call that failed leaves nothing behind, in memory neither.
    async fn forget_failed(&mut self, said: &Answer, me: &Me<Order>) -> Result<(), Fault> {
        if said.error.is_some() && self.seat.memory() != self.saved.0 {
            self.reload(me).await?;
        }
        Ok(())
    }

    /// A call took longer than it may: what it began is undone, its memory is read anew.
    async fn overdue(&mut self, who: &Text, what: &str, me: &Me<Order>) -> Result<Answer, Fault> {
        let why = format!("{what} took longer than {} s and was ended", self.setup.limit.as_secs_f32());
        me.address().meter().fault(why.clone());
        tracing::error!(module = self.setup.entry.name, community = self.setup.community, what, "a module took too long");
        self.reload(me).await?;
        Ok(Answer::told(who, format!("{what} took too long and was ended."), Verdict::Failed, Some(why)))
    }

    fn plain(&self, said: Answer, command: &'static str) -> Answered {
        let ran = said.ran(self.setup.entry.name, command);
        let parcels = said.responses.into_iter().map(|response| Parcel { id: None, response }).collect();
        Answered { parcels, ran: Some(ran), verdict: said.verdict, again: false }
    }

    /// What is answered when what a module wrote could not be committed, or nobody knows.
    fn unwritten(&self, said: &Answer, job: &Job<'_>) -> Answered {
        let error = Some("the database was lost before it was written".to_owned());
        let told = Answer::told(&job.user.1.into(), LATER.into(), Verdict::Unavailable, error);
        // To who was not to be answered nothing is said either.
        let responses = if job.asked { told.responses } else { Vec::new() };
        self.plain(Answer { responses, millis: said.millis, ..told }, job.command)
    }

    async fn durable(&mut self, said: Answer, job: Job<'_>, reply: Reply, me: &Me<Order>) -> Result<(), Fault> {
        let entity = job.origin.channel.to_string();
        let effects = said.responses.iter().map(|one| Effect { entity: entity.clone(), body: body(one) }).collect();
        let ran = said.ran(self.setup.entry.name, job.command);
        // Should it not be written, who asked is told so; where nobody asked, it begins anew from the inbox.
        let later = self.unwritten(&said, &job);
        let (ids, receipt) = match self.commit(&said, &job, effects, me).await {
            Err(fault) => {
                reply.send(later);
                return Err(fault);
            }
            Ok(Committed::New(ids, receipt)) => (ids, receipt),
            Ok(Committed::Before(first)) => {
                // Reading anew waits for the disk: the first answer stands by then, or was never given.
                self.reload(me).await?;
                let error = first.failed.then(|| ran.error.unwrap_or_else(|| "it failed when it ran".into()));
                let execution_time_ms = u64::try_from(first.millis).unwrap_or_default();
                reply.send(Answered::before(&first.answer, Ran { error, execution_time_ms, ..ran }));
                return Ok(());
            }
        };
        self.learn(me);
        let (address, verdict) = (me.address().clone(), said.verdict);
        let courier = self.setup.courier.clone();
        let parcels = ids.iter().cloned().zip(said.responses).map(|(id, response)| Parcel { id: Some(id), response }).collect();
        spawn::task("commit", async move {
            match receipt.safe().await {
                Ok(()) => {
                    fault::point("committed");
                    reply.send(Answered { parcels, ran: Some(ran), verdict, again: false });
                }
                Err(error) => {
                    tracing::error!(%error, "what a module wrote was not committed");
                    courier.doubts(ids);
                    address.send(Order::Undone).ok();
                    reply.send(later);
                }
            }
        });
        Ok(())
    }

    /// Writes record, replies and memory with what the module wrote: in its transaction where it has one, else with what
    /// others write at the same moment.
    async fn commit(&mut self, said: &Answer, job: &Job<'_>, effects: Vec<Effect>, me: &Me<Order>) -> Result<Committed, Fault> {
        fault::point("executed");
        let now = me.clock().now();
        let execution = Execution {
            id: job.id.clone(),
            entity: job.origin.channel.to_string(),
            community: self.setup.community,
            module: self.setup.entry.name,
            command: job.command.to_owned(),
            user_id: job.user.0.to_owned(),
            user_name: job.user.1.to_owned(),
            status: if said.error.is_some() { "failed" } else { "success" },
            answer: serde_json::to_string(&said.responses)?,
            epoch: self.setup.claim.epoch,
            holder: self.setup.claim.owner().life(),
            millis: i64::try_from(said.millis).unwrap_or(i64::MAX),
            at: now,
        };
        let memory = (self.seat.memory(), self.seat.wakes_at());
        let whose = (self.setup.community, self.setup.entry.name);
        let (mut writes, ids) = recording(&execution, &effects);
        writes.extend((memory != self.saved).then(|| installed::saving(whose, &memory.0, memory.1, now)));
        writes.extend(self.desk.take_writes());
        let committed = self.end(&job.id, writes, ids.clone()).await;
        match &committed {
            Ok(Committed::New(..)) => self.saved = memory,
            Ok(Committed::Before(_)) => {}
            // They may be written all the same.
            Err(_) => self.setup.courier.doubts(ids),
        }
        Ok(committed?)
    }

    async fn end(&mut self, id: &str, writes: Vec<Sql>, ids: Vec<String>) -> Result<Committed, StoreError> {
        let Setup { store, claim, .. } = &self.setup;
        let mut tx = match self.desk.take_tx() {
            Some(tx) => tx,
            None if store.write_together(claim, &writes).await? => return Ok(Committed::New(ids, Receipt::safe_already())),
            None => store.begin_fenced_late(claim).await?,
        };
        match record(&mut tx, id, writes).await? {
            Some(first) => Ok(Committed::Before(first)),
            None => Ok(Committed::New(ids, tx.into_inner().finish().await?)),
        }
    }
}

impl Answer {
    fn told(who: &Text, text: String, verdict: Verdict, error: Option<String>) -> Self {
        Self { responses: vec![Response::tell(who.clone(), text)], verdict, error, millis: 0 }
    }

    fn ran(&self, module: &'static str, command: &'static str) -> Ran {
        let (module, command) = (Text::from_static(module), Text::from_static(command));
        Ran { module, command, error: self.error.clone(), execution_time_ms: self.millis, ..Ran::default() }
    }
}

fn body(response: &Response) -> String {
    serde_json::to_string(response).unwrap_or_default()
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
