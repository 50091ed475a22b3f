//! The form of one command: what is filled in becomes a command, and a command fills it in again.

use std::collections::BTreeMap;

use serde::Deserialize;
use waddlebot_actors::commands::wire::{Draft, HIDDEN};
use waddlebot_actors::commands::{Command, Trigger};
use waddlebot_runtime::chat::{CommunityId, GLOBAL_COMMUNITY};
use waddlebot_runtime::engine::Method;

use crate::hub::visitor::Signed;

/// A command as it is filled in: everything is text until it is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::hub) struct Form {
    csrf: String,
    pub(super) community: CommunityId,
    /// 0 for a new one.
    pub(super) id: i64,
    pub(super) word: String,
    pub(super) module: String,
    pub(super) about: String,
    pub(super) engine: String,
    pub(super) location: String,
    pub(super) method: String,
    pub(super) headers: String,
    pub(super) timeout: String,
    pub(super) idempotent: Option<String>,
    pub(super) new_key: Option<String>,
    pub(super) role: String,
    pub(super) cooldown: String,
    pub(super) rate_limit: String,
    pub(super) trigger: String,
    pub(super) events: String,
    pub(super) priority: String,
    pub(super) mode: String,
    pub(super) is_active: Option<String>,
    /// Whether it is for all communities.
    pub(super) everywhere: Option<String>,
    /// The words it is tried out with.
    pub(super) words: String,
}

impl Signed for Form {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Form {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self::of(&Command { word: "#".into(), ..Command::default() })
    }

    /// Filled in with a command; the values of its headers stay hidden.
    pub(super) fn of(command: &Command) -> Self {
        Self {
            id: command.id,
            word: command.word.to_string(),
            module: command.module.clone(),
            about: command.about.clone(),
            engine: command.engine.name().to_owned(),
            location: command.location.clone(),
            method: if command.method == Method::Get { "GET" } else { "POST" }.to_owned(),
            headers: command.headers.keys().map(|name| format!("{name}: {HIDDEN}")).collect::<Vec<_>>().join("\n"),
            timeout: command.timeout.to_string(),
            idempotent: command.idempotent.then(on),
            role: command.role.name().to_owned(),
            cooldown: command.cooldown.to_string(),
            rate_limit: command.rate_limit.map(|uses| uses.to_string()).unwrap_or_default(),
            trigger: command.trigger.name().to_owned(),
            events: command.events.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
            priority: command.priority.to_string(),
            mode: command.mode.name().to_owned(),
            is_active: command.enabled.then(on),
            everywhere: command.is_global().then(on),
            ..Self::default()
        }
    }

    /// The command that was filled in, a change of `before` when there is one.
    pub(super) fn command(&self, before: Option<&Command>) -> Result<Command, String> {
        let number = |text: &str, what: &str| text.trim().parse::<u32>().map_err(|_| format!("{what} is a number"));
        let events: Vec<_> = words(&self.events).map(str::to_owned).collect();
        let waits = self.trigger != Trigger::Command.name();
        let draft = Draft {
            command: Some(self.word.clone()),
            module_id: Some(self.module.clone()).filter(|module| !module.trim().is_empty()),
            description: Some(self.about.trim().to_owned()),
            kind: Some(self.engine.clone()),
            location_url: Some(self.location.clone()),
            method: Some(self.method.clone()),
            headers: Some(headers(&self.headers)?),
            timeout: Some(number(&self.timeout, "the time for an answer")?),
            is_idempotent: Some(self.idempotent.is_some()),
            new_signing_key: Some(self.new_key.is_some()),
            permission_level: Some(self.role.clone()),
            cooldown_seconds: Some(number(&self.cooldown, "the rest")?),
            rate_limit: Some(match self.rate_limit.trim() {
                "" => None,
                text => Some(number(text, "the number of uses")?),
            }),
            trigger_type: Some(self.trigger.clone()),
            event_types: Some(if waits { events } else { Vec::new() }),
            priority: Some(number(&self.priority, "the priority")?.into()),
            execution_mode: Some(self.mode.clone()),
            is_active: Some(self.is_active.is_some()),
            ..Draft::default()
        };
        let mut command = match before {
            Some(before) => before.clone(),
            None => {
                let community = if self.everywhere.is_some() { GLOBAL_COMMUNITY } else { self.community };
                Command { word: "#".into(), community, ..Command::default() }
            }
        };
        draft.apply(&mut command).map_err(|why| why.to_string())?;
        Ok(command)
    }

    pub(super) fn is_engine(&self, name: &str) -> bool {
        self.engine == name
    }

    pub(super) fn is_role(&self, name: &str) -> bool {
        self.role == name
    }

    pub(super) fn is_trigger(&self, name: &str) -> bool {
        self.trigger == name
    }
}

fn on() -> String {
    "on".to_owned()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|word| !word.is_empty())
}

/// `Name: value` on each line.
fn headers(text: &str) -> Result<BTreeMap<String, String>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read = |line: &str| {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} is no header: write a name, a colon and a value"))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    lines.map(read).collect()
}

#[cfg(test)]
mod tests {
    use waddlebot_actors::commands::Mode;
    use waddlebot_runtime::chat::Role;
    use waddlebot_runtime::engine::EngineKind;
    use waddlebot_runtime::event::EventKind;

    use super::*;

    #[test]
    fn a_command_fills_in_the_form_that_makes_it() {
        let command = Command {
            id: 3,
            community: 2,
            word: "!weather tomorrow".into(),
            module: "forecast".into(),
            about: "how it will be".into(),
            engine: EngineKind::Container,
            location: "https://example.org/x".into(),
            method: Method::Get,
            headers: [("X-Key".to_owned(), "hush".to_owned())].into(),
            timeout: 5,
            idempotent: true,
            role: Role::Vip,
            cooldown: 9,
            rate_limit: Some(0),
            trigger: Trigger::Both,
            events: vec![EventKind::Follow, EventKind::Raid],
            priority: 7,
            mode: Mode::Parallel,
            enabled: false,
            ..Command::default()
        };
        let form = Form::of(&command);
        assert!(!form.headers.contains("hush"));
        assert_eq!(form.command(Some(&command)), Ok(command));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let told = |form: Form| form.command(None).expect_err("not understood");
        assert_eq!(told(Form { timeout: "soon".into(), ..Form::new() }), "the time for an answer is a number");
        assert!(told(Form { headers: "X-Key hush".into(), ..Form::new() }).contains("is no header"));
        assert!(told(Form { trigger: "event".into(), events: "dance".into(), ..Form::new() }).contains("\"dance\" is no event"));
    }
}
