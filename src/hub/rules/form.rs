//! The form of one rule: what is filled in becomes a rule, and a rule fills it in again.

use std::collections::BTreeMap;

use serde::Deserialize;
use waddlebot_actors::rules::{Action, Kind, Override, PRIORITY, Rule};
use waddlebot_runtime::chat::CommunityId;

use crate::hub::visitor::Signed;

/// A rule as it is filled in: everything is text until it is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::hub) struct Form {
    csrf: String,
    pub(super) community: CommunityId,
    /// 0 for a new one.
    pub(super) id: i64,
    pub(super) string: String,
    pub(super) match_type: String,
    pub(super) case_sensitive: Option<String>,
    pub(super) entities: String,
    pub(super) overrides: String,
    pub(super) action: String,
    pub(super) message: String,
    pub(super) timeout: String,
    pub(super) command: String,
    pub(super) parameters: String,
    pub(super) url: String,
    pub(super) priority: String,
    pub(super) is_active: Option<String>,
    /// Lines to try it on.
    pub(super) lines: String,
    /// Whether it is tried on kept chat.
    pub(super) kept: Option<String>,
}

impl Signed for Form {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Form {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self::of(&Rule { kind: Kind::Word, ..Rule::default() })
    }

    /// Filled in with a rule.
    pub(super) fn of(rule: &Rule) -> Self {
        let mut form = Self {
            id: rule.id,
            string: rule.pattern.clone(),
            match_type: rule.kind.name().to_owned(),
            case_sensitive: rule.case_sensitive.then(on),
            entities: rule.entities.join("\n"),
            overrides: rule.overrides.iter().map(|(channel, different)| line(channel, different)).collect::<Vec<_>>().join("\n"),
            action: rule.action.name().to_owned(),
            timeout: "0".to_owned(),
            parameters: "{match}".to_owned(),
            priority: rule.priority.to_string(),
            is_active: rule.enabled.then(on),
            ..Self::default()
        };
        match &rule.action {
            Action::Warn { message } => form.message.clone_from(message),
            Action::Block { message, timeout } => {
                form.message.clone_from(message);
                form.timeout = timeout.to_string();
            }
            Action::Command { command, parameters } => {
                form.command.clone_from(command);
                form.parameters = parameters.clone().unwrap_or(form.parameters);
            }
            Action::Webhook { url } => form.url.clone_from(url),
        }
        form
    }

    /// The rule that was filled in; what a form cannot say stays as it is in `before`.
    pub(super) fn rule(&self, before: Option<&Rule>) -> Result<Rule, String> {
        let number = |text: &str, what: &str, usual: i64| match text.trim() {
            "" => Ok(usual),
            text => text.parse::<i64>().map_err(|_| format!("{what} is a number")),
        };
        let message = self.message.trim().to_owned();
        let action = match self.action.as_str() {
            "warn" => Action::Warn { message },
            "block" => {
                let timeout = number(&self.timeout, "the time of silence", 0)?;
                Action::Block { message, timeout: u32::try_from(timeout).map_err(|_| "the time of silence is 0 or more seconds")? }
            }
            "command" => Action::Command { command: self.command.trim().to_owned(), parameters: Some(self.parameters.trim().to_owned()) },
            "webhook" => Action::Webhook { url: self.url.trim().to_owned() },
            _ => return Err("choose what happens: warn, block, command or webhook".to_owned()),
        };
        Ok(Rule {
            id: self.id,
            kind: Kind::parse(&self.match_type).ok_or("choose how the pattern is compared")?,
            pattern: self.string.clone(),
            case_sensitive: self.case_sensitive.is_some(),
            entities: words(&self.entities).map(str::to_owned).collect(),
            overrides: overrides(&self.overrides, before)?,
            priority: number(&self.priority, "the priority", PRIORITY)?,
            enabled: self.is_active.is_some(),
            action,
        })
    }

    pub(super) fn is_kind(&self, kind: &str) -> bool {
        self.match_type == kind
    }

    pub(super) fn is_action(&self, action: &str) -> bool {
        self.action == action
    }
}

fn on() -> String {
    "on".to_owned()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|word| !word.is_empty())
}

/// `local:lobby off priority 5`
fn line(channel: &str, different: &Override) -> String {
    let mut line = channel.to_owned();
    if let Some(enabled) = different.enabled {
        line += if enabled { " on" } else { " off" };
    }
    if let Some(priority) = different.priority {
        line += &format!(" priority {priority}");
    }
    line
}

fn overrides(text: &str, before: Option<&Rule>) -> Result<BTreeMap<String, Override>, String> {
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let mut words = words(line);
        let Some(channel) = words.next() else { continue };
        let known = before.and_then(|rule| rule.overrides.get(channel));
        let mut different = Override { action: known.and_then(|known| known.action.clone()), ..Override::default() };
        while let Some(word) = words.next() {
            match word {
                "on" => different.enabled = Some(true),
                "off" => different.enabled = Some(false),
                "priority" => {
                    let number = words.next().and_then(|number| number.parse().ok());
                    different.priority = Some(number.ok_or_else(|| format!("a number follows the word priority in {line:?}"))?);
                }
                _ => return Err(format!("{word:?} is not understood in {line:?}: write a channel, then on, off or priority and a number")),
            }
        }
        all.insert(channel.to_owned(), different);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fills_in_the_form_that_makes_it() {
        let action = Action::Command { command: "!so".into(), parameters: Some("{1}".into()) };
        let quiet = Override { enabled: Some(false), priority: Some(5), action: Some(Action::Warn { message: "hush".into() }) };
        let overrides = BTreeMap::from([("local:lobby".to_owned(), quiet)]);
        let entities = vec!["local:lobby".to_owned(), "local:garden".to_owned()];
        let rule = Rule {
            id: 3,
            kind: Kind::Regex,
            pattern: " a ".into(),
            case_sensitive: true,
            entities,
            overrides,
            priority: 7,
            enabled: false,
            action,
        };
        assert_eq!(Form::of(&rule).rule(Some(&rule)), Ok(rule));
        let block = Rule { action: Action::Block { message: "no".into(), timeout: 60 }, ..Rule::default() };
        assert_eq!(Form::of(&block).rule(None), Ok(block));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let wrong = Form { overrides: "local:lobby quiet".into(), ..Form::new() };
        assert!(wrong.rule(None).expect_err("not understood").contains("\"quiet\" is not understood"));
        assert_eq!(Form { priority: "first".into(), ..Form::new() }.rule(None), Err("the priority is a number".to_owned()));
    }
}
