//! Short names for longer commands, which a community teaches its bot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{Millis, Role, User};
use waddlebot_runtime::command::{Example, Spec, arg, opt};
use waddlebot_runtime::module::{Answer, Context, Expansion, Module, ModuleError, Posted};
use waddlebot_runtime::response::Response;
use waddlebot_runtime::store::sql;

use crate::listing::{self, PER_PAGE, Page};

/// Uses are written down this long after the first of them.
const WRITTEN_AFTER: Millis = 60_000;
/// The most characters of a name.
const LONGEST_NAME: usize = 50;
/// The most characters of what a name stands for.
const LONGEST_COMMAND: usize = 500;

/// The module's memory: uses that are not written to the table yet. The aliases are in the table.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Alias {
    unwritten: BTreeMap<String, Uses>,
    #[serde(skip)]
    taught: BTreeMap<String, Taught>,
}

#[derive(Debug)]
struct Taught {
    command: String,
    written_uses: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Uses {
    first: Millis,
    last: Millis,
    times: i64,
}

/// What chat may ask.
#[derive(Debug)]
pub enum Command {
    /// Teach a name.
    Add {
        /// As typed.
        name: String,
        /// What it stands for.
        command: String,
    },
    /// Forget a name.
    Remove(String),
    /// All names, or a page of them.
    List(Option<i64>),
}

/// What a community can set.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How many aliases there may be
    pub most_aliases: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { most_aliases: 500 }
    }
}

impl Module for Alias {
    const NAME: &'static str = "alias";
    const ABOUT: &'static str = "Short names for longer commands";
    const TAUGHT: bool = true;
    type Command = Command;
    type Settings = Settings;
    const COMMANDS: &'static [Spec<Command>] = &[
        Spec::new("alias add", "Teaches a short name for a longer command; {user}, {args}, {arg1} … are filled in", |words| {
            Ok(Command::Add { name: words.need("a name")?, command: words.need_rest("a command")? })
        })
        .takes(&[arg("name"), arg("command")])
        .role(Role::Moderator)
        .examples(&[
            Example("!alias add !hi !ping hello {user}", "!hi now stands for !ping hello {user}"),
            Example("!alias add !greet \"!so {arg1}\"", "!greet now stands for !so {arg1}"),
        ])
        .writes(),
        Spec::new("alias remove", "Forgets a short name", |words| Ok(Command::Remove(words.need("a name")?)))
            .takes(&[arg("name")])
            .aliases(&["alias rm"])
            .role(Role::Moderator)
            .given(&["!alias add !hi !ping hello"])
            .examples(&[Example("!alias remove !hi", "!hi is forgotten")])
            .writes(),
        Spec::new("alias list", "Shows the short names and what they stand for", |words| Ok(Command::List(listing::page(words)?)))
            .takes(&[opt("page")])
            .examples(&[Example("!alias list", "Aliases: none. A moderator teaches one with !alias add <name> <command>")]),
    ];

    async fn open(&mut self, cx: &Context<'_, Self>) -> Result<(), ModuleError> {
        let known =
            sql("SELECT alias, command, usage_count FROM alias_commands WHERE community_id = $1 AND is_active = TRUE").bind(cx.community);
        self.taught.clear();
        for row in cx.store().all(known).await? {
            let taught = Taught { command: row.get("command")?, written_uses: row.get("usage_count")? };
            self.taught.insert(row.get("alias")?, taught);
        }
        Ok(())
    }

    async fn command(&mut self, command: Command, by: &User, cx: &Context<'_, Self>) -> Answer {
        match command {
            Command::Add { name, command } => self.add(&name, command, by, cx).await,
            Command::Remove(name) => self.remove(&name, cx).await,
            Command::List(page) => Ok(vec![Response::say(self.listed(page))]),
        }
    }

    fn expansions(&self) -> Vec<Expansion> {
        self.taught.iter().map(|(word, taught)| Expansion { word: word.clone(), text: taught.command.clone() }).collect()
    }

    fn expanded(&mut self, word: &str, now: Millis) {
        let uses = self.unwritten.entry(word.to_owned()).or_insert(Uses { first: now, last: now, times: 0 });
        uses.times += 1;
        uses.last = now;
    }

    fn wakes_at(&self) -> Option<Millis> {
        self.unwritten.values().map(|uses| uses.first + WRITTEN_AFTER).min()
    }

    async fn woken(&mut self, cx: &Context<'_, Self>) -> Result<Vec<Posted>, ModuleError> {
        let mut tx = cx.tx().await?;
        for (word, uses) in &self.unwritten {
            let counted =
                sql("UPDATE alias_commands SET usage_count = usage_count + $1, last_used = $2 WHERE community_id = $3 AND alias = $4");
            tx.run(counted.bind(uses.times).bind(uses.last).bind(cx.community).bind(word)).await?;
        }
        for (word, taught) in &mut self.taught {
            taught.written_uses += self.unwritten.get(word).map_or(0, |uses| uses.times);
        }
        self.unwritten.clear();
        Ok(vec![])
    }
}

