//! How chat writes a command: its words, its reader, who may use it, and its examples.

use std::fmt;
use std::time::Duration;

use crate::chat::Role;

/// One command of a module, as a row of its const table. `C` is what the module understands.
pub struct Spec<C: 'static> {
    /// What is typed after the prefix, in lower case; a sub-command has two words: `inventory add`.
    pub word: &'static str,
    /// One line for `!help`, the hub and slash commands.
    pub about: &'static str,
    /// Turns the words behind the command into what the module understands.
    pub read: fn(&mut Words<'_>) -> Result<C, Missing>,
    /// What it takes, for the usage line and slash commands.
    pub takes: &'static [Arg],
    /// Other words for the same command.
    pub aliases: &'static [&'static str],
    /// Who may use it, unless the community says otherwise.
    pub role: Role,
    /// The rest between two uses in one channel.
    pub cooldown: Duration,
    /// What to type and what comes back: help text and test at once.
    pub examples: &'static [Example],
    /// What somebody said before the examples, for them to have something to speak of.
    pub given: &'static [&'static str],
    /// Whether it writes: such a command is durable (DESIGN section 5).
    pub writes: bool,
}

/// One parameter, as the usage line shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
}

/// A parameter that must be given.
#[must_use]
pub const fn arg(name: &'static str) -> Arg {
    Arg { name, optional: false }
}

/// A parameter that may be left out.
#[must_use]
pub const fn opt(name: &'static str) -> Arg {
    Arg { name, optional: true }
}

/// What is typed, and the bot's first answer to it in a room where nothing happened but [`Spec::given`].
/// An empty answer means that the example is only played for not being refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example(pub &'static str, pub &'static str);

impl<C: 'static> Spec<C> {
    /// A command everybody may use, without a rest between two uses, that writes nothing.
    #[must_use]
    pub const fn new(word: &'static str, about: &'static str, read: fn(&mut Words<'_>) -> Result<C, Missing>) -> Self {
        Self {
            word,
            about,
            read,
            takes: &[],
            aliases: &[],
            role: Role::Viewer,
            cooldown: Duration::ZERO,
            examples: &[],
            given: &[],
            writes: false,
        }
    }

    /// Names its parameters.
    #[must_use]
    pub const fn takes(mut self, takes: &'static [Arg]) -> Self {
        self.takes = takes;
        self
    }

    /// Gives it other words.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Asks for a role.
    #[must_use]
    pub const fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Lets the channel rest between two uses.
    #[must_use]
    pub const fn cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// Shows how it is used.
    #[must_use]
    pub const fn examples(mut self, examples: &'static [Example]) -> Self {
        self.examples = examples;
        self
    }

    /// Says what comes before the examples.
    #[must_use]
    pub const fn given(mut self, given: &'static [&'static str]) -> Self {
        self.given = given;
        self
    }

    /// Says that it writes, which makes it durable.
    #[must_use]
    pub const fn writes(mut self) -> Self {
        self.writes = true;
        self
    }

    /// The row without its reader, as everybody outside the module sees it.
    #[must_use]
    pub fn info(&self, module: &'static str) -> CommandInfo {
        CommandInfo {
            module,
            word: self.word,
            about: self.about,
            takes: self.takes,
            aliases: self.aliases,
            role: self.role,
            cooldown: self.cooldown,
            examples: self.examples,
            given: self.given,
            writes: self.writes,
        }
    }
}

/// A command as `!help`, the hub and the resolver know it.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// The module that answers it.
    pub module: &'static str,
    /// See [`Spec::word`].
    pub word: &'static str,
    /// See [`Spec::about`].
    pub about: &'static str,
    /// See [`Spec::takes`].
    pub takes: &'static [Arg],
    /// See [`Spec::aliases`].
    pub aliases: &'static [&'static str],
    /// See [`Spec::role`].
    pub role: Role,
    /// See [`Spec::cooldown`].
    pub cooldown: Duration,
    /// See [`Spec::examples`].
    pub examples: &'static [Example],
    /// See [`Spec::given`].
    pub given: &'static [&'static str],
    /// See [`Spec::writes`].
    pub writes: bool,
}

