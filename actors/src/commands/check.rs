//! What may be saved as a command, and what to tell who wrote one that may not.

use waddlebot_runtime::chat::ChannelKey;
use waddlebot_runtime::engine::EngineKind;

use super::{Command, Trigger};
use crate::channel::resolve::is_command;

/// The most commands of one community, and of all communities together that are everybody's.
pub const MOST: usize = 1000;
/// The most letters of a name, and of a module's name.
const NAME: usize = 60;
/// The most words of a name: `#weather tomorrow`.
const WORDS: usize = 3;
/// The most letters of a description.
const ABOUT: usize = 300;
/// The most letters of a location.
const LOCATION: usize = 2000;
/// The most headers, and the most letters of one.
const HEADERS: (usize, usize) = (30, 4000);
/// The longest one try may take, in seconds.
const TIMEOUT: u32 = 60;
/// The longest rest between two uses: a day, in seconds.
const REST: u32 = 24 * 3600;
/// The most channels a command is on or off in by themselves.
const PLACES: usize = 1000;

/// Why a command cannot be saved, in words for who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No name, or none that can be typed.
    #[error("a command is # or ! and one to {WORDS} words of letters, digits, - and _, {NAME} characters at most")]
    Word,
    /// No module's name.
    #[error("module_id is a name of 1 to {NAME} letters, digits, - . and _")]
    Module,
    /// No such engine.
    #[error("there is no type {0:?}: webhook, container, lambda and openwhisk are known")]
    Engine(String),
    /// It leads nowhere.
    #[error("location_url: {0}")]
    Location(String),
    /// No such method.
    #[error("there is no method {0:?}: POST and GET are known")]
    Method(String),
    /// A header that cannot be sent.
    #[error("the header {0:?} cannot be sent: letters, digits and - in its name, one line of at most 4000 characters as its value")]
    Header(String),
    /// Too many headers.
    #[error("a command has at most 30 headers")]
    Headers,
    /// Too short or too long.
    #[error("timeout is 1 to {TIMEOUT} seconds")]
    Timeout,
    /// Too long.
    #[error("cooldown_seconds is at most {REST}")]
    Cooldown,
    /// Out of range.
    #[error("rate_limit is 0 to 10000 uses")]
    Rate,
    /// No such role.
    #[error("there is no permission_level {0:?}: everyone, member, vip, moderator, admin and owner are known")]
    Role(String),
    /// No such trigger.
    #[error("there is no trigger_type {0:?}: command, event and both are known")]
    Trigger(String),
    /// No such event.
    #[error("{0:?} is no event a command can be woken by; for chatMessage make a string rule with the action webhook")]
    Event(String),
    /// An event trigger without events.
    #[error("a command that events set off needs event_types, and only such a one")]
    Events,
    /// No such mode.
    #[error("there is no execution_mode {0:?}: sequential and parallel are known")]
    Mode(String),
    /// Out of range.
    #[error("a priority is a number from 0 to 1000000; lower runs first")]
    Priority,
    /// Too long a text.
    #[error("a description has at most {ABOUT} characters in one line")]
    About,
    /// Not the name of a place.
    #[error("{0:?} is neither a channel (platform:channel, platform:server:channel) nor a community (community:ID)")]
    Place(String),
    /// No room for one more.
    #[error("there is room for {MOST} commands")]
    Many,
    /// There is one already.
    #[error("this module has this command here already")]
    Taken,
}

impl Refused {
    /// One word for programs; stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Word => "command_invalid",
            Self::Module => "module_invalid",
            Self::Engine(_) => "type_invalid",
            Self::Location(_) => "location_invalid",
            Self::Method(_) => "method_invalid",
            Self::Header(_) | Self::Headers => "headers_invalid",
            Self::Timeout => "timeout_invalid",
            Self::Cooldown => "cooldown_invalid",
            Self::Rate => "rate_limit_invalid",
            Self::Role(_) => "permission_level_invalid",
            Self::Trigger(_) => "trigger_type_invalid",
            Self::Event(_) | Self::Events => "event_types_invalid",
            Self::Mode(_) => "execution_mode_invalid",
            Self::Priority => "priority_invalid",
            Self::About => "description_invalid",
            Self::Place(_) => "entity_invalid",
            Self::Many => "too_many_commands",
            Self::Taken => "command_exists",
        }
    }
}

