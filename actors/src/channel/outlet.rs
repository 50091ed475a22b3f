//! A channel's way to its delivery, which is there as long as something is answered: most of what is said is not.

use std::time::Duration;

use waddlebot_runtime::actor::{Address, Me};
use waddlebot_runtime::chat::Text;

use super::{Asker, Channel, Order};
use crate::delivery::{self, Asked, Coming, Delivery, Entered, Reply, Straight};

/// A delivery that got nothing for this long ends. Longer than the slowest answer may take.
const IDLE: Duration = Duration::from_secs(180);

/// The way; closed at first.
#[derive(Default)]
pub(super) struct Outlet {
    delivery: Option<Address<delivery::Order>>,
    used: Duration,
}

impl Outlet {
    /// Brings out what waits, and closes.
    pub(super) async fn close(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            delivery.drain().await;
        }
    }
}

impl Channel {
    /// Hands answers to the delivery, in order.
    pub(super) async fn deliver(&mut self, coming: Vec<Coming>, asked: Option<Asker>, entry: Option<Entered>, me: &Me<Order>) {
        let Some(delivery) = self.delivery(me).await else { return };
        if delivery.send(delivery::Order { coming, asked, entry }).is_err() {
            tracing::error!(channel = %self.seed.key, "its delivery has ended: an answer was dropped");
        }
    }

    /// The way of a module's answer to who asked, past the delivery.
    pub(super) async fn straight(&mut self, asked: Asker, module: Text, asked_for: Asked, who: Text, me: &Me<Order>) -> Option<Reply> {
        let (before, delivery) = (self.before.clone(), self.delivery(me).await?.clone());
        let now = self.outlet.used;
        Some(Reply::Straight(Box::new(Straight { asked: Some(asked), before, delivery, module, asked_for, who, now })))
    }

    async fn delivery(&mut self, me: &Me<Order>) -> Option<&Address<delivery::Order>> {
        self.outlet.used = me.clock().since_boot();
        if !self.outlet.delivery.as_ref().is_some_and(Address::is_open) {
            // In a box: once in a while, and large.
            match Box::pin(self.opened_delivery(me)).await {
                Ok(delivery) => self.outlet.delivery = Some(delivery),
                Err(why) => {
                    tracing::error!(channel = %self.seed.key, why, "it has no delivery: an answer was dropped");
                    return None;
                }
            }
        }
        self.outlet.delivery.as_ref()
    }

    /// Ends a delivery that has nothing to do, when it got nothing for long.
    pub(super) async fn close_outlet_when_idle(&mut self, me: &Me<Order>) {
        let idle = me.clock().since_boot().saturating_sub(self.outlet.used) >= IDLE;
        if idle && self.outlet.delivery.as_ref().is_some_and(|delivery| delivery.meter().waiting() == 0) {
            self.outlet.close().await;
        }
    }

    async fn opened_delivery(&self, me: &Me<Order>) -> Result<Address<delivery::Order>, String> {
        let seed = delivery::Seed {
            channel: self.seed.key.clone(),
            community: self.seed.community,
            courier: self.seed.courier.clone(),
            journal: self.seed.journal.clone(),
            before: self.before.clone(),
        };
        me.open::<Delivery>(format!("{}/delivery", me.key()), seed).await.map_err(|fault| fault.to_string())
    }
}
