//! What a channel does about a message that a rule matched. Pure.

use serde_json::{Value, json};
use waddlebot_runtime::chat::ChatMessage;

use super::{Action, Compiled, Match, filled};

/// What somebody is told who is warned, when the rule says nothing else.
const WARNED: &str = "please mind the rules here: what you wrote may break them";
/// What somebody is told whose message was blocked, when the rule says nothing else.
const BLOCKED: &str = "your message was blocked, it breaks the rules here";

/// What is done, and by which rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Sentence {
    /// The rule.
    pub rule: i64,
    /// What is done.
    pub act: Act,
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The person is told this.
    Warn(String),
    /// The message goes, the person is told this and silenced for so many seconds.
    Block {
        /// What they are told.
        notice: String,
        /// Seconds; 0 is not at all.
        timeout: u32,
    },
    /// They said this command instead.
    Run(String),
    /// Another program is told.
    Notify {
        /// Where it listens.
        url: String,
        /// What it is sent (spec 01 section 10).
        payload: Value,
    },
}

/// Judges a message by a community's rules; `None` for one that no rule matches.
#[must_use]
pub fn judge(rules: &Compiled, message: &ChatMessage, entity: &str) -> Option<Sentence> {
    let Match { rule, action, captured } = rules.first_match(&message.text, entity)?;
    let told = |template: &str| filled(template, &message.by.name, &message.text, &captured);
    let or = |text: &str, usual: &str| if text.is_empty() { usual.to_owned() } else { told(text) };
    let act = match action {
        Action::Warn { message } => Act::Warn(or(message, WARNED)),
        Action::Block { message, timeout } => Act::Block { notice: or(message, BLOCKED), timeout: *timeout },
        Action::Command { command, parameters } => {
            let words = told(parameters.as_deref().unwrap_or("{match}"));
            Act::Run(format!("{} {}", command.trim(), words.trim()).trim_end().to_owned())
        }
        Action::Webhook { url } => {
            let payload = json!({
                "type": "string_match",
                "rule_id": rule.id,
                "pattern": rule.pattern,
                "match_type": rule.kind,
                "message_content": message.text,
                "matched": captured.text,
                "groups": captured.groups,
                "user": { "id": message.by.id, "name": message.by.name },
                "user_context": { "role": message.by.role },
                "context": { "entity_id": entity, "message_id": message.id, "timestamp": message.at },
            });
            Act::Notify { url: url.clone(), payload }
        }
    };
    Some(Sentence { rule: rule.id, act })
}

#[cfg(test)]
mod tests {
    use waddlebot_runtime::chat::{Role, User};

    use super::*;
    use crate::rules::{Kind, Rule};

    fn judged(action: Action, text: &str) -> Option<Act> {
        let rule = Rule { id: 7, kind: Kind::Regex, pattern: r"so (\w+)".into(), action, ..Rule::default() };
        let by = User { id: "bob".into(), name: "Bob".into(), role: Role::Viewer };
        let message = ChatMessage { id: "".into(), by, text: text.into(), at: 0 };
        judge(&Compiled::new(&[rule]).expect("compiles"), &message, "local:lobby").map(|sentence| sentence.act)
    }

    #[test]
    fn a_rule_says_what_is_done_with_what_it_matched() {
        let command = |parameters: Option<&str>| Action::Command { command: "!shout".into(), parameters: parameters.map(Into::into) };
        assert_eq!(judged(command(None), "hey so ninja!"), Some(Act::Run("!shout so ninja".into())));
        assert_eq!(judged(command(Some("{1} by {user}")), "so ninja"), Some(Act::Run("!shout ninja by Bob".into())));
        assert_eq!(judged(command(Some("")), "so ninja"), Some(Act::Run("!shout".into())));
        assert_eq!(judged(Action::Warn { message: String::new() }, "so x"), Some(Act::Warn(WARNED.into())));
        let block = Action::Block { message: "no {match}, {user}".into(), timeout: 60 };
        assert_eq!(judged(block, "so x y"), Some(Act::Block { notice: "no so x, Bob".into(), timeout: 60 }));
        assert_eq!(judged(command(None), "nothing"), None);
        let Some(Act::Notify { url, payload }) = judged(Action::Webhook { url: "https://a.example/".into() }, "hey so ninja") else {
            panic!("another program is told")
        };
        assert_eq!((url.as_str(), &payload["type"], &payload["groups"]), ("https://a.example/", &json!("string_match"), &json!(["ninja"])));
        assert_eq!((&payload["matched"], &payload["context"]["entity_id"]), (&json!("so ninja"), &json!("local:lobby")));
    }
}
