//! What one account may send from this node: alone its whole budget, among others what the node that lends has lent.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::platform::{Boxed, Budget};

use super::Bucket;
use super::lent::{Lender, Lent, Paid, Purse, alone, halved};

/// The pause after nobody lent.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the lender may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Who could not ask for this long sends its own small share.
const ALONE: Duration = Duration::from_secs(5);

/// The way to who lends.
pub(crate) trait Lending: Send + Sync + 'static {
    /// Some tokens of an account, or why there are none; with `alone` who asks has sent of its own share before.
    fn lend<'a>(&'a self, account: &'a str, budget: Budget, alone: bool) -> Boxed<'a, Result<Lent, String>>;

    /// How many nodes live.
    fn nodes(&self) -> Boxed<'_, Option<u32>>;
}

/// What this node lends, and the way to what others lend. Cloning shares it.
#[derive(Clone, Default)]
pub struct Lenders(Arc<Inner>);

#[derive(Default)]
struct Inner {
    way: OnceLock<Arc<dyn Lending>>,
    /// By account.
    lenders: Mutex<HashMap<String, Lends>>,
}

/// What is lent of one account.
#[derive(Default)]
struct Lends {
    /// Since which change of owner.
    epoch: i64,
    lender: Lender,
    /// Some node could not ask: the other half was for such.
    halves: bool,
    /// It was handed on: nothing more is lent under this epoch.
    closed: bool,
}

impl Lenders {
    /// Learns the way to other nodes. Without it every account has its whole budget here.
    pub(crate) fn reach(&self, way: Arc<dyn Lending>) {
        self.0.way.set(way).ok();
    }

    /// Whether something was lent under a claim of this epoch.
    pub(crate) fn knows(&self, account: &str, epoch: i64) -> bool {
        self.0.lenders.lock().get(account).is_some_and(|known| known.epoch == epoch)
    }

    /// Begins to lend under a claim of this epoch. Who lent before may have said in how long the budget is whole.
    pub(crate) fn begin(&self, account: &str, epoch: i64, whole_in: Option<Duration>, budget: Budget, now: Duration) {
        let mut lenders = self.0.lenders.lock();
        let known = lenders.entry(account.to_owned()).or_default();
        if known.epoch < epoch {
            let lender = match whole_in {
                Some(whole_in) => Lender::following(whole_in, budget, now),
                // The first owner there ever was follows nobody.
                None if epoch == 1 => Lender::default(),
                None => Lender::after_another(budget, now),
            };
            *known = Lends { epoch, lender, ..Lends::default() };
        }
    }

    /// Lends nothing more of any account until it holds a new epoch; in how long each is whole again.
    pub(crate) fn close(&self, now: Duration) -> Vec<(String, Duration)> {
        let mut lenders = self.0.lenders.lock();
        let close = |(account, lends): (&String, &mut Lends)| {
            lends.closed = true;
            (account.clone(), lends.lender.whole_in(now))
        };
        lenders.iter_mut().map(close).collect()
    }

    /// Lends under a claim of this epoch; half of it unless all nodes can ask. Who asks may have sent `alone` before.
    /// `None` when it is not this epoch's to lend, or not any more.
    pub(crate) fn lend(&self, account: &str, epoch: i64, budget: Budget, (all, alone): (bool, bool), now: Duration) -> Option<Lent> {
        let mut lenders = self.0.lenders.lock();
        let known = lenders.get_mut(account).filter(|known| known.epoch == epoch && !known.closed)?;
        if alone || (known.halves && all) {
            known.lender.empty(budget, now);
        }
        known.halves = !all;
        Some(known.lender.lend(if all { budget } else { halved(budget) }, now))
    }
}

/// What one account may send from this node.
pub(crate) struct Wallet {
    account: &'static str,
    lenders: Lenders,
    bucket: Bucket,
    purse: Purse,
    /// Since when nobody lends.
    unanswered: Option<Duration>,
    /// Its own small share while nobody lends, and when the next line of it may leave.
    alone: Option<(Bucket, Option<Duration>)>,
}

