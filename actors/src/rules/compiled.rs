//! All rules of a community as one automaton: a line is read once, however many rules there are.

use std::collections::{BTreeMap, HashMap};

use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use regex::{Regex, RegexSet, RegexSetBuilder};

use super::check::{Expression, MOST, MOST_REGEX, expression, written};
use super::fold::{fold, folded, stands_alone};
use super::standing::{OFF, Standing, Standings, is_on_somewhere};
use super::{Action, Captured, Kind, Refused, Rule, literals};

/// The most memory of all regular expressions together, in bytes; those that must always be asked count twice.
const TOGETHER: usize = 32 * 1024 * 1024;

/// A community's rules, ready for every line that is said. No rule costs anything on a line in which
/// none of its letters stand, and nothing is allocated where nothing matches.
#[derive(Debug, Default)]
pub struct Compiled {
    rules: Vec<Rule>,
    standings: Standings,
    /// Finds every literal, folded, in one pass.
    automaton: Option<NFA>,
    /// By literal: whose it is, and how many letters it has.
    literals: Vec<Literal>,
    /// By the place of the rule: its expression, if it is one.
    regexes: Vec<Option<Expression>>,
    /// Expressions without a literal that could find them: asked always, all at once.
    always: Option<RegexSet>,
    /// By the place in that set: the place of the rule.
    always_of: Vec<u32>,
}

#[derive(Debug)]
struct Literal {
    letters: usize,
    rules: Box<[u32]>,
}

/// The rule that matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Match<'c, 't> {
    /// The rule.
    pub rule: &'c Rule,
    /// What it does in this channel.
    pub action: &'c Action,
    /// What it matched.
    pub captured: Captured<'t>,
}

/// A rule that matched and is beaten only by one of a lower rank.
#[derive(Clone, Copy)]
struct Best {
    rank: u32,
    rule: usize,
    /// From where to where; `None` when an expression must say so.
    span: Option<(usize, usize)>,
}

impl Compiled {
    /// Compiles the rules of a community. Rules that are off everywhere are left out.
    ///
    /// # Errors
    /// When there are too many, or one cannot be read.
    pub fn new(rules: &[Rule]) -> Result<Self, Refused> {
        Self::default().renewed(rules)
    }

    /// As [`Compiled::new`], keeping what is the same as before.
    ///
    /// # Errors
    /// As [`Compiled::new`].
    pub fn renewed(&self, rules: &[Rule]) -> Result<Self, Refused> {
        let rules: Vec<_> = rules.iter().filter(|rule| is_on_somewhere(rule)).cloned().collect();
        let expressions = rules.iter().filter(|rule| rule.kind == Kind::Regex).count();
        if rules.len() > MOST || expressions > MOST_REGEX {
            return Err(Refused::Many);
        }
        let mut found: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut regexes = vec![None; rules.len()];
        let (mut always, mut weight) = (Vec::new(), 0);
        let known = self.known();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| !rule.is_everything()) {
            let place = u32::try_from(at).expect("fewer than the most rules");
            if rule.kind != Kind::Regex {
                found.entry(folded(rule.sought())).or_default().push(place);
                continue;
            }
            let known = known.get(&(rule.pattern.as_str(), rule.case_sensitive));
            let regex = known.map_or_else(|| expression(rule), |known| Ok((*known).clone()))?;
            weight += regex.weight;
            if weight > TOGETHER {
                return Err(Refused::LargeTogether);
            }
            regexes[at] = Some(regex);
            let hir = written(rule)?;
            match literals::of(&hir) {
                Some(texts) => texts.into_iter().for_each(|text| found.entry(text).or_default().push(place)),
                None => always.push((place, hir)),
            }
        }
        let automaton = automaton(found.keys())?;
        let literals = found.into_iter().map(|(text, rules)| Literal { letters: text.chars().count(), rules: rules.into() });
        Ok(Self {
            standings: Standings::new(&rules),
            automaton,
            literals: literals.collect(),
            regexes,
            always: set(&always)?,
            always_of: always.iter().map(|(place, _)| *place).collect(),
            rules,
        })
    }

    /// The expressions that are compiled already, by what they look for.
    fn known(&self) -> HashMap<(&str, bool), &Expression> {
        let pairs = self.rules.iter().zip(&self.regexes);
        pairs.filter_map(|(rule, regex)| Some(((rule.pattern.as_str(), rule.case_sensitive), regex.as_ref()?))).collect()
    }

    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many rules are asked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// The first rule that a text, said in this channel, matches.
    #[must_use]
    pub fn first_match<'c, 't>(&'c self, text: &'t str, entity: &str) -> Option<Match<'c, 't>> {
        if self.rules.is_empty() {
            return None;
        }
        let best = self.best(text, self.standings.of(entity))?;
        let rule = &self.rules[best.rule];
        let captured = match (&self.regexes[best.rule], best.span) {
            (Some(known), _) => captured(&known.regex, text),
            (None, Some((start, end))) => Captured { text: &text[start..end], groups: Vec::new() },
            (None, None) => Captured { text, groups: Vec::new() },
        };
        Some(Match { rule, action: rule.action_in(entity), captured })
    }

    fn best(&self, text: &str, standing: &Standing) -> Option<Best> {
        let mut best = standing.everything.map(|rule| Best { rank: standing.ranks[rule as usize], rule: rule as usize, span: None });
        if let Some(automaton) = &self.automaton {
            let mut asked = Asked::default();
            each_literal(automaton, text, |literal, end| {
                let Literal { letters, rules } = &self.literals[literal];
                for rule in rules.iter().map(|rule| *rule as usize) {
                    let rank = standing.ranks[rule];
                    if rank == OFF || best.is_some_and(|best| best.rank <= rank) {
                        continue;
                    }
                    let start = text[..end].char_indices().rev().nth(letters - 1).map_or(0, |(at, _)| at);
                    match &self.regexes[rule] {
                        Some(known) if asked.first(rule) && known.regex.is_match(text) => best = Some(Best { rank, rule, span: None }),
                        None if self.rules[rule].holds(text, start, end) => best = Some(Best { rank, rule, span: Some((start, end)) }),
                        _ => {}
                    }
                }
            });
        }
        if let Some(always) = &self.always
            && always.is_match(text)
        {
            for rule in always.matches(text).iter().map(|at| self.always_of[at] as usize) {
                let rank = standing.ranks[rule];
                if rank != OFF && best.is_none_or(|best| rank < best.rank) {
                    best = Some(Best { rank, rule, span: None });
                }
            }
        }
        best
    }
}

