//! THE LIST of modules. A new one is a file in `modules/` and one line here.

use crate::seat::{Entry, entry};

macro_rules! modules {
    ($($file:ident :: $name:ident),* $(,)?) => {
        $(pub mod $file;)*

        /// Every module, in the order in which help and the hub show them.
        #[must_use]
        pub fn list() -> Vec<Entry> {
            vec![$(entry::<$file::$name>()),*]
        }
    };
}

modules! {
    basics::Basics,
    alias::Alias,
    shoutout::Shoutout,
    inventory::Inventory,
    memories::Memories,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_page_shows_the_module_that_is_tested() {
        let page = include_str!("../../docs/MODULE.md");
        let module = include_str!("../../examples/module/deaths.rs");
        assert!(page.contains(&format!("```rust\n{module}```")), "docs/MODULE.md and examples/module/deaths.rs differ");
    }

    #[test]
    fn no_two_commands_share_a_word_and_each_can_be_looked_up() {
        let mut words = HashSet::new();
        for command in list().iter().flat_map(|entry| (entry.commands)()) {
            for word in std::iter::once(&command.word).chain(command.aliases) {
                assert!(words.insert(word.to_string()), "two commands are called {word}");
                assert_eq!(*word, word.to_lowercase(), "a command is found in lower case");
                assert_eq!(word.split_whitespace().collect::<Vec<_>>().join(" "), *word);
            }
        }
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_how() {
        for entry in list() {
            assert!(!entry.about.is_empty() && !entry.about.ends_with('.'), "{}", entry.name);
            for command in (entry.commands)() {
                assert!(!command.about.is_empty() && !command.about.ends_with('.'), "{}", command.word);
                assert!(!command.examples.is_empty(), "{} has no example", command.word);
                let typed = |typed: &str| std::iter::once(&command.word).chain(command.aliases).any(|word| typed[1..].starts_with(word));
                assert!(command.examples.iter().all(|example| typed(example.0)), "{} shows another command", command.word);
            }
        }
    }
}