impl Alias {
    async fn add(&mut self, name: &str, command: String, by: &User, cx: &Context<'_, Self>) -> Answer {
        let word = word_of(name)?;
        if cx.commands.iter().any(|built_in| built_in.begins_with(&word[1..])) {
            return Err(ModuleError::refused(format!("{word} is a command already; choose another name")));
        }
        if !command.starts_with(['!', '#']) {
            return Err(ModuleError::refused("an alias stands for a command, such as !ping hello"));
        }
        if command.chars().count() > LONGEST_COMMAND {
            return Err(ModuleError::refused(format!("an alias stands for at most {LONGEST_COMMAND} characters")));
        }
        if let Some(known) = self.taught.get(&word) {
            let known = listing::short(&known.command, 60);
            return Err(ModuleError::refused(format!("{word} stands for {known} already. First: !alias remove {word}")));
        }
        let most = cx.settings.most_aliases;
        if self.taught.len() >= most as usize {
            return Err(ModuleError::refused(format!("there are {most} aliases already, and no more are allowed here")));
        }
        let taught = sql("INSERT INTO alias_commands (community_id, alias, command, created_by, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (community_id, alias) DO UPDATE SET command = excluded.command, created_by = excluded.created_by, \
             created_at = excluded.created_at, usage_count = 0, last_used = NULL, is_active = TRUE");
        cx.tx().await?.run(taught.bind(cx.community).bind(&word).bind(&command).bind(&by.name).bind(cx.now)).await?;
        let answer = format!("{word} now stands for {}", listing::short(&command, 200));
        self.unwritten.remove(&word);
        self.taught.insert(word, Taught { command, written_uses: 0 });
        Ok(vec![Response::say(answer)])
    }

    async fn remove(&mut self, name: &str, cx: &Context<'_, Self>) -> Answer {
        let word = word_of(name)?;
        if !self.taught.contains_key(&word) {
            return Err(ModuleError::refused(format!("there is no alias {word}")));
        }
        let forgotten = sql("UPDATE alias_commands SET is_active = FALSE WHERE community_id = $1 AND alias = $2");
        cx.tx().await?.run(forgotten.bind(cx.community).bind(&word)).await?;
        self.taught.remove(&word);
        self.unwritten.remove(&word);
        Ok(vec![Response::say(format!("{word} is forgotten"))])
    }

    fn listed(&self, page: Option<i64>) -> String {
        if self.taught.is_empty() {
            return "Aliases: none. A moderator teaches one with !alias add <name> <command>".to_owned();
        }
        let page = Page::of(page, i64::try_from(self.taught.len()).unwrap_or(i64::MAX));
        let skipped = usize::try_from(page.skipped()).unwrap_or(0);
        let entries: Vec<_> = (self.taught.iter().skip(skipped).take(PER_PAGE as usize))
            .map(|(word, taught)| {
                let uses = taught.written_uses + self.unwritten.get(word).map_or(0, |uses| uses.times);
                let uses = if uses > 0 { format!(" ({uses}×)") } else { String::new() };
                format!("{word} -> {}{uses}", listing::short(&taught.command, 60))
            })
            .collect();
        page.shown("Aliases", &entries, "!alias list")
    }
}

