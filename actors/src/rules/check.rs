//! What may be saved as a rule, and what to tell who wrote one that may not.

use regex::Regex;
use regex_syntax::hir::Hir;
use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::ChannelKey;

use super::{Action, Kind, Rule};

/// The most rules of one community.
pub const MOST: usize = 2000;
/// The most of them that are regular expressions.
pub(super) const MOST_REGEX: usize = 500;
/// The most letters of a pattern.
const LONGEST: usize = 500;
/// The most letters of a text in an action.
const LONGEST_TEXT: usize = 500;
/// The most letters of an address.
const LONGEST_URL: usize = 2000;
/// The most channels one rule names.
const ENTITIES: usize = 200;
/// What a regular expression's program may take, in bytes: the last one at most. It counts as the first that suffices.
const PROGRAMS: [usize; 3] = [64 * 1024, 256 * 1024, 1024 * 1024];
/// How deep groups of an expression may stand in each other.
const NESTED: u32 = 50;
/// The longest somebody is silenced: 14 days, in seconds.
const LONGEST_TIMEOUT: u32 = 14 * 24 * 3600;

/// Why a rule cannot be saved, in words for who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refused {
    /// Nothing to look for.
    #[error("a rule needs a pattern; `*` is everything")]
    Empty,
    /// Too much to look for.
    #[error("a pattern has at most {LONGEST} characters")]
    Long,
    /// It cannot be read.
    #[error("the regular expression cannot be read: {0}")]
    Regex(String),
    /// It would take too much memory.
    #[error("the regular expression is too large: ask for fewer repetitions, or for [a-z] instead of \\w")]
    Large,
    /// All of them would take too much memory.
    #[error("the regular expressions of this community are too large together: switch one off, or let it begin with fixed letters")]
    LargeTogether,
    /// No room for one more.
    #[error("a community has at most {MOST} rules, {MOST_REGEX} of them regular expressions")]
    Many,
    /// No such kind.
    #[error("there is no match_type {0:?}: exact, contains, word, regex and * are known")]
    Kind(String),
    /// No such action.
    #[error("there is no action {0:?}: warn, block, command and webhook are known")]
    Action(String),
    /// Out of range.
    #[error("chat is kept for 1 to 365 days")]
    Days,
    /// Out of range.
    #[error("a priority is a number from 0 to 1000000; lower is asked first")]
    Priority,
    /// Not the name of a channel.
    #[error("{0:?} is no channel; write platform:channel, or platform:server:channel")]
    Entity(String),
    /// Too many channels.
    #[error("a rule names at most {ENTITIES} channels")]
    Entities,
    /// A text of an action is too long.
    #[error("a text has at most {LONGEST_TEXT} characters")]
    Text,
    /// No command to run.
    #[error("a command begins with ! or #, and one word follows it")]
    Command,
    /// Too long a silence.
    #[error("a timeout lasts at most 14 days: {LONGEST_TIMEOUT} seconds")]
    Timeout,
    /// An address that may not be called.
    #[error("webhook_url: {0}")]
    Webhook(String),
}

impl Refused {
    /// One word for programs; stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "pattern_missing",
            Self::Long => "pattern_too_long",
            Self::Regex(_) => "regex_invalid",
            Self::Large | Self::LargeTogether => "regex_too_large",
            Self::Many => "too_many_rules",
            Self::Kind(_) => "match_type_invalid",
            Self::Action(_) => "action_invalid",
            Self::Days => "days_invalid",
            Self::Priority => "priority_invalid",
            Self::Entity(_) | Self::Entities => "entity_invalid",
            Self::Text => "text_too_long",
            Self::Command => "command_invalid",
            Self::Timeout => "timeout_invalid",
            Self::Webhook(_) => "webhook_invalid",
        }
    }
}

/// Says whether a rule may be saved.
///
/// # Errors
/// With the first thing that is wrong with it.
pub fn check(rule: &Rule) -> Result<(), Refused> {
    if rule.pattern.trim().is_empty() {
        return Err(Refused::Empty);
    }
    if rule.pattern.chars().nth(LONGEST).is_some() {
        return Err(Refused::Long);
    }
    if rule.kind == Kind::Regex && !rule.is_everything() {
        expression(rule)?;
    }
    priority(rule.priority)?;
    action(&rule.action)?;
    if rule.entities.len() + rule.overrides.len() > ENTITIES {
        return Err(Refused::Entities);
    }
    for entity in rule.entities.iter().chain(rule.overrides.keys()) {
        ChannelKey::parse(entity).ok_or_else(|| Refused::Entity(entity.chars().take(80).collect()))?;
    }
    for different in rule.overrides.values() {
        different.priority.map_or(Ok(()), priority)?;
        different.action.as_ref().map_or(Ok(()), action)?;
    }
    Ok(())
}

fn priority(priority: i64) -> Result<(), Refused> {
    if (0..=1_000_000).contains(&priority) { Ok(()) } else { Err(Refused::Priority) }
}

