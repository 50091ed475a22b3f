//! Sends the chat to another streamer: when a moderator asks, and by itself when one raids or follows.

mod people;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{Role, User};
use waddlebot_runtime::command::{Example, Spec, UserName, arg, opt};
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::module::{Answer, Context, Module, ModuleError};
use waddlebot_runtime::response::Response;

use self::people::{Entry, Person};
use self::words::{Introduction, Reason};
use crate::listing::{self, PER_PAGE, Page};
use crate::moment;
use crate::weblink::weblink;

/// The most characters of somebody's own words, and the most links.
const LONGEST_MESSAGE: usize = 400;
const MOST_LINKS: usize = 3;

/// The module's memory. Whom it introduces by itself is read from its table.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Shoutout {
    #[serde(skip)]
    flagged: BTreeSet<String>,
}

/// What chat may ask.
#[derive(Debug)]
pub enum Command {
    /// Introduce somebody now.
    Introduce(UserName),
    /// Introduce somebody whenever they follow, subscribe or raid; or no longer.
    Flag(UserName, bool),
    /// Who is introduced like that.
    Flagged(Option<i64>),
    /// Somebody's own words; empty for the usual ones.
    Message(UserName, String),
    /// One more link; empty to drop them all.
    Link(UserName, String),
    /// How often, and whom last.
    Stats,
}

/// What a community can set.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Introduce everybody who raids
    pub raids: bool,
    /// The smallest raid that counts, in viewers
    pub smallest_raid: u32,
    /// What is said; {username}, {game} and {url} are filled in. Empty: the usual words
    pub template: String,
    /// Seconds on the overlay
    pub duration: u32,
    /// Show the streamer's picture on the overlay
    pub picture: bool,
    /// Minutes between two automatic introductions of the same person
    pub rest_minutes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { raids: true, smallest_raid: 1, template: String::new(), duration: 15, picture: true, rest_minutes: 60 }
    }
}

impl Module for Shoutout {
    const NAME: &'static str = "shoutout";
    const ABOUT: &'static str = "Sends your chat to another streamer";
    const WAKES_ON: &'static [EventKind] =
        &[EventKind::Raid, EventKind::Host, EventKind::Follow, EventKind::Subscription, EventKind::Resub];
    type Command = Command;
    type Settings = Settings;
    const COMMANDS: &'static [Spec<Command>] = &[
        Spec::new("so", "Introduces a streamer and links their channel", |words| Ok(Command::Introduce(words.user()?)))
            .takes(&[arg("streamer")])
            .aliases(&["shoutout"])
            .role(Role::Moderator)
            .cooldown(Duration::from_secs(5))
            .examples(&[
                Example("!so @ninja", "Go check out ninja, last seen playing Chess! https://twitch.tv/ninja"),
                Example("!so @somebody", "Go check out somebody!"),
                Example("!so", "a name is missing. Usage: !so <streamer>"),
            ])
            .writes(),
        Spec::new("so auto add", "Introduces somebody whenever they follow, subscribe or raid", |words| {
            Ok(Command::Flag(words.user()?, true))
        })
        .takes(&[arg("name")])
        .aliases(&["shoutout auto add"])
        .role(Role::Moderator)
        .examples(&[Example("!so auto add @ninja", "ninja is introduced whenever they follow, subscribe or raid")])
        .writes(),
        Spec::new("so auto remove", "Introduces somebody only when a moderator asks", |words| Ok(Command::Flag(words.user()?, false)))
            .takes(&[arg("name")])
            .aliases(&["so auto rm", "shoutout auto remove"])
            .role(Role::Moderator)
            .given(&["!so auto add @ninja"])
            .examples(&[Example("!so auto remove @ninja", "ninja is no longer introduced automatically")])
            .writes(),
        Spec::new("so auto list", "Shows who is introduced automatically", |words| Ok(Command::Flagged(listing::page(words)?)))
            .takes(&[opt("page")])
            .aliases(&["shoutout auto list"])
            .role(Role::Moderator)
            .examples(&[Example("!so auto list", "Nobody is introduced automatically. Add somebody with !so auto add <name>")]),
        Spec::new("so message", "Keeps the words for one streamer; without a text, the usual ones", |words| {
            Ok(Command::Message(words.user()?, words.rest()))
        })
        .takes(&[arg("name"), opt("text")])
        .aliases(&["shoutout message"])
        .role(Role::Moderator)
        .examples(&[Example("!so message @ninja \"{username} is great at {game}!\"", "ninja has words of their own now")])
        .writes(),
        Spec::new("so link", "Adds a link to a streamer's introduction; without a link, drops them", |words| {
            Ok(Command::Link(words.user()?, words.rest()))
        })
        .takes(&[arg("name"), opt("url")])
        .aliases(&["shoutout link"])
        .role(Role::Moderator)
        .examples(&[Example("!so link @ninja https://example.org/ninja", "ninja has 1 link now")])
        .writes(),
        Spec::new("so stats", "Tells who was introduced most, and last", |_| Ok(Command::Stats))
            .aliases(&["shoutout stats"])
            .role(Role::Moderator)
            .examples(&[Example("!so stats", "Nobody was introduced yet. Try !so <streamer>")]),
    ];

    async fn open(&mut self, cx: &Context<'_, Self>) -> Result<(), ModuleError> {
        self.flagged = people::flagged(cx.store(), cx.community).await?.into_iter().collect();
        Ok(())
    }

    async fn command(&mut self, command: Command, by: &User, cx: &Context<'_, Self>) -> Answer {
        let answer = match command {
            Command::Introduce(name) => return introduce(&name, Reason::Asked, &by.name, cx).await,
            Command::Flag(name, on) => self.flag(&name, on, cx).await?,
            Command::Flagged(page) => self.flagged(page, cx).await?,
            Command::Message(name, text) => message(&name, &text, cx).await?,
            Command::Link(name, url) => link(&name, &url, cx).await?,
            Command::Stats => stats(cx).await?,
        };
        Ok(vec![Response::say(answer)])
    }

    async fn event(&mut self, event: &Event, cx: &Context<'_, Self>) -> Answer {
        let Ok(name) = UserName::parse(&event.by.name) else {
            return Ok(vec![]);
        };
        let reason = match event.kind {
            EventKind::Raid | EventKind::Host => Reason::Raid { viewers: event.amount },
            EventKind::Follow => Reason::Follow,
            EventKind::Subscription | EventKind::Resub => Reason::Subscription,
            _ => return Ok(vec![]),
        };
        let counts = matches!(reason, Reason::Raid { viewers } if cx.settings.raids && viewers >= i64::from(cx.settings.smallest_raid));
        if counts || self.flagged.contains(&name.folded()) { introduce(&name, reason, "", cx).await } else { Ok(vec![]) }
    }
}