/// The name as it is kept: in lower case, with `!` before it.
fn word_of(name: &str) -> Result<String, ModuleError> {
    let folded = name.trim().to_lowercase();
    let word = folded.strip_prefix('!').unwrap_or(&folded);
    let why = match word.chars().next() {
        None => "a name is missing".to_owned(),
        Some('/' | '.') => format!("{word} is a word of the platform; choose another name"),
        Some(first) if first.is_ascii_punctuation() => "a name begins with a letter or a digit".to_owned(),
        Some(_) if word.chars().any(|letter| letter.is_whitespace() || letter.is_control()) => "a name is one word".to_owned(),
        Some(_) if word.chars().count() > LONGEST_NAME => format!("a name has at most {LONGEST_NAME} characters"),
        Some(_) => return Ok(format!("!{word}")),
    };
    Err(ModuleError::Refused(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::{examples_of, on_postgres, play, play_at};

    #[tokio::test]
    async fn every_example_is_true() {
        examples_of::<Alias>().await;
    }

    #[tokio::test]
    async fn an_alias_stands_for_its_command_and_fills_in_the_words() {
        play::<Alias>(
            r#"
            ana(moderator): !alias add hi "!ping hello {arg1}, from {user}"
            bot: !hi now stands for !ping hello {arg1}, from {user}
            ana(moderator): !alias add !say !ping {args}
            bot: !say now stands for !ping {args}
            bob(viewer): !hi "old friend" x
            bot: pong hello old friend, from bob
            bob(viewer): !HI
            bot: pong hello , from bob
            bob(viewer): !say {user} "as typed"
            bot: pong {user} "as typed"
            bob(viewer): !alias list
            bot: Aliases (2): !hi -> !ping hello {arg1}, from {user} (2×) · !say -> !ping {args} (1×)
            "#,
        )
        .await;
    }

    #[tokio::test]
    async fn a_viewer_gets_no_further_through_an_alias_than_without() {
        play::<Alias>(
            "
            ana(moderator): !alias add !lend !inventory add {arg1} thing
            bot: !lend now stands for !inventory add {arg1} thing
            bob(viewer): !alias add !x !ping
            bot to bob: !alias add is for moderators and above
            bob(viewer): !alias remove !lend
            bot to bob: !alias remove is for moderators and above
            bob(viewer): !lend chess
            bot to bob: !inventory add is for moderators and above
            ana(moderator): !lend chess
            bot: chess is in the inventory now
            ",
        )
        .await;
    }

    #[tokio::test]
    async fn an_alias_that_calls_itself_ends() {
        play::<Alias>(
            "
            ana(moderator): !alias add !a !b
            bot: !a now stands for !b
            ana(moderator): !alias add !b !a
            bot: !b now stands for !a
            bob(viewer): !a
            bot to bob: !a stands for itself without end. …
            bob(viewer): !ping
            bot: pong
            ",
        )
        .await;
    }

    const NAMES: &str = "
        ana(moderator): !alias add !Grüße !ping hallo
        bot: !grüße now stands for !ping hallo
        ana(moderator): !alias add !GRÜSSE !ping x
        bot: !grüsse now stands for !ping x
        ana(moderator): !alias add !GRÜßE !ping other
        bot to ana: !grüße stands for !ping hallo already. First: !alias remove !grüße
        ana(moderator): !alias rm grüße
        bot: !grüße is forgotten
        ana(moderator): !alias remove grüße
        bot to ana: there is no alias !grüße
        bob(viewer): !grüße
        bot to bob: I know no command !grüße. Try !help
        ana(moderator): !alias add !grüße !ping other
        bot: !grüße now stands for !ping other
        bob(viewer): !grüße
        bot: pong other
    ";

    #[tokio::test]
    async fn a_name_is_taught_once_and_may_be_taught_again_after_it_was_forgotten() {
        play::<Alias>(NAMES).await;
    }

    #[tokio::test]
    async fn a_name_may_not_hide_a_command_or_a_word_of_the_platform() {
        play::<Alias>(
            r#"
            ana(moderator): !alias add !so !ping
            bot to ana: !so is a command already; choose another name
            ana(moderator): !alias add !Shoutout !ping
            bot to ana: !shoutout is a command already; choose another name
            ana(moderator): !alias add inventory !ping
            bot to ana: !inventory is a command already; choose another name
            ana(moderator): !alias add /ban !ping
            bot to ana: /ban is a word of the platform; choose another name
            ana(moderator): !alias add !!x !ping
            bot to ana: a name begins with a letter or a digit
            ana(moderator): !alias add "two words" !ping
            bot to ana: a name is one word
            ana(moderator): !alias add !x /ban bob
            bot to ana: an alias stands for a command, such as !ping hello
            ana(moderator): !alias add !x
            bot to ana: a command is missing. Usage: !alias add <name> <command>
            ana(moderator): !alias add
            bot to ana: a name is missing. Usage: !alias add <name> <command>
            ana(moderator): !alias add ! !ping
            bot to ana: a name is missing
            "#,
        )
        .await;
    }

    const RESTARTS: &str = "
        ana(moderator): !alias add !hi !ping hello
        bot: !hi now stands for !ping hello
        bob(viewer): !hi
        bot: pong hello
        (restart)
        bob(viewer): !hi
        bot: pong hello
        bob(viewer): !alias list
        bot: Aliases (1): !hi -> !ping hello (2×)
        (1 minute passes)
        bob(viewer): !hi
        bot: pong hello
        bob(viewer): !alias list
        bot: Aliases (1): !hi -> !ping hello (3×)
        (restart)
        bob(viewer): !alias list
        bot: Aliases (1): !hi -> !ping hello (3×)
    ";

    #[tokio::test]
    async fn aliases_and_the_count_of_their_uses_outlive_a_restart() {
        play::<Alias>(RESTARTS).await;
    }

    #[tokio::test]
    async fn there_is_a_limit() {
        play::<Alias>(
            "
            (setting most_aliases: 1)
            ana(moderator): !alias add !a !ping
            bot: !a now stands for !ping
            ana(moderator): !alias add !b !ping
            bot to ana: there are 1 aliases already, and no more are allowed here
            ",
        )
        .await;
    }

    #[tokio::test]
    async fn all_of_it_holds_on_postgresql() {
        let server = waddlebot_testbed::Postgres::start();
        for log in [NAMES, RESTARTS] {
            play_at::<Alias>(&on_postgres(&server), log).await;
        }
    }
}