impl CommandInfo {
    /// `!so <streamer>`: what to type, parameters that may be left out in brackets.
    #[must_use]
    pub fn usage(&self) -> String {
        let mut usage = format!("!{}", self.word);
        for arg in self.takes {
            usage.push_str(&if arg.optional { format!(" [{}]", arg.name) } else { format!(" <{}>", arg.name) });
        }
        usage
    }

    /// The word typed first: `inventory` for `inventory add`.
    #[must_use]
    pub fn first_word(&self) -> &'static str {
        self.word.split(' ').next().unwrap_or_default()
    }

    /// Whether this word, or one of its aliases, is typed first: `so` and `shoutout`, `inventory`.
    #[must_use]
    pub fn begins_with(&self, word: &str) -> bool {
        std::iter::once(&self.word).chain(self.aliases).any(|name| name.split(' ').next() == Some(word))
    }
}

/// What to type behind a word that is only the beginning of commands, such as a bare `!inventory`:
/// the usage lines this role may use. `None` when no command of theirs begins with it.
#[must_use]
pub fn usages(typed: &str, role: Role, commands: &[CommandInfo]) -> Option<String> {
    let beginning = format!("{typed} ");
    let lines: Vec<_> =
        commands.iter().filter(|command| command.role <= role && command.word.starts_with(&beginning)).map(CommandInfo::usage).collect();
    (!lines.is_empty()).then(|| format!("Usage: {}", lines.join(" · ")))
}

/// What the words behind a command lacked: told to the person as it stands, with the usage line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

impl Missing {
    /// `a name is missing`, in the words of the module.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The words behind a command, read one by one. Quotes keep words together:
/// `"two words"`, also with typographic quotes; a backslash takes the next character as it is.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// Reads the text behind the command's own word.
    #[must_use]
    pub fn new(rest: &'a str) -> Self {
        Self { rest: rest.trim() }
    }

    /// The next word or quoted text, if there is one.
    #[expect(clippy::should_implement_trait, reason = "a reader of words, not a loop over them: what follows depends on what was read")]
    pub fn next(&mut self) -> Option<String> {
        let text = self.rest.trim_start();
        let first = text.chars().next()?;
        let closing = closing(first);
        let mut word = String::new();
        let mut letters = text.char_indices();
        if closing.is_some() {
            letters.next();
        }
        let mut end = text.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => match letters.clone().next() {
                    Some((_, next)) if next == '\\' || closing.is_some_and(|_| is_quote(next)) => {
                        word.push(next);
                        letters.next();
                    }
                    _ => word.push(letter),
                },
                _ if closing.is_some_and(|quotes| quotes.contains(&letter)) => {
                    end = at + letter.len_utf8();
                    break;
                }
                _ if closing.is_none() && letter.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => word.push(letter),
            }
        }
        self.rest = text[end..].trim_start();
        Some(word)
    }

    /// The next word, or `«what» is missing`.
    ///
    /// # Errors
    /// When no word, or only an empty one, is left.
    pub fn need(&mut self, what: &str) -> Result<String, Missing> {
        self.next().filter(|word| !word.trim().is_empty()).ok_or_else(|| Missing(format!("{what} is missing")))
    }

    /// A person's name, without the `@` people put before it.
    ///
    /// # Errors
    /// When no name is left.
    pub fn user(&mut self) -> Result<UserName, Missing> {
        self.need("a name").and_then(|word| UserName::parse(&word))
    }

    /// All that is left, as it was typed, without quotes around the whole.
    #[must_use]
    pub fn rest(&mut self) -> String {
        let mut alone = self.clone();
        let whole = std::mem::take(&mut self.rest);
        match alone.next() {
            Some(word) if whole.starts_with(is_quote) && alone.rest.is_empty() => word,
            _ => whole.trim().to_owned(),
        }
    }

    /// All that is left, or `«what» is missing`.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn need_rest(&mut self, what: &str) -> Result<String, Missing> {
        let rest = self.rest();
        if rest.trim().is_empty() { Err(Missing(format!("{what} is missing"))) } else { Ok(rest) }
    }

    /// A whole number.
    ///
    /// # Errors
    /// When the next word is missing or no number.
    pub fn number(&mut self, what: &str) -> Result<i64, Missing> {
        let word = self.need(what)?;
        word.trim_start_matches('#').parse().map_err(|_| Missing(format!("{what} must be a number, not {word:?}")))
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, without reading it.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.rest
    }
}

