//! The automaton against plain words and against a reference that asks one rule after the other.

use std::collections::BTreeMap;

use proptest::prelude::*;
use regex::RegexBuilder;

use super::*;
use crate::rules::standing::{is_on, key};
use crate::rules::wire::Draft;
use crate::rules::{Override, check};

const HERE: &str = "local:lobby";
const THERE: &str = "local:garden";

fn rule(id: i64, kind: Kind, pattern: &str) -> Rule {
    Rule { id, kind, pattern: pattern.into(), ..Rule::default() }
}

fn first(rules: &[Rule], text: &str) -> Option<i64> {
    Compiled::new(rules).expect("they compile").first_match(text, HERE).map(|found| found.rule.id)
}

#[test]
fn each_kind_matches_what_its_name_says() {
    let one = |kind, pattern: &str, text: &str| first(&[rule(1, kind, pattern)], text).is_some();
    assert!(one(Kind::Exact, "gg", " GG "));
    assert!(!one(Kind::Exact, "gg", "gg wp"));
    assert!(one(Kind::Contains, "STRAẞE", "in der straße"));
    assert!(one(Kind::Contains, "ΣΊΣΥΦΟΣ", "ο σίσυφος"));
    assert!(one(Kind::Word, "bad", "so BAD!"));
    assert!(!one(Kind::Word, "bad", "badge"));
    assert!(one(Kind::Word, "bad", "badge, bad"));
    assert!(one(Kind::Word, "c++", "i like c++, you?"));
    assert!(!one(Kind::Word, "мир", "мира"));
    assert!(one(Kind::Regex, r"\bfree\s+nitro\b", "get FREE  Nitro now"));
    assert!(one(Kind::Regex, r"^\d+$", "12345"));
    assert!(!one(Kind::Regex, r"^\d+$", "12345a"));
    for kind in Kind::ALL {
        assert!(one(kind, "*", "whatever"));
    }
}

#[test]
fn case_counts_where_the_rule_says_so() {
    let exact = Rule { case_sensitive: true, ..rule(1, Kind::Word, "Bad") };
    assert_eq!(first(std::slice::from_ref(&exact), "a Bad day"), Some(1));
    assert_eq!(first(&[exact], "a bad day"), None);
    let regex = Rule { case_sensitive: true, ..rule(1, Kind::Regex, "[A-Z]{5}") };
    assert_eq!(first(std::slice::from_ref(&regex), "HELLO"), Some(1));
    assert_eq!(first(&[regex], "hello"), None);
}

#[test]
fn the_lowest_priority_wins_and_of_equal_ones_the_one_for_this_channel_then_the_older() {
    let mut rules = vec![rule(1, Kind::Contains, "a"), rule(2, Kind::Regex, "a"), rule(3, Kind::Exact, "*")];
    assert_eq!(first(&rules, "a"), Some(1));
    rules[1].entities = vec![HERE.into()];
    assert_eq!(first(&rules, "a"), Some(2));
    rules[2].priority = 1;
    assert_eq!(first(&rules, "a"), Some(3));
    rules[2].enabled = false;
    rules[1].entities = vec![THERE.into()];
    assert_eq!(first(&rules, "a"), Some(1));
}

#[test]
fn a_channel_may_have_a_rule_otherwise() {
    let warn = Action::Warn { message: "not here".into() };
    let off = Override { enabled: Some(false), ..Override::default() };
    let other = Override { action: Some(warn.clone()), priority: Some(1), ..Override::default() };
    let mut one = rule(1, Kind::Word, "bad");
    one.overrides = BTreeMap::from([(HERE.to_owned(), off)]);
    let mut two = rule(2, Kind::Word, "bad");
    two.overrides = BTreeMap::from([(THERE.to_owned(), other)]);
    let compiled = Compiled::new(&[one, two]).expect("they compile");
    let found = |entity| compiled.first_match("bad", entity).map(|found| (found.rule.id, found.action.clone()));
    assert_eq!(found(HERE).map(|(id, _)| id), Some(2));
    assert_eq!(found(THERE), Some((2, warn)));
    assert_eq!(found("local:elsewhere").map(|(id, _)| id), Some(1));
}

