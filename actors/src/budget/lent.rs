//! One account's budget, shared by several nodes: one lends a few tokens at a time, the others use them soon or not at all. Pure.
//!
//! A token is used at most [`SPREAD`] after the moment at which the budget would have allowed it, so that much of the
//! budget is kept back: never more leaves in any span of time than if one node had sent it all.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::platform::Budget;

/// How long lent tokens are good.
const GOOD: Duration = Duration::from_millis(400);
/// As much as is sent in this time is lent at once.
const WORTH: Duration = Duration::from_millis(200);
/// How late a token may be used.
pub const SPREAD: Duration = Duration::from_millis(600);
/// How far ahead is lent.
const AHEAD: Duration = Duration::from_secs(1);

/// What was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// How many may leave; with none, ask again after the wait.
    pub tokens: u32,
    /// How long from now they may not be used, in milliseconds.
    pub wait: u64,
    /// How long after that they are good, in milliseconds.
    pub good: u64,
}

/// Who lends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lender {
    /// When the budget is whole again, on this node's boot clock.
    next: Duration,
}

impl Lender {
    /// One that follows another of which nothing is known: all that it may have lent counts.
    #[must_use]
    pub fn after_another(budget: Budget, now: Duration) -> Self {
        let kept = kept(budget);
        Self { next: now + AHEAD + kept.every.saturating_mul(kept.burst) }
    }

    /// One that follows another which said in how long the budget is whole again.
    #[must_use]
    pub fn following(whole_in: Duration, budget: Budget, now: Duration) -> Self {
        Self { next: (now + whole_in).min(Self::after_another(budget, now).next) }
    }

    /// In how long the budget is whole again.
    #[must_use]
    pub fn whole_in(&self, now: Duration) -> Duration {
        self.next.saturating_sub(now)
    }

    /// Others have sent what nobody counted: from now on it begins with nothing.
    pub fn empty(&mut self, budget: Budget, now: Duration) {
        let kept = kept(budget);
        self.next = self.next.max(now + kept.every.saturating_mul(kept.burst));
    }

    /// Lends what may be used soon.
    pub fn lend(&mut self, budget: Budget, now: Duration) -> Lent {
        let budget = kept(budget);
        let many = u32::try_from(WORTH.as_millis() / budget.every.as_millis().max(1)).unwrap_or(u32::MAX).clamp(1, budget.burst);
        let start = self.next.max(now);
        let earned = budget.every.saturating_mul(budget.burst);
        let next = start + budget.every.saturating_mul(many);
        let wait = next.saturating_sub(earned).saturating_sub(now);
        if wait > AHEAD {
            return Lent { tokens: 0, wait: up(wait - AHEAD), good: 0 };
        }
        self.next = next;
        Lent { tokens: many, wait: up(wait), good: down(GOOD) }
    }
}

/// What may be lent of a budget, so that no more than it leaves, however late the tokens are used.
fn kept(budget: Budget) -> Budget {
    let every = budget.every.max(Duration::from_millis(1));
    let lost = u32::try_from(SPREAD.as_millis().div_ceil(every.as_millis())).unwrap_or(u32::MAX);
    match budget.burst.checked_sub(lost) {
        Some(burst) if burst > 0 => Budget { burst, every },
        _ => Budget { burst: 1, every: every + SPREAD },
    }
}

/// The share of one of so many nodes that cannot ask: half of the budget is for all of them. `None` when that is less than one.
#[must_use]
pub fn alone(budget: Budget, nodes: u32) -> Option<Budget> {
    let parts = nodes.max(1).saturating_mul(2);
    let burst = budget.burst / parts;
    (burst > 0).then(|| Budget { burst, every: budget.every.saturating_mul(parts) })
}

/// What is left to lend while some node cannot ask.
#[must_use]
pub fn halved(budget: Budget) -> Budget {
    Budget { burst: (budget.burst / 2).max(1), every: budget.every.saturating_mul(2) }
}

/// The tokens one node has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purse {
    tokens: u32,
    from: Duration,
    until: Duration,
}

/// What a purse says to who wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paid {
    /// Send.
    Go,
    /// Send after this time.
    Wait(Duration),
    /// There is nothing in it.
    Empty,
}

