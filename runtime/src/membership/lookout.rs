//! Watches the other nodes: who did not renew for a whole lease, on this node's own clock, is dead. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::store::nodes::Seen;

/// What was seen of the other nodes, and since when.
#[derive(Debug, Default)]
pub(super) struct Lookout(HashMap<String, (Seen, Duration)>);

impl Lookout {
    /// Looks at the living nodes' rows, each with how long it may be silent; gives those that were for so long.
    pub(super) fn look(&mut self, rows: Vec<(String, Seen, Duration)>, now: Duration) -> Vec<(String, Seen)> {
        let before = std::mem::take(&mut self.0);
        let mut silent = Vec::new();
        for (node, seen, patience) in rows {
            let since = before.get(&node).filter(|(last, _)| *last == seen).map_or(now, |(_, since)| *since);
            if now.saturating_sub(since) >= patience {
                silent.push((node.clone(), seen.clone()));
            }
            self.0.insert(node, (seen, since));
        }
        silent
    }

    /// Forgets everything: this node was cut off itself, and cannot say who was silent meanwhile.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(6);

    fn row(seq: i64) -> Vec<(String, Seen, Duration)> {
        vec![("n2".to_owned(), Seen { incarnation: 1, seq, state: "up".into() }, PATIENCE)]
    }

    #[test]
    fn only_who_was_seen_unchanged_for_a_whole_lease_is_silent() {
        let mut watch = Lookout::default();
        let at = Duration::from_secs;
        assert!(watch.look(row(5), at(100)).is_empty());
        assert!(watch.look(row(5), at(105)).is_empty());
        assert!(watch.look(row(6), at(106)).is_empty());
        assert!(watch.look(row(6), at(111)).is_empty());
        assert_eq!(watch.look(row(6), at(112)), [("n2".to_owned(), row(6).remove(0).1)]);
    }

    #[test]
    fn who_was_cut_off_itself_starts_to_watch_anew() {
        let mut watch = Lookout::default();
        watch.look(row(5), Duration::from_secs(100));
        watch.forget();
        assert!(watch.look(row(5), Duration::from_secs(200)).is_empty());
    }
}
