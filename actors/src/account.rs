//! One bot account on one platform: everything it says goes out here, in order, within its send budget.

pub mod ticket;

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_runtime::actor::{Actor, Fault, Me};
use waddlebot_runtime::platform::{Moderation, Outgoing, Platform, PlatformError};

use crate::budget::wallet::{Lenders, Wallet};
use ticket::Stub;

/// What an account is told.
pub enum Order {
    /// Say this; the answer is for who must know whether it went out.
    Send(Outgoing, Option<Stub>),
    /// Take this measure.
    Moderate(Moderation),
}

/// The actor of one account.
pub struct Account {
    platform: Arc<dyn Platform>,
    wallet: Wallet,
    sent: u64,
    refused: u64,
    waited: Duration,
}

/// How long a line waits for a lost connection before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for a line that stands in the outbox; given up, it stays there until the next start.
const LONG_PATIENCE: Duration = Duration::from_secs(900);

/// How long a platform may take to answer; after that nobody knows whether it took the line.
const ANSWER: Duration = Duration::from_secs(10);

/// What one request to a platform may take of the lease.
const SENDING: Duration = Duration::from_secs(2);

impl Actor for Account {
    const KIND: &'static str = "account";
    type Order = Order;
    type Seed = (Arc<dyn Platform>, Lenders);

    async fn open((platform, lenders): Self::Seed, _: &Me<Order>) -> Result<Self, Fault> {
        let wallet = Wallet::new(platform.name(), lenders);
        Ok(Self { platform, wallet, sent: 0, refused: 0, waited: Duration::ZERO })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        let (line, stub) = match order {
            Order::Send(line, stub) => (line, stub),
            Order::Moderate(moderation) => {
                self.moderate(&moderation, me).await;
                return Ok(());
            }
        };
        let sent = self.say(&line, stub.as_ref(), me).await;
        match &sent {
            Ok(()) => self.sent += 1,
            Err(PlatformError::Lost { .. }) if stub.as_ref().is_some_and(Stub::is_wanted_back) => {}
            Err(error) => {
                self.refused += 1;
                me.address().meter().fault(error.to_string());
                tracing::warn!(channel = %line.channel, %error, "a line was not sent");
            }
        }
        if let Some(stub) = stub {
            stub.became(sent);
        }
        Ok(())
    }

    fn memory(&self) -> Value {
        json!({
            "platform": self.platform.name(),
            "sent": self.sent,
            "refused": self.refused,
            "waited_ms": self.waited.as_millis() as u64,
        })
    }
}

impl Account {
    /// Once: a measure that comes late is none.
    async fn moderate(&mut self, moderation: &Moderation, me: &Me<Order>) {
        if !me.world().gate.open(SENDING) {
            tracing::warn!(channel = %moderation.channel, measure = ?moderation.measure, "a measure was not taken: this node may not act");
            return;
        }
        let taken = tokio::select! {
            taken = self.platform.moderate(moderation) => taken,
            () = me.clock().sleep(ANSWER) => Err(PlatformError::Unknown { platform: self.platform.name() }),
        };
        if let Err(error) = taken {
            self.refused += 1;
            me.address().meter().fault(error.to_string());
            tracing::warn!(channel = %moderation.channel, measure = ?moderation.measure, %error, "a measure was not taken");
        }
    }

    async fn say(&mut self, line: &Outgoing, stub: Option<&Stub>, me: &Me<Order>) -> Result<(), PlatformError> {
        let (clock, lost) = (me.clock(), PlatformError::Lost { platform: self.platform.name() });
        let patience = if stub.is_some() { LONG_PATIENCE } else { PATIENCE };
        let mut back = pin!(async {
            match stub {
                Some(stub) => stub.wanted_back().await,
                None => pending().await,
            }
        });
        if let Some(budget) = self.platform.limits(&line.channel).budget {
            let wait = tokio::select! {
                biased;
                () = &mut back => return Err(lost),
                wait = Box::pin(self.wallet.pass(budget, self.platform.is_exclusive(), clock)) => wait,
            };
            if !wait.is_zero() {
                self.waited += wait;
                metrics::counter!("waddlebot_send_waits_total", "platform" => self.platform.name()).increment(1);
            }
        }
        let first = clock.since_boot();
        loop {
            // As late as can be: nothing goes out once the lease leaves no time for it.
            let may = tokio::select! {
                biased;
                () = &mut back => false,
                open = me.world().gate.wait(SENDING, PATIENCE) => open.is_ok(),
            };
            if !may || stub.is_some_and(|stub| !stub.leaves()) {
                return Err(lost);
            }
            // The platform first: it has mostly taken the line when it is looked at, and no timer is set.
            let answer = tokio::select! {
                biased;
                answer = self.platform.send(line) => answer,
                () = clock.sleep(ANSWER) => Err(PlatformError::Unknown { platform: self.platform.name() }),
            };
            let wait = match answer {
                Err(PlatformError::Limited { wait }) => wait,
                Err(PlatformError::Lost { .. }) => Duration::from_millis(500),
                other => return other,
            };
            if let Some(stub) = stub {
                stub.stays();
            }
            if clock.since_boot() + wait > first + patience {
                return Err(lost);
            }
            tokio::select! {
                () = &mut back => return Err(lost),
                () = clock.sleep(wait) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use waddlebot_runtime::actor::{World, open_root};
    use waddlebot_runtime::chat::{ChannelKey, Text};
    use waddlebot_runtime::clock::Clock;
    use waddlebot_runtime::platform::{Boxed, Capabilities, Limits, Unit};

    use super::*;

    /// Takes every line in a room but one, where it never answers.
    struct Deaf;

    impl Platform for Deaf {
        fn name(&self) -> &'static str {
            "deaf"
        }

        fn limits(&self, _: &ChannelKey) -> Limits {
            Limits { length: 500, unit: Unit::Bytes, budget: None }
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::default()
        }

        fn send<'a>(&'a self, line: &'a Outgoing) -> Boxed<'a, Result<(), PlatformError>> {
            let deaf = line.text == "lost";
            Box::pin(async move { if deaf { std::future::pending().await } else { Ok(()) } })
        }
    }

    #[tokio::test]
    async fn a_platform_that_never_answers_holds_up_one_line_and_no_other() {
        let clock = Clock::turned();
        let account =
            open_root::<Account>("account:deaf", (Arc::new(Deaf) as Arc<dyn Platform>, Lenders::default()), &World::new(clock.clone()))
                .await
                .expect("it opens");
        let mut answers = ["lost", "found"].map(|text| {
            let line = Outgoing { channel: ChannelKey::parse("deaf:room").expect("a key"), text: text.into(), key: Text::new() };
            let (stub, answer) = ticket::ticket();
            account.address.send(Order::Send(line, Some(stub))).expect("it is there");
            answer
        });
        let turning = async {
            loop {
                clock.turn(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        };
        let [lost, found] = &mut answers;
        tokio::select! {
            () = turning => {}
            answers = async { (lost.await, found.await) } => {
                assert!(matches!(answers, (Ok(Err(PlatformError::Unknown { platform: "deaf" })), Ok(Ok(())))), "{answers:?}");
            }
        }
    }
}
