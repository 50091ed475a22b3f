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

/// Whether a node holds clearly more than its fair share: more than a sixth above it, and more than one.
#[must_use]
pub fn is_too_much(held: usize, fair: usize) -> bool {
    held > fair + 1 && held * 100 > fair * 115
}

/// How many of what it holds a node gives away at once: of what is too much no more than a hundredth of all, and at most 50.
#[must_use]
pub fn moves(held: usize, fair: usize) -> usize {
    held.saturating_sub(fair).min((held / 100).max(1)).min(50)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(entity: &str, is_live: bool, priority: i64, viewers: i64, last_activity: i64) -> Demand {
        Demand { entity: entity.into(), beside: String::new(), is_live, priority, viewers, last_activity }
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
    fn a_node_gives_away_only_what_is_clearly_too_much_and_little_at_a_time() {
        assert!(!is_too_much(1, 0) && !is_too_much(3, 2) && is_too_much(4, 2));
        assert!(!is_too_much(115, 100) && is_too_much(116, 100));
        assert_eq!([moves(10, 5), moves(1000, 500), moves(100_000, 50_000), moves(5, 5)], [1, 10, 50, 0]);
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