/// Says whether a command may be saved. Where it leads to is the engine's to judge.
///
/// # Errors
/// With the first thing that is wrong with it.
pub fn check(command: &Command) -> Result<(), Refused> {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    let mut words = command.word.trim_start_matches(['!', '#']).split(' ');
    let readable = words.clone().count() <= WORDS && words.all(|word| !word.is_empty() && word.chars().all(plain));
    let lower = command.word.to_lowercase() == *command.word;
    if !readable || !lower || !is_command(&command.word) || command.word.chars().count() > NAME {
        return Err(Refused::Word);
    }
    let named = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if command.module.is_empty() || command.module.len() > NAME || !command.module.chars().all(named) {
        return Err(Refused::Module);
    }
    location(command)?;
    headers(command)?;
    within(command)?;
    if command.about.chars().count() > ABOUT || command.about.chars().any(char::is_control) {
        return Err(Refused::About);
    }
    if (command.trigger == Trigger::Command) != command.events.is_empty() {
        return Err(Refused::Events);
    }
    for place in command.places.keys() {
        self::place(place)?;
    }
    if command.places.len() > PLACES { Err(Refused::Place("a further place".into())) } else { Ok(()) }
}

/// Says whether a command can be on or off in this place.
pub(super) fn place(place: &str) -> Result<(), Refused> {
    let community = place.strip_prefix("community:").is_some_and(|id| id.parse::<i64>().is_ok_and(|id| id > 0));
    if community || ChannelKey::parse(place).is_some() { Ok(()) } else { Err(Refused::Place(place.chars().take(80).collect())) }
}

fn within(command: &Command) -> Result<(), Refused> {
    if !(1..=TIMEOUT).contains(&command.timeout) {
        return Err(Refused::Timeout);
    }
    if command.cooldown > REST {
        return Err(Refused::Cooldown);
    }
    if command.rate_limit.is_some_and(|uses| uses > 10_000) {
        return Err(Refused::Rate);
    }
    if (0..=1_000_000).contains(&command.priority) { Ok(()) } else { Err(Refused::Priority) }
}

fn location(command: &Command) -> Result<(), Refused> {
    let wrong = |why: &str| Err(Refused::Location(why.to_owned()));
    if command.location.is_empty() {
        return wrong("it is missing");
    }
    if command.location.len() > LOCATION || command.location.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return wrong("it is too long, or holds white space");
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:/@$".contains(letter);
    match command.engine {
        EngineKind::Webhook | EngineKind::Container => Ok(()),
        EngineKind::Lambda | EngineKind::OpenWhisk if command.location.chars().all(plain) => Ok(()),
        EngineKind::Lambda | EngineKind::OpenWhisk => wrong("a function's name has letters, digits, - _ . : and /"),
    }
}

fn headers(command: &Command) -> Result<(), Refused> {
    if command.headers.len() > HEADERS.0 {
        return Err(Refused::Headers);
    }
    for (name, value) in &command.headers {
        let fine = !name.is_empty()
            && name.len() <= 100
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
            && value.len() <= HEADERS.1
            && value.chars().all(|letter| letter == ' ' || letter.is_ascii_graphic());
        if !fine {
            return Err(Refused::Header(name.chars().take(40).collect()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Command {
        Command { word: "#weather".into(), module: "weather".into(), location: "https://example.org/".into(), ..Command::default() }
    }

    #[test]
    fn what_cannot_be_typed_or_called_is_refused() {
        assert_eq!(check(&fine()), Ok(()));
        assert_eq!(check(&Command { word: "#weather für morgen".into(), ..fine() }), Ok(()));
        for word in ["", "#", "weather", "##x", "# x", "#a  b", "#a b c d", "#Weather", "#a/b"] {
            assert_eq!(check(&Command { word: word.into(), ..fine() }), Err(Refused::Word), "{word:?}");
        }
        assert_eq!(check(&Command { module: "a b".into(), ..fine() }), Err(Refused::Module));
        assert_eq!(check(&Command { location: String::new(), ..fine() }).map_err(|why| why.code()), Err("location_invalid"));
        let function = Command { engine: EngineKind::Lambda, location: "weather?x".into(), ..fine() };
        assert_eq!(check(&function).map_err(|why| why.code()), Err("location_invalid"));
        assert_eq!(check(&Command { timeout: 0, ..fine() }), Err(Refused::Timeout));
        let header = |name: &str, value: &str| Command { headers: [(name.to_owned(), value.to_owned())].into(), ..fine() };
        assert_eq!(check(&header("X-Key", "a b")), Ok(()));
        for (name, value) in [("X Key", "a"), ("X", "a\r\nEvil: 1"), ("", "a"), ("X", "ü")] {
            assert!(check(&header(name, value)).is_err(), "{name:?} {value:?}");
        }
        assert_eq!(check(&Command { trigger: Trigger::Both, ..fine() }), Err(Refused::Events));
        assert!(place("nowhere").is_err() && place("community:2").is_ok());
    }
}
