//! The house a log is played in: one channel, a clock to turn, and everything that leaves written down.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Millis, Role, User};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::intake::{Ears as _, Heard, Outcome};
use waddlebot_runtime::module::Module;
use waddlebot_runtime::platform::Profile;
use waddlebot_runtime::response::Response;
use waddlebot_runtime::store::Place;

use super::log::OVERLAY;
use crate::rules::wire::Draft;
use crate::seat::{Entry, entry};
use crate::stage::Stage;
use crate::{installed, modules, registry};

/// How long something that must happen may take, in real time.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Room {
    stage: Option<Stage>,
    entries: Vec<Entry>,
    place: Place,
    key: ChannelKey,
    said: usize,
    last: Option<Said>,
    came: Vec<String>,
}

#[derive(Clone)]
enum Said {
    Message(ChatMessage),
    Event(Event),
}

impl Room {
    /// A fresh one with all modules, and this one should it not be in the list.
    pub(super) async fn open<M: Module>(place: &Place) -> Self {
        let mut entries = modules::list();
        if !entries.iter().any(|entry| entry.name == M::NAME) {
            entries.push(entry::<M>());
        }
        let stage = open(&entries, place, Clock::turned()).await;
        let key = ChannelKey::new("stage", "", "room");
        Self { stage: Some(stage), entries, place: place.clone(), key, said: 0, last: None, came: Vec::new() }
    }

    fn stage(&self) -> &Stage {
        self.stage.as_ref().expect("the house is open between two steps")
    }

    /// Somebody says something; what came of it.
    pub(super) async fn say(&mut self, name: &str, role: Role, text: &str) -> Arc<Outcome> {
        let message = ChatMessage { id: self.id(), by: user(name, role), text: text.into(), at: self.stage().clock.now() };
        self.last = Some(Said::Message(message.clone()));
        self.heard(|asked| Heard::Asked(message.clone(), asked)).await
    }

    /// Something happens.
    pub(super) async fn happen(&mut self, kind: EventKind, name: &str, amount: i64) {
        let event = Event { id: self.id(), kind, by: user(name, Role::Viewer), amount, text: "".into() };
        self.last = Some(Said::Event(event.clone()));
        self.heard(|asked| Heard::Happened(event.clone(), Some(asked))).await;
    }

    /// The last thing is heard once more.
    pub(super) async fn again(&mut self) {
        match self.last.clone().expect("something was heard before") {
            Said::Message(message) => self.heard(|asked| Heard::Asked(message.clone(), asked)).await,
            Said::Event(event) => self.heard(|asked| Heard::Happened(event.clone(), Some(asked))).await,
        };
    }

