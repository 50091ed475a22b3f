//! IRC against the real thing: ngircd, InspIRCd and Atheme, with people who look and who make trouble.

#[path = "suite/house.rs"]
mod house;

use std::sync::Arc;
use std::time::Duration;

use house::{House, PATIENCE};
use tokio::task::JoinHandle;
use waddlebot_platforms::irc::Irc;
use waddlebot_platforms::irc::actor::Connection;
use waddlebot_platforms::irc::settings::{Flood, Secret, Settings};
use waddlebot_platforms::irc::status::Phase;
use waddlebot_runtime::actor::{World, open_root};
use waddlebot_runtime::chat::Text;
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::platform::{Outgoing, Platform, PlatformError};
use waddlebot_testbed::eventually;
use waddlebot_testbed::irc::{Person, Server};

/// A bot on a server; it is gone when the test is.
struct Bot {
    irc: Irc,
    house: House,
    kept: JoinHandle<Option<String>>,
}

impl Bot {
    fn start(settings: Settings, clock: Clock) -> Self {
        let irc = Irc::new(settings, clock).expect("settings that hold");
        let (house, kept) = House::on_irc(&irc);
        Self { irc, house, kept }
    }

    /// In `#ducks` of a server, without a flood budget.
    fn on(server: &Server) -> Self {
        let bot = Self::start(plain(server), Clock::real());
        bot.is_in();
        bot
    }

    fn is_in(&self) {
        eventually("the bot is in its channel", PATIENCE, || self.irc.status().channels.iter().all(|(_, entered)| *entered));
    }

    fn line(&self, text: &str, key: &'static str) -> Outgoing {
        let channel = self.irc.channels().next().expect("a channel");
        Outgoing { channel, text: text.into(), key: Text::from_static(key) }
    }

    async fn says(&self, text: &str) -> Result<(), PlatformError> {
        self.irc.send(&self.line(text, "key")).await
    }

    /// How the bot ended, in the words of the log.
    async fn ends(&mut self) -> Option<String> {
        tokio::time::timeout(PATIENCE, &mut self.kept).await.expect("it ends in time").expect("it does not panic")
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.kept.abort();
    }
}

fn plain(server: &Server) -> Settings {
    Settings { server: server.address().to_string(), channels: vec!["#ducks".into()], tls: false, flood: Flood::Off, ..Settings::default() }
}

/// Somebody in `#ducks`: its operator, if they are the first there.
fn person(server: &Server, nick: &str) -> Person {
    let mut person = server.person(nick);
    person.joins("#ducks");
    person
}

