//! A community's string rules, as its actor keeps them: changed one at a time, counted a batch at a time.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use waddlebot_runtime::actor::{Fault, Me};
use waddlebot_runtime::chat::{ChannelKey, Millis};
use waddlebot_runtime::store::{FencedTx, StoreError};

use super::Seed;
use crate::rules::blocked::{self, Blocked};
use crate::rules::history::{self, Erased, Said};
use crate::rules::table::{self, Uses, Wanted};
use crate::rules::{Action, Compiled, MOST, Refused, Rule, Settings, check, settings};

/// What a community is told about its rules.
pub enum Order {
    /// Store this rule, by whom; a new one has the number 0. Answers with its number.
    Save(Box<Rule>, String, oneshot::Sender<Result<i64, Unsaved>>),
    /// Delete the rule of this number, by whom.
    Remove(i64, String, oneshot::Sender<Result<(), Unsaved>>),
    /// Set this, by whom.
    Set(Settings, String, oneshot::Sender<Result<(), Unsaved>>),
    /// Erase kept chat. Answers with how many lines it was.
    Erase(Erased, oneshot::Sender<Result<u64, Unsaved>>),
    /// What a channel counted lately.
    Tally(Tally),
    /// Write down what was counted.
    Flush,
    /// Erase chat that was kept long enough.
    Sweep,
}

/// Why a rule was not stored.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum Unsaved {
    /// There is none of that number in this community.
    #[error("there is no such rule")]
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
        Self::Unavailable(error.to_string())
    }
}

/// What a channel counted since the last time.
#[derive(Debug, Default)]
pub struct Tally {
    /// How often each rule matched.
    pub uses: Uses,
    /// What was said, where chat is kept.
    pub said: Vec<Said>,
    /// What was blocked.
    pub blocked: Vec<Blocked>,
}

impl Tally {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty() && self.said.is_empty() && self.blocked.is_empty()
    }
}

/// The rules as channels know them.
#[derive(Clone, Debug, Default)]
pub struct Ruling {
    /// All that are on.
    pub compiled: Arc<Compiled>,
    /// Whether what is said is kept.
    pub keeps_history: bool,
    /// Where moderators are told of what was blocked.
    pub moderators: Option<ChannelKey>,
}

/// What is counted is written after this long.
const BATCH: Duration = Duration::from_secs(2);
/// Old chat is erased so often.
const SWEEP: Duration = Duration::from_secs(3600);
/// More lines than this are not kept between two batches; the oldest go.
const LINES: usize = 20_000;
/// What was said before an erasure may arrive for this long, in milliseconds.
const LATE: Millis = 60_000;

/// The rules of one community.
#[derive(Default)]
pub(super) struct Rules {
    all: Vec<Rule>,
    settings: Settings,
    ruling: Ruling,
    waiting: Tally,
    armed: bool,
    erased: Vec<(Erased, Millis)>,
}

impl Rules {
    pub(super) async fn open(seed: &Seed, me: &Me<super::Order>) -> Result<Self, Fault> {
        let (kept, _) = table::find(&seed.store, Wanted { community: Some(seed.registered.id), ..Wanted::default() }).await?;
        let settings = settings::load(&seed.store, seed.registered.id).await?;
        let all: Vec<_> = kept.into_iter().map(|kept| kept.rule).collect();
        let sound = all.iter().filter(|rule| check(rule).inspect_err(|why| unsound(rule, why)).is_ok()).cloned().collect();
        let compiled = compile(Arc::default(), sound).await?;
        let mut rules = Self { all, settings, ..Self::default() };
        rules.decided(compiled);
        if rules.settings != Settings::default() {
            me.later(Duration::ZERO, super::Order::Rules(Order::Sweep));
        }
        Ok(rules)
    }

    /// The rules as channels get them.
    pub(super) fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    /// Does what was ordered; says whether channels must be told.
    pub(super) async fn handle(&mut self, order: Order, seed: &Seed, me: &Me<super::Order>) -> bool {
        let now = me.clock().now();
        match order {
            Order::Save(rule, by, reply) => told(self.save(*rule, &by, seed, now).await, reply),
            Order::Remove(id, by, reply) => told(self.remove(id, &by, seed, now).await, reply),
            Order::Set(settings, by, reply) => {
                let done = self.set(settings, &by, seed, now).await;
                if done.is_ok() {
                    me.later(Duration::ZERO, super::Order::Rules(Order::Sweep));
                }
                told(done, reply)
            }
            Order::Erase(what, reply) => {
                told(self.erase(what, seed, now).await, reply);
                false
            }
            Order::Tally(tally) => {
                self.add(tally, now);
                if !self.armed && !self.waiting.is_empty() {
                    self.armed = true;
                    me.later(BATCH, super::Order::Rules(Order::Flush));
                }
                false
            }
            Order::Flush => {
                self.armed = false;
                self.flush(seed, now).await;
                false
            }
            Order::Sweep => {
                self.sweep(seed, now).await;
                me.later(SWEEP, super::Order::Rules(Order::Sweep));
                false
            }
        }
    }

