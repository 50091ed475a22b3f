//! The real program is killed at every step of a command's way and at any moment under load: nothing accepted is lost,
//! nothing is done twice.
#![expect(clippy::unwrap_used, reason = "a test may")]

#[path = "program/rig.rs"]
mod rig;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use rig::{Rig, replies};
use serde_json::{Value, json};
use waddlebot_testbed::{Bot, Deadline, Postgres, Redis, eventually, irc};

const QUOTE: &str = "!memories add quote \"To be or not to be\" Hamlet";
const KEPT: &str = "Kept as #1: \"To be or not to be\" – Hamlet";
const LIMIT: Duration = Duration::from_secs(30);

/// Waits until the program has killed itself at the step it was told to.
fn dies(bot: &mut Bot, step: &str) {
    assert_eq!(bot.wait_exit(LIMIT).signal(), Some(9), "it did not die at {step}:\n{}", bot.stderr());
}

/// How often the bot has said `part` in the lobby since its last start, as the hub shows it.
fn said_in_the_lobby(rig: &Rig, cookie: &str, part: &str) -> usize {
    let page = waddlebot_testbed::request(rig.address(), "GET", "/chat", &[("Cookie", cookie)], "").unwrap();
    assert_eq!(page.status, 200, "{}", page.body);
    page.body.matches(part).count()
}

/// Every step a durable command passes in a room whose platform drops what it has shown before.
#[test]
fn in_a_local_room_a_crash_at_any_step_loses_nothing_and_doubles_nothing() {
    for step in ["inbox-committed", "accepted", "executed", "committed", "before-sending", "sent"] {
        let rig = Rig::new(&[]);
        let mut bot = rig.start(&[("WADDLEBOT_KILL_AT", step)]);
        rig.says("lobby", "ana", QUOTE, "m1").expect_err("nobody is answered by the dead");
        dies(&mut bot, step);

        let bot = rig.start(&[]);
        let cookie = rig.log_in();
        assert_eq!(rig.hears_at_last("!memories list", "quotes"), "quotes (1): #1 \"To be or not to be\" – Hamlet", "{step}");
        eventually(&format!("the reply after {step}"), LIMIT, || said_in_the_lobby(&rig, &cookie, "Kept as #1") == 1);

        let again = rig.says("lobby", "ana", QUOTE, "m1").unwrap();
        assert_eq!((replies(&again), &again["verdict"]), (vec![KEPT.to_owned()], &"duplicate".into()), "{step}");
        assert!(rig.hears("!memories list").starts_with("quotes (1): #1 "), "{step}");
        assert_eq!(said_in_the_lobby(&rig, &cookie, "Kept as #1"), 1, "{step}");
        drop(bot);

        let _bot = rig.start(&[]);
        assert!(rig.hears("!memories list").starts_with("quotes (1): #1 "), "nothing is left to be done after {step}");
    }
}

/// What happens in a channel goes the same way as what is said there.
#[test]
fn a_raid_in_which_the_program_dies_is_thanked_for_once() {
    for step in ["inbox-committed", "accepted", "executed", "committed", "before-sending", "sent"] {
        let rig = Rig::new(&[]);
        let raid =
            || rig.asks("POST", "/api/v1/local/lobby/events", &json!({ "type": "raid", "user": "frank", "viewers": 12, "id": "r1" }));
        let mut bot = rig.start(&[("WADDLEBOT_KILL_AT", step)]);
        raid().expect_err("nobody is answered by the dead");
        dies(&mut bot, step);

        let _bot = rig.start(&[]);
        let cookie = rig.log_in();
        let thanked = || said_in_the_lobby(&rig, &cookie, "Thanks for the raid with 12 viewers, frank!");
        eventually(&format!("the thanks after {step}"), LIMIT, || thanked() == 1);
        let again: Value = serde_json::from_str(&raid().unwrap().body).unwrap();
        assert_eq!(again["verdict"], "duplicate", "{step}: {again}");
        assert_eq!(thanked(), 1, "{step}");
    }
}

