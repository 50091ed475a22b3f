//! Whether a history is one that the promises allow; each way to break them is a kind of breach.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::history::{Entry, History, effects};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// Two nodes believed at once that they may act for an entity.
    Overlap { entity: String, one: String, other: String, millis: u64 },
    /// An epoch was given twice, or one below an earlier one.
    Epoch { entity: String, epoch: i64, owner: String },
    /// Something was committed under an epoch that was over, or had not begun.
    Stale { entity: String, epoch: i64, now: i64, execution: String },
    /// It was answered as done, and is not there.
    Lost(String),
    /// It is there more than once.
    Doubled(String, u64),
    /// It was asked for again and again, and never answered though everything was well at the end.
    Unanswered(String),
    /// It came after what was asked for later.
    Disorder(String),
    /// It stayed on its way.
    Left(String),
    /// The bot spoke faster than it may.
    TooFast(Duration),
    /// The same answer was said twice.
    ToldTwice(String),
}

impl fmt::Display for Breach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

/// Every breach in a history.
pub(super) fn judge(history: &History) -> Vec<Breach> {
    let mut breaches = overlaps(history);
    breaches.extend(stale(&history.entries));
    breaches.extend(counted(history));
    breaches.extend(disorder(history));
    breaches.extend(history.left.iter().cloned().map(Breach::Left));
    breaches.extend(history.spoken.iter().flat_map(|times| too_fast(times)));
    let mut told = history.told.clone();
    told.sort();
    breaches.extend(told.windows(2).filter(|two| two[0] == two[1]).map(|two| Breach::ToldTwice(two[0].clone())));
    breaches
}

fn overlaps(history: &History) -> Vec<Breach> {
    let mut beliefs: Vec<_> = history.beliefs.iter().collect();
    beliefs.sort_by(|one, other| (&one.entity, one.from).cmp(&(&other.entity, other.from)));
    let mut found = Vec::new();
    for (at, one) in beliefs.iter().enumerate() {
        let later = beliefs[at + 1..].iter().take_while(|other| other.entity == one.entity && other.from < one.to);
        for other in later.filter(|other| (&other.node, other.incarnation) != (&one.node, one.incarnation)) {
            let name = |node: &str, epoch: i64| format!("{node} under {epoch}");
            let millis = one.to.min(other.to) - other.from;
            let (first, second) = (name(&one.node, one.epoch), name(&other.node, other.epoch));
            found.push(Breach::Overlap { entity: one.entity.clone(), one: first, other: second, millis });
        }
    }
    found
}

fn stale(entries: &[Entry]) -> Vec<Breach> {
    let (mut now, mut found) = (HashMap::<&str, i64>::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::Owner { entity, epoch, owner } => {
                let before = now.insert(entity, *epoch);
                if before.is_some_and(|before| before >= *epoch) {
                    found.push(Breach::Epoch { entity: entity.clone(), epoch: *epoch, owner: owner.clone() });
                }
            }
            Entry::Ran { entity, epoch, execution } => {
                let current = now.get(entity.as_str()).copied().unwrap_or(0);
                if current != *epoch {
                    found.push(Breach::Stale { entity: entity.clone(), epoch: *epoch, now: current, execution: execution.clone() });
                }
            }
            Entry::Effect { .. } => {}
        }
    }
    found
}

fn counted(history: &History) -> Vec<Breach> {
    let effects = effects(&history.entries);
    let judged = history.wishes.iter().filter_map(|wish| {
        let line = wish.line();
        match effects.get(line.as_str()).copied().unwrap_or(0) {
            0 if wish.answered => Some(Breach::Lost(line)),
            many if many > 1 => Some(Breach::Doubled(line, many)),
            _ if wish.repeated && !wish.answered => Some(Breach::Unanswered(line)),
            _ => None,
        }
    });
    judged.collect()
}

fn disorder(history: &History) -> Vec<Breach> {
    let mut at = HashMap::new();
    for (place, entry) in history.entries.iter().enumerate() {
        if let Entry::Effect { line } = entry {
            at.entry(line.as_str()).or_insert(place);
        }
    }
    let (mut last, mut found) = (HashMap::<&str, usize>::new(), Vec::new());
    for wish in &history.wishes {
        let line = wish.line();
        let Some(place) = at.get(line.as_str()) else { continue };
        let before = last.insert(&wish.by, *place);
        if before.is_some_and(|before| before > *place) {
            found.push(Breach::Disorder(line));
        }
    }
    found
}

