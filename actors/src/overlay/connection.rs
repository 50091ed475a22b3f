//! One browser source: supervised, looked into, closed. Its frames do not pass through its mailbox.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use waddlebot_runtime::actor::{Actor, Fault, Me};
use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::spawn;

use super::across::Saying;
use super::frame::{self, Said};
use super::group::{Deed, Group, millis};
use super::item::cut;
use super::overlays::Seat;
use super::socket::{Ear, POLICY, Socket, listen};

/// What a connection is told.
pub(super) enum Order {
    /// The page is gone.
    Ended,
}

/// What a connection is opened with.
pub(super) struct Seed {
    pub(super) id: Box<str>,
    pub(super) socket: Arc<Socket>,
    pub(super) first: Bytes,
    pub(super) group: Arc<Group>,
    pub(super) address: Box<str>,
    pub(super) agent: Box<str>,
    pub(super) page: Box<str>,
    /// How many messages a page may send in a minute.
    pub(super) messages: u32,
    pub(super) seat: Seat,
}

/// The actor of one browser source.
pub(super) struct Connection {
    socket: Arc<Socket>,
    group: Arc<Group>,
    address: Box<str>,
    agent: Box<str>,
    since: Millis,
    _seat: Seat,
}

impl Actor for Connection {
    const KIND: &'static str = "overlay connection";
    type Order = Order;
    type Seed = Box<Seed>;

    async fn open(seed: Box<Seed>, me: &Me<Order>) -> Result<Self, Fault> {
        let Seed { id, socket, first, group, address, agent, page, messages, seat } = *seed;
        let since = me.clock().now();
        socket.send(&frame::connected(&id, group.community, group.source, &page, since));
        let ear = Page {
            socket: socket.clone(),
            group: group.clone(),
            clock: me.clock().clone(),
            id,
            since,
            messages,
            minute: i64::MIN,
            heard: 0,
        };
        let (ended, read) = (me.address().clone(), socket.clone());
        spawn::task("overlay page", async move {
            listen(read, first, ear).await;
            ended.send(Order::Ended).ok();
        });
        Ok(Self { socket, group, address, agent, since, _seat: seat })
    }

    async fn handle(&mut self, Order::Ended: Order, me: &Me<Order>) -> Result<(), Fault> {
        me.stop();
        Ok(())
    }

    fn memory(&self) -> Value {
        json!({
            "community": self.group.community,
            "source_type": self.group.source,
            "address": self.address,
            "user_agent": self.agent,
            "connected_at": self.since,
            "heard_ms_since_boot": self.socket.heard(),
            "waiting_bytes": self.socket.waiting(),
            "missed": self.socket.missed(),
            "up_to_date": !self.socket.lags(),
        })
    }
}

/// However it ends, the page is closed and the overlay knows.
impl Drop for Connection {
    fn drop(&mut self) {
        self.socket.cut();
        self.group.add(Deed::Leave);
        if self.group.pages() == 0 {
            self.group.room();
        }
    }
}

/// Listens to a page.
struct Page {
    socket: Arc<Socket>,
    group: Arc<Group>,
    clock: Clock,
    id: Box<str>,
    since: Millis,
    messages: u32,
    minute: i64,
    heard: u32,
}

impl Page {
    /// Counts a message; `false` when the page talks too much. One that floods is sent away.
    fn may_speak(&mut self) -> bool {
        const FLOOD: u32 = 20;
        let minute = self.now() / 60_000;
        if self.minute != minute {
            (self.minute, self.heard) = (minute, 0);
        }
        self.heard += 1;
        if self.heard == self.messages.saturating_mul(FLOOD) {
            self.socket.close(POLICY, "too many messages", self.now());
        }
        self.heard <= self.messages
    }

    fn told(&self, kind: &str, data: Value) {
        const LARGEST: usize = 4096;
        let data = if data.to_string().len() > LARGEST { Value::Null } else { data };
        self.group.hear(Saying::Told(cut(kind, 40), data));
    }
}

impl Ear for Page {
    fn said(&mut self, text: &str) {
        let said = Said::parse(text);
        if let Some(Said::Ack { id }) = &said {
            // One for every item shown: not counted, and only the first of all pages is worth an order.
            if self.group.is_first_acknowledgement(id) {
                self.group.hear(Saying::Acknowledged(id.clone()));
            }
            return;
        }
        if !self.may_speak() {
            return;
        }
        match said {
            Some(Said::Ping {}) => self.socket.send(&frame::pong(self.clock.now())),
            Some(Said::Status {}) => {
                let status = frame::status(&self.id, self.group.community, self.group.source, self.since, self.clock.now());
                self.socket.send(&status);
            }
            Some(Said::Analytics { event_type, event_data }) => self.told(&event_type, event_data),
            Some(Said::Error { error }) => {
                let (community, source) = (self.group.community, self.group.source.name());
                tracing::warn!(community, source, error = cut(&error.to_string(), 300), "an overlay page reports an error");
                self.told("error", error);
            }
            Some(Said::FormSubmit { id, form_data }) => self.group.hear(Saying::Submitted(id, form_data)),
            Some(Said::Ack { .. }) | None => {}
        }
    }

    fn caught_up(&mut self) {
        if let Some(overlay) = self.group.overlay() {
            overlay.offer(super::Order::Resync(self.socket.clone())).ok();
        } else if let Some(far) = self.group.far() {
            far.want();
        }
    }

    fn now(&self) -> i64 {
        millis(&self.clock)
    }
}
