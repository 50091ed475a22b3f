//! What people type, and what it is taken for.

use std::time::Duration;

use proptest::prelude::*;
use waddlebot_runtime::chat::{ChannelKey, Role};

use super::*;

fn info(module: &'static str, word: &'static str, aliases: &'static [&'static str]) -> CommandInfo {
    CommandInfo {
        module,
        word,
        about: "",
        takes: &[],
        aliases,
        role: Role::Viewer,
        cooldown: Duration::ZERO,
        examples: &[],
        given: &[],
        writes: false,
    }
}

fn table(taught: &[(&str, &str)]) -> Table {
    let entry = |name: &'static str, commands: fn() -> Vec<CommandInfo>| Entry {
        name,
        about: "",
        wakes_on: &[],
        taught: false,
        commands,
        sit: |_, _| unreachable!("nobody sits in this test"),
    };
    let modules = [
        entry("basics", || vec![info("basics", "ping", &[])]),
        entry("shoutout", || vec![info("shoutout", "so", &["shoutout"])]),
        entry("inventory", || vec![info("inventory", "inventory add", &[]), info("inventory", "inventory list", &["inv list"])]),
        entry("quiet", || vec![info("quiet", "quiet", &[])]),
    ];
    let taught: Vec<_> = taught.iter().map(|(word, text)| ("alias", Expansion { word: (*word).into(), text: (*text).into() })).collect();
    Table::new(&modules, |name| name != "quiet", &taught)
}

fn meaning(table: &Table, text: &str) -> String {
    match table.resolve(text, "ana") {
        Resolution::Elsewhere { commands, rest, taught } => {
            let words: Vec<_> = commands.iter().map(|one| format!("{} by {}", one.command.word, one.command.module)).collect();
            format!("elsewhere {} with {rest:?}{}", words.join(", "), if taught.is_empty() { "" } else { ", taught" })
        }
        Resolution::Chatter => "chatter".into(),
        Resolution::Unknown { word } => format!("unknown {word}"),
        Resolution::Command { row, rest, .. } => format!("{}{}({rest})", row.info.word, if row.enabled { "" } else { " off" }),
        Resolution::Group { word, rows } => format!("{word}: {}", rows.len()),
        Resolution::TooDeep { word } => format!("too deep {word}"),
    }
}

#[test]
fn commands_are_found_by_their_words_aliases_and_sub_commands() {
    let table = table(&[]);
    for (text, expected) in [
        ("!ping", "ping()"),
        ("  !PING  hello  there ", "ping(hello  there)"),
        ("!shoutout @ninja", "so(@ninja)"),
        ("!inventory add lamp \"a lamp\"", "inventory add(lamp \"a lamp\")"),
        ("!Inventory   LIST all", "inventory list(all)"),
        ("!inv list", "inventory list()"),
        ("!inventory", "!inventory: 2"),
        ("!inventory burn", "!inventory: 2"),
        ("!quiet", "quiet off()"),
        ("!nothing here", "unknown !nothing"),
        ("#weather", "chatter"),
        ("hello !ping", "chatter"),
        ("!", "chatter"),
        ("!!", "chatter"),
        ("! ping", "chatter"),
        ("!?!", "chatter"),
        ("", "chatter"),
    ] {
        assert_eq!(meaning(&table, text), expected, "{text:?}");
    }
}

#[test]
fn a_taught_word_stands_for_its_text_with_the_speakers_words_in_it() {
    let table = table(&[("!hi", "!ping hello {user}, {args}"), ("!hey", "!hi again"), ("!plain", "no command"), ("!tag", "#ducks")]);
    assert_eq!(meaning(&table, "!tag"), "unknown !tag");
    assert_eq!(meaning(&table, "!hi you two"), "ping(hello ana, you two)");
    assert_eq!(meaning(&table, "!hey"), "ping(hello ana, again)");
    assert_eq!(meaning(&table, "!plain"), "unknown !plain");
}

#[test]
fn taught_words_that_stand_for_each_other_end() {
    let table = table(&[("!a", "!b"), ("!b", "!a"), ("!so", "!ping hijacked")]);
    assert_eq!(meaning(&table, "!a"), "too deep !a");
    assert_eq!(meaning(&table, "!so x"), "so(x)", "a taught word never hides a module's command");
}

proptest! {
    #[test]
    fn whatever_is_said_has_a_meaning(text in "\\PC*") {
        let table = table(&[("!a", "!b {args}"), ("!b", "!a {args} {args}")]);
        meaning(&table, &text);
        meaning(&table, &format!("!{text}"));
        meaning(&table, &format!("!a {text}"));
    }
}

#[test]
fn what_is_offered_is_what_can_be_typed() {
    let stored = |word: &'static str, community, places: &[(&str, bool)]| {
        let places = places.iter().map(|(place, on)| ((*place).to_owned(), *on)).collect();
        Arc::new(Command { id: 1, community, word: word.into(), module: "m".into(), places, ..Command::default() })
    };
    let commands = [
        stored("!ping", 2, &[]),
        stored("#here", 2, &[("stage:one", false)]),
        stored("#there", 1, &[("community:2", false), ("community:3", true), ("stage:one", true)]),
        stored("#both", 1, &[]),
        stored("#both", 2, &[]),
    ];
    let table = table(&[]).reaching(&commands, 2);
    let offer = table.offer();
    assert_eq!(offer.commands.iter().map(|info| info.word).collect::<Vec<_>>(), ["so", "inventory add", "inventory list"]);
    let (one, two) = (ChannelKey::new("stage", "", "one"), ChannelKey::new("stage", "", "two"));
    let shown =
        |channel| offer.stored.iter().filter(|stored| stored.is_on(channel)).map(|stored| stored.word.to_string()).collect::<Vec<_>>();
    assert_eq!(
        (shown(&one), shown(&two)),
        (vec!["!ping".into(), "#both".into(), "#there".into()], vec!["!ping".into(), "#both".into(), "#here".into()])
    );
}