/// The bot answers this person.
fn answers(person: &mut Person) {
    person.says("#ducks", "!ping still");
    person.hears("PRIVMSG #ducks :pong still");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_times_come_from_a_server_that_has_them() {
    let server = Server::inspircd();
    let bot = Bot::on(&server);
    let clock = Clock::real();
    let mut speaker = person(&server, "ana");
    speaker.says("#ducks", "hello");
    let (_, message) = bot.house.hears("hello");
    assert!(!message.id.is_empty());
    assert!((clock.now() - message.at).abs() < 10_000, "{} is not now", message.at);
    assert_eq!(bot.irc.status().network, "Testbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_logged_in_is_known_by_their_account() {
    let server = Server::inspircd_with_services();
    server.register("wade", "secret");
    server.register("waddlebot", "quack");
    let sasl = Settings { sasl_user: Some("waddlebot".into()), sasl_password: Some(Secret::new("quack")), ..plain(&server) };
    let bot = Bot::start(sasl, Clock::real());
    bot.is_in();
    let mut ana = person(&server, "ana");
    ana.send("WHOIS waddlebot");
    ana.hears(" 330 ana waddlebot waddlebot ");
    ana.says("NickServ", "IDENTIFY wade secret");
    ana.hears("You are now identified");
    ana.says("#ducks", "it is me");
    assert_eq!(bot.house.hears("it is me").1.by.id, "wade");
    let mut speaker = person(&server, "wade");
    speaker.says("#ducks", "no, me");
    assert_eq!(bot.house.hears("no, me").1.by.id, "wade!");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sasl_password_stops_the_bot_with_a_clear_word() {
    let server = Server::inspircd_with_services();
    server.register("waddlebot", "quack");
    let wrong = Settings { sasl_user: Some("waddlebot".into()), sasl_password: Some(Secret::new("moo")), ..plain(&server) };
    let mut bot = Bot::start(wrong.clone(), Clock::real());
    let trouble = bot.ends().await.expect("a trouble");
    assert!(trouble.contains("refused the SASL login as `waddlebot`") && trouble.contains("sasl_password"), "{trouble}");
    assert!(!trouble.contains("moo"));
    assert_eq!(bot.irc.status().phase, Phase::Stopped);

    // Told to go on without, it does.
    let bot = Bot::start(Settings { sasl_required: false, ..wrong }, Clock::real());
    bot.is_in();
    answers(&mut person(&server, "ana"));
    assert!(bot.irc.status().trouble.is_some_and(|trouble| trouble.contains("SASL")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_nick_is_worked_around_and_taken_back() {
    let server = Server::ngircd();
    let taker = person(&server, "waddlebot");
    let bot = Bot::on(&server);
    assert_eq!(bot.irc.status().nick, "waddlebot_");
    answers(&mut person(&server, "ana"));
    taker.quit();
    eventually("the bot has its nick", PATIENCE, || bot.irc.status().nick == "waddlebot");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kicked_bot_comes_back_and_answers() {
    for server in [Server::ngircd(), Server::inspircd()] {
        let mut ana = person(&server, "ana");
        let bot = Bot::on(&server);
        ana.send("KICK #ducks waddlebot :out");
        eventually("the bot is out", PATIENCE, || !bot.irc.status().channels[0].1);
        assert!(matches!(bot.says("may I?").await, Err(PlatformError::Refused { .. })));
        ana.hears("JOIN");
        bot.is_in();
        answers(&mut ana);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kicked_person_is_an_event() {
    let server = Server::ngircd();
    let mut ana = person(&server, "ana");
    let bot = Bot::on(&server);
    let _bob = person(&server, "bob");
    ana.send("KICK #ducks bob :rude");
    eventually("the bot is told", PATIENCE, || !bot.house.events().is_empty());
    let (channel, event) = bot.house.events().remove(0);
    assert_eq!((event.kind, event.by.name.as_ref(), event.text.as_ref()), (EventKind::Kick, "bob", "rude"));
    assert_eq!(channel.channel(), "#ducks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_is_joined_again_when_it_is_back() {
    let mut server = Server::ngircd();
    let bot = Bot::on(&server);
    for stop in [Server::stop, Server::kill_9] {
        stop(&mut server);
        eventually("the bot notices", PATIENCE, || bot.irc.status().phase != Phase::Ready);
        assert_eq!(bot.says("anybody?").await, Err(PlatformError::Lost { platform: "irc" }));
        server.start_again();
        bot.is_in();
        answers(&mut person(&server, "ana"));
    }
    assert_eq!(bot.irc.status().welcomes, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_text_is_cut_at_characters_and_arrives_whole() {
    for server in [Server::ngircd(), Server::inspircd()] {
        let bot = Bot::on(&server);
        let mut ana = person(&server, "ana");
        let word = "zwölf🦆Enten";
        let text = vec![word; 100].join(" ");
        bot.says(&text).await.expect("is said");
        bot.says("the end").await.expect("is said");
        ana.hears("the end");
        let lines: Vec<&String> = ana.heard().iter().filter(|line| line.contains("PRIVMSG #ducks :zw")).collect();
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| line.len() + 2 <= 512), "{lines:?}");
        let pieces: Vec<&str> = lines.iter().filter_map(|line| line.split_once(" PRIVMSG #ducks :")).map(|(_, text)| text).collect();
        assert_eq!(pieces.join(" "), text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_heard_as_marks() {
    for server in [Server::ngircd(), Server::inspircd()] {
        let bot = Bot::on(&server);
        let mut ana = person(&server, "ana");
        ana.send_bytes(b"PRIVMSG #ducks :caf\xe9 \xff\xfe!\r\n");
        assert_eq!(bot.house.hears("caf").1.text, "caf\u{fffd} \u{fffd}\u{fffd}!");
        answers(&mut ana);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_needs_an_authority_that_is_trusted() {
    let server = Server::inspircd();
    let settings = Settings {
        server: format!("localhost:{}", server.tls_address().port()),
        tls: true,
        ca_file: Some(server.authority().to_owned()),
        ..plain(&server)
    };
    let trusting = Bot::start(settings.clone(), Clock::real());
    trusting.is_in();
    answers(&mut person(&server, "ana"));

    let wary = Bot::start(Settings { ca_file: None, nick: "wary".into(), ..settings.clone() }, Clock::real());
    let complains = |bot: &Bot, what: &str| bot.irc.status().trouble.is_some_and(|trouble| trouble.contains(what));
    eventually("an unknown authority is refused", PATIENCE, || complains(&wary, "UnknownIssuer"));

    let plain_port = Settings { server: server.address().to_string(), nick: "lost".into(), ..settings };
    let clock = Clock::turned();
    let lost = Bot::start(plain_port, clock.clone());
    eventually("a port without TLS is named", PATIENCE, || {
        clock.turn(Duration::from_secs(1));
        complains(&lost, "does the port speak TLS")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_leaves_says_all_it_has_to_say_and_goodbye() {
    let server = Server::ngircd();
    let mut bot = Bot::on(&server);
    let mut ana = person(&server, "ana");
    for number in 0..50 {
        bot.irc.send(&bot.line(&format!("last words {number}"), "")).await.expect("is taken");
    }
    bot.irc.leave();
    assert_eq!(bot.ends().await, None);
    assert!(ana.hears(" QUIT ").contains("WaddleBot leaves"));
    assert!(ana.has_heard("last words 49"));
    assert_eq!(bot.irc.status().phase, Phase::Off);
}

#[tokio::test(flavor = "multi_thread")]
async fn talk_keeps_to_the_flood_budget() {
    let server = Server::ngircd();
    let clock = Clock::turned();
    let bot = Bot::start(Settings { flood: Flood::Rfc, ..plain(&server) }, clock.clone());
    bot.is_in();
    let mut ana = person(&server, "ana");
    let said = |ana: &mut Person| {
        ana.catches_up();
        ana.heard().iter().filter(|line| line.contains("PRIVMSG #ducks :word")).count()
    };
    for number in 0..8 {
        bot.irc.send(&bot.line(&format!("word {number}"), "")).await.expect("is taken");
    }
    // One of the five lines that may go out at once was the JOIN.
    eventually("the burst is out", PATIENCE, || said(&mut ana) == 4);
    clock.turn(Duration::from_millis(1999));
    assert_eq!(said(&mut ana), 4);
    eventually("one more is out", PATIENCE, || {
        clock.turn(Duration::from_millis(1));
        said(&mut ana) == 5
    });
    assert_eq!(bot.irc.limits(&bot.line("", "").channel).budget.map(|budget| budget.burst), Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_an_actor_it_shows_how_it_is_and_leaves_when_it_is_stopped() {
    let server = Server::ngircd();
    let irc = Irc::new(plain(&server), Clock::real()).expect("settings that hold");
    let house = House::on(Arc::new(irc.clone()));
    let root = open_root::<Connection>("irc", (irc.clone(), Arc::new(house)), &World::new(Clock::real())).await.expect("opens");
    let mut ana = person(&server, "ana");
    eventually("the bot is in", PATIENCE, || irc.status().channels[0].1);
    answers(&mut ana);
    let memory = root.address.look().await.expect("answers");
    assert_eq!((memory["phase"].as_str(), memory["nick"].as_str()), (Some("ready"), Some("waddlebot")));
    root.stop(PATIENCE).await;
    ana.hears("WaddleBot leaves");
}
