//! Tries a command out: called once as from chat, nothing is written down and nothing is said.

use serde::Serialize;
use serde_json::{Value, json};
use waddlebot_runtime::chat::{ChannelKey, Role, User};
use waddlebot_runtime::engine::Job;
use waddlebot_runtime::response::Response;
use waddlebot_runtime::secret::random_text;

use super::payload::payload;
use super::{Occasion, Outside, What};
use crate::commands::{Command, answer};

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trial {
    /// Whether it could be called and its answer be read.
    pub success: bool,
    /// The status of its answer.
    pub status_code: Option<u16>,
    /// Its answer as it came.
    pub answer: Value,
    /// What would have been done.
    pub responses: Vec<Response>,
    /// Why it failed.
    pub error: Option<String>,
    /// How often it was tried.
    pub tries: u32,
    /// How long it took.
    pub execution_time_ms: u64,
}

impl Outside {
    /// Calls a command as if somebody had typed these words behind it.
    pub async fn trial(&self, command: &Command, words: &str, by: &str) -> Trial {
        let id = format!("test_{}", random_text());
        let text = format!("{} {}", command.word, words.trim());
        let occasion = Occasion {
            channel: ChannelKey::new("test", "", "hub"),
            community: command.community,
            by: User { id: by.into(), name: by.into(), role: Role::Owner },
            message_id: id.clone(),
            platform_id: id.clone().into(),
            at: self.0.clock.now(),
            what: What::Typed { text: text.trim_end().into(), rest: words.trim().to_owned() },
        };
        let mut payload = payload(command, &occasion, &id, "");
        payload["test"] = json!(true);
        let started = self.0.clock.since_boot();
        let Some(_place) = self.0.room.enter(command.community).await else {
            return Trial { error: Some("too many commands run already".into()), ..Trial::default() };
        };
        let called = self.call(&Job { target: self.target(command), execution_id: id, payload }, command.patience()).await;
        let took = self.0.clock.since_boot().saturating_sub(started);
        let execution_time_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let reply = match called {
            Ok(reply) => reply,
            Err(error) => return Trial { error: Some(error.to_string()), execution_time_ms, ..Trial::default() },
        };
        let read = answer::read(&reply.body);
        let base = Trial { status_code: Some(reply.status), answer: reply.body, tries: reply.tries, execution_time_ms, ..Trial::default() };
        match read {
            Ok(answer) => Trial { success: answer.error.is_none(), responses: answer.responses, error: answer.error, ..base },
            Err(why) => Trial { error: Some(format!("its answer cannot be read: {why}")), ..base },
        }
    }
}
