//! The walk of a message through the whole house: in order, once, and past every broken module.

mod handed;
mod lease;
mod once;
mod replay;
mod straight;
mod thrift;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::command::Spec;
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::{Ears, Heard, Verdict, hand_on};
use waddlebot_runtime::module::{Answer, Context, Expansion, Module, ModuleError, Posted};
use waddlebot_runtime::response::{General, Response};
use waddlebot_runtime::store::{Place, file_in};

use crate::seat::{Entry, entry};
use crate::stage::Stage;

/// Counts in its memory, breaks on demand, and can be told to speak later.
#[derive(Default, Serialize, Deserialize)]
struct Trouble {
    count: i64,
    rings: i64,
    later: Option<(i64, String)>,
}

enum Command {
    Count,
    Echo(String),
    Show(String),
    Panic,
    Hang,
    Refuse,
    Later(i64),
    Ring(i64),
}

impl Module for Trouble {
    const NAME: &'static str = "trouble";
    const ABOUT: &'static str = "Breaks on demand";
    const WAKES_ON: &'static [EventKind] = &[EventKind::Raid];
    type Command = Command;
    type Settings = ();
    const COMMANDS: &'static [Spec<Command>] = &[
        Spec::new("count", "", |_| Ok(Command::Count)).writes(),
        Spec::new("slow", "", |_| Ok(Command::Count)).writes().cooldown(Duration::from_secs(30)),
        Spec::new("echo", "", |words| Ok(Command::Echo(words.rest()))),
        Spec::new("show", "", |words| Ok(Command::Show(words.rest()))),
        Spec::new("panic", "", |_| Ok(Command::Panic)),
        Spec::new("hang", "", |_| Ok(Command::Hang)),
        Spec::new("refuse", "", |_| Ok(Command::Refuse)).writes(),
        Spec::new("ring", "", |words| Ok(Command::Ring(words.number("times")?))).writes(),
        Spec::new("later", "", |words| Ok(Command::Later(words.number("seconds")?))).writes().role(Role::Moderator),
    ];

    async fn command(&mut self, command: Command, _: &User, cx: &Context<'_, Self>) -> Answer {
        match command {
            Command::Count => {
                self.count += 1;
                Ok(vec![Response::say(self.count.to_string())])
            }
            Command::Echo(text) => Ok(vec![Response::say(text)]),
            Command::Show(text) => Ok(vec![Response::General(General { content: text, ..General::default() })]),
            Command::Panic => panic!("told to"),
            Command::Hang => {
                std::future::pending::<()>().await;
                Ok(vec![])
            }
            Command::Refuse => {
                self.count += 100;
                Err(ModuleError::refused("not today"))
            }
            Command::Ring(times) => {
                self.rings = times;
                self.later = Some((cx.now + 1000, cx.channel.to_string()));
                Ok(vec![])
            }
            Command::Later(seconds) => {
                self.later = Some((cx.now + seconds * 1000, cx.channel.to_string()));
                Ok(vec![Response::say("will do")])
            }
        }
    }

    async fn event(&mut self, event: &Event, _: &Context<'_, Self>) -> Answer {
        Ok(vec![Response::say(format!("{} brings {}", event.by.name, event.amount))])
    }

    fn wakes_at(&self) -> Option<i64> {
        self.later.as_ref().map(|(at, _)| *at)
    }

    async fn woken(&mut self, _: &Context<'_, Self>) -> Result<Vec<Posted>, ModuleError> {
        let Some((_, channel)) = self.later.clone() else { return Ok(vec![]) };
        self.rings -= 1;
        if self.rings <= 0 {
            self.later = None;
        }
        let channel = waddlebot_runtime::chat::ChannelKey::parse(&channel).expect("saved by us");
        Ok(vec![Posted { channel, response: Response::say("it is later") }])
    }

    fn expansions(&self) -> Vec<Expansion> {
        vec![Expansion { word: "!shout".into(), text: "!echo {user}: {args}".into() }]
    }
}

/// Keeps out of trouble.
#[derive(Default, Serialize, Deserialize)]
struct Calm;

impl Module for Calm {
    const NAME: &'static str = "calm";
    const ABOUT: &'static str = "Answers";
    type Command = ();
    type Settings = ();
    const COMMANDS: &'static [Spec<()>] = &[Spec::new("calm", "", |_| Ok(()))];

    async fn command(&mut self, (): (), _: &User, _: &Context<'_, Self>) -> Answer {
        Ok(vec![Response::say("calm")])
    }
}

fn modules() -> [Entry; 2] {
    [entry::<Trouble>(), entry::<Calm>()]
}

