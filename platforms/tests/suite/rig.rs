//! A platform under test, with people on it who speak and look.

use std::future::Future;
use std::sync::Arc;

use waddlebot_platforms::irc::Irc;
use waddlebot_platforms::irc::settings::{Flood, Settings};
use waddlebot_platforms::local::{Local, Room, Say};
use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::platform::Platform;
use waddlebot_testbed::irc::{Person, Server};
use waddlebot_testbed::{eventually, eventually_some};

use crate::house::{House, PATIENCE};

/// What the suite needs of a platform: two channels with the bot in them, a moderator called `ana` and a viewer called `bob`.
pub(crate) trait Rig: Sized {
    /// Sets everything up.
    fn new() -> impl Future<Output = Self>;
    /// The platform.
    fn platform(&self) -> Arc<dyn Platform>;
    /// Where its messages go.
    fn house(&self) -> &House;
    /// The first and the second channel.
    fn channel(&self, index: usize) -> ChannelKey;
    /// Ana or bob says something.
    fn says(&mut self, who: &str, channel: usize, text: &str) -> impl Future<Output = ()>;
    /// Waits until the bot's lines in a channel satisfy the test, and returns them.
    fn sees(&mut self, channel: usize, what: &str, enough: impl Fn(&[String]) -> bool) -> Vec<String>;
}

/// The rooms of our own.
pub(crate) struct LocalRig {
    local: Local,
    house: House,
}

impl LocalRig {
    fn room(&self, channel: usize) -> Arc<Room> {
        self.local.room(["lobby", "attic"][channel]).expect("a room")
    }
}

impl Rig for LocalRig {
    async fn new() -> Self {
        let local = Local::new(Clock::real());
        Self { house: House::on(Arc::new(local.clone())), local }
    }

    fn platform(&self) -> Arc<dyn Platform> {
        Arc::new(self.local.clone())
    }

    fn house(&self) -> &House {
        &self.house
    }

    fn channel(&self, index: usize) -> ChannelKey {
        Local::key(["lobby", "attic"][index]).expect("a key")
    }

    async fn says(&mut self, who: &str, channel: usize, text: &str) {
        let role = (who == "ana").then(|| "moderator".to_owned());
        let say = Say { user: who.to_owned(), role, text: text.to_owned(), id: None };
        self.local.say(&self.house, ["lobby", "attic"][channel], say).await.expect("is taken");
    }

    fn sees(&mut self, channel: usize, what: &str, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let room = self.room(channel);
        eventually_some(what, PATIENCE, || {
            let lines: Vec<String> =
                room.since(0).into_iter().filter(|line| line.kind == "bot").map(|line| line.text.to_string()).collect();
            enough(&lines).then_some(lines)
        })
    }
}

/// IRC on one of the two servers.
pub(crate) struct IrcRig<const TAGS: bool> {
    irc: Irc,
    house: House,
    ana: Person,
    bob: Person,
    kept: tokio::task::JoinHandle<Option<String>>,
    _server: Server,
}

const CHANNELS: [&str; 2] = ["#lobby", "#attic"];

impl<const TAGS: bool> Rig for IrcRig<TAGS> {
    async fn new() -> Self {
        let server = if TAGS { Server::inspircd() } else { Server::ngircd() };
        let settings = Settings {
            server: server.address().to_string(),
            channels: CHANNELS.map(str::to_owned).to_vec(),
            tls: false,
            flood: Flood::Off,
            ..Settings::default()
        };
        // Who comes first is the channel's operator.
        let mut ana = server.person("ana");
        CHANNELS.iter().for_each(|channel| ana.joins(channel));
        let irc = Irc::new(settings, Clock::real()).expect("settings that hold");
        let (house, kept) = House::on_irc(&irc);
        eventually("the bot is in both channels", PATIENCE, || irc.status().channels.iter().all(|(_, entered)| *entered));
        let mut bob = server.person("bob");
        CHANNELS.iter().for_each(|channel| bob.joins(channel));
        Self { irc, house, ana, bob, kept, _server: server }
    }

    fn platform(&self) -> Arc<dyn Platform> {
        Arc::new(self.irc.clone())
    }

    fn house(&self) -> &House {
        &self.house
    }

    fn channel(&self, index: usize) -> ChannelKey {
        self.irc.channels().nth(index).expect("a channel")
    }

    async fn says(&mut self, who: &str, channel: usize, text: &str) {
        let person = if who == "ana" { &mut self.ana } else { &mut self.bob };
        person.says(CHANNELS[channel], text);
        person.catches_up();
    }

    fn sees(&mut self, channel: usize, what: &str, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let sign = format!("PRIVMSG {} :", CHANNELS[channel]);
        eventually_some(what, PATIENCE, || {
            self.bob.catches_up();
            let said = |line: &String| {
                let (who, what) = line.split_once(' ')?;
                who.starts_with(":waddlebot!").then(|| what.strip_prefix(&sign).map(str::to_owned)).flatten()
            };
            let lines: Vec<String> = self.bob.heard().iter().filter_map(said).collect();
            enough(&lines).then_some(lines)
        })
    }
}

impl<const TAGS: bool> Drop for IrcRig<TAGS> {
    fn drop(&mut self) {
        self.kept.abort();
    }
}
