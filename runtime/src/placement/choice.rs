//! Which entity first, and how many: decisions over values.

use std::cmp::Ordering;

use crate::store::Demand;

/// Who is served sooner: live first, then the smaller priority number, then more viewers, then who waits longest.
#[must_use]
pub fn sooner(one: &Demand, other: &Demand) -> Ordering {
    let rank = |demand: &Demand| (!demand.is_live, demand.priority, std::cmp::Reverse(demand.viewers), demand.last_activity);
    rank(one).cmp(&rank(other)).then_with(|| one.entity.cmp(&other.entity))
}

/// A node's fair share of `claims`, by what it can carry among what all can; never more than it can carry.
#[must_use]
pub fn fair_share(claims: usize, mine: usize, all: usize) -> usize {
    let all = all.max(mine).max(1);
    let share = (claims as u128 * mine as u128).div_ceil(all as u128);
    usize::try_from(share).unwrap_or(usize::MAX).min(mine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(entity: &str, is_live: bool, priority: i64, viewers: i64, last_activity: i64) -> Demand {
        Demand { entity: entity.into(), is_live, priority, viewers, last_activity }
    }

    #[test]
    fn live_comes_first_then_priority_then_viewers_then_who_waits_longest() {
        let mut all = [
            demand("idle", false, 100, 0, 0),
            demand("new", false, 100, 0, 9),
            demand("important", false, 1, 0, 9),
            demand("live", true, 100, 3, 5),
            demand("busy", true, 100, 900, 5),
        ];
        all.sort_by(sooner);
        assert_eq!(all.map(|one| one.entity), ["busy", "live", "important", "idle", "new"]);
    }

    #[test]
    fn a_share_follows_capacity_rounds_up_and_never_exceeds_it() {
        assert_eq!(fair_share(10, 100, 100), 10);
        assert_eq!(fair_share(10, 100, 300), 4);
        assert_eq!(fair_share(1000, 100, 300), 100);
        assert_eq!(fair_share(0, 100, 300), 0);
        assert_eq!(fair_share(5, 0, 0), 0);
        assert_eq!(fair_share(usize::MAX, usize::MAX, usize::MAX), usize::MAX);
    }
}
