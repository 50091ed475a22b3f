//! A community's commands that run elsewhere, as its actor keeps them: read anew when it is told of a change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Fault, Me};
use waddlebot_runtime::chat::Millis;
use waddlebot_runtime::store::StoreError;

use super::Seed;
use crate::commands::table::{self, Uses, Wanted};
use crate::commands::{Command, Refused, check};
use crate::responses;

/// What a community is told about its commands.
pub enum Order {
    /// A channel used some.
    Used(Uses),
    /// Write down what was used.
    Flush,
    /// They changed: read them anew. Answers when that is done.
    Reread(oneshot::Sender<()>),
    /// Read them anew as a net, should nobody have told of a change.
    Sweep,
}

/// A command in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The command.
    pub command: i64,
    /// A channel's key, or `community:ID`.
    pub place: String,
    /// On, off, or as everywhere.
    pub on: Option<bool>,
}

/// Why a command was not stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unsaved {
    /// There is none of that number here.
    #[error("there is no such command")]
    Unknown,
    /// It may not be, in words for who wrote it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for Unsaved {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken => Refused::Taken.into(),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// What is used is written after this long.
const BATCH: Duration = Duration::from_secs(2);
/// The net under what nodes tell each other of changes (spec 01 section 11).
const SWEEP: Duration = Duration::from_secs(300);

/// An hour, in milliseconds.
const HOUR: Millis = 3600 * 1000;

/// The commands of one community.
#[derive(Default)]
pub(super) struct Commands {
    all: Arc<[Arc<Command>]>,
    waiting: Uses,
    armed: bool,
    /// When later answers were swept last.
    swept: Millis,
}

impl Commands {
    pub(super) async fn open(seed: &Seed, me: &Me<super::Order>) -> Result<Self, Fault> {
        let all = read(seed).await?;
        me.later(SWEEP, super::Order::Commands(Order::Sweep));
        Ok(Self { all, ..Self::default() })
    }

    /// All that this community may use, everybody's included.
    pub(super) fn all(&self) -> &Arc<[Arc<Command>]> {
        &self.all
    }

    /// Does what was ordered; says whether channels must be told.
    pub(super) async fn handle(&mut self, order: Order, seed: &Seed, me: &Me<super::Order>) -> bool {
        let now = me.clock().now();
        match order {
            Order::Used(uses) => {
                for (what, (times, last)) in uses {
                    let use_of = self.waiting.entry(what).or_default();
                    *use_of = (use_of.0 + times, use_of.1.max(last));
                }
                if !self.armed {
                    self.armed = true;
                    me.later(BATCH, super::Order::Commands(Order::Flush));
                }
                false
            }
            Order::Flush => {
                self.armed = false;
                self.flush(seed).await;
                false
            }
            Order::Reread(_) => self.reread(seed).await,
            Order::Sweep => {
                me.later(SWEEP, super::Order::Commands(Order::Sweep));
                self.expire(seed, now).await;
                self.reread(seed).await
            }
        }
    }

    /// Reads all anew; says whether they changed.
    pub(super) async fn reread(&mut self, seed: &Seed) -> bool {
        match read(seed).await {
            Ok(all) => {
                let changed = all != self.all;
                self.all = all;
                changed
            }
            Err(error) => {
                tracing::warn!(community = seed.registered.id, %error, "commands were not read anew");
                false
            }
        }
    }

    /// Forgets later answers whose time is over, once an hour.
    async fn expire(&mut self, seed: &Seed, now: Millis) {
        if now - self.swept < HOUR {
            return;
        }
        self.swept = now;
        let done = async {
            let mut tx = seed.store.begin_fenced(&seed.claim).await?;
            responses::expire(&mut tx, seed.registered.id, now - responses::KEPT).await?;
            tx.into_inner().commit().await
        };
        if let Err(error) = done.await {
            tracing::warn!(community = seed.registered.id, %error, "old answers were not forgotten");
        }
    }

    /// Writes down what was used.
    pub(super) async fn flush(&mut self, seed: &Seed) {
        if self.waiting.is_empty() {
            return;
        }
        let written = async {
            let mut tx = seed.store.begin_fenced(&seed.claim).await?;
            table::count(&mut tx, &self.waiting).await?;
            tx.into_inner().commit().await
        };
        match written.await {
            Ok(()) => self.waiting.clear(),
            Err(error) => tracing::warn!(community = seed.registered.id, %error, "uses of commands wait to be written"),
        }
    }
}

async fn read(seed: &Seed) -> Result<Arc<[Arc<Command>]>, StoreError> {
    let wanted = Wanted { community: Some(seed.registered.id), ..Wanted::default() };
    let kept = table::find(&seed.store, seed.outside.secret(), wanted).await?;
    let sound = kept.into_iter().map(|kept| kept.command).filter(|command| {
        check(command).inspect_err(|why| tracing::error!(command = command.id, %why, "a stored command cannot be used")).is_ok()
    });
    Ok(sound.map(Arc::new).collect())
}