struct House {
    stage: Stage,
    folder: tempfile::TempDir,
}

async fn house() -> House {
    limited(Duration::from_secs(60)).await
}

/// One in which a module's call may take so long, in real time.
async fn limited(limit: Duration) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::with_limit(&modules(), &Place::Sqlite(file_in(folder.path())), Clock::turned(), limit).await;
    House { stage, folder }
}

impl House {
    async fn said(&self, text: &str) -> (Verdict, Vec<String>) {
        self.said_as("ana", Role::Owner, text, "").await
    }

    async fn said_as(&self, name: &str, role: Role, text: &str, id: &str) -> (Verdict, Vec<String>) {
        let outcome = self.stage.say("room", name, role, text, id).await;
        let lines = outcome.responses.iter().map(|response| match response {
            Response::Chat(line) => line.shown().to_string(),
            other => format!("{other:?}"),
        });
        (outcome.verdict, lines.collect())
    }

    async fn restarted(self) -> Self {
        let Self { stage, folder } = self;
        let clock = stage.clock.clone();
        stage.close().await;
        let stage = Stage::with_limit(&modules(), &Place::Sqlite(file_in(folder.path())), clock, Duration::from_secs(60)).await;
        Self { stage, folder }
    }
}

fn lines(expected: &[&str]) -> Vec<String> {
    expected.iter().map(|line| (*line).to_owned()).collect()
}

#[tokio::test]
async fn a_command_is_answered_in_the_room_and_chatter_is_not() {
    let house = house().await;
    assert_eq!(house.said("hello").await, (Verdict::Chatter, vec![]));
    assert_eq!(house.said("!echo hi there").await, (Verdict::Done, lines(&["hi there"])));
    assert_eq!(house.said("!nothing").await.0, Verdict::Unknown);
    assert_eq!(house.said_as("bob", Role::Viewer, "!later 5", "").await.0, Verdict::Denied);
    assert_eq!(house.stage.seen.lines()[0], ("room".into(), "hi there".into()));
}

#[tokio::test]
async fn a_flood_of_commands_is_slowed_down_and_every_one_answered() {
    const MANY: usize = 6000;
    let house = house().await;
    let ear = house.stage.household.channel(&ChannelKey::new("stage", "", "room")).await.expect("the channel opens");
    let said = |number: usize| {
        let name = format!("v{}", number % 500);
        let by = User { id: name.clone().into(), name: name.into(), role: Role::Viewer };
        ChatMessage { id: "".into(), by, text: "!calm".into(), at: 0 }
    };
    hand_on(ear.as_ref(), Heard::Said((0..MANY).map(said).collect())).await.expect("the channel hears");
    let mut answers = Vec::new();
    let deadline = waddlebot_testbed::Deadline::within(Duration::from_secs(100));
    while answers.len() < MANY && !deadline.passed() {
        answers.extend(house.stage.seen.lines());
        tokio::task::yield_now().await;
    }
    assert_eq!(answers.len(), MANY);
    assert!(answers.iter().all(|(_, text)| text == "calm"), "{:?}", answers.iter().find(|(_, text)| text != "calm"));
}

#[tokio::test]
async fn the_same_message_twice_is_acted_on_once_and_answered_alike() {
    let house = house().await;
    assert_eq!(house.said_as("ana", Role::Owner, "!count", "m1").await, (Verdict::Done, lines(&["1"])));
    assert_eq!(house.said_as("ana", Role::Owner, "!count", "m1").await, (Verdict::Duplicate, lines(&["1"])));
    assert_eq!(house.said_as("ana", Role::Owner, "!count", "m2").await, (Verdict::Done, lines(&["2"])));
    assert_eq!(house.stage.seen.lines().len(), 2);
}

#[tokio::test]
async fn what_a_module_remembers_outlives_a_restart_and_a_refusal_leaves_nothing() {
    let house = house().await;
    house.said("!count").await;
    assert_eq!(house.said("!refuse").await, (Verdict::Failed, lines(&["@ana not today"])));
    let house = house.restarted().await;
    assert_eq!(house.said("!count").await.1, ["2"]);
}

#[tokio::test]
async fn a_module_that_panics_or_hangs_harms_nobody_else() {
    let house = limited(Duration::from_secs(3)).await;
    assert_eq!(house.said("!count").await.1, ["1"]);
    assert_eq!(house.said("!hang").await, (Verdict::Failed, lines(&["@ana hang took too long and was ended."])));
    assert_eq!(house.said("!count").await.1, ["2"], "it goes on after a hang");
    assert_eq!(house.said("!panic").await, (Verdict::Failed, lines(&["@ana !panic failed. It has been noted."])));
    assert_eq!(house.said("!calm").await.1, ["calm"]);
    assert_eq!(house.said("!count").await.0, Verdict::Failed, "it rests after a panic");
    house.stage.clock.turn(Duration::from_secs(5));
    assert_eq!(house.said("!count").await.1, ["3"]);
    let readings = house.stage.household.world().roster.readings(house.stage.clock.since_boot());
    let community = readings.iter().find(|reading| reading.kind == "community").expect("listed");
    assert!(community.last_error.as_deref().is_some_and(|why| why.contains("trouble")), "{community:?}");
}