impl Rule {
    /// Whether the letters that were found in `text[start..end]`, whatever their case, are a match.
    fn holds(&self, text: &str, start: usize, end: usize) -> bool {
        let place = match self.kind {
            Kind::Exact => text[..start].trim_start().is_empty() && text[end..].trim_end().is_empty(),
            Kind::Word => stands_alone(text, start, end),
            Kind::Contains | Kind::Regex => true,
        };
        place && (!self.case_sensitive || &text[start..end] == self.sought())
    }
}

/// Which expressions a text was shown to already: a second look says nothing new.
#[derive(Default)]
struct Asked([u64; MOST.div_ceil(64)]);

impl Asked {
    fn first(&mut self, rule: usize) -> bool {
        let (word, bit) = (&mut self.0[rule / 64], 1 << (rule % 64));
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}

/// Reads the text once, letter by letter in the one spelling, and tells each literal with its end.
fn each_literal(automaton: &NFA, text: &str, mut found: impl FnMut(usize, usize)) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else { return };
    let (bytes, mut at) = (text.as_bytes(), 0);
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii() {
            state = automaton.next_state(Anchored::No, state, byte.to_ascii_lowercase());
            at += 1;
        } else {
            let letter = text[at..].chars().next().expect("a letter begins here");
            for byte in fold(letter).encode_utf8(&mut [0; 4]).bytes() {
                state = automaton.next_state(Anchored::No, state, byte);
            }
            at += letter.len_utf8();
        }
        if automaton.is_match(state) {
            for which in 0..automaton.match_len(state) {
                found(automaton.match_pattern(state, which).as_usize(), at);
            }
        }
    }
}

fn automaton<'a>(texts: impl ExactSizeIterator<Item = &'a String>) -> Result<Option<NFA>, Refused> {
    if texts.len() == 0 {
        return Ok(None);
    }
    // No prefilter: it would make few rules a little faster, and a surprise of one more.
    let built = NFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(texts);
    built.map(Some).map_err(|_| Refused::Many)
}

fn set(always: &[(u32, regex_syntax::hir::Hir)]) -> Result<Option<RegexSet>, Refused> {
    if always.is_empty() {
        return Ok(None);
    }
    // As they were read, so that their case is settled.
    let built =
        RegexSetBuilder::new(always.iter().map(|(_, hir)| hir.to_string())).size_limit(TOGETHER).dfa_size_limit(TOGETHER / 4).build();
    built.map(Some).map_err(|_| Refused::LargeTogether)
}

fn captured<'t>(regex: &Regex, text: &'t str) -> Captured<'t> {
    let Some(found) = regex.captures(text) else { return Captured { text: "", groups: Vec::new() } };
    let groups = found.iter().skip(1).take(9).map(|group| group.map(|group| group.as_str()));
    Captured { text: found.get(0).map_or("", |whole| whole.as_str()), groups: groups.collect() }
}

#[cfg(test)]
mod tests;