/// The same on a server that takes every line as a new one: a reply of which nobody knows is not said again.
#[test]
fn on_irc_a_crash_at_any_step_keeps_the_effect_and_never_repeats_a_reply() {
    let server = irc::Server::ngircd();
    let address = server.address().to_string();
    let steps = [
        ("inbox-committed", 1),
        ("accepted", 1),
        ("executed", 1),
        ("committed", 1),
        ("before-sending", 1),
        ("sending-marked", 0),
        ("sent", 1),
    ];
    for (step, heard) in steps {
        let channel = format!("#{step}");
        let rig = Rig::new(&on_irc(&address, &channel));
        // Who opens a channel is its operator, and so a moderator.
        let mut ana = server.person("ana");
        ana.joins(&channel);
        let mut bot = rig.start(&[("WADDLEBOT_KILL_AT", step)]);
        ana.hears("JOIN");
        ana.says(&channel, QUOTE);
        dies(&mut bot, step);

        let bot = rig.start(&[]);
        ana.hears("JOIN");
        let said = |ana: &irc::Person| ana.heard().iter().filter(|line| line.contains("PRIVMSG") && line.contains("Kept as #1")).count();
        eventually(&format!("the effect after {step}"), LIMIT, || rig.hears("!memories list").starts_with("quotes (1): #1 "));
        if heard == 1 && said(&ana) == 0 {
            ana.hears("Kept as #1");
        }
        ana.says(&channel, "!memories list");
        ana.hears("quotes (1): #1 ");
        assert_eq!(said(&ana), heard, "after {step}:\n{}", ana.heard().join("\n"));
        let unknown = if matches!(step, "sending-marked" | "sent") { 1.0 } else { 0.0 };
        assert_eq!(rig.metric("waddlebot_replies_unknown_total"), unknown, "{step}");
        assert_eq!(rig.health()["journal"]["replies_unknown"], unknown as u64, "{step}");
        drop(bot);

        let _bot = rig.start(&[]);
        ana.hears("JOIN");
        ana.says(&channel, "!ping end");
        ana.hears("pong end");
        assert_eq!(said(&ana), heard, "one start later, {step}");
        ana.quit();
    }
}

fn on_irc<'a>(address: &'a str, channels: &'a str) -> [(&'static str, &'a str); 5] {
    [
        ("WADDLEBOT_IRC_SERVER", address),
        ("WADDLEBOT_IRC_NICK", "waddle"),
        ("WADDLEBOT_IRC_CHANNELS", channels),
        ("WADDLEBOT_IRC_TLS", "false"),
        ("WADDLEBOT_IRC_FLOOD", "off"),
    ]
}

#[test]
fn killed_at_any_moment_under_load_on_sqlite_it_has_done_each_command_once() {
    under_load(&Rig::new(&[("ROUTER_DEFAULT_RATE_LIMIT", "1000000")]), 0x5eed_0001);
}

#[test]
fn killed_at_any_moment_under_load_on_postgresql_it_has_done_each_command_once() {
    let (database, redis) = (Postgres::shared().database(), Redis::start());
    let environment = [("ROUTER_DEFAULT_RATE_LIMIT", "1000000"), ("DATABASE_URL", &*database), ("REDIS_URL", &*redis.url())];
    under_load(&Rig::new(&environment), 0x5eed_0002);
}

/// How many speak at once.
const SPEAKERS: usize = 4;

/// A line that was sent, and what was answered if anything was.
struct Line {
    number: usize,
    speaker: usize,
    answered: Option<Vec<String>>,
}

impl Line {
    fn say(&self, rig: &Rig) -> std::io::Result<Vec<String>> {
        let Self { number, speaker, .. } = self;
        let text = format!("!memories add quote \"line {number}\" somebody");
        rig.says(&format!("room{speaker}"), &format!("user{speaker}"), &text, &format!("id-{number}")).map(|answer| replies(&answer))
    }
}

