//! A rule as programs write it (spec 01 section 10): every field optional, so that one can be changed alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::table::Kept;
use super::{Action, Kind, Override, Refused, Rule};

/// What is said about a rule; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Draft {
    /// What is looked for.
    pub string: Option<String>,
    /// `exact`, `contains`, `word`, `regex`, or `*`.
    pub match_type: Option<String>,
    /// Whether case counts.
    pub case_sensitive: Option<bool>,
    /// The channels it is for; all when empty.
    pub enabled_entity_ids: Option<Vec<String>>,
    /// What is different in single channels.
    pub overrides: Option<BTreeMap<String, Override>>,
    /// `warn`, `block`, `command` or `webhook`.
    pub action: Option<String>,
    /// With its `!` or `#`.
    pub command_to_execute: Option<String>,
    /// What stands behind it, as one text or as a list of words.
    pub command_parameters: Option<Parameters>,
    /// Where another program listens.
    pub webhook_url: Option<String>,
    /// What a warned person is told.
    pub warning_message: Option<String>,
    /// What a blocked person is told.
    pub block_message: Option<String>,
    /// For how long a blocked person is silenced, in seconds.
    pub timeout_seconds: Option<u32>,
    /// Lower is asked first.
    pub priority: Option<i64>,
    /// Switched on.
    pub is_active: Option<bool>,
}

/// What stands behind a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameters {
    /// As one text.
    Text(String),
    /// Word by word.
    Words(Vec<String>),
}

impl Draft {
    /// A new rule.
    ///
    /// # Errors
    /// When pattern or action are missing, or a name is unknown.
    pub fn into_rule(self) -> Result<Rule, Refused> {
        if self.string.is_none() && self.match_type.as_deref() != Some("*") {
            return Err(Refused::Empty);
        }
        if self.action.is_none() {
            return Err(Refused::Action(String::new()));
        }
        let mut rule = Rule::default();
        self.apply(&mut rule)?;
        Ok(rule)
    }

    /// Changes a rule.
    ///
    /// # Errors
    /// When a name is unknown; the rule may be half changed then.
    pub fn apply(self, rule: &mut Rule) -> Result<(), Refused> {
        match self.match_type.as_deref() {
            None => {}
            Some("*") => (rule.kind, rule.pattern) = (Kind::Contains, "*".into()),
            Some(name) => rule.kind = Kind::parse(name).ok_or_else(|| Refused::Kind(short(name)))?,
        }
        if let Some(string) = self.string {
            rule.pattern = string;
        }
        rule.case_sensitive = self.case_sensitive.unwrap_or(rule.case_sensitive);
        rule.priority = self.priority.unwrap_or(rule.priority);
        rule.enabled = self.is_active.unwrap_or(rule.enabled);
        if let Some(entities) = self.enabled_entity_ids {
            rule.entities = entities;
        }
        if let Some(overrides) = self.overrides {
            rule.overrides = overrides;
        }
        let mut fields = Fields::of(&rule.action);
        fields.command = self.command_to_execute.unwrap_or(fields.command);
        fields.parameters = self.command_parameters.map(Parameters::text).or(fields.parameters);
        fields.url = self.webhook_url.unwrap_or(fields.url);
        fields.warning = self.warning_message.unwrap_or(fields.warning);
        fields.block = self.block_message.unwrap_or(fields.block);
        fields.timeout = self.timeout_seconds.unwrap_or(fields.timeout);
        rule.action = fields.action(self.action.as_deref().unwrap_or(rule.action.name()))?;
        Ok(())
    }
}

impl Parameters {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Words(words) => words.join(" "),
        }
    }
}

/// The fields of all actions side by side, as the wire has them.
#[derive(Default)]
struct Fields {
    warning: String,
    block: String,
    timeout: u32,
    command: String,
    parameters: Option<String>,
    url: String,
}

impl Fields {
    fn of(action: &Action) -> Self {
        let none = Self::default();
        match action.clone() {
            Action::Warn { message } => Self { warning: message, ..none },
            Action::Block { message, timeout } => Self { block: message, timeout, ..none },
            Action::Command { command, parameters } => Self { command, parameters, ..none },
            Action::Webhook { url } => Self { url, ..none },
        }
    }

    fn action(self, name: &str) -> Result<Action, Refused> {
        Ok(match name {
            "warn" => Action::Warn { message: self.warning },
            "block" => Action::Block { message: self.block, timeout: self.timeout },
            "command" => Action::Command { command: self.command, parameters: self.parameters },
            "webhook" => Action::Webhook { url: self.url },
            other => return Err(Refused::Action(short(other))),
        })
    }
}

fn short(name: &str) -> String {
    name.chars().take(40).collect()
}

/// A stored rule as programs read it.
#[must_use]
pub fn shown(kept: &Kept) -> Value {
    let Kept { rule, .. } = kept;
    let fields = Fields::of(&rule.action);
    json!({
        "rule_id": rule.id,
        "community_id": kept.community,
        "string": rule.pattern,
        "match_type": rule.kind,
        "case_sensitive": rule.case_sensitive,
        "enabled_entity_ids": rule.entities,
        "overrides": rule.overrides,
        "action": rule.action.name(),
        "command_to_execute": fields.command,
        "command_parameters": fields.parameters,
        "webhook_url": fields.url,
        "warning_message": fields.warning,
        "block_message": fields.block,
        "timeout_seconds": fields.timeout,
        "priority": rule.priority,
        "is_active": rule.enabled,
        "match_count": kept.matches,
        "last_matched": kept.last_matched,
        "created_by": kept.created_by,
        "created_at": kept.created_at,
        "updated_by": kept.updated_by,
        "updated_at": kept.updated_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_changes_what_it_names_and_nothing_else() {
        let made = json!({"string": "bad", "action": "block", "block_message": "no", "timeout_seconds": 60, "priority": 5});
        let mut rule = serde_json::from_value::<Draft>(made).expect("a draft").into_rule().expect("a rule");
        assert_eq!(rule.action, Action::Block { message: "no".into(), timeout: 60 });
        let changed = json!({"match_type": "word", "timeout_seconds": 5});
        serde_json::from_value::<Draft>(changed).expect("a draft").apply(&mut rule).expect("known names");
        assert_eq!((rule.kind, rule.priority, rule.pattern.as_str()), (Kind::Word, 5, "bad"));
        assert_eq!(rule.action, Action::Block { message: "no".into(), timeout: 5 });
        let command = json!({"action": "command", "command_to_execute": "!so", "command_parameters": ["{1}", "now"]});
        serde_json::from_value::<Draft>(command).expect("a draft").apply(&mut rule).expect("known names");
        assert_eq!(rule.action, Action::Command { command: "!so".into(), parameters: Some("{1} now".into()) });
    }

    #[test]
    fn what_is_missing_or_unknown_is_told() {
        let refused = |draft: Value| serde_json::from_value::<Draft>(draft).expect("a draft").into_rule().map_err(|why| why.code());
        assert_eq!(refused(json!({"action": "warn"})), Err("pattern_missing"));
        assert_eq!(refused(json!({"string": "x"})), Err("action_invalid"));
        assert_eq!(refused(json!({"string": "x", "action": "shout"})), Err("action_invalid"));
        assert_eq!(refused(json!({"string": "x", "action": "warn", "match_type": "fuzzy"})), Err("match_type_invalid"));
        assert!(serde_json::from_value::<Draft>(json!({"strnig": "x"})).is_err());
    }
}
