//! What every chat can ask its bot: what it can do, whether it is awake, and what it counted.

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{Role, User};
use waddlebot_runtime::command::{CommandInfo, Example, Spec, opt, usages};
use waddlebot_runtime::module::{Answer, Context, Module, ModuleError};
use waddlebot_runtime::offer::Stored;
use waddlebot_runtime::response::Response;

use crate::moment;

/// The module; it remembers nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Basics;

/// What chat may ask.
#[derive(Debug)]
pub enum Command {
    /// What may I use here, or: how is this command used?
    Help(String),
    /// Are you there?
    Ping(String),
    /// What did you count?
    Stats,
}

/// Nothing to set.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {}

impl Module for Basics {
    const NAME: &'static str = "basics";
    const ABOUT: &'static str = "Help, a sign of life, and what was counted";
    type Command = Command;
    type Settings = Settings;
    const COMMANDS: &'static [Spec<Command>] = &[
        Spec::new("help", "Lists what you may use here, or tells how a command is used", |words| Ok(Command::Help(words.rest())))
            .takes(&[opt("command")])
            .examples(&[Example("!help", ""), Example("!help ping", ""), Example("!help !inventory add", "")]),
        Spec::new("ping", "Answers pong, and repeats what you say", |words| Ok(Command::Ping(words.rest())))
            .takes(&[opt("text")])
            .examples(&[Example("!ping", "pong"), Example("!ping is anybody there?", "pong is anybody there?")]),
        Spec::new("stats", "Tells how much was said and done here", |_| Ok(Command::Stats)).examples(&[Example("!stats", "")]),
    ];

    async fn command(&mut self, command: Command, by: &User, cx: &Context<'_, Self>) -> Answer {
        match command {
            Command::Help(asked) if asked.is_empty() => Ok(vec![Response::say(everything(by.role, cx.commands, &stored_for(by.role, cx)))]),
            Command::Help(asked) => one(&asked, by.role, cx).map(|text| vec![Response::say(text)]),
            Command::Ping(text) => Ok(vec![Response::say(format!("pong {text}").trim_end())]),
            Command::Stats => Ok(vec![Response::say(counted(cx))]),
        }
    }
}

/// The most words of stored commands that one answer lists.
const LISTED: usize = 40;

/// The stored commands that somebody of this role may use in this channel.
fn stored_for<'a>(role: Role, cx: &Context<'a, Basics>) -> Vec<&'a Stored> {
    cx.stored.iter().filter(|stored| stored.role <= role && stored.is_on(cx.channel)).collect()
}

/// The first words of all commands this role may use, module by module.
fn everything(role: Role, commands: &[CommandInfo], stored: &[&Stored]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    let mut add = |module, word: String| match groups.iter_mut().find(|(other, _)| *other == module) {
        Some((_, words)) if words.contains(&word) => false,
        Some((_, words)) => {
            words.push(word);
            true
        }
        None => {
            groups.push((module, vec![word]));
            true
        }
    };
    for command in commands.iter().filter(|command| command.role <= role) {
        add(command.module, format!("!{}", command.first_word()));
    }
    let mut left = LISTED;
    let mut words: Vec<&str> = Vec::new();
    for one in stored {
        if left > 0 && add(&one.module, one.first_word().to_owned()) {
            left -= 1;
        } else if left == 0 && !words.contains(&one.first_word()) {
            words.push(one.first_word());
        }
    }
    let groups: Vec<_> = groups.iter().map(|(module, words)| format!("{module}: {}", words.join(" "))).collect();
    let more = if words.is_empty() { String::new() } else { format!(" and {} more", words.len()) };
    format!("You can use {}{more}. More: !help <command>", groups.join(" · "))
}

/// How one command is used. A word that only begins commands gives their usage lines.
fn one(asked: &str, role: Role, cx: &Context<'_, Basics>) -> Result<String, ModuleError> {
    let typed = asked.to_lowercase();
    let words: Vec<_> = typed.trim_start_matches(['!', '#']).split_whitespace().collect();
    let word = words.join(" ");
    // A word without its prefix is looked for with either.
    let stored = |prefix: char| if typed.starts_with(['!', '#']) && !typed.starts_with(prefix) { None } else { elsewhere(prefix, &word, role, cx) };
    if let Some(text) = stored('!') {
        return Ok(text);
    }
    if !typed.starts_with('#') && let Some(text) = ours(&word, role, cx.commands) {
        return Ok(text);
    }
    stored('#').ok_or_else(|| {
        let prefix = if typed.starts_with('#') { '#' } else { '!' };
        ModuleError::refused(format!("I know no command {prefix}{word} here. !help lists what you can use"))
    })
}