impl Shoutout {
    async fn flag(&mut self, name: &UserName, on: bool, cx: &Context<'_, Self>) -> Result<String, ModuleError> {
        match (self.flagged.contains(&name.folded()), on) {
            (true, true) => return Err(ModuleError::refused(format!("{name} is introduced automatically already"))),
            (false, false) => return Err(ModuleError::refused(format!("{name} is not introduced automatically"))),
            _ => people::flag(&mut *cx.tx().await?, cx.community, name, on).await?,
        }
        if on {
            self.flagged.insert(name.folded());
            Ok(format!("{name} is introduced whenever they follow, subscribe or raid"))
        } else {
            self.flagged.remove(&name.folded());
            Ok(format!("{name} is no longer introduced automatically"))
        }
    }

    async fn flagged(&self, page: Option<i64>, cx: &Context<'_, Self>) -> Result<String, ModuleError> {
        if self.flagged.is_empty() {
            return Ok("Nobody is introduced automatically. Add somebody with !so auto add <name>".to_owned());
        }
        let page = Page::of(page, i64::try_from(self.flagged.len()).unwrap_or(i64::MAX));
        let names = people::flagged_names(cx.store(), cx.community, page.skipped(), PER_PAGE).await?;
        Ok(page.shown("Introduced automatically", &names, "!so auto list"))
    }
}

/// Looks the streamer up, writes the introduction down, and answers in chat and on the stream.
async fn introduce(name: &UserName, reason: Reason, asked_by: &str, cx: &Context<'_, Shoutout>) -> Answer {
    let person = people::find(cx.store(), cx.community, name).await?;
    let profile = match cx.profiles.find(cx.channel, name.as_str()).await {
        Ok(profile) => profile.unwrap_or_default(),
        Err(error) => {
            tracing::debug!(%error, "nothing is known about the streamer");
            waddlebot_runtime::platform::Profile::default()
        }
    };
    let rest = i64::from(cx.settings.rest_minutes) * 60_000;
    let entry = Entry {
        community: cx.community,
        channel: cx.channel,
        name,
        reason,
        asked_by,
        game: profile.game.as_deref(),
        now: cx.now,
        rested_since: cx.now - rest,
    };
    if !people::introduced(&mut *cx.tx().await?, &entry).await? {
        return Ok(vec![]);
    }
    let shown = if profile.name.is_empty() { name.as_str() } else { &profile.name };
    let introduction = Introduction { name: shown, reason, profile: &profile, person: person.as_ref(), template: &cx.settings.template };
    Ok(vec![Response::say(introduction.line()), introduction.panel(cx.settings.duration, cx.settings.picture)])
}