#[test]
fn what_was_matched_is_told_with_its_groups() {
    let compiled = Compiled::new(&[rule(1, Kind::Regex, r"(\w+) is (good|bad)( indeed)?"), rule(2, Kind::Word, "ÉTÉ")]).expect("compiles");
    let found = compiled.first_match("well, tea is Good!", HERE).expect("it matches");
    assert_eq!(found.captured, Captured { text: "tea is Good", groups: vec![Some("tea"), Some("Good"), None] });
    assert_eq!(compiled.first_match("un été!", HERE).expect("it matches").captured.text, "été");
}

#[test]
fn too_many_rules_are_refused() {
    let many: Vec<_> = (0..=MOST as i64).map(|id| rule(id, Kind::Word, &format!("word{id}"))).collect();
    assert_eq!(Compiled::new(&many).expect_err("too many"), Refused::Many);
    let large: Vec<_> = (0..200).map(|id| rule(id, Kind::Regex, &format!(r"\w{{10}}{id}"))).collect();
    assert_eq!(Compiled::new(&large).expect_err("too large"), Refused::LargeTogether);
}

/// Asks one rule after the other, each with an expression of its own.
fn reference(rules: &[Rule], text: &str, entity: &str) -> Option<i64> {
    let mut on: Vec<_> = rules.iter().filter(|rule| is_on(rule, Some(entity))).collect();
    on.sort_by_key(|rule| key(rule, Some(entity)));
    on.into_iter().find(|rule| matches(rule, text)).map(|rule| rule.id)
}

fn matches(rule: &Rule, text: &str) -> bool {
    if rule.pattern.trim() == "*" {
        return true;
    }
    let is = |pattern: &str, text: &str| {
        RegexBuilder::new(pattern).case_insensitive(!rule.case_sensitive).build().expect("an expression").is_match(text)
    };
    let literal = regex::escape(rule.sought());
    match rule.kind {
        Kind::Regex => is(&rule.pattern, text),
        Kind::Contains => is(&literal, text),
        Kind::Exact => is(&format!(r"\A\s*{literal}\s*\z"), text),
        Kind::Word => {
            let word = RegexBuilder::new(r"\A\w").build().expect("an expression");
            let begins = if word.is_match(rule.sought()) { r"(?:\A|\W)" } else { "" };
            let ends_in_word = rule.sought().chars().next_back().is_some_and(|last| word.is_match(last.encode_utf8(&mut [0; 4])));
            let ends = if ends_in_word { r"(?:\W|\z)" } else { "" };
            is(&format!("{begins}{literal}{ends}"), text)
        }
    }
}

