//! What a channel does about what its community's string rules match, and what it counts of it.

use std::collections::HashMap;
use std::time::Duration;

use waddlebot_runtime::actor::{Fault, Me};
use waddlebot_runtime::chat::{ChatMessage, Text};
use waddlebot_runtime::intake::{Outcome, Ran, Verdict};
use waddlebot_runtime::platform::{Measure, Moderation};
use waddlebot_runtime::response::Response;

use super::{Asker, Channel, Order, say};
use crate::community;
use crate::community::rules::Tally;
use crate::delivery::{Answered, Coming, Parcel};
use crate::outside::{Notice, execution_id};
use crate::rules::blocked::Blocked;
use crate::rules::history::Said;
use crate::rules::{Act, Sentence};

/// Nobody is told twice within this time, however much of it they write.
const REST: Duration = Duration::from_secs(5);
/// More lines than this are not kept between two looks at the clock.
const LINES: usize = 5_000;

/// What a channel remembers about its rules.
#[derive(Default)]
pub(super) struct Ruled {
    tally: Tally,
    told: HashMap<Text, Duration>,
}

impl Channel {
    /// Keeps what was said, where the community keeps chat.
    pub(super) fn keep(&mut self, message: &ChatMessage) {
        if self.table.ruling().keeps_history && self.ruled.tally.said.len() < LINES {
            let said = self.said_by(message);
            self.ruled.tally.said.push(said);
        }
    }

    fn said_by(&self, message: &ChatMessage) -> Said {
        Said {
            entity_id: self.seed.key.to_string(),
            user_id: message.by.id.to_string(),
            user_name: message.by.name.to_string(),
            text: message.text.to_string(),
            said_at: message.at,
        }
    }

    /// Does what a rule says about a message.
    pub(super) async fn carry_out(
        &mut self,
        sentence: Sentence,
        message: ChatMessage,
        asked: Option<Asker>,
        me: &Me<Order>,
    ) -> Result<(), Fault> {
        let Sentence { rule, act } = sentence;
        if self.seen.contains_key(&message.id) {
            if let Some(asked) = asked {
                asked.tell(Outcome { verdict: Verdict::Duplicate, ..Outcome::default() });
            }
            return Ok(());
        }
        if !asked.as_ref().is_some_and(Asker::is_admitted) {
            let uses = self.ruled.tally.uses.entry(rule).or_default();
            *uses = (uses.0 + 1, message.at);
        }
        let mut notice = None;
        match act {
            Act::Run(text) => {
                metrics::counter!("waddlebot_string_matches_total", "action" => "command").increment(1);
                return self.command(ChatMessage { text: text.into(), ..message }, asked, super::Way::Said, me).await;
            }
            Act::Warn(told) => {
                metrics::counter!("waddlebot_string_matches_total", "action" => "warn").increment(1);
                notice = Some(told);
            }
            Act::Block { notice: told, timeout } => {
                metrics::counter!("waddlebot_string_matches_total", "action" => "block").increment(1);
                self.block(rule, &message, timeout).await;
                notice = Some(told);
            }
            Act::Notify { url, payload } => {
                metrics::counter!("waddlebot_string_matches_total", "action" => "webhook").increment(1);
                self.notify(rule, &message, url, payload);
            }
        }
        let now = me.clock().since_boot();
        if !message.id.is_empty() {
            // A copy, for the same reason as below.
            self.seen.insert(message.id.to_string().into(), now);
        }
        let ran = Ran { module: Text::from_static("string-rules"), command: format!("rule {rule}").into(), ..Ran::default() };
        let mut answered = Answered { ran: Some(ran), verdict: Verdict::Done, ..Answered::default() };
        let Some(notice) = notice else {
            self.deliver(vec![Coming::Ready(answered)], asked, None, me).await;
            return Ok(());
        };
        let rested = self.ruled.told.get(&message.by.id).is_none_or(|told| *told + REST <= now);
        if rested {
            // A copy: a slice would keep the whole chunk alive that it was read from.
            self.ruled.told.insert(message.by.id.to_string().into(), now);
            answered.parcels = say::own(&message.by, Verdict::Done, notice).parcels;
        }
        self.deliver(vec![Coming::Ready(answered)], asked, None, me).await;
        Ok(())
    }

    /// Tells another program of a match; nobody waits for it.
    fn notify(&mut self, rule: i64, message: &ChatMessage, url: String, payload: serde_json::Value) {
        let id = if message.id.is_empty() {
            self.made += 1;
            format!("{}-{}", self.seed.ids, self.made)
        } else {
            message.id.to_string()
        };
        let id = execution_id(&self.message_id(&id), -rule);
        self.seed.outside.notify(Notice { community: self.seed.community, url, id, payload });
    }

    /// Takes a message away and silences its speaker, as far as the platform can, and tells the moderators.
    async fn block(&mut self, rule: i64, message: &ChatMessage, timeout: u32) {
        let measure = |measure| Moderation { channel: self.seed.key.clone(), by: message.by.clone(), measure };
        if !message.id.is_empty() {
            self.seed.courier.moderate(measure(Measure::Delete { message: message.id.clone() }));
        }
        if timeout > 0 {
            let why = format!("string rule {rule}").into();
            self.seed.courier.moderate(measure(Measure::Timeout { time: Duration::from_secs(timeout.into()), why }));
        }
        let said = self.said_by(message);
        if let Some(moderators) = self.table.ruling().moderators.clone() {
            let text = format!("Rule {rule} blocked {} in {}: {}", said.user_name, said.entity_id, said.text);
            let parcel = Parcel { id: None, response: Response::say(text) };
            self.seed.courier.carry(&moderators, self.seed.community, vec![parcel]).await;
        }
        if self.ruled.tally.blocked.len() < LINES {
            self.ruled.tally.blocked.push(Blocked { rule_id: rule, said });
        }
    }

    /// Hands what was counted to the community, which writes it down.
    pub(super) fn report(&mut self, now: Duration) {
        self.ruled.told.retain(|_, told| *told + REST > now);
        if !self.ruled.tally.is_empty() {
            let tally = std::mem::take(&mut self.ruled.tally);
            self.seed.address.send(community::Order::Rules(community::rules::Order::Tally(tally))).ok();
        }
    }
}

#[cfg(test)]
mod tests;