    /// Hands it to the channel, to the newly opened one when the known one is just closing.
    async fn heard(&self, heard: impl Fn(oneshot::Sender<Arc<Outcome>>) -> Heard) -> Arc<Outcome> {
        let hear = async {
            loop {
                let (sender, receiver) = oneshot::channel();
                let ear = self.stage().household.channel(&self.key).await.expect("the channel opens");
                if ear.hear(heard(sender)).is_ok()
                    && let Ok(outcome) = receiver.await
                {
                    return outcome;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, hear).await.expect("the channel answers")
    }

    /// Lets time pass, from alarm to alarm.
    pub(super) async fn pass(&mut self, time: Duration) {
        let clock = self.stage().clock.clone();
        let end = clock.now() + Millis::try_from(time.as_millis()).expect("a time of this world");
        self.settle().await;
        while let Some(at) = self.next_alarm().await.filter(|at| *at <= end) {
            turn_to(&clock, at);
            let rung = async {
                while self.next_alarm().await == Some(at) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(PATIENCE, rung).await.expect("an alarm rings when its time has come");
            self.settle().await;
        }
        turn_to(&clock, end);
        self.settle().await;
    }

    async fn next_alarm(&self) -> Option<Millis> {
        installed::next_alarm(self.stage().household.store()).await.expect("the store answers")
    }

    /// Stops the house and opens it again on the same database.
    pub(super) async fn restart(&mut self) {
        self.sleep(Duration::ZERO).await;
    }

    /// The same, with some time between.
    pub(super) async fn sleep(&mut self, time: Duration) {
        self.collect().await;
        let clock = self.stage().clock.clone();
        self.stage.take().expect("open").close().await;
        clock.turn(time);
        self.stage = Some(open(&self.entries, &self.place, clock).await);
        self.settle().await;
    }

    /// Changes one setting of a module; the house is opened anew with it.
    pub(super) async fn set<M: Module>(&mut self, key: &str, value: Value) {
        let stage = self.stage();
        let (store, now) = (stage.household.store().clone(), stage.clock.now());
        let home = registry::home(&store, now).await.expect("a community");
        let mut settings: Map<String, Value> = installed::load(&store, home.id)
            .await
            .expect("the store answers")
            .remove(M::NAME)
            .and_then(|installed| serde_json::from_str(&installed.settings).ok())
            .unwrap_or_default();
        settings.insert(key.to_owned(), value);
        let settings = Value::from(settings).to_string();
        serde_json::from_str::<M::Settings>(&settings).expect("the module has such a setting");
        let (_, claim) = stage.household.community(home.id).await.expect("the community opens");
        let mut tx = store.begin_fenced(&claim).await.expect("a transaction");
        installed::set(&mut tx, home.id, M::NAME, &settings, now).await.expect("the setting is kept");
        tx.into_inner().commit().await.expect("the setting is kept");
        self.restart().await;
    }

    /// Gives the community a string rule, as programs write it.
    pub(super) async fn rule(&mut self, rule: Value) {
        let draft: Draft = serde_json::from_value(rule).expect("the rule can be read");
        let rule = draft.into_rule().expect("the rule is whole");
        let home = registry::home(self.stage().household.store(), self.stage().clock.now()).await.expect("a community");
        self.stage().household.save_rule(home.id, rule, "ana").await.expect("the rule is saved");
    }

    /// What left the house since the last look: waits for as much as is expected, then for what is under way.
    pub(super) async fn came(&mut self, expected: usize) -> Vec<String> {
        let wait = async {
            loop {
                self.collect().await;
                if self.came.len() >= expected {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // What does not come is told by the comparison.
        tokio::time::timeout(PATIENCE, wait).await.ok();
        std::mem::take(&mut self.came)
    }

    async fn collect(&mut self) {
        self.settle().await;
        let seen = self.stage().seen.clone();
        self.came.extend(seen.lines().into_iter().map(|(_, text)| text));
        self.came.extend(seen.items().iter().map(written));
    }

    /// Waits until everybody who lives here has handled what waited.
    async fn settle(&self) {
        let world = self.stage().household.world();
        for _ in 0..3 {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            let now = world.clock.since_boot();
            for reading in world.roster.readings(now) {
                world.roster.look(&reading.key, now).await;
            }
        }
    }

    /// Stops the house; what still came.
    pub(super) async fn close(mut self) -> Vec<String> {
        let seen = self.stage().seen.clone();
        self.collect().await;
        self.stage.take().expect("open").close().await;
        self.came.extend(seen.lines().into_iter().map(|(_, text)| text));
        self.came.extend(seen.items().iter().map(written));
        self.came
    }

    fn id(&mut self) -> waddlebot_runtime::chat::Text {
        self.said += 1;
        format!("line-{}", self.said).into()
    }
}

async fn open(entries: &[Entry], place: &Place, clock: Clock) -> Stage {
    let stage = Stage::open(entries, place, clock).await;
    stage.seen.knows(Profile {
        name: "ninja".into(),
        url: Some("https://twitch.tv/ninja".into()),
        game: Some("Chess".into()),
        avatar: Some("https://example.org/ninja.png".into()),
    });
    stage
}

fn turn_to(clock: &Clock, at: Millis) {
    clock.turn(Duration::from_millis(u64::try_from(at - clock.now()).unwrap_or(0)));
}

fn user(name: &str, role: Role) -> User {
    User { id: name.to_lowercase().into(), name: name.into(), role }
}

/// An overlay item with its text readable, as the log compares it.
fn written(item: &Response) -> String {
    match item {
        Response::General(general) => format!("{OVERLAY}{}", general.content),
        other => format!("{OVERLAY}{}", serde_json::to_string(other).unwrap_or_default()),
    }
}
