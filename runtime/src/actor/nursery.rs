//! An actor's children: who they are, how often each failed, and when one may be opened again.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use ractor::ActorId;

use super::{Fault, World};
use crate::supervision::{Record, Verdict};

/// A child that ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its key.
    pub key: String,
    /// Why it failed, or `None` when it was stopped in good order.
    pub failure: Option<String>,
    /// What the supervision policy says.
    pub verdict: Verdict,
}

#[derive(Default)]
pub(super) struct Nursery(Mutex<Children>);

#[derive(Default)]
struct Children {
    keys: HashMap<ActorId, String>,
    records: HashMap<String, Record>,
}

impl Nursery {
    /// How often it was restarted so far, when it may be opened now.
    pub(super) fn may_open(&self, key: &str, now: Duration) -> Result<u32, Fault> {
        match self.0.lock().records.get(key) {
            Some(record) => record.may_open(now).map(|()| record.restarts()).map_err(Into::into),
            None => Ok(0),
        }
    }

    pub(super) fn born(&self, id: ActorId, key: String) {
        self.0.lock().keys.insert(id, key);
    }

    pub(super) fn failed(&self, key: &str, world: &World) -> Verdict {
        let mut children = self.0.lock();
        let record = children.records.entry(key.to_owned()).or_default();
        #[expect(clippy::disallowed_methods, reason = "jitter is the better for not being repeatable")]
        let jitter = rand::random();
        world.policy.judge(record, world.clock.since_boot(), jitter)
    }

    pub(super) fn ended(&self, id: ActorId, failure: Option<String>, world: &World) -> Option<Ended> {
        let key = self.0.lock().keys.remove(&id)?;
        world.roster.remove(&key);
        let verdict = match &failure {
            None => {
                self.0.lock().records.remove(&key);
                Verdict::Again { after: Duration::ZERO }
            }
            Some(why) => {
                let verdict = self.failed(&key, world);
                tracing::error!(actor = key, error = why.as_str(), ?verdict, "an actor failed");
                verdict
            }
        };
        Some(Ended { key, failure, verdict })
    }
}
