//! `waddlebot module`: which modules are in this program, and what they understand.

use anyhow::{Result, bail};
use clap::Subcommand;
use waddlebot_actors::modules;
use waddlebot_actors::seat::Entry;

use crate::terminal;

/// What about modules.
#[derive(Debug, Subcommand)]
pub(crate) enum Asked {
    /// Lists the modules with their commands
    List {
        /// Only this module, with every command's meaning, role and examples
        name: Option<String>,
    },
}

/// Lists them.
pub(crate) fn run(asked: &Asked) -> Result<()> {
    let Asked::List { name } = asked;
    let modules = modules::list();
    let Some(name) = name else {
        return terminal::table(["module", "about", "commands"], &modules.iter().map(row).collect::<Vec<_>>());
    };
    match modules.iter().find(|module| module.name == name) {
        Some(module) => terminal::text(&manual(module)),
        None => {
            let known: Vec<_> = modules.iter().map(|module| module.name).collect();
            bail!("there is no module {name:?}: {} are known", known.join(", "))
        }
    }
}

fn row(module: &Entry) -> [String; 3] {
    let words: Vec<_> = (module.commands)().iter().map(|command| format!("!{}", command.word)).collect();
    [module.name.to_owned(), module.about.to_owned(), words.join(" ")]
}

fn manual(module: &Entry) -> String {
    let mut text = format!("{}: {}\n", module.name, module.about);
    if !module.wakes_on.is_empty() {
        let events: Vec<_> = module.wakes_on.iter().map(|kind| kind.name()).collect();
        text += &format!("wakes on: {}\n", events.join(", "));
    }
    for command in (module.commands)() {
        text += &format!("\n{}\n  {}\n  for: {}", command.usage(), command.about, command.role);
        if !command.cooldown.is_zero() {
            text += &format!(", rests {} s", command.cooldown.as_secs());
        }
        text.push('\n');
        for example in command.examples {
            text += &format!("  > {}\n    {}\n", example.0, example.1);
        }
    }
    text
}