    async fn save(&mut self, rule: Rule, by: &str, seed: &Seed, now: Millis) -> Result<i64, Unsaved> {
        check(&rule)?;
        for action in std::iter::once(&rule.action).chain(rule.overrides.values().filter_map(|different| different.action.as_ref())) {
            if let Action::Webhook { url } = action {
                seed.outside.may_notify(url).map_err(Refused::Webhook)?;
            }
        }
        let mut all = self.all.clone();
        match all.iter().position(|one| one.id == rule.id) {
            Some(at) => all[at] = rule.clone(),
            None if rule.id != 0 => return Err(Unsaved::Unknown),
            None if all.len() >= MOST => return Err(Refused::Many.into()),
            // The youngest, whatever its number will be.
            None => all.push(Rule { id: i64::MAX, ..rule.clone() }),
        }
        let mut compiled = compile(self.ruling.compiled.clone(), all.clone()).await?;
        let community = seed.registered.id;
        let mut tx = seed.store.begin_fenced(&seed.claim).await?;
        let mut id = rule.id;
        if id == 0 {
            id = table::add(&mut tx, community, &rule, by, now).await?;
        } else if !table::change(&mut tx, community, &rule, by, now).await? {
            return Err(Unsaved::Unknown);
        }
        tx.into_inner().commit().await?;
        if let Some(new) = all.iter_mut().find(|one| one.id == i64::MAX) {
            new.id = id;
            compiled = compile(Arc::new(compiled), all.clone()).await?;
        }
        self.all = all;
        self.decided(compiled);
        Ok(id)
    }

    async fn remove(&mut self, id: i64, by: &str, seed: &Seed, now: Millis) -> Result<(), Unsaved> {
        let all: Vec<_> = self.all.iter().filter(|rule| rule.id != id).cloned().collect();
        let compiled = compile(self.ruling.compiled.clone(), all.clone()).await?;
        let mut tx = seed.store.begin_fenced(&seed.claim).await?;
        if !table::remove(&mut tx, seed.registered.id, id, by, now).await? {
            return Err(Unsaved::Unknown);
        }
        tx.into_inner().commit().await?;
        self.all = all;
        self.decided(compiled);
        Ok(())
    }

    async fn set(&mut self, settings: Settings, by: &str, seed: &Seed, now: Millis) -> Result<(), Unsaved> {
        settings.check()?;
        let mut tx = seed.store.begin_fenced(&seed.claim).await?;
        settings::save(&mut tx, seed.registered.id, &settings, by, now).await?;
        tx.into_inner().commit().await?;
        self.settings = settings;
        self.ruling = self.decision(self.ruling.compiled.clone());
        Ok(())
    }

    async fn erase(&mut self, what: Erased, seed: &Seed, now: Millis) -> Result<u64, Unsaved> {
        self.flush(seed, now).await;
        let mut tx = seed.store.begin_fenced(&seed.claim).await?;
        let lines = history::erase(&mut tx, seed.registered.id, &what).await?;
        let blocked = blocked::erase(&mut tx, seed.registered.id, &what).await?;
        tx.into_inner().commit().await?;
        self.erased.push((what, now));
        Ok(lines + blocked)
    }

    /// Takes what a channel counted, but for what was to be erased before it arrived.
    fn add(&mut self, tally: Tally, now: Millis) {
        self.erased.retain(|(_, at)| *at + LATE > now);
        for (id, (times, last)) in tally.uses {
            let use_of = self.waiting.uses.entry(id).or_default();
            *use_of = (use_of.0 + times, use_of.1.max(last));
        }
        let stays = |said: &Said| !self.erased.iter().any(|(what, at)| said.said_at <= *at && what.means(said));
        self.waiting.said.extend(tally.said.into_iter().filter(stays));
        self.waiting.blocked.extend(tally.blocked.into_iter().filter(|blocked| stays(&blocked.said)));
        let excess = self.waiting.said.len().saturating_sub(LINES);
        self.waiting.said.drain(..excess);
        let excess = self.waiting.blocked.len().saturating_sub(LINES);
        self.waiting.blocked.drain(..excess);
    }

    /// Writes down what was counted. Chat that cannot be written is lost, counts wait.
    pub(super) async fn flush(&mut self, seed: &Seed, now: Millis) {
        let tally = std::mem::take(&mut self.waiting);
        if tally.is_empty() {
            return;
        }
        if let Err(error) = written(&tally, seed, now).await {
            tracing::warn!(community = seed.registered.id, %error, lines = tally.said.len(), "what rules counted was not written");
            self.waiting.uses = tally.uses;
        }
    }

    async fn sweep(&self, seed: &Seed, now: Millis) {
        let before = now - self.settings.history_days * 24 * 3600 * 1000;
        let done = async {
            let mut tx = seed.store.begin_fenced(&seed.claim).await?;
            history::expire(&mut tx, seed.registered.id, before).await?;
            tx.into_inner().commit().await
        };
        if let Err(error) = done.await {
            tracing::warn!(community = seed.registered.id, %error, "old chat was not erased");
        }
    }

    fn decided(&mut self, compiled: Compiled) {
        self.ruling = self.decision(Arc::new(compiled));
    }

    fn decision(&self, compiled: Arc<Compiled>) -> Ruling {
        Ruling { compiled, keeps_history: self.settings.keeps_history, moderators: self.settings.moderators() }
    }
}

async fn written(tally: &Tally, seed: &Seed, now: Millis) -> Result<(), StoreError> {
    let community = seed.registered.id;
    let mut tx: FencedTx = seed.store.begin_fenced(&seed.claim).await?;
    table::count(&mut tx, community, &tally.uses).await?;
    history::add(&mut tx, community, &tally.said).await?;
    if !tally.blocked.is_empty() {
        blocked::add(&mut tx, community, &tally.blocked, now).await?;
    }
    tx.into_inner().commit().await
}

/// Compiles where it holds up no other actor.
async fn compile(before: Arc<Compiled>, rules: Vec<Rule>) -> Result<Compiled, Refused> {
    let compiled = tokio::task::spawn_blocking(move || before.renewed(&rules)).await;
    compiled.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn told<T>(done: Result<T, Unsaved>, reply: oneshot::Sender<Result<T, Unsaved>>) -> bool {
    let changed = done.is_ok();
    reply.send(done).ok();
    changed
}

fn unsound(rule: &Rule, why: &Refused) {
    tracing::error!(rule = rule.id, %why, "a stored string rule cannot be used");
}