async fn message(name: &UserName, text: &str, cx: &Context<'_, Shoutout>) -> Result<String, ModuleError> {
    if text.chars().count() > LONGEST_MESSAGE {
        return Err(ModuleError::refused(format!("these words have more than {LONGEST_MESSAGE} characters")));
    }
    let mut tx = cx.tx().await?;
    let person = people::find_in(&mut tx, cx.community, name).await?;
    people::keep(&mut tx, cx.community, name, &Person { message: text.to_owned(), ..person }).await?;
    Ok(if text.is_empty() { format!("{name} gets the usual words again") } else { format!("{name} has words of their own now") })
}

async fn link(name: &UserName, url: &str, cx: &Context<'_, Shoutout>) -> Result<String, ModuleError> {
    let mut tx = cx.tx().await?;
    let mut person = people::find_in(&mut tx, cx.community, name).await?;
    if url.is_empty() {
        person.links.clear();
    } else {
        let url = weblink(url).ok_or_else(|| ModuleError::refused("that is no link to the web, such as https://example.org/me"))?;
        if person.links.contains(&url) {
            return Err(ModuleError::refused(format!("{name} has that link already")));
        }
        if person.links.len() >= MOST_LINKS {
            return Err(ModuleError::refused(format!("{name} has {MOST_LINKS} links already. First: !so link {name}")));
        }
        person.links.push(url);
    }
    people::keep(&mut tx, cx.community, name, &person).await?;
    Ok(match person.links.len() {
        0 => format!("{name} has no links now"),
        1 => format!("{name} has 1 link now"),
        many => format!("{name} has {many} links now"),
    })
}