#[tokio::test]
async fn a_slow_module_does_not_hold_up_the_answers_of_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::Sqlite(file_in(folder.path()));
    let stage = Stage::with_limit(&modules(), &place, Clock::turned(), Duration::from_secs(3)).await;
    let (slow, fast) = tokio::join!(stage.say("room", "ana", Role::Owner, "!hang", ""), async {
        let outcome = stage.say("room", "bob", Role::Viewer, "!calm", "").await;
        (outcome, stage.seen.lines())
    });
    assert_eq!((slow.verdict, fast.0.verdict), (Verdict::Failed, Verdict::Done));
    assert_eq!(fast.1, [("room".into(), "calm".into())], "calm was said while the other one hung");
}

#[tokio::test]
async fn an_event_wakes_who_asked_for_it_and_the_same_event_only_once() {
    let house = house().await;
    let first = house.stage.happen("room", EventKind::Raid, "ninja", 12, "e1").await;
    assert_eq!(first.responses, [Response::say("ninja brings 12")]);
    house.stage.happen("room", EventKind::Raid, "ninja", 12, "e1").await;
    house.stage.happen("room", EventKind::Follow, "eve", 0, "e2").await;
    assert_eq!(house.stage.seen.lines(), [("room".into(), "ninja brings 12".into())]);
}

#[tokio::test]
async fn an_alarm_fires_once_also_when_its_time_came_while_nobody_was_there() {
    let house = house().await;
    house.said("!later 30").await;
    drop(house.stage.seen.lines());
    house.stage.clock.turn(Duration::from_secs(29));
    house.said("!echo not yet").await;
    assert_eq!(house.stage.seen.lines(), [("room".into(), "not yet".into())]);
    let house = house.restarted().await;
    house.stage.clock.turn(Duration::from_secs(60));
    until(|| house.stage.seen.lines() == [("room".to_owned(), "it is later".to_owned())]).await;
    let house = house.restarted().await;
    house.said("!echo hi").await;
    assert_eq!(house.stage.seen.lines(), [("room".into(), "hi".into())]);
}

#[tokio::test]
async fn a_taught_word_is_resolved_with_the_speakers_own_rights() {
    let house = house().await;
    house.said("!count").await;
    until_true(async || house.said_as("bob", Role::Viewer, "!shout hi you", "").await.1 == ["bob: hi you"]).await;
}

#[tokio::test]
async fn a_module_that_is_switched_off_is_off_at_once_and_stays_off() {
    let house = house().await;
    let id = crate::registry::communities(house.stage.household.store()).await.expect("store").first().map(|community| community.id);
    assert_eq!(id, None, "no community before the first message");
    house.said("!calm").await;
    let id = crate::registry::communities(house.stage.household.store()).await.expect("store")[0].id;
    house.stage.household.switch(id, "calm", false).await.expect("switched");
    until_true(async || house.said("!calm").await.0 == Verdict::Disabled).await;
    let house = house.restarted().await;
    assert_eq!(house.said("!calm").await.0, Verdict::Disabled);
    house.stage.household.switch(id, "calm", true).await.expect("switched");
    until_true(async || house.said("!calm").await.0 == Verdict::Done).await;
}

#[tokio::test]
async fn whoever_nobody_needs_closes_and_opens_again_when_somebody_comes() {
    let house = house().await;
    assert_eq!(house.said("!calm").await, (Verdict::Done, lines(&["calm"])));
    let living = |kind: &str| {
        let world = house.stage.household.world();
        world.roster.readings(world.clock.since_boot()).iter().filter(|reading| reading.kind == kind).count()
    };
    assert_eq!((living("channel"), living("community")), (1, 1));
    until(|| {
        house.stage.clock.turn(Duration::from_secs(61));
        living("channel") + living("community") + living("module host") + living("user session") == 0
    })
    .await;
    assert_eq!(house.said("!calm").await, (Verdict::Done, lines(&["calm"])));
}

async fn until(mut holds: impl FnMut() -> bool) {
    until_true(async || holds()).await;
}

async fn until_true(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..6000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come true within a minute");
}
