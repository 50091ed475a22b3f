//! Counts how often the streamer died, and starts anew with each stream.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{Role, User};
use waddlebot_runtime::command::{Example, Spec, opt};
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::module::{Answer, Context, Module, ModuleError};
use waddlebot_runtime::response::{Priority, Response, Ticker};

/// The module's memory in one community: loaded when it opens, saved when it changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Deaths {
    count: i64,
}

/// What chat may ask, as the module understands it.
#[derive(Debug)]
pub enum Command {
    /// How many?
    Show,
    /// Some more.
    Add(i64),
}

/// What a community can set; the comments label the form in the hub.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Show each death on the ticker
    pub ticker: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { ticker: true }
    }
}

impl Module for Deaths {
    const NAME: &'static str = "deaths";
    const ABOUT: &'static str = "Counts the streamer's deaths";
    const WAKES_ON: &'static [EventKind] = &[EventKind::StreamOnline];
    type Command = Command;
    type Settings = Settings;
    const COMMANDS: &'static [Spec<Command>] = &[
        Spec::new("deaths", "Tells how often the streamer died", |_| Ok(Command::Show)).examples(&[Example("!deaths", "No death yet")]),
        Spec::new("deaths add", "Counts a death, or several", |words| {
            Ok(Command::Add(if words.is_empty() { 1 } else { words.number("how many")? }))
        })
        .takes(&[opt("how many")])
        .role(Role::Moderator)
        .cooldown(Duration::from_secs(3))
        .examples(&[
            Example("!deaths add", "1 death so far"),
            Example("!deaths add 3", "3 deaths so far"),
            Example("!deaths add many", "how many must be a number, not \"many\". Usage: !deaths add [how many]"),
        ])
        .writes(),
    ];

    async fn command(&mut self, command: Command, _: &User, cx: &Context<'_, Self>) -> Answer {
        let Command::Add(more) = command else {
            return Ok(vec![Response::say(self.shown())]);
        };
        if !(1..=100).contains(&more) {
            return Err(ModuleError::refused("from 1 to 100 deaths at once"));
        }
        self.count += more;
        let mut answer = vec![Response::say(self.shown())];
        if cx.settings.ticker {
            let style = "warning".to_owned();
            answer.push(Response::Ticker(Ticker { text: self.shown(), duration: 5, style, priority: Priority::NORMAL }));
        }
        Ok(answer)
    }

    async fn event(&mut self, _: &Event, _: &Context<'_, Self>) -> Answer {
        self.count = 0;
        Ok(vec![])
    }
}

impl Deaths {
    fn shown(&self) -> String {
        match self.count {
            0 => "No death yet".to_owned(),
            1 => "1 death so far".to_owned(),
            many => format!("{many} deaths so far"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::{examples_of, play};

    #[tokio::test]
    async fn every_example_is_true() {
        examples_of::<Deaths>().await;
    }

    #[tokio::test]
    async fn deaths_are_counted_until_the_next_stream() {
        play::<Deaths>(
            "
            bob(viewer): !deaths add
            bot to bob: !deaths add is for moderators and above
            ana(moderator): !deaths add 2
            bot: 2 deaths so far
            overlay: 2 deaths so far
            ana(moderator): !deaths add
            bot to ana: !deaths add is on cooldown, wait 3 seconds
            (3 seconds pass)
            (setting ticker: false)
            ana(moderator): !deaths add
            bot: 3 deaths so far
            (3 seconds pass)
            ana(moderator): !deaths add 1000
            bot to ana: from 1 to 100 deaths at once
            (restart)
            bob(viewer): !deaths
            bot: 3 deaths so far
            stream_online: olga
            bob(viewer): !deaths
            bot: No death yet
            ",
        )
        .await;
    }
}