fn action(action: &Action) -> Result<(), Refused> {
    let fits = |text: &str| if text.chars().nth(LONGEST_TEXT).is_none() { Ok(()) } else { Err(Refused::Text) };
    match action {
        Action::Warn { message } => fits(message),
        Action::Block { message, timeout } => {
            fits(message)?;
            if *timeout <= LONGEST_TIMEOUT { Ok(()) } else { Err(Refused::Timeout) }
        }
        Action::Command { command, parameters } => {
            fits(command)?;
            fits(parameters.as_deref().unwrap_or_default())?;
            if crate::channel::resolve::is_command(command) && command.starts_with(['!', '#']) { Ok(()) } else { Err(Refused::Command) }
        }
        Action::Webhook { url } => {
            let web = url.starts_with("https://") || url.starts_with("http://");
            let fits = url.len() <= LONGEST_URL && !url.chars().any(|letter| letter.is_control() || letter.is_whitespace());
            if web && fits { Ok(()) } else { Err(Refused::Webhook("an address begins with https:// or http://".into())) }
        }
    }
}

/// A regular expression, ready to run in time linear to the text.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) regex: Regex,
    /// The most memory its program takes, in bytes.
    pub(super) weight: usize,
}

/// A rule's regular expression, as it is run.
pub(super) fn expression(rule: &Rule) -> Result<Expression, Refused> {
    let mut build = regex::RegexBuilder::new(&rule.pattern);
    build.case_insensitive(!rule.case_sensitive).nest_limit(NESTED).dfa_size_limit(PROGRAMS[2]);
    for weight in PROGRAMS {
        match build.size_limit(weight).build() {
            Ok(regex) => return Ok(Expression { regex, weight }),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(other) => return Err(Refused::Regex(in_one_line(&other.to_string()))),
        }
    }
    Err(Refused::Large)
}

/// A rule's regular expression, as it is written.
pub(super) fn written(rule: &Rule) -> Result<Hir, Refused> {
    let parser = regex_syntax::ParserBuilder::new().case_insensitive(!rule.case_sensitive).nest_limit(NESTED).build().parse(&rule.pattern);
    parser.map_err(|error| Refused::Regex(in_one_line(&error.to_string())))
}

/// What is wrong, without the drawing of where.
fn in_one_line(error: &str) -> String {
    let told = error.rsplit("error: ").next().unwrap_or(error);
    told.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: Kind, pattern: &str) -> Rule {
        Rule { kind, pattern: pattern.into(), ..Rule::default() }
    }

    #[test]
    fn a_bad_or_oversized_pattern_is_refused_in_clear_words() {
        assert_eq!(check(&rule(Kind::Contains, "  ")), Err(Refused::Empty));
        assert_eq!(check(&rule(Kind::Word, &"x".repeat(501))), Err(Refused::Long));
        assert_eq!(check(&rule(Kind::Regex, r"(\w{50}){50}")), Err(Refused::Large));
        assert_eq!(
            check(&rule(Kind::Regex, &format!("{}a{}", "(".repeat(200), ")".repeat(200)))).map_err(|why| why.code()),
            Err("regex_invalid")
        );
        let unclosed = check(&rule(Kind::Regex, "(a")).expect_err("it is not closed").to_string();
        assert_eq!(unclosed, "the regular expression cannot be read: unclosed group");
        let looks = check(&rule(Kind::Regex, "(?=a)b")).expect_err("it looks ahead").to_string();
        assert!(looks.contains("look-around") && !looks.contains('\n'), "{looks}");
        assert_eq!(check(&rule(Kind::Regex, r"\b(?:free|cheap)\s+(\w+)\b")), Ok(()));
        assert_eq!(check(&rule(Kind::Regex, "*")), Ok(()));
    }

    #[test]
    fn an_action_that_cannot_be_done_is_refused() {
        let with = |action| check(&Rule { action, ..rule(Kind::Word, "x") });
        let command = |command: &str| with(Action::Command { command: command.into(), parameters: None });
        assert_eq!(command("!so"), Ok(()));
        assert_eq!(command("#weather"), Ok(()));
        for wrong in ["so", "", "!", "! so"] {
            assert_eq!(command(wrong), Err(Refused::Command), "{wrong:?}");
        }
        assert_eq!(with(Action::Webhook { url: "https://example.org".into() }), Ok(()));
        for url in ["", "example.org", "ftp://example.org", "https://a b"] {
            assert_eq!(with(Action::Webhook { url: url.into() }).map_err(|why| why.code()), Err("webhook_invalid"), "{url:?}");
        }
        assert_eq!(with(Action::Warn { message: "x".repeat(501) }), Err(Refused::Text));
        assert_eq!(with(Action::Block { message: String::new(), timeout: u32::MAX }), Err(Refused::Timeout));
        let named = Rule { entities: vec!["nowhere".into()], ..rule(Kind::Word, "x") };
        assert_eq!(check(&named), Err(Refused::Entity("nowhere".into())));
        assert_eq!(check(&Rule { priority: -1, ..rule(Kind::Word, "x") }), Err(Refused::Priority));
    }
}