/// How a stored command is used that is on in this channel; all of them where several answer one word, or begin with it.
fn elsewhere(prefix: char, word: &str, role: Role, cx: &Context<'_, Basics>) -> Option<String> {
    let word = format!("{prefix}{word}");
    let beginning = format!("{word} ");
    let here = || cx.stored.iter().filter(|stored| stored.is_on(cx.channel));
    let about = |stored: &Stored| {
        let about = if stored.about.is_empty() { format!("answered by {}", stored.module) } else { stored.about.to_string() };
        let role = if stored.role > Role::Viewer { format!(" (for the role {} and above)", stored.role) } else { String::new() };
        format!("{about}{role}")
    };
    let found: Vec<_> = here().filter(|stored| *stored.word == *word).map(about).collect();
    let mut more: Vec<_> = here().filter(|stored| stored.role <= role && stored.word.starts_with(&beginning)).map(|stored| &*stored.word).collect();
    more.dedup();
    more.truncate(LISTED);
    match (found.is_empty(), more.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("Usage: {}", more.join(" · "))),
        (false, true) => Some(format!("{word} [words] – {}", found.join(" · "))),
        (false, false) => Some(format!("{word} [words] – {}. Usage: {}", found.join(" · "), more.join(" · "))),
    }
}

/// How a module's command is used.
fn ours(word: &str, role: Role, commands: &[CommandInfo]) -> Option<String> {
    let Some(command) = commands.iter().find(|command| command.word == word || command.aliases.contains(&word)) else {
        return usages(word, role, commands);
    };
    let mut text = format!("{} – {}", command.usage(), command.about);
    if command.role > Role::Viewer {
        text.push_str(&format!(" (for the role {} and above)", command.role));
    }
    if !command.aliases.is_empty() {
        text.push_str(&format!(". Also: !{}", command.aliases.join(", !")));
    }
    let examples: Vec<_> = command.examples.iter().map(|Example(typed, _)| *typed).collect();
    if !examples.is_empty() {
        text.push_str(&format!(". Examples: {}", examples.join(" · ")));
    }
    if let Some(more) = usages(command.word, role, commands) {
        text.push_str(&format!(". {more}"));
    }
    Some(text)
}

fn counted(cx: &Context<'_, Basics>) -> String {
    let counts = cx.counts;
    format!(
        "In {}: {} messages, {} commands, {} people talking lately",
        moment::length((cx.now - counts.since).max(0)),
        counts.messages,
        counts.commands,
        counts.chatters
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::{examples_of, play};

    #[tokio::test]
    async fn every_example_is_true() {
        examples_of::<Basics>().await;
    }

    #[tokio::test]
    async fn ping_repeats_what_was_said() {
        play::<Basics>(
            r#"
            bob(viewer): !ping
            bot: pong
            bob(viewer): !PING  "hello  world"
            bot: pong hello  world
            bob(viewer): !ping {user} 🦆 <b>
            bot: pong {user} 🦆 <b>
            "#,
        )
        .await;
    }

    #[tokio::test]
    async fn help_lists_only_what_the_caller_may_use() {
        play::<Basics>(
            "
            bob(viewer): !help
            bot: You can use basics: !help !ping !stats · alias: !alias · inventory: !inventory · memories: !memories. More: !help <command>
            ana(moderator): !help
            bot: You can use basics: !help !ping !stats · alias: !alias · shoutout: !so · inventory: !inventory · memories: !memories. More: !help <command>
            ",
        )
        .await;
    }

    #[tokio::test]
    async fn help_on_a_command_tells_usage_and_examples() {
        play::<Basics>(
            "
            bob(viewer): !help ping
            bot: !ping [text] – Answers pong, and repeats what you say. Examples: !ping · !ping is anybody there?
            bob(viewer): !help !Shoutout
            bot: !so <streamer> – … (for the role moderator and above). Also: !shoutout. Examples: !so @ninja …
            bob(viewer): !help inventory  ADD
            bot: !inventory add <item> <description> [labels] – … Examples: …
            bob(viewer): !help nonsense
            bot to bob: I know no command !nonsense here. !help lists what you can use
            ",
        )
        .await;
    }

    #[tokio::test]
    async fn help_on_a_family_lists_what_the_caller_may_use() {
        play::<Basics>(
            "
            bob(viewer): !help alias
            bot: Usage: !alias list [page]
            ana(moderator): !help alias
            bot: Usage: !alias add <name> <command> · !alias remove <name> · !alias list [page]
            ",
        )
        .await;
    }

    #[tokio::test]
    async fn stats_tell_what_the_channel_counted() {
        play::<Basics>(
            "
            bob(viewer): !stats
            bot: In …: … messages, … commands, … people talking lately
            ",
        )
        .await;
    }
}
