//! Which rules are on in a channel, and in which order they are asked there.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::Rule;

/// A rule that is not asked.
pub(super) const OFF: u32 = u32::MAX;

/// The order of all rules in one channel.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// By the place of the rule: asked earlier when lower.
    pub(super) ranks: Box<[u32]>,
    /// The first of the rules that match everything.
    pub(super) everything: Option<u32>,
}

/// The order in every channel that rules name, and in all others.
#[derive(Debug, Default)]
pub(super) struct Standings {
    general: Standing,
    named: HashMap<Box<str>, Standing>,
}

impl Standings {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let names: BTreeSet<_> = rules.iter().flat_map(|rule| rule.entities.iter().chain(rule.overrides.keys())).collect();
        let named = names.into_iter().map(|name| (name.as_str().into(), Standing::new(rules, Some(name))));
        Self { general: Standing::new(rules, None), named: named.collect() }
    }

    pub(super) fn of(&self, entity: &str) -> &Standing {
        self.named.get(entity).unwrap_or(&self.general)
    }
}

impl Standing {
    fn new(rules: &[Rule], entity: Option<&str>) -> Self {
        let mut order: Vec<_> = (0..rules.len()).filter(|at| is_on(&rules[*at], entity)).collect();
        order.sort_by_key(|at| key(&rules[*at], entity));
        let mut ranks = vec![OFF; rules.len()].into_boxed_slice();
        for (rank, at) in order.iter().enumerate() {
            ranks[*at] = place(rank);
        }
        let everything = order.iter().find(|at| rules[**at].is_everything()).map(|at| place(*at));
        Self { ranks, everything }
    }
}

/// Whether a rule is asked in a channel; without one: in a channel that no rule names.
pub(super) fn is_on(rule: &Rule, entity: Option<&str>) -> bool {
    let different = entity.and_then(|entity| rule.overrides.get(entity)).and_then(|different| different.enabled);
    let meant = rule.entities.is_empty() || entity.is_some_and(|entity| rule.entities.iter().any(|one| one == entity));
    different.unwrap_or(rule.enabled && meant)
}

/// What is lower is asked first.
pub(super) fn key(rule: &Rule, entity: Option<&str>) -> (i64, Reverse<bool>, i64) {
    let different = entity.and_then(|entity| rule.overrides.get(entity));
    let priority = different.and_then(|different| different.priority).unwrap_or(rule.priority);
    (priority, Reverse(different.is_some() || !rule.entities.is_empty()), rule.id)
}

/// Whether a rule is asked anywhere.
pub(super) fn is_on_somewhere(rule: &Rule) -> bool {
    rule.enabled || rule.overrides.values().any(|different| different.enabled == Some(true))
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("a community has at most a few thousand rules")
}
