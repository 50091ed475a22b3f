//! The node's relay: parent of its overlays and of every connected page; keeps their pulse.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Actor, Address, Ended, Fault, Me, Meter};
use waddlebot_runtime::chat::CommunityId;
use waddlebot_runtime::spawn;
use waddlebot_runtime::store::Claim;
use waddlebot_runtime::supervision::Verdict;

use super::connection::{self, Connection};
use super::group::{Deed, millis};
use super::item::Source;
use super::items::Items;
use super::overlays::{Overlays, ShowError};
use super::socket::GOING_AWAY;
use super::{Overlay, Seed};

/// What the relay is told.
pub(super) enum Order {
    /// A page came.
    Arrived(Box<connection::Seed>),
    /// Open an overlay under this claim, unless it is open.
    Open(CommunityId, Source, Claim, oneshot::Sender<Result<Address<super::Order>, String>>),
    /// Look after every connection.
    Sweep,
    /// Open the overlays that pages wait for.
    Mend,
}

/// The relay of one node.
pub(super) struct Relay {
    overlays: Overlays,
    meter: Arc<Meter>,
    arrived: u64,
    sweeps: u32,
}

/// How often every connection is looked after.
const SWEEP: Duration = Duration::from_secs(5);
/// So many sweeps make an hour.
const HOUR: u32 = 720;

impl Actor for Relay {
    const KIND: &'static str = "overlay relay";
    const BOUND: usize = 32 * 1024;
    type Order = Order;
    type Seed = Overlays;

    async fn open(overlays: Overlays, me: &Me<Order>) -> Result<Self, Fault> {
        overlays.set_relay(me.address().clone());
        me.later(SWEEP, Order::Sweep);
        Ok(Self { overlays, meter: me.address().meter().clone(), arrived: 0, sweeps: 0 })
    }

    async fn handle(&mut self, order: Order, me: &Me<Order>) -> Result<(), Fault> {
        match order {
            Order::Arrived(seed) => self.arrived(seed, me).await,
            Order::Open(community, source, claim, reply) => {
                let opened = self.open_overlay(community, source, claim, me).await;
                reply.send(opened.map_err(|fault| fault.to_string())).ok();
            }
            Order::Sweep => self.sweep(me),
            Order::Mend => self.mend(),
        }
        Ok(())
    }

    async fn ended(&mut self, child: Ended, me: &Me<Order>) -> Result<(), Fault> {
        if let (Some(why), Verdict::Again { after }) = (&child.failure, child.verdict) {
            tracing::warn!(actor = child.key, error = why.as_str(), "an overlay actor failed");
            me.later(after + Duration::from_millis(1), Order::Mend);
        }
        Ok(())
    }

    async fn close(&mut self) {
        self.overlays.unset_relay(&self.meter);
        for group in self.overlays.groups() {
            group.add(Deed::Close(GOING_AWAY, "the node stops"));
            if let Some(overlay) = group.overlay() {
                overlay.stop().await;
            }
        }
        self.overlays.write_access(false).await;
    }

    fn memory(&self) -> Value {
        json!({ "arrived": self.arrived, "stats": self.overlays.stats() })
    }
}

impl Relay {
    async fn arrived(&mut self, seed: Box<connection::Seed>, me: &Me<Order>) {
        self.arrived += 1;
        let (socket, group, key) = (seed.socket.clone(), seed.group.clone(), seed.id.to_string());
        if let Err(error) = me.open::<Connection>(key, seed).await {
            tracing::warn!(%error, "an overlay connection could not be opened");
            socket.cut();
            group.add(Deed::Leave);
            return;
        }
        match group.overlay() {
            Some(overlay) => drop(overlay.send(super::Order::Resync(socket))),
            None => self.need(group.community, group.source),
        }
    }

    /// Opens an overlay aside, or looks on where it is kept: its claim may take a while, and other pages must not wait for it.
    fn need(&self, community: CommunityId, source: Source) {
        let overlays = self.overlays.clone();
        spawn::task("overlay needed", async move {
            let group = overlays.group(community, source);
            if let Some(far) = group.far() {
                return far.want();
            }
            match overlays.overlay(community, source).await {
                Ok(_) => {}
                Err(ShowError::Elsewhere { owner, epoch }) if overlays.way().is_some() => overlays.look_on(&group, owner, epoch),
                Err(error) => tracing::warn!(community, source = source.name(), %error, "an overlay could not be opened yet"),
            }
        });
    }

    async fn open_overlay(
        &mut self,
        community: CommunityId,
        source: Source,
        claim: Claim,
        me: &Me<Order>,
    ) -> Result<Address<super::Order>, Fault> {
        let group = self.overlays.group(community, source);
        if let Some(open) = group.overlay() {
            return Ok(open);
        }
        let items = Items { store: self.overlays.store().clone(), claim, community, source };
        let overlays = self.overlays.clone();
        let seed = Seed { overlays, items, group, settings: self.overlays.settings().clone(), forms: self.overlays.forms().clone() };
        me.open::<Overlay>(format!("overlay/{community}/{}", source.name()), seed).await
    }

    fn mend(&self) {
        for group in self.overlays.groups() {
            if group.pages() > 0 && group.overlay().is_none() && group.far().is_none() {
                self.need(group.community, group.source);
            }
        }
    }

    fn sweep(&mut self, me: &Me<Order>) {
        let now = millis(me.clock());
        let pulse = self.overlays.settings().pulse();
        for group in self.overlays.groups() {
            if group.outposts().sweep(now) {
                group.room();
            }
            if group.pages() > 0 {
                group.add(Deed::Sweep(now, pulse));
            } else if group.end_when_idle() {
                self.overlays.forget(&group);
            }
        }
        self.mend();
        self.overlays.sweep(now);
        let (overlays, hourly) = (self.overlays.clone(), self.sweeps.is_multiple_of(HOUR));
        spawn::task("overlay access log", async move {
            overlays.check_tokens().await;
            overlays.write_access(hourly).await;
        });
        self.sweeps = self.sweeps.wrapping_add(1);
        me.later(SWEEP, Order::Sweep);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.overlays.unset_relay(&self.meter);
    }
}