async fn stats(cx: &Context<'_, Shoutout>) -> Result<String, ModuleError> {
    let Some((name, reason, at)) = people::last(cx.store(), cx.community).await? else {
        return Ok("Nobody was introduced yet. Try !so <streamer>".to_owned());
    };
    let most = people::most_introduced(cx.store(), cx.community, 5).await?;
    let most: Vec<_> = most.iter().map(|(name, times)| format!("{name} {times}×")).collect();
    Ok(format!("Most introduced: {}. Last: {name} ({reason}, {})", most.join(", "), moment::ago(at, cx.now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::{examples_of, on_postgres, play, play_at};

    #[tokio::test]
    async fn every_example_is_true() {
        examples_of::<Shoutout>().await;
    }

    #[tokio::test]
    async fn viewers_may_not_and_the_room_rests_between_two() {
        play::<Shoutout>(
            "
            bob(viewer): !so ninja
            bot to bob: !so is for moderators and above
            ana(moderator): !so ninja
            bot: Go check out ninja, last seen playing Chess! https://twitch.tv/ninja
            overlay: shoutout, ninja, Chess
            ana(moderator): !shoutout nobody
            bot to ana: !so is on cooldown, wait 5 seconds
            (5 seconds pass)
            ana(moderator): !shoutout @nobody
            bot: Go check out nobody!
            overlay: nobody
            (5 seconds pass)
            ana(moderator): !so @
            bot to ana: a name is missing. Usage: !so <streamer>
            ",
        )
        .await;
    }

    const RAIDS: &str = "
        raid: ninja with 12 viewers
        bot: Thanks for the raid with 12 viewers, ninja! Go check them out, last seen playing Chess! https://twitch.tv/ninja
        overlay: shoutout text auto, ninja, Chess
        raid: ninja with 13 viewers
        (59 minutes pass)
        raid: Ninja with 13 viewers
        (restart)
        raid: ninja with 13 viewers
        (1 minute passes)
        raid: ninja with 1 viewers
        bot: Thanks for the raid, ninja! Go check them out, last seen playing Chess! https://twitch.tv/ninja
        overlay: ninja
        raid: carl with 2 viewers
        bot: Thanks for the raid with 2 viewers, carl! Go check them out!
        overlay: carl
    ";

    #[tokio::test]
    async fn a_raid_is_thanked_once_an_hour() {
        play::<Shoutout>(RAIDS).await;
    }

    #[tokio::test]
    async fn small_raids_and_all_raids_can_be_left_out() {
        play::<Shoutout>(
            "
            (setting smallest_raid: 5)
            raid: carl with 4 viewers
            raid: dora with 5 viewers
            bot: Thanks for the raid with 5 viewers, dora! Go check them out!
            overlay: dora
            (setting raids: false)
            raid: eve with 500 viewers
            ",
        )
        .await;
    }

    const FLAGS: &str = "
        follow: ninja
        bob(viewer): !so auto add ninja
        bot to bob: !so auto add is for moderators and above
        ana(moderator): !so auto add @Ninja
        bot: Ninja is introduced whenever they follow, subscribe or raid
        ana(moderator): !so auto add ninja
        bot to ana: ninja is introduced automatically already
        (restart)
        follow: ninja
        bot: Thanks for the follow, ninja! Go check them out, last seen playing Chess! https://twitch.tv/ninja
        overlay: ninja
        sub: ninja
        (1 hour passes)
        sub: ninja
        bot: Thanks for the sub, ninja! Go check them out, last seen playing Chess! https://twitch.tv/ninja
        overlay: ninja
        ana(moderator): !so auto list
        bot: Introduced automatically (1): Ninja
        ana(moderator): !so auto remove ninja
        bot: ninja is no longer introduced automatically
        ana(moderator): !so auto remove ninja
        bot to ana: ninja is not introduced automatically
        (2 hours pass)
        follow: ninja
    ";

    #[tokio::test]
    async fn follows_and_subs_count_only_for_people_who_were_flagged() {
        play::<Shoutout>(FLAGS).await;
    }

    const BOTH: &str = "
        ana(moderator): !so ninja
        bot: Go check out ninja, …
        overlay: ninja
        raid: ninja with 3 viewers
        bot: Thanks for the raid with 3 viewers, ninja! …
        overlay: ninja
        (5 seconds pass)
        ana(moderator): !so ninja
        bot: Go check out ninja, …
        overlay: ninja
        ana(moderator): !so stats
        bot: Most introduced: ninja 3×. Last: ninja (manual, just now)
    ";

    #[tokio::test]
    async fn a_manual_one_is_not_held_back_by_an_automatic_one() {
        play::<Shoutout>(BOTH).await;
    }

    const OWN_WORDS: &str = r#"
        (setting template: "See {username} at {url}")
        ana(moderator): !so carl
        bot: See carl at
        overlay: carl
        ana(moderator): !so message ninja "{username} is great at {game} {oops} {0} %s 🦆"
        bot: ninja has words of their own now
        ana(moderator): !so link ninja example.org/ninja
        bot: ninja has 1 link now
        ana(moderator): !so link ninja javascript:alert(1)
        bot to ana: that is no link to the web, such as https://example.org/me
        ana(moderator): !so link ninja https://example.org/ninja
        bot to ana: ninja has that link already
        (5 seconds pass)
        ana(moderator): !so ninja
        bot: ninja is great at Chess {oops} {0} %s 🦆 https://example.org/ninja
        overlay: ninja
        ana(moderator): !so message ninja
        bot: ninja gets the usual words again
        ana(moderator): !so link ninja
        bot: ninja has no links now
        (5 seconds pass)
        ana(moderator): !so ninja
        bot: See ninja at https://twitch.tv/ninja
        overlay: ninja
    "#;

    #[tokio::test]
    async fn a_streamer_has_words_and_links_of_their_own() {
        play::<Shoutout>(OWN_WORDS).await;
    }

    #[tokio::test]
    async fn a_name_is_no_html_and_no_format() {
        play::<Shoutout>(
            r#"
            ana(moderator): !so <script>{game}%s'"
            bot: Go check out <script>{game}%s'"!
            overlay: <h2>&lt;script&gt;{game}%s&#39;&quot;</h2>
            "#,
        )
        .await;
    }

    #[tokio::test]
    async fn all_of_it_holds_on_postgresql() {
        let server = waddlebot_testbed::Postgres::start();
        for log in [RAIDS, FLAGS, BOTH, OWN_WORDS] {
            play_at::<Shoutout>(&on_postgres(&server), log).await;
        }
    }
}
