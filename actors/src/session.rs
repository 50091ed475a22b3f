//! One person in one community, for as long as they use the bot: what they ran, and when.

use std::time::Duration;

use serde_json::{Value, json};
use waddlebot_runtime::actor::{Actor, Fault, Me};
use waddlebot_runtime::chat::{Millis, Text};

/// What a session is told.
pub enum Order {
    /// They ran commands.
    Ran {
        /// The last one.
        word: Text,
        /// How many since they were last told of.
        times: u64,
    },
    /// Close when idle.
    Tick,
}

/// Who it is.
pub struct Seed {
    /// Their id on the platform.
    pub id: Text,
    /// Their name.
    pub name: Text,
}

/// A session nobody used for this long closes.
const IDLE: Duration = Duration::from_secs(600);

/// The actor of one person.
pub struct UserSession {
    seed: Seed,
    opened_at: Millis,
    commands: u64,
    last: Option<Text>,
    used: Duration,
}

impl Actor for UserSession {
    const KIND: &'static str = "user session";
    type Order = Order;
    type Seed = Seed;

    async fn open(seed: Seed, me: &Me<Order>) -> Result<Self, Fault> {
        me.later(IDLE, Order::Tick);
        Ok(Self { seed, opened_at: me.clock().now(), commands: 0, last: None, used: me.clock().since_boot() })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Ran { word, times } => {
                self.commands += times;
                self.last = Some(word);
                self.used = me.clock().since_boot();
            }
            Order::Tick => match (self.used + IDLE).checked_sub(me.clock().since_boot()) {
                Some(rest) if !rest.is_zero() => drop(me.later(rest, Order::Tick)),
                _ => me.drain(),
            },
        }
        Ok(())
    }

    fn memory(&self) -> Value {
        json!({
            "id": self.seed.id,
            "name": self.seed.name,
            "opened_at": self.opened_at,
            "commands": self.commands,
            "last_command": self.last,
        })
    }
}
