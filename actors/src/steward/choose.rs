//! Which node gets what another one gives: a decision over values.

use waddlebot_runtime::placement::choice;
use waddlebot_runtime::store::{Identity, Neighbour};

/// The node that gets so many more, and has less room from now on: the one that they would live `near`, as long as it would
/// not hold clearly more than its fair share of what these nodes hold; else the one that has the most room.
pub(super) fn choose(targets: &mut [Neighbour], many: usize, near: &str) -> Option<Identity> {
    let size = |number: i64| usize::try_from(number).unwrap_or(0);
    let all: (usize, usize) = targets.iter().fold((many, 0), |(load, room), node| (load + size(node.load), room + size(node.capacity)));
    let may = |node: &Neighbour| {
        let held = size(node.load) + many;
        held <= size(node.capacity) && !choice::is_too_much(held, choice::fair_share(all.0, size(node.capacity), all.1))
    };
    let fullness = |node: &Neighbour| (node.load as f64 + 1.0) / (node.capacity.max(1) as f64);
    let best = match targets.iter().position(|node| node.identity.node_id == near && may(node)) {
        Some(at) => targets.get_mut(at),
        None => targets.iter_mut().min_by(|one, other| fullness(one).total_cmp(&fullness(other))),
    }?;
    best.load += i64::try_from(many).unwrap_or(0);
    Some(best.identity.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, load: i64) -> Neighbour {
        let identity = Identity { node_id: id.to_owned(), incarnation: 1 };
        let (address, http_address, version, config_hash) = Default::default();
        Neighbour { identity, address, http_address, version, config_hash, draining: false, capacity: 100, load }
    }

    fn gets(targets: &[Neighbour], many: usize, near: &str) -> String {
        choose(&mut targets.to_vec(), many, near).map_or_else(String::new, |identity| identity.node_id)
    }

    #[test]
    fn who_is_near_gets_it_unless_that_is_clearly_more_than_its_share() {
        let even = [node("n1", 20), node("n2", 21)];
        assert_eq!([gets(&even, 1, ""), gets(&even, 1, "n2"), gets(&even, 1, "gone")], ["n1", "n2", "n1"]);
        let uneven = [node("n1", 10), node("n2", 30)];
        assert_eq!(gets(&uneven, 1, "n2"), "n1", "the fair share is stronger");
        assert_eq!(gets(&[node("n1", 99), node("n2", 100)], 1, "n2"), "n1", "and so is the most that it may hold");
        assert_eq!(gets(&even, 30, "n2"), "n1", "many at once as well");
        assert_eq!(gets(&[], 1, "n2"), "");
    }

    #[test]
    fn what_was_given_counts_for_the_next() {
        let mut targets = [node("n1", 0), node("n2", 0)];
        let mut got = Vec::new();
        for _ in 0..6 {
            got.extend(choose(&mut targets, 1, "n2").map(|identity| identity.node_id));
        }
        assert_eq!(got.iter().filter(|id| *id == "n2").count(), 4, "{got:?}");
        assert_eq!(targets.map(|node| node.load).iter().sum::<i64>(), 6);
    }
}