pub(crate) fn is_quote(letter: char) -> bool {
    closing(letter).is_some() || matches!(letter, '”')
}

pub(crate) fn closing(opening: char) -> Option<&'static [char]> {
    match opening {
        '"' => Some(&['"']),
        '“' | '„' => Some(&['”', '“', '"']),
        '«' => Some(&['»']),
        _ => None,
    }
}

/// Somebody's name on their platform, as typed in chat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserName(String);

impl UserName {
    /// Takes a leading `@` off.
    ///
    /// # Errors
    /// When nothing is left, or it is longer than 64 characters.
    pub fn parse(word: &str) -> Result<Self, Missing> {
        let name = word.trim().trim_start_matches('@').trim_end_matches(',');
        match name.chars().count() {
            0 => Err(Missing::new("a name is missing")),
            65.. => Err(Missing::new("that name is too long")),
            _ => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for look-ups: lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_in_quotes_come_back_as_they_were(words in prop::collection::vec(any::<String>(), 0..6)) {
            let quoted = |word: &String| format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""));
            let typed = words.iter().map(quoted).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(all(&typed), words);
        }

        #[test]
        fn reading_ends_and_invents_nothing(text in any::<String>()) {
            let words = all(&text);
            prop_assert!(words.len() <= text.chars().count());
            prop_assert!(words.iter().map(String::len).sum::<usize>() <= text.len());
            let mut rest = Words::new(&text);
            prop_assert!(rest.rest().len() <= text.len() && rest.is_empty());
            drop((Words::new(&text).number("a number"), Words::new(&text).user()));
        }
    }

    fn all(text: &str) -> Vec<String> {
        let mut words = Words::new(text);
        std::iter::from_fn(|| words.next()).collect()
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(all(r#"quote "to be or not" shakespeare"#), ["quote", "to be or not", "shakespeare"]);
        assert_eq!(all("“two words” three"), ["two words", "three"]);
        assert_eq!(all(r#""say \"hi\"" C:\dir"#), [r#"say "hi""#, r"C:\dir"]);
        assert_eq!(all(r#""never closed"#), ["never closed"]);
        assert_eq!(all("it's 5 o'clock"), ["it's", "5", "o'clock"]);
        assert_eq!(all("   "), Vec::<String>::new());
    }

    #[test]
    fn the_rest_is_taken_as_typed() {
        let mut words = Words::new(r#"add !hi "hello  there" friend"#);
        assert_eq!((words.next().as_deref(), words.next().as_deref()), (Some("add"), Some("!hi")));
        assert_eq!(words.rest(), r#""hello  there" friend"#);
        assert_eq!(Words::new(r#" "!so ninja" "#).rest(), "!so ninja");
    }

    #[test]
    fn a_name_loses_its_at_sign() {
        assert_eq!(Words::new("@Ninja").user().expect("name").as_str(), "Ninja");
        assert_eq!(Words::new("@").user(), Err(Missing::new("a name is missing")));
        assert_eq!(Words::new("").user(), Err(Missing::new("a name is missing")));
    }
}