/// Five lines at once and one every two seconds; one more for a line that was read late.
fn too_fast(times: &[Duration]) -> Vec<Breach> {
    const AT_ONCE: usize = 6;
    const EACH: Duration = Duration::from_secs(2);
    let after = |from: usize| {
        times[from..].iter().enumerate().find(|(more, at)| {
            let allowed = AT_ONCE + usize::try_from((**at - times[from]).as_millis() / EACH.as_millis()).unwrap_or(usize::MAX);
            more + 1 > allowed
        })
    };
    (0..times.len()).find_map(after).map(|(_, at)| Breach::TooFast(*at)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::belief::Belief;
    use super::super::history::Wish;
    use super::*;

    fn wish(number: u64) -> Wish {
        Wish { by: "ana".into(), number, answered: true, repeated: true, asked: 0, took: 0 }
    }

    fn effect(number: u64) -> Entry {
        Entry::Effect { line: wish(number).line() }
    }

    fn owner(epoch: i64) -> Entry {
        Entry::Owner { entity: "c".into(), epoch, owner: "n1@1".into() }
    }

    fn ran(epoch: i64) -> Entry {
        Entry::Ran { entity: "c".into(), epoch, execution: "x".into() }
    }

    fn belief(node: &str, from: u64, to: u64) -> Belief {
        Belief { entity: "c".into(), node: node.into(), incarnation: 1, epoch: 1, from, to }
    }

    fn good() -> History {
        History {
            wishes: vec![wish(1), wish(2), wish(3)],
            entries: vec![owner(1), ran(1), effect(1), owner(2), ran(2), effect(2), ran(2), effect(3)],
            beliefs: vec![belief("n1", 0, 100), belief("n1", 100, 200), belief("n2", 200, 300)],
            spoken: vec![(0..5).map(|_| Duration::ZERO).chain((1..5).map(|two| Duration::from_secs(2 * two))).collect()],
            told: vec!["1".into(), "2".into()],
            left: Vec::new(),
        }
    }

    fn breaks(harm: impl FnOnce(&mut History)) -> Vec<Breach> {
        let mut history = good();
        harm(&mut history);
        judge(&history)
    }

    #[test]
    fn a_history_that_keeps_every_promise_is_let_pass() {
        assert_eq!(judge(&good()), []);
    }

    #[test]
    fn two_owners_at_once_are_seen() {
        let breaches = breaks(|history| history.beliefs.push(belief("n3", 299, 400)));
        assert!(matches!(&breaches[..], [Breach::Overlap { millis: 1, .. }]), "{breaches:?}");
        let inside = breaks(|history| history.beliefs.push(belief("n3", 10, 20)));
        assert!(matches!(&inside[..], [Breach::Overlap { millis: 10, .. }]), "{inside:?}");
    }

    #[test]
    fn a_second_owner_of_an_epoch_is_seen() {
        assert!(matches!(&breaks(|history| history.entries.push(owner(2)))[..], [Breach::Epoch { epoch: 2, .. }]));
        assert!(matches!(&breaks(|history| history.entries.push(owner(1)))[..], [Breach::Epoch { epoch: 1, .. }]));
    }

    #[test]
    fn a_commit_under_an_epoch_that_is_over_is_seen() {
        assert!(matches!(&breaks(|history| history.entries.push(ran(1)))[..], [Breach::Stale { epoch: 1, now: 2, .. }]));
        assert!(matches!(&breaks(|history| history.entries.push(ran(3)))[..], [Breach::Stale { epoch: 3, now: 2, .. }]));
    }

    #[test]
    fn what_was_answered_and_is_not_there_or_twice_there_is_seen() {
        assert_eq!(breaks(|history| history.wishes.push(wish(4))), [Breach::Lost("line ana 4".into())]);
        assert_eq!(breaks(|history| history.entries.push(effect(3))), [Breach::Doubled("line ana 3".into(), 2)]);
        let silent = Wish { answered: false, ..wish(4) };
        assert_eq!(breaks(|history| history.wishes.push(silent.clone())), [Breach::Unanswered("line ana 4".into())]);
        assert_eq!(breaks(|history| history.wishes.push(Wish { repeated: false, ..silent })), []);
    }

    #[test]
    fn what_overtakes_is_seen() {
        let swapped = breaks(|history| history.entries.swap(5, 7));
        assert_eq!(swapped, [Breach::Disorder("line ana 3".into())]);
    }

    #[test]
    fn what_stays_on_its_way_is_seen() {
        assert_eq!(breaks(|history| history.left.push("inbox 7".into())), [Breach::Left("inbox 7".into())]);
    }

    #[test]
    fn a_bot_that_speaks_too_fast_or_says_an_answer_twice_is_seen() {
        let fast = breaks(|history| history.spoken.push(vec![Duration::from_secs(9); 7]));
        assert_eq!(fast, [Breach::TooFast(Duration::from_secs(9))]);
        assert_eq!(breaks(|history| history.told.push("1".into())), [Breach::ToldTwice("1".into())]);
    }
}