/// Five times: several people say durable commands until the program is killed; then it starts again.
fn under_load(rig: &Rig, seed: u64) {
    let mut chance = Chance(seed);
    let mut lines = Vec::new();
    for _ in 0..5 {
        let mut bot = rig.start(&[]);
        let before = lines.len();
        let next = AtomicUsize::new(before);
        let said = Mutex::new(Vec::new());
        let (after, moment) = (40 + chance.below(80), Duration::from_micros(chance.below(4000) as u64));
        std::thread::scope(|scope| {
            for speaker in 0..SPEAKERS {
                let (next, said) = (&next, &said);
                scope.spawn(move || {
                    loop {
                        let mut line = Line { number: next.fetch_add(1, Relaxed), speaker, answered: None };
                        line.answered = line.say(rig).ok();
                        let dead = line.answered.is_none();
                        said.lock().unwrap().push(line);
                        if dead {
                            return;
                        }
                    }
                });
            }
            eventually("the load", LIMIT, || said.lock().unwrap().len() >= after);
            let moment = Deadline::within(moment);
            while !moment.passed() {
                std::hint::spin_loop();
            }
            bot.kill_9();
        });
        lines.extend(said.into_inner().unwrap());
        assert_eq!(lines.iter().skip(before).filter(|line| line.answered.is_none()).count(), SPEAKERS);
    }

    let _bot = rig.start(&[]);
    eventually("everything accepted is done", LIMIT, || rig.health()["journal"]["inbox"] == 0);
    let (sent, acknowledged) = (lines.len(), lines.iter().filter(|line| line.answered.is_some()).count());
    let done = kept(rig);
    assert!((acknowledged..=sent).contains(&done), "{done} effects, {acknowledged} acknowledged, {sent} sent");
    // Everybody says their line again: who was answered gets the same answer, who was not is answered now.
    let mut numbers = BTreeSet::new();
    for line in &lines {
        let answer = line.say(rig).unwrap();
        assert!(line.answered.is_none() || line.answered.as_ref() == Some(&answer), "{:?} became {answer:?}", line.answered);
        let number = answer.first().and_then(|line| line.strip_prefix("Kept as #")?.split(':').next()?.parse::<usize>().ok());
        assert!(numbers.insert(number.unwrap_or_else(|| panic!("line {} was answered {answer:?}", line.number))), "{answer:?} twice");
    }
    assert_eq!((kept(rig), numbers), (sent, (1..=sent).collect()), "each line has one effect");
    println!("{sent} sent, {acknowledged} acknowledged, {done} done after five kills");
}

/// How many quotes there are.
fn kept(rig: &Rig) -> usize {
    let overview = rig.hears("!memories list");
    overview.split_once("quotes (").and_then(|(_, rest)| rest.split_once(')')?.0.parse().ok()).unwrap_or(0)
}

/// Chance that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Reminders: one is due while nobody is there, the other one after the start; each is told once.
#[test]
fn a_reminder_is_told_after_a_crash_and_late_when_its_time_came_meanwhile() {
    let rig = Rig::new(&[]);
    let mut bot = rig.start(&[]);
    for (text, time) in [("first", "8s"), ("second", "12s")] {
        assert!(rig.hears(&format!("!memories remind {text} in {time}")).contains("I remind you at"));
    }
    let missed = Deadline::within(Duration::from_secs(8));
    bot.kill_9();
    eventually("the first reminder's time", LIMIT, || missed.passed());

    let mut bot = rig.start(&[]);
    let cookie = rig.log_in();
    eventually("the first reminder", LIMIT, || said_in_the_lobby(&rig, &cookie, "Reminder: first") == 1);
    eventually("the second reminder", LIMIT, || said_in_the_lobby(&rig, &cookie, "Reminder: second") == 1);
    assert_eq!(said_in_the_lobby(&rig, &cookie, "Reminder: first"), 1);
    assert!(rig.hears("!memories reminders").contains("Nothing waits for you"));
    assert!(bot.terminate().success());

    let _bot = rig.start(&[]);
    let cookie = rig.log_in();
    rig.hears("!ping");
    assert_eq!(said_in_the_lobby(&rig, &cookie, "Reminder:"), 0, "told once is told");
}