fn letters(most: usize) -> impl Strategy<Value = String> {
    let letter =
        prop::sample::select(vec!['a', 'A', 'b', 's', 'ſ', 'S', 'k', '\u{212A}', 'é', 'É', 'ß', 'ẞ', 'σ', 'ς', '_', '+', ' ', '1', '😀']);
    prop::collection::vec(letter, 1..=most).prop_map(|letters| letters.into_iter().collect())
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let regexes = vec!["a+b", r"\bas\b", "(?-i)Sk|bé", r"^\s*a", "[ab]{2}", "s.?k", "é|ß+$", r"\W\W", "(a|b)(s|k)", ".", "(?:)", r"\d"];
    let regex = prop::sample::select(regexes).prop_map(|pattern| (Kind::Regex, pattern.to_owned()));
    let kinds = prop::sample::select(vec![Kind::Exact, Kind::Contains, Kind::Word]);
    let literal = (kinds, letters(3)).prop_filter("a pattern", |(_, pattern)| !pattern.trim().is_empty());
    let everything = (prop::sample::select(Kind::ALL.to_vec()), Just("*".to_owned()));
    let pattern = prop_oneof![8 => literal, 4 => regex, 1 => everything];
    let different = (any::<Option<bool>>(), prop::option::of(0..5i64));
    let different = different.prop_map(|(enabled, priority)| Override { enabled, priority, action: None });
    (pattern, any::<bool>(), 0..5i64, any::<bool>(), 0..3usize, prop::option::of(different)).prop_map(
        |((kind, pattern), case_sensitive, priority, enabled, entities, different)| {
            let entities = [vec![], vec![HERE.to_owned()], vec![THERE.to_owned()]][entities].clone();
            let overrides = different.into_iter().map(|different| (HERE.to_owned(), different)).collect();
            Rule {
                id: 0,
                kind,
                pattern,
                case_sensitive,
                entities,
                overrides,
                priority,
                enabled,
                action: Action::Warn { message: String::new() },
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn the_automaton_finds_what_asking_one_by_one_finds(
        mut rules in prop::collection::vec(any_rule(), 0..12),
        texts in prop::collection::vec(letters(8), 1..6),
    ) {
        for (id, rule) in rules.iter_mut().enumerate() {
            rule.id = id as i64 + 1;
        }
        let compiled = Compiled::new(&rules).expect("they compile");
        let again = compiled.renewed(&rules).expect("they compile again");
        for text in &texts {
            for entity in [HERE, THERE, "local:elsewhere"] {
                let expected = reference(&rules, text, entity);
                prop_assert_eq!(compiled.first_match(text, entity).map(|found| found.rule.id), expected, "{:?} in {}", text, entity);
                prop_assert_eq!(again.first_match(text, entity).map(|found| found.rule.id), expected);
            }
        }
    }
}

/// Pieces of regular expressions, in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces = vec![
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "(?i)",
        "(?:",
        "(?P<a>",
        "|",
        "*",
        "+",
        "?",
        "{1000}",
        "{50,}",
        "{,3}",
        ".",
        "^",
        "$",
        r"\b",
        r"\w",
        r"\pL",
        r"\",
        r"\x{10FFFF}",
        "[^",
        "a-z",
        "-",
        "&&",
        "a",
        "ß",
        "😀",
        " ",
        "\n",
        "{user}",
        "0",
        "9",
        ",",
        "!",
        "#",
        "*",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_expression_is_refused_when_it_is_saved_or_does_its_work(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        pattern in prop_oneof![soup(), any::<String>()],
        case_sensitive in any::<bool>(),
        text in prop_oneof![any::<String>(), "[ab ]{0,300}", Just("a".repeat(5000))],
    ) {
        let rule = Rule { case_sensitive, ..rule(1, kind, &pattern) };
        if check(&rule).is_ok() {
            let compiled = Compiled::new(&[rule]).expect("what was saved is understood");
            let found = compiled.first_match(&text, HERE);
            prop_assert!(found.is_none_or(|found| text.contains(found.captured.text)));
        }
    }

    #[test]
    fn whatever_is_sent_as_a_rule_is_a_rule_or_refused(
        fields in prop::collection::btree_map(
            prop::sample::select(vec!["string", "match_type", "action", "priority", "enabled_entity_ids", "overrides", "command_to_execute",
                "command_parameters", "webhook_url", "timeout_seconds", "is_active", "case_sensitive", "colour"]),
            prop_oneof![
                any::<String>().prop_map(serde_json::Value::from), any::<i64>().prop_map(serde_json::Value::from),
                any::<f64>().prop_map(serde_json::Value::from), Just(serde_json::Value::Null),
                prop::sample::select(vec!["regex", "word", "*", "warn", "block", "command", "webhook", "(a"]).prop_map(serde_json::Value::from),
                prop::collection::vec(any::<String>(), 0..3).prop_map(serde_json::Value::from),
            ],
            0..8,
        ),
    ) {
        let fields: serde_json::Map<String, serde_json::Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let Ok(draft) = serde_json::from_value::<Draft>(fields.into()) else { return Ok(()) };
        if let Ok(rule) = draft.into_rule() && check(&rule).is_ok() {
            prop_assert!(Compiled::new(&[rule]).is_ok());
        }
    }
}