impl Wallet {
    pub(crate) fn new(account: &'static str, lenders: Lenders) -> Self {
        Self { account, lenders, bucket: Bucket::default(), purse: Purse::default(), unanswered: None, alone: None }
    }

    /// Waits until one may leave. An account that only one node speaks for (`exclusive`) has its whole budget.
    pub(crate) async fn pass(&mut self, budget: Budget, exclusive: bool, clock: &Clock) -> Duration {
        let way = if exclusive { None } else { self.lenders.0.way.get().cloned() };
        let began = clock.since_boot();
        let Some(way) = way else {
            let wait = self.bucket.take(budget, began);
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            return wait;
        };
        loop {
            let now = clock.since_boot();
            match self.purse.take(now) {
                Paid::Go => return now.saturating_sub(began),
                Paid::Wait(wait) => clock.sleep(wait).await,
                Paid::Empty => match self.borrow(way.as_ref(), budget, clock).await {
                    Ok(()) => {}
                    Err(()) => {
                        if self.may_go_alone(way.as_ref(), budget, clock).await {
                            return clock.since_boot().saturating_sub(began);
                        }
                        clock.sleep(PAUSE).await;
                    }
                },
            }
        }
    }

    /// Asks who lends; waits when there is nothing to lend now.
    async fn borrow(&mut self, way: &dyn Lending, budget: Budget, clock: &Clock) -> Result<(), ()> {
        let asked = clock.since_boot();
        let lent = tokio::select! {
            lent = way.lend(self.account, budget, self.alone.is_some()) => lent,
            () = clock.sleep(ANSWER) => Err("no answer in time".into()),
        };
        let lent = lent.map_err(|why| tracing::debug!(account = self.account, why, "nobody lends"))?;
        (self.unanswered, self.alone) = (None, None);
        if lent.tokens == 0 {
            clock.sleep(Duration::from_millis(lent.wait)).await;
        } else {
            self.purse.put(lent, asked, clock.since_boot());
        }
        Ok(())
    }

    /// Whether it is time for a line of this node's own small share. Who lends was asked just before, in vain.
    async fn may_go_alone(&mut self, way: &dyn Lending, budget: Budget, clock: &Clock) -> bool {
        let now = clock.since_boot();
        if now.saturating_sub(*self.unanswered.get_or_insert(now)) < ALONE {
            return false;
        }
        let Some(share) = way.nodes().await.and_then(|nodes| alone(budget, nodes)) else { return false };
        let account = self.account;
        let (bucket, slot) = self.alone.get_or_insert_with(|| {
            tracing::warn!(account, "nobody lends: this node sends its own small share");
            (Bucket::empty(share, now), None)
        });
        let at = *slot.get_or_insert_with(|| now + bucket.take(share, now));
        let due = now >= at;
        if due {
            *slot = None;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};

    use waddlebot_runtime::spawn;

    use super::*;

    /// A lender as other nodes reach it; it may be gone, and another may follow it.
    struct Owner {
        lenders: Lenders,
        epoch: AtomicI64,
        gone: AtomicBool,
        /// What the one before it left.
        left: Mutex<Option<Duration>>,
        clock: Clock,
    }

    impl Lending for Arc<Owner> {
        fn lend<'a>(&'a self, account: &'a str, budget: Budget, alone: bool) -> Boxed<'a, Result<Lent, String>> {
            Box::pin(async move {
                if self.gone.load(SeqCst) {
                    return Err("gone".into());
                }
                let (epoch, now) = (self.epoch.load(SeqCst), self.clock.since_boot());
                if !self.lenders.knows(account, epoch) {
                    let left = self.left.lock().take();
                    self.lenders.begin(account, epoch, left, budget, now);
                }
                self.lenders.lend(account, epoch, budget, (true, alone), now).ok_or_else(|| "handed on".into())
            })
        }

        fn nodes(&self) -> Boxed<'_, Option<u32>> {
            Box::pin(async { Some(3) })
        }
    }

