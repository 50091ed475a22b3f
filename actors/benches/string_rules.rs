//! What a line that matches nothing costs: with ten rules, with a thousand, and with a thousand asked one by one.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench measures time and prints it")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use regex::{Regex, RegexBuilder};
use waddlebot_actors::rules::{Action, Compiled, Kind, Rule};

const LINES: [&str; 6] = [
    "hello everybody, how is the stream going today?",
    "that was such a clean jump, how did you even see the ledge",
    "LUL",
    "does anyone know when the next one starts? i have to leave at 8",
    "je suis arrivé en retard, qu'est-ce que j'ai raté ?",
    "привет всем, как дела? давно не виделись",
];

/// Rules as communities have them: most are words and phrases, one in ten is an expression.
fn rules(count: i64) -> Vec<Rule> {
    let one = |id: i64| {
        let (kind, pattern) = match id % 10 {
            0 => (Kind::Exact, format!("spam number {id}")),
            1..=4 => (Kind::Word, format!("{}{id}", ["scam", "grift", "phish", "casino"][(id % 4) as usize])),
            // Nothing fixed in it: it is asked for every line.
            5 if id % 100 == 5 => (Kind::Regex, format!(r"\d{{3}}[a-z]{{{}}}\d{{2}}", id % 17 + 2)),
            5 => (Kind::Regex, format!(r"\bfree{id}\s+(nitro|skins?|vbucks)\b")),
            _ => (Kind::Contains, format!("{}-{id}.example", ["cheap", "viewers", "follow", "win"][(id % 4) as usize])),
        };
        Rule { id, kind, pattern, action: Action::Warn { message: String::new() }, ..Rule::default() }
    };
    (1..=count).map(one).collect()
}

/// The fastest of several rounds, for one line.
fn measured(mut round: impl FnMut() -> usize) -> Duration {
    let rounds = (0..15).map(|_| {
        let started = Instant::now();
        let mut found = 0;
        for _ in 0..2000 {
            found += round();
        }
        assert_eq!(black_box(found), 0, "a line matched");
        started.elapsed() / (2000 * LINES.len() as u32)
    });
    rounds.min().expect("rounds")
}

fn cost(compiled: &Compiled) -> Duration {
    measured(|| LINES.iter().filter(|line| compiled.first_match(black_box(line), "local:lobby").is_some()).count())
}

fn one_by_one(rules: &[Rule]) -> Duration {
    let expression = |rule: &Rule| {
        let escaped = regex::escape(&rule.pattern);
        let pattern = match rule.kind {
            Kind::Regex => rule.pattern.clone(),
            Kind::Contains => escaped,
            Kind::Word => format!(r"\b{escaped}\b"),
            Kind::Exact => format!(r"^\s*{escaped}\s*$"),
        };
        RegexBuilder::new(&pattern).case_insensitive(true).build().expect("an expression")
    };
    let all: Vec<Regex> = rules.iter().map(expression).collect();
    let started = Instant::now();
    for _ in 0..10 {
        for line in LINES {
            assert!(!all.iter().any(|regex| regex.is_match(black_box(line))));
        }
    }
    started.elapsed() / (10 * LINES.len() as u32)
}

fn main() {
    let started = Instant::now();
    let many = Compiled::new(&rules(1000)).expect("they compile");
    let compiling = started.elapsed();
    let few = Compiled::new(&rules(10)).expect("they compile");
    let none = Compiled::default();
    let (none, few, many) = (cost(&none), cost(&few), cost(&many));
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    println!("no rule         {none:>9.0?} a line");
    println!("10 rules        {few:>9.0?} a line");
    println!("1000 rules      {many:>9.0?} a line, {ratio:.2} times ten rules (must be below 3)");
    println!("1000 one by one {:>9.0?} a line", one_by_one(&rules(1000)));
    println!("compiling 1000  {compiling:>9.0?}");
    assert!(ratio < 3.0, "1000 rules cost {ratio:.2} times ten rules");
}
