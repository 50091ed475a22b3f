//! What is on its way out of each community, and which communities call it back because they go to another node.

use std::collections::HashMap;
use std::sync::Arc;

use dashmap::DashSet;
use parking_lot::Mutex;
use tokio::sync::watch;
use waddlebot_runtime::chat::CommunityId;

use crate::account::ticket::{Answer, Ticket};

/// The ways of all communities. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Ways(Arc<Inner>);

#[derive(Default)]
struct Inner {
    calling: DashSet<CommunityId>,
    /// How much is on its way, where anything is.
    under_way: Mutex<HashMap<CommunityId, usize>>,
    changed: watch::Sender<()>,
}

/// Something is on its way as long as this is there.
pub(super) struct Pass {
    ways: Ways,
    community: CommunityId,
}

/// A line of the outbox that is on its way, in one part or more.
pub(super) struct Carried {
    pub(super) id: String,
    tickets: Vec<Ticket>,
    /// What became of its first parts.
    pub(super) answers: Vec<Answer>,
}

impl Ways {
    /// Something sets out.
    pub(super) fn pass(&self, community: CommunityId) -> Pass {
        *self.0.under_way.lock().entry(community).or_default() += 1;
        Pass { ways: self.clone(), community }
    }

    /// From now on everything is called back.
    pub(super) fn call(&self, community: CommunityId) {
        self.0.calling.insert(community);
        self.0.changed.send_replace(());
    }

    /// From now on nothing is called back any more.
    pub(super) fn call_no_more(&self, community: CommunityId) {
        self.0.calling.remove(&community);
    }

    /// Waits until everything is called back.
    pub(super) async fn calls(&self, community: CommunityId) {
        self.until(|inner| inner.calling.contains(&community)).await;
    }

    /// Whether nothing is on its way.
    pub(super) fn are_empty(&self, community: CommunityId) -> bool {
        !self.0.under_way.lock().contains_key(&community)
    }

    /// Waits until nothing is on its way.
    pub(super) async fn emptied(&self, community: CommunityId) {
        self.until(|inner| !inner.under_way.lock().contains_key(&community)).await;
    }

    async fn until(&self, is_so: impl Fn(&Inner) -> bool) {
        let mut changed = self.0.changed.subscribe();
        while !is_so(&self.0) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Pass {
    /// Whose it is.
    pub(super) fn community(&self) -> CommunityId {
        self.community
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let inner = &self.ways.0;
        let mut under_way = inner.under_way.lock();
        let Some(many) = under_way.get_mut(&self.community) else { return };
        *many -= 1;
        if *many == 0 {
            under_way.remove(&self.community);
            drop(under_way);
            if inner.calling.contains(&self.community) {
                inner.changed.send_replace(());
            }
        }
    }
}

impl Carried {
    pub(super) fn new(id: String, tickets: Vec<Ticket>) -> Self {
        Self { id, tickets, answers: Vec::new() }
    }

    /// Waits until it is known what became of it; who stops waiting may go on later.
    pub(super) async fn arrives(&mut self) {
        let parts = self.answers.len() + self.tickets.len();
        while self.answers.len() < parts {
            let answer = (&mut self.tickets[0]).await;
            self.tickets.remove(0);
            self.answers.push(answer);
        }
    }

    /// Takes it back; `false` when a part of it was said or is on its way.
    pub(super) fn comes_back(&mut self) -> bool {
        // An account says one part after the other.
        if !self.answers.is_empty() || !self.tickets.first().is_some_and(Ticket::take_back) {
            return false;
        }
        self.tickets.iter().skip(1).for_each(|ticket| _ = ticket.take_back());
        true
    }
}
