//! What people type, with words they taught: the first line is the message, each further one a word and what it stands for, `!hi=!ping {args}`.

use std::sync::{Arc, LazyLock};

use waddlebot_actors::channel::resolve::{Resolution, Table, Vocabulary, is_command};
use waddlebot_actors::commands::Command;
use waddlebot_actors::modules;
use waddlebot_runtime::command::Words;
use waddlebot_runtime::module::Expansion;

/// The most words that are taught.
const TAUGHT: usize = 8;

/// Holds what is promised of reading words and finding commands against this input.
///
/// # Panics
/// When a promise is broken.
pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let message = lines.next().unwrap_or_default();
    let taught: Vec<_> = lines.take(TAUGHT).filter_map(taught).collect();
    words(message);
    resolves(message, &taught);
}

fn taught(line: &str) -> Option<(&'static str, Expansion)> {
    let (word, text) = line.split_once('=')?;
    Some(("alias", Expansion { word: word.to_owned(), text: text.to_owned() }))
}

/// Reading ends, invents nothing, and what it read can be written and read again.
fn words(text: &str) {
    let read = all(text);
    assert!(read.len() <= text.chars().count(), "more words than letters");
    assert!(read.iter().map(String::len).sum::<usize>() <= text.len(), "words longer than the text");
    let quoted = |word: &String| format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""));
    let written = read.iter().map(quoted).collect::<Vec<_>>().join(" ");
    assert_eq!(all(&written), read, "written as {written:?}");
    let mut rest = Words::new(text);
    let whole = rest.rest();
    assert!(rest.is_empty() && whole.len() <= text.len());
    // What each reader makes of it is its own; that it ends is everybody's.
    drop((
        Words::new(text).number("a number"),
        Words::new(text).user(),
        Words::new(text).need("a word"),
        Words::new(text).need_rest("a text"),
    ));
}

fn all(text: &str) -> Vec<String> {
    let mut words = Words::new(text);
    std::iter::from_fn(|| words.next()).collect()
}

/// A message means one thing, the same however its command is written, and the words behind it are those that were typed.
fn resolves(message: &str, taught: &[(&'static str, Expansion)]) {
    static VOCABULARY: LazyLock<Arc<Vocabulary>> = LazyLock::new(|| Arc::new(Vocabulary::new(&modules::list(), |name| name != "memories")));
    static ELSEWHERE: LazyLock<Vec<Arc<Command>>> = LazyLock::new(|| {
        let command = |(id, word): (i64, &'static str)| {
            Arc::new(Command { id, community: 2, word: word.into(), module: "elsewhere".into(), enabled: true, ..Command::default() })
        };
        (1..).zip(["#weather", "#weather tomorrow", "!so", "!ping loud and clear"]).map(command).collect()
    });
    let table = Table::with(VOCABULARY.clone(), taught).reaching(&ELSEWHERE, 2);
    let meaning = table.resolve(message, "ana");
    let told = shown(&meaning);
    assert_eq!(shown(&table.resolve(message, "ana")), told, "asked twice");
    if !is_command(message) {
        assert_eq!(told, "chatter");
        return;
    }
    let known = table.knows(message);
    let typed = message.trim();
    match meaning {
        Resolution::Chatter => assert!(!known),
        Resolution::Unknown { word } => {
            assert!(!word.is_empty() && !word.contains(char::is_whitespace) || known, "{word:?}");
            assert!(known || typed.split_whitespace().next() == Some(&*word), "{word:?}");
        }
        Resolution::Group { rows, .. } => assert!(known && !rows.is_empty()),
        Resolution::TooDeep { word } => assert!(known && !taught.is_empty() && !word.is_empty()),
        Resolution::Elsewhere { commands, rest, taught } => {
            assert!(known && !commands.is_empty());
            again(&table, typed, &rest, taught.len(), &told);
        }
        Resolution::Command { row, rest, taught } => {
            assert!(known && !row.info.word.is_empty());
            again(&table, typed, &rest, taught.len(), &told);
        }
    }
}

/// A command that was found without a taught word is found again where it is written in lower case with single spaces.
fn again(table: &Table, typed: &str, rest: &str, taught: usize, told: &str) {
    assert_eq!(rest, rest.trim());
    if taught > 0 {
        assert!(taught <= 5, "{taught} deep");
        return;
    }
    let word = typed.strip_suffix(rest).expect("what stands behind a command is what was typed").trim();
    let word: Vec<String> = word.split_whitespace().map(|part| part.chars().flat_map(char::to_lowercase).collect()).collect();
    let written = format!("{} {rest}", word.join(" "));
    assert_eq!(shown(&table.resolve(&written, "ana")), told, "written as {written:?}");
}

fn shown(meaning: &Resolution<'_>) -> String {
    match meaning {
        Resolution::Chatter => "chatter".into(),
        Resolution::Unknown { word } => format!("unknown {word}"),
        Resolution::Command { row, rest, taught } => format!("{} {rest:?} {taught:?}", row.info.word),
        Resolution::Elsewhere { commands, rest, taught } => {
            format!("elsewhere {:?} {rest:?} {taught:?}", commands.iter().map(|one| one.command.id).collect::<Vec<_>>())
        }
        Resolution::Group { word, rows } => format!("group {word} {}", rows.len()),
        Resolution::TooDeep { word } => format!("too deep {word}"),
    }
}