    /// Turns time until all have been sent; when each was, by the clock.
    async fn sent(budget: Budget, lines: usize, mut each: impl FnMut(usize, &Owner)) -> Vec<Duration> {
        let clock = Clock::turned();
        let owner =
            Owner { lenders: Lenders::default(), epoch: 1.into(), gone: false.into(), left: Mutex::default(), clock: clock.clone() };
        let owner = Arc::new(owner);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let nodes: Vec<_> = (0..3)
            .map(|_| {
                let lenders = Lenders::default();
                lenders.reach(Arc::new(owner.clone()));
                let (mut wallet, clock, sent) = (Wallet::new("x", lenders), clock.clone(), sent.clone());
                spawn::task("node", async move {
                    loop {
                        wallet.pass(budget, false, &clock).await;
                        sent.lock().push(clock.since_boot());
                    }
                })
            })
            .collect();
        for step in 0..1_000_000 {
            each(sent.lock().len(), &owner);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            if sent.lock().len() >= lines {
                break;
            }
            clock.turn(Duration::from_millis(20));
            assert!(step < 999_999, "it never ends");
        }
        nodes.iter().for_each(tokio::task::JoinHandle::abort);
        let sent = sent.lock().clone();
        for (first, from) in sent.iter().enumerate() {
            for (last, to) in sent.iter().enumerate().skip(first) {
                let allowed = u128::from(budget.burst) + (*to - *from).as_millis() / budget.every.as_millis();
                assert!((last - first + 1) as u128 <= allowed, "{} within {:?}", last - first + 1, *to - *from);
            }
        }
        sent
    }

    const TWENTY_IN_THIRTY: Budget = Budget { burst: 20, every: Duration::from_millis(1500) };

    #[tokio::test]
    async fn three_nodes_together_never_send_more_than_the_account_may_and_nearly_all_of_it() {
        let sent = sent(TWENTY_IN_THIRTY, 100, |_, _| {}).await;
        let took = sent[99] - sent[0];
        // 19 at once and then one each 1.5 s.
        assert!(took < Duration::from_millis(1500 * 82 + 4000), "{took:?}");
    }

    #[tokio::test]
    async fn who_follows_a_dead_lender_begins_with_nothing_and_no_window_is_overrun() {
        let sent = sent(TWENTY_IN_THIRTY, 60, |many, owner| {
            if many >= 15 {
                owner.epoch.store(2, SeqCst);
            }
        })
        .await;
        let gap = sent.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default();
        assert!(gap >= Duration::from_millis(1500) && gap < Duration::from_secs(5), "{gap:?}");
    }

    #[tokio::test]
    async fn who_follows_a_lender_that_went_in_good_order_goes_on_where_it_was() {
        let mut moved = false;
        let sent = sent(TWENTY_IN_THIRTY, 60, |many, owner| {
            if many >= 5 && !std::mem::replace(&mut moved, true) {
                let left = owner.lenders.close(owner.clock.since_boot());
                assert!(owner.lenders.lend("x", 1, TWENTY_IN_THIRTY, (true, false), owner.clock.since_boot()).is_none());
                *owner.left.lock() = Some(left[0].1);
                owner.epoch.store(2, SeqCst);
            }
        })
        .await;
        let all_at_once = sent[17] - sent[0];
        assert!(all_at_once < Duration::from_secs(3), "the rest of the burst was not lost: {all_at_once:?}");
    }

    #[tokio::test]
    async fn while_nobody_lends_each_sends_its_share_of_half() {
        let sent = sent(TWENTY_IN_THIRTY, 60, |many, owner| owner.gone.store((15..45).contains(&many), SeqCst)).await;
        let alone = sent[44] - sent[20];
        // Three nodes, each one line in nine seconds.
        assert!(alone >= Duration::from_secs(60), "{alone:?}");
    }
}
