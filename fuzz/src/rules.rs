//! A community's string rules and what is said: each line is a rule (`w5spam`: the kind's first letter, a capital where case counts, a
//! priority, the pattern) or, behind `>`, something said.

use waddlebot_actors::rules::{Compiled, Kind, Refused, Rule, check};

/// Where all of it is said.
const HERE: &str = "local:lobby";
/// The most rules, and the most that is said.
const MOST: usize = 12;

/// Holds what is promised of compiling rules against this input.
///
/// # Panics
/// When a promise is broken.
pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let said: Vec<_> = text.split('\n').filter_map(|line| line.strip_prefix('>')).take(MOST).collect();
    let rules: Vec<_> = (1..).zip(text.split('\n')).filter_map(rule).filter(is_sound).take(MOST).collect();
    let alone: Vec<_> = rules.iter().map(|rule| Compiled::new(std::slice::from_ref(rule)).expect("what may be saved compiles")).collect();
    let all = match Compiled::new(&rules) {
        Ok(all) => all,
        Err(Refused::LargeTogether) => return,
        Err(other) => panic!("each may be saved, and together they are refused: {other}"),
    };
    let renewed = alone.first().map(|one| one.renewed(&rules).expect("as without what was compiled before"));
    assert_eq!(all.len(), rules.len());
    for said in said {
        let mut first: Option<(i64, i64, String)> = None;
        for (rule, alone) in rules.iter().zip(&alone) {
            let found = alone.first_match(said, HERE);
            plainly(rule, said, found.is_some());
            let Some(found) = found else { continue };
            let matched = found.captured.text.to_owned();
            assert!(said.contains(&matched), "it matched {matched:?}, which nobody said");
            assert!(found.captured.groups.iter().flatten().all(|group| matched.is_empty() || said.contains(group)));
            if first.as_ref().is_none_or(|(priority, id, _)| (rule.priority, rule.id) < (*priority, *id)) {
                first = Some((rule.priority, rule.id, matched));
            }
        }
        let first = first.map(|(_, id, matched)| (id, matched));
        for together in std::iter::once(&all).chain(&renewed) {
            let found = together.first_match(said, HERE).map(|found| (found.rule.id, found.captured.text.to_owned()));
            assert_eq!(found, first, "together they answer otherwise than one by one to {said:?}");
        }
    }
}

fn rule((id, line): (i64, &str)) -> Option<Rule> {
    let mut letters = line.chars();
    let first = letters.next()?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name().starts_with(first.to_ascii_lowercase()))?;
    let rest = letters.as_str();
    let digit = rest.chars().next().and_then(|letter| letter.to_digit(10));
    let pattern = if digit.is_some() { &rest[1..] } else { rest };
    let priority = digit.map_or(100, i64::from);
    Some(Rule { id, kind, pattern: pattern.to_owned(), case_sensitive: first.is_ascii_uppercase(), priority, ..Rule::default() })
}

/// Whether it may be saved. Why not is a line for people; what may is the same after it was stored.
fn is_sound(rule: &Rule) -> bool {
    if let Err(why) = check(rule) {
        let told = why.to_string();
        assert!(!told.is_empty() && !told.contains(['\r', '\n']) && told.chars().count() < 1000, "{told:?}");
        assert!(!why.code().is_empty());
        return false;
    }
    let stored = serde_json::to_string(rule).expect("texts and numbers are JSON");
    assert_eq!(serde_json::from_str::<Rule>(&stored).ok().as_ref(), Some(rule));
    true
}

/// Where case counts, plain words say what a rule must find.
fn plainly(rule: &Rule, said: &str, found: bool) {
    let expected = match rule.kind {
        _ if rule.is_everything() => true,
        Kind::Contains if rule.case_sensitive => said.contains(rule.sought()),
        Kind::Exact if rule.case_sensitive => said.trim() == rule.sought().trim(),
        _ => return,
    };
    assert_eq!(found, expected, "{rule:?} on {said:?}");
}