impl Purse {
    /// Puts in what was lent in answer to what was asked then.
    pub fn put(&mut self, lent: Lent, asked: Duration, answered: Duration) {
        let wait = Duration::from_millis(lent.wait);
        // The lender's clock began somewhere between the two: neither too early nor too late.
        *self = Self { tokens: lent.tokens, from: answered + wait, until: asked + wait + Duration::from_millis(lent.good) };
    }

    /// Takes one out.
    pub fn take(&mut self, now: Duration) -> Paid {
        if self.tokens == 0 || now > self.until || self.from > self.until {
            self.tokens = 0;
            return Paid::Empty;
        }
        if now < self.from {
            return Paid::Wait(self.from - now);
        }
        self.tokens -= 1;
        Paid::Go
    }
}

fn up(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

fn down(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Never more than the budget in any span between two sends.
    fn holds(budget: Budget, sent: &[Duration]) {
        for (first, from) in sent.iter().enumerate() {
            for (last, to) in sent.iter().enumerate().skip(first) {
                let allowed = u128::from(budget.burst) + (*to - *from).as_millis() / budget.every.as_millis();
                let many = (last - first + 1) as u128;
                assert!(many <= allowed, "{many} within {:?} of {budget:?}", *to - *from);
            }
        }
    }

    proptest! {
        #[test]
        fn several_nodes_never_send_more_than_one_might_have_also_when_the_lender_dies(
            burst in 1u32..60, every in 10u64..3000, nodes in 1usize..5, trips in prop::collection::vec(0u64..80, 400), dies in 100usize..300,
        ) {
            let budget = Budget { burst, every: ms(every) };
            let (mut lender, mut purses) = (Lender::default(), vec![Purse::default(); nodes]);
            // Each node asks, hears the answer a trip later and uses what it has as late as it may.
            let (mut sent, mut now) = (Vec::new(), ms(1_000_000));
            for (turn, trip) in trips.iter().enumerate() {
                if turn == dies {
                    now += ms(1);
                    lender = Lender::after_another(budget, now);
                }
                let purse = &mut purses[turn % nodes];
                match purse.take(now) {
                    Paid::Go => sent.push(now),
                    Paid::Wait(wait) => now += wait.min(ms(50)),
                    Paid::Empty => {
                        let asked = now;
                        now += ms(*trip / 2);
                        let lent = lender.lend(budget, now);
                        now += ms(*trip - *trip / 2);
                        if lent.tokens > 0 { purse.put(lent, asked, now) } else { now += ms(lent.wait.min(200)) }
                    }
                }
                now += ms(trip % 7);
            }
            holds(budget, &sent);
        }
    }

    #[test]
    fn what_is_lent_at_once_lasts_for_a_fifth_of_a_second_and_no_longer_than_it_is_good() {
        let (budget, now) = (Budget { burst: 50, every: ms(20) }, ms(5000));
        let lent = Lender::default().lend(budget, now);
        assert_eq!(lent, Lent { tokens: 10, wait: 0, good: 400 });
        let mut purse = Purse::default();
        assert_eq!(purse.take(now), Paid::Empty);
        purse.put(lent, now, now + ms(3));
        assert_eq!(purse.take(now), Paid::Wait(ms(3)));
        assert_eq!(purse.take(now + ms(3)), Paid::Go);
        assert_eq!(purse.take(now + ms(401)), Paid::Empty);
        assert_eq!(purse.take(now + ms(10)), Paid::Empty, "what is stale is thrown away");
    }

    #[test]
    fn who_follows_another_begins_with_nothing() {
        let (budget, now) = (Budget { burst: 20, every: ms(1500) }, ms(5000));
        let mut lender = Lender::after_another(budget, now);
        let lent = lender.lend(budget, now);
        assert_eq!((lent.tokens, lent.wait), (0, 1500), "the first one after a second and one interval");
        let lent = lender.lend(budget, now + ms(1500));
        assert_eq!((lent.tokens, lent.wait), (1, 1000));
    }

    #[test]
    fn who_cannot_ask_has_a_share_of_half_the_budget() {
        let budget = Budget { burst: 20, every: ms(1500) };
        assert_eq!(alone(budget, 3), Some(Budget { burst: 3, every: ms(9000) }));
        assert_eq!(alone(Budget { burst: 5, every: ms(2000) }, 3), None);
        assert_eq!(halved(budget), Budget { burst: 10, every: ms(3000) });
    }
}
