//! Sends what somebody typed, or what happened, to the programs elsewhere that answer it; the channel waits for none.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Fault, Me};
use waddlebot_runtime::chat::{ChatMessage, User};
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::Outcome;
use waddlebot_runtime::journal::Writing;

use super::admit::{Admission, Wish};
use super::resolve::Elsewhere;
use super::{Asker, Channel, Order, say};
use crate::commands::Command;
use crate::community;
use crate::delivery::{Answered, Asked, Coming};
use crate::outside::{Ground, Occasion, Step, What};

impl Channel {
    /// Those that are on here and that this person may use now, or all where that was `judged` before; else the answer to the first.
    pub(super) fn let_through(
        &mut self,
        commands: &[&Elsewhere],
        by: &User,
        judged: bool,
        me: &Me<Order>,
    ) -> Result<Vec<Arc<Command>>, Answered> {
        let (mut through, mut refused) = (Vec::new(), None);
        for Elsewhere { command, counted } in commands {
            let cooldown = Duration::from_secs(command.cooldown.into());
            let uses = command.rate_limit.map(|uses| uses as usize);
            let admission = match command.is_on(&self.seed.key, self.seed.community) {
                _ if judged => Admission::Go,
                false => Admission::Disabled,
                true => self.gatekeeper.judge(Wish { word: counted, role: command.role, cooldown, uses }, by, me.clock().since_boot()),
            };
            match say::refused(by, &command.word, admission) {
                None => through.push(command.clone()),
                Some(answered) => refused = refused.or(Some(answered)),
            }
        }
        match refused {
            Some(answered) if through.is_empty() => Err(answered),
            _ => Ok(through),
        }
    }

    /// Somebody typed these commands, and may.
    pub(super) async fn typed(
        &mut self,
        commands: Vec<Arc<Command>>,
        message: &ChatMessage,
        rest: String,
        accepted: Option<Writing>,
        me: &Me<Order>,
    ) -> Vec<Coming> {
        if let Some(command) = commands.first() {
            self.used(&message.by, command.word.clone()).await;
        }
        let occasion = Occasion {
            channel: self.seed.key.clone(),
            community: self.seed.community,
            by: message.by.clone(),
            message_id: self.message_id(&message.id),
            platform_id: message.id.clone(),
            at: message.at,
            what: What::Typed { text: message.text.clone(), rest },
        };
        self.send_out(commands, occasion, accepted, me)
    }

    /// Something happened; it is in the inbox.
    pub(super) fn woken(&mut self, event: Event, message_id: &str, me: &Me<Order>) -> Vec<Coming> {
        let table = self.table.clone();
        let woken = table.woken_elsewhere(event.kind).into_iter().map(|one| one.command.clone());
        let commands: Vec<_> = woken.filter(|command| command.is_on(&self.seed.key, self.seed.community)).collect();
        if commands.is_empty() {
            return Vec::new();
        }
        self.send_out(commands, self.occasion(event, message_id, me), None, me)
    }

    /// Somebody said what is no command: sends it to those that are on here, hear chat, and that its speaker may use now.
    /// Who may not is not told: they asked for nothing.
    pub(super) async fn overheard(&mut self, mut message: ChatMessage, asked: Option<Asker>, me: &Me<Order>) -> Result<(), Fault> {
        if message.id.is_empty() {
            self.made += 1;
            message.id = format!("{}-{}", self.seed.ids, self.made).into();
        } else if asked.is_none() && self.was_heard(&message.id, me) {
            return Ok(());
        }
        self.ranked(&mut message.by);
        self.begin_counting(me).await;
        let table = self.table.clone();
        let heard = |one: &&Elsewhere| one.command.is_on(&self.seed.key, self.seed.community);
        let wished: Vec<_> = table.woken_elsewhere(EventKind::ChatMessage).into_iter().filter(heard).collect();
        let through = self.let_through(&wished, &message.by, false, me).unwrap_or_default();
        self.keep_counting().await;
        if through.is_empty() {
            if let Some(asked) = asked {
                asked.tell(Outcome::default());
            }
            return Ok(());
        }
        let message_id = self.message_id(&message.id);
        let ChatMessage { id, by, text, .. } = message;
        let occasion = self.occasion(Event { id, kind: EventKind::ChatMessage, by, amount: 0, text }, &message_id, me);
        let coming = self.send_out(through, occasion, None, me);
        self.deliver(coming, asked, None, me).await;
        Ok(())
    }

    fn occasion(&self, event: Event, message_id: &str, me: &Me<Order>) -> Occasion {
        Occasion {
            channel: self.seed.key.clone(),
            community: self.seed.community,
            by: event.by.clone(),
            message_id: message_id.to_owned(),
            platform_id: event.id.clone(),
            at: me.clock().now(),
            what: What::Happened(event),
        }
    }

    fn send_out(&mut self, commands: Vec<Arc<Command>>, occasion: Occasion, accepted: Option<Writing>, me: &Me<Order>) -> Vec<Coming> {
        let now = me.clock().now();
        let (mut steps, mut coming) = (Vec::with_capacity(commands.len()), Vec::with_capacity(commands.len()));
        for command in commands {
            let uses = self.uses.entry((command.id, self.seed.key.to_string())).or_default();
            *uses = (uses.0 + 1, now);
            let (reply, answer) = oneshot::channel();
            let asked_for = match &occasion.what {
                What::Typed { .. } => Asked::Elsewhere(command.word.clone()),
                What::Happened(event) => Asked::Event(event.kind.name()),
            };
            coming.push(Coming::Later { module: command.module.clone().into(), asked_for, who: occasion.by.name.clone(), answer });
            steps.push(Step { command, reply });
        }
        let ground = Ground { store: self.seed.store.clone(), claim: self.seed.community_claim.clone(), gate: me.world().gate.clone() };
        self.seed.outside.run(occasion, steps, ground, accepted);
        coming
    }

    /// Hands the community what was used.
    pub(super) fn tell_uses(&mut self) {
        if !self.uses.is_empty() {
            let used = community::commands::Order::Used(std::mem::take(&mut self.uses));
            self.seed.address.send(community::Order::Commands(used)).ok();
        }
    }
}
