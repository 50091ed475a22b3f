//! The connection as an actor: supervised, seen by the inspector, stopped in order.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;
use waddlebot_runtime::actor::{Actor, Fault, Me};
use waddlebot_runtime::intake::Ears;
use waddlebot_runtime::spawn;

use super::Irc;
use super::trouble::Trouble;

/// Longest wait for the good-bye.
const LEAVE: Duration = Duration::from_secs(5);

/// Keeps one IRC connection.
pub struct Connection {
    irc: Irc,
    task: Option<JoinHandle<()>>,
}

/// What a [`Connection`] gets.
#[derive(Debug)]
pub enum Order {
    /// The connection is over: it left, or it cannot be had with these settings.
    Over(Option<Trouble>),
    /// Its task died of a fault of ours.
    Broke(String),
}

impl Actor for Connection {
    const KIND: &'static str = "connection";
    type Order = Order;
    type Seed = (Irc, Arc<dyn Ears>);

    async fn open((irc, ears): Self::Seed, me: &Me<Order>) -> Result<Self, Fault> {
        let keeper = irc.clone();
        let kept = spawn::task("irc connection", async move { keeper.run(ears).await });
        let address = me.address().clone();
        let task = spawn::task("irc watch", async move {
            let order = match kept.await {
                Ok(over) => Order::Over(over),
                Err(fault) => Order::Broke(fault.to_string()),
            };
            // Refused only when the actor has ended, and then nobody needs to know.
            address.send(order).ok();
        });
        Ok(Self { irc, task: Some(task) })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Over(None) => me.stop(),
            // Stays, so that the inspector shows why there is no connection.
            Order::Over(Some(_)) => {}
            Order::Broke(why) => return Err(why.into()),
        }
        Ok(())
    }

    async fn close(&mut self) {
        self.irc.leave();
        if let Some(task) = self.task.take() {
            tokio::select! {
                _ = task => {}
                () = self.irc.clock().sleep(LEAVE) => tracing::warn!("irc did not say good-bye in time"),
            }
        }
    }

    fn memory(&self) -> Value {
        serde_json::to_value(self.irc.status()).unwrap_or_default()
    }
}
