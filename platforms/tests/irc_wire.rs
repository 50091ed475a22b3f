//! IRC against servers that no package has: one with Twitch's dialect, and some that mean harm.

#[path = "suite/house.rs"]
mod house;

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use house::{House, PATIENCE};
use waddlebot_platforms::irc::Irc;
use waddlebot_platforms::irc::settings::{Flood, Secret, Settings};
use waddlebot_runtime::chat::Role;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::platform::{Outgoing, Platform};
use waddlebot_testbed::eventually;

/// A server played by the test: it takes one connection at a time and says what it is told to.
struct Played {
    listener: TcpListener,
}

impl Played {
    fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").expect("a free port") }
    }

    fn settings(&self) -> Settings {
        Settings {
            server: self.listener.local_addr().expect("an address").to_string(),
            channels: vec!["#ducks".into()],
            tls: false,
            flood: Flood::Off,
            ..Settings::default()
        }
    }

    fn takes(&self) -> Talk {
        let (stream, _) = self.listener.accept().expect("the bot comes");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can be set up");
        Talk { reader: BufReader::new(stream.try_clone().expect("a socket can be cloned")), stream }
    }
}

struct Talk {
    reader: BufReader<TcpStream>,
    stream: TcpStream,
}

impl Talk {
    fn says(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).expect("the bot listens");
    }

    /// Reads up to the line that begins like this, and returns it.
    fn hears(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            let count = self.reader.read_line(&mut line).expect("the bot speaks");
            assert!(count > 0, "the bot left before it said {start:?}");
            if line.starts_with(start) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// Lets the bot in as a server without extensions does.
    fn welcomes(&mut self) {
        self.hears("USER ");
        self.says(":played 421 waddlebot CAP :Unknown command");
        self.says(":played 001 waddlebot :Welcome");
        self.says(":played 422 waddlebot :No MOTD");
        self.hears("JOIN #ducks");
        self.says(":waddlebot!w@host JOIN #ducks");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twitch_is_understood() {
    let played = Played::new();
    let settings = Settings { password: Some(Secret::new("oauth:duck")), ..played.settings() };
    let irc = Irc::new(settings, Clock::real()).expect("settings that hold");
    let (house, kept) = House::on_irc(&irc);
    let mut twitch = played.takes();
    twitch.hears("PASS oauth:duck");
    twitch.says(":tmi.twitch.tv CAP * LS :twitch.tv/commands twitch.tv/membership twitch.tv/tags");
    assert_eq!(twitch.hears("CAP REQ"), "CAP REQ :twitch.tv/commands twitch.tv/tags");
    twitch.says(":tmi.twitch.tv CAP * ACK :twitch.tv/commands twitch.tv/tags");
    twitch.hears("CAP END");
    twitch.says(":tmi.twitch.tv 001 waddlebot :Welcome, GLHF!");
    twitch.says(":tmi.twitch.tv 376 waddlebot :>");
    twitch.hears("JOIN #ducks");
    twitch.says(":waddlebot!waddlebot@waddlebot.tmi.twitch.tv JOIN #ducks");
    let long = "ä".repeat(500);
    twitch.says(&format!("@badges=;display-name=Bob;id=m0;user-id=8 :bob!bob@bob.tmi.twitch.tv PRIVMSG #ducks :{long}"));
    twitch.says(r"@badge-info=;badges=moderator/1;bits=100;color=;display-name=Ana;emotes=;id=m1;mod=1;room-id=1;tmi-sent-ts=1767225600123;user-id=7 :ana!ana@ana.tmi.twitch.tv PRIVMSG #ducks :!ping Cheer100");
    twitch.says(r"@display-name=Ninja;id=r1;login=ninja;msg-id=raid;msg-param-displayName=Ninja;msg-param-viewerCount=12;user-id=9 :tmi.twitch.tv USERNOTICE #ducks");
    assert_eq!(twitch.hears("PRIVMSG #ducks"), "PRIVMSG #ducks :pong Cheer100");

    let (_, message) = house.hears("Cheer100");
    assert_eq!((message.by.role, message.by.id.as_ref(), message.id.as_ref(), message.at), (Role::Moderator, "7", "m1", 1_767_225_600_123));
    assert_eq!(house.messages()[0].1.text, long);
    eventually("the raid is heard", PATIENCE, || house.events().len() == 2);
    let kinds: Vec<(EventKind, i64)> = house.events().iter().map(|(_, event)| (event.kind, event.amount)).collect();
    assert_eq!(kinds, [(EventKind::Cheer, 100), (EventKind::Raid, 12)]);
    assert!(irc.limits(&irc.channels().next().expect("a channel")).length <= 500);
    kept.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_twitch_password_stops_the_bot() {
    let played = Played::new();
    let settings = Settings { password: Some(Secret::new("oauth:wrong")), ..played.settings() };
    let irc = Irc::new(settings, Clock::real()).expect("settings that hold");
    let (_house, kept) = House::on_irc(&irc);
    let mut twitch = played.takes();
    twitch.hears("NICK");
    twitch.says(":tmi.twitch.tv NOTICE * :Login authentication failed");
    let trouble = kept.await.expect("no panic").expect("a trouble");
    assert!(trouble.contains("refused the password") && !trouble.contains("oauth"), "{trouble}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_without_an_end_are_one_line_dropped() {
    let played = Played::new();
    let irc = Irc::new(played.settings(), Clock::real()).expect("settings that hold");
    let (house, kept) = House::on_irc(&irc);
    let mut talk = played.takes();
    talk.welcomes();
    talk.stream.write_all(b":ana!a@h PRIVMSG #ducks :").expect("the bot listens");
    let piece = vec![b'a'; 1 << 20];
    for _ in 0..10 {
        talk.stream.write_all(&piece).expect("the bot listens");
    }
    talk.says("");
    talk.says(":ana!a@h PRIVMSG #ducks :!ping after");
    assert_eq!(talk.hears("PRIVMSG"), "PRIVMSG #ducks :pong after");
    assert_eq!(house.messages().len(), 1);
    eventually("it is counted", PATIENCE, || irc.status().too_long == 1);
    kept.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_the_connection_is_asked_again_after_a_pause() {
    let played = Played::new();
    let irc = Irc::new(played.settings(), Clock::real()).expect("settings that hold");
    let (_house, kept) = House::on_irc(&irc);
    let mut talk = played.takes();
    talk.welcomes();
    talk.says("ERROR :Closing link: (K-Lined)");
    talk.stream.shutdown(Shutdown::Both).expect("a socket can be closed");
    let mut talk = played.takes();
    assert!(irc.status().trouble.is_some_and(|trouble| trouble.contains("K-Lined")));
    talk.welcomes();
    talk.says("PING :still there");
    assert_eq!(talk.hears("PONG"), "PONG :still there");
    kept.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_not_written_is_known_as_such() {
    let played = Played::new();
    let irc = Irc::new(Settings { flood: Flood::Rfc, ..played.settings() }, Clock::turned()).expect("settings that hold");
    let (_house, kept) = House::on_irc(&irc);
    let mut talk = played.takes();
    talk.welcomes();
    eventually("the bot is in", PATIENCE, || irc.status().channels[0].1);
    let channel = irc.channels().next().expect("a channel");
    let line = |text: &str| Outgoing { channel: channel.clone(), text: text.into(), key: "key".into() };
    for number in 0..4 {
        irc.send(&line(&format!("word {number}"))).await.expect("is said");
    }
    let (waits, lost) = (line("no budget"), line("no connection"));
    let (waiting, losing) = (irc.send(&waits), irc.send(&lost));
    talk.stream.shutdown(Shutdown::Both).expect("a socket can be closed");
    let told = [waiting.await, losing.await].map(|told| told.expect_err("it cannot be said").to_string());
    assert_eq!(told, ["not connected to irc", "not connected to irc"]);
    talk.hears("PRIVMSG #ducks :word 3");
    kept.abort();
}
