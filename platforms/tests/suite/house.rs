//! A house that only listens, and answers `!ping`: what a platform under test hands its messages to.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use waddlebot_platforms::irc::Irc;
use waddlebot_runtime::chat::{ChannelKey, ChatMessage, Text};
use waddlebot_runtime::event::Event;
use waddlebot_runtime::intake::{Ear, Ears, Heard, Unheard};
use waddlebot_runtime::platform::{Boxed, Outgoing, Platform};
use waddlebot_runtime::spawn;
use waddlebot_testbed::eventually_some;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that was heard. Cloning shares it.
#[derive(Clone, Default)]
pub(crate) struct House(Arc<Memory>);

#[derive(Default)]
struct Memory {
    platform: OnceLock<Arc<dyn Platform>>,
    messages: Mutex<Vec<(ChannelKey, ChatMessage)>>,
    events: Mutex<Vec<(ChannelKey, Event)>>,
}

impl House {
    /// A house that answers over this platform.
    pub(crate) fn on(platform: Arc<dyn Platform>) -> Self {
        let house = Self::default();
        assert!(house.0.platform.set(platform).is_ok(), "a new house has no platform");
        house
    }

    /// A house on IRC, with the connection kept by the task that is returned.
    pub(crate) fn on_irc(irc: &Irc) -> (Self, tokio::task::JoinHandle<Option<String>>) {
        let house = Self::on(Arc::new(irc.clone()));
        let (irc, ears) = (irc.clone(), Arc::new(house.clone()));
        let kept = spawn::task("kept", async move { irc.run(ears).await.map(|trouble| trouble.to_string()) });
        (house, kept)
    }

    /// Everything said so far.
    pub(crate) fn messages(&self) -> Vec<(ChannelKey, ChatMessage)> {
        self.0.messages.lock().clone()
    }

    /// Everything that happened so far.
    pub(crate) fn events(&self) -> Vec<(ChannelKey, Event)> {
        self.0.events.lock().clone()
    }

    /// Waits for the first message that contains `part`.
    pub(crate) fn hears(&self, part: &str) -> (ChannelKey, ChatMessage) {
        eventually_some(&format!("the bot hears {part:?}"), PATIENCE, || {
            self.messages().into_iter().find(|(_, message)| message.text.contains(part))
        })
    }

    fn answer(&self, channel: &ChannelKey, message: &ChatMessage) {
        let Some(argument) = message.text.strip_prefix("!ping") else { return };
        let platform = self.0.platform.get().expect("a house has a platform").clone();
        let line = Outgoing { channel: channel.clone(), text: format!("pong{argument}").into(), key: Text::new() };
        spawn::task("answer", async move { platform.send(&line).await.expect("the answer goes out") });
    }
}

impl Ears for House {
    fn channel<'a>(&'a self, key: &'a ChannelKey) -> Boxed<'a, Result<Arc<dyn Ear>, Unheard>> {
        let door = Door { house: self.clone(), key: key.clone() };
        Box::pin(async move { Ok(Arc::new(door) as Arc<dyn Ear>) })
    }
}

struct Door {
    house: House,
    key: ChannelKey,
}

impl Ear for Door {
    fn hear(&self, heard: Heard) -> Result<(), (Unheard, Heard)> {
        let said = match heard {
            Heard::Said(messages) => messages,
            Heard::Asked(message, answer) => {
                answer.send(Arc::default()).expect("who asks waits");
                vec![message]
            }
            Heard::Happened(event, answer) => {
                self.house.0.events.lock().push((self.key.clone(), event));
                if let Some(answer) = answer {
                    answer.send(Arc::default()).expect("who tells waits");
                }
                return Ok(());
            }
        };
        for message in said {
            self.house.0.messages.lock().push((self.key.clone(), message.clone()));
            self.house.answer(&self.key, &message);
        }
        Ok(())
    }

    fn ready(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}
