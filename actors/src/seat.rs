//! A module behind one face: what the host and the channel need of any module, whatever it is.

use serde_json::Value;
use waddlebot_runtime::chat::{ChannelKey, CommunityId, Millis, User};
use waddlebot_runtime::command::{CommandInfo, Missing, Words};
use waddlebot_runtime::event::{Event, EventKind};
use waddlebot_runtime::module::{Context, Counts, Desk, Expansion, Module, ModuleError, Posted};
use waddlebot_runtime::offer::Offer;
use waddlebot_runtime::platform::{Boxed, Profiles};
use waddlebot_runtime::response::Response;

/// One line of the list of modules.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The module's name.
    pub name: &'static str,
    /// One line for the hub.
    pub about: &'static str,
    /// What wakes it besides commands.
    pub wakes_on: &'static [EventKind],
    /// Whether communities teach it words.
    pub taught: bool,
    /// Its commands, as everybody sees them.
    pub commands: fn() -> Vec<CommandInfo>,
    /// Opens a seat for one community, with its saved memory and settings.
    pub sit: fn(memory: &str, settings: &str) -> Result<Box<dyn Seat>, serde_json::Error>,
}

/// The list's line for a module.
#[must_use]
pub const fn entry<M: Module>() -> Entry {
    Entry {
        name: M::NAME,
        about: M::ABOUT,
        wakes_on: M::WAKES_ON,
        taught: M::TAUGHT,
        commands: || M::COMMANDS.iter().map(|spec| spec.info(M::NAME)).collect(),
        sit: |memory, settings| {
            let module = if memory == "null" || memory.is_empty() { M::default() } else { serde_json::from_str(memory)? };
            let settings = if settings == "{}" || settings.is_empty() { M::Settings::default() } else { serde_json::from_str(settings)? };
            Ok(Box::new(Chair::<M> { module, settings }))
        },
    }
}

/// Everything of a context but the module's own settings.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The community.
    pub community: CommunityId,
    /// Where it was said or happened.
    pub channel: &'a ChannelKey,
    /// Wall time.
    pub now: Millis,
    /// The community's time zone.
    pub timezone: &'a str,
    /// What chat may type.
    pub offer: &'a Offer,
    /// What the channel counted.
    pub counts: Counts,
    /// Look-ups.
    pub profiles: &'a dyn Profiles,
    /// Store, claim, randomness.
    pub desk: &'a Desk,
}

/// What a module said to one command.
pub enum Said {
    /// Its answer.
    Answer(Result<Vec<Response>, ModuleError>),
    /// Something was missing behind the word.
    Missing(Missing),
}

/// A module in its place in one community.
pub trait Seat: Send {
    /// Reads its own tables.
    fn open<'a>(&'a mut self, scene: Scene<'a>) -> Boxed<'a, Result<(), ModuleError>>;
    /// The command in row `index` of its table, with the words behind it.
    fn command<'a>(&'a mut self, index: usize, rest: &'a str, by: &'a User, scene: Scene<'a>) -> Boxed<'a, Said>;
    /// An event it wakes on.
    fn event<'a>(&'a mut self, event: &'a Event, scene: Scene<'a>) -> Boxed<'a, Result<Vec<Response>, ModuleError>>;
    /// The time it asked for has come.
    fn woken<'a>(&'a mut self, scene: Scene<'a>) -> Boxed<'a, Result<Vec<Posted>, ModuleError>>;
    /// When it wants to be woken.
    fn wakes_at(&self) -> Option<Millis>;
    /// The words it was taught.
    fn expansions(&self) -> Vec<Expansion>;
    /// One of them was used.
    fn expanded(&mut self, word: &str, now: Millis);
    /// Its memory as JSON.
    fn memory(&self) -> String;
    /// Its memory and settings, for the inspector.
    fn look(&self) -> Value;
}

struct Chair<M: Module> {
    module: M,
    settings: M::Settings,
}

impl<M: Module> Chair<M> {
    fn context<'a>(settings: &'a M::Settings, scene: Scene<'a>) -> Context<'a, M> {
        let Scene { community, channel, now, timezone, offer, counts, profiles, desk } = scene;
        Context::new(community, channel, now, timezone, settings, offer, counts, profiles, desk)
    }
}

impl<M: Module> Seat for Chair<M> {
    fn open<'a>(&'a mut self, scene: Scene<'a>) -> Boxed<'a, Result<(), ModuleError>> {
        let Self { module, settings } = self;
        Box::pin(async move { module.open(&Self::context(settings, scene)).await })
    }

    fn command<'a>(&'a mut self, index: usize, rest: &'a str, by: &'a User, scene: Scene<'a>) -> Boxed<'a, Said> {
        let Self { module, settings } = self;
        Box::pin(async move {
            let Some(spec) = M::COMMANDS.get(index) else {
                return Said::Answer(Err(ModuleError::refused("this command is not there any more")));
            };
            match (spec.read)(&mut Words::new(rest)) {
                Ok(command) => Said::Answer(module.command(command, by, &Self::context(settings, scene)).await),
                Err(missing) => Said::Missing(missing),
            }
        })
    }

    fn event<'a>(&'a mut self, event: &'a Event, scene: Scene<'a>) -> Boxed<'a, Result<Vec<Response>, ModuleError>> {
        let Self { module, settings } = self;
        Box::pin(async move { module.event(event, &Self::context(settings, scene)).await })
    }

    fn woken<'a>(&'a mut self, scene: Scene<'a>) -> Boxed<'a, Result<Vec<Posted>, ModuleError>> {
        let Self { module, settings } = self;
        Box::pin(async move { module.woken(&Self::context(settings, scene)).await })
    }

    fn wakes_at(&self) -> Option<Millis> {
        self.module.wakes_at()
    }

    fn expansions(&self) -> Vec<Expansion> {
        self.module.expansions()
    }

    fn expanded(&mut self, word: &str, now: Millis) {
        self.module.expanded(word, now);
    }

    fn memory(&self) -> String {
        serde_json::to_string(&self.module).unwrap_or_else(|_| "null".into())
    }

    fn look(&self) -> Value {
        serde_json::json!({
            "module": M::NAME,
            "memory": serde_json::to_value(&self.module).unwrap_or_default(),
            "settings": serde_json::to_value(&self.settings).unwrap_or_default(),
        })
    }
}
