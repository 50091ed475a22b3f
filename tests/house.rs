//! The rules of the house, held against every file of it: what docs/ARCHITECTURE.md promises stays true.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LONGEST: usize = 400;
const BANNED_NAMES: [&str; 10] = ["utils", "util", "common", "helper", "helpers", "shared", "manager", "misc", "types", "mod"];
/// `kick` is not among them: it is also what a moderator does.
const PLATFORM_NAMES: [&str; 7] = ["twitch", "discord", "slack", "youtube", "irc", "matrix", "teams"];
/// Where a platform's name may stand besides `platforms/`: configuration, and the composition that starts them.
/// A card may come from a music service of the same name; a metric is told by the platform that counts it.
const MAY_NAME_PLATFORMS: [&str; 7] = [
    "src/config",
    "src/cli.rs",
    "src/program",
    "src/main.rs",
    "src/commands",
    "actors/src/overlay/card.rs",
    "runtime/src/telemetry/metrics.rs",
];
/// Fills a house of its own with rows, to measure it.
const FILLS_TABLES: &str = "src/commands/bench/";
/// What only tests compile.
const STAGE: [&str; 5] = ["actors/src/stage", "actors/src/walk", "actors/src/play", "testbed/", "runtime/src/membership/simulation.rs"];
const NOT_IN_MODULES: [&str; 9] =
    ["SystemTime", "Instant::", "Clock", "tokio::spawn", "spawn::", "std::net", "tokio::net", "reqwest", "std::thread"];

/// A file of the house: its path from the root and its text.
struct File {
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn is_test(&self) -> bool {
        let tests = ["tests/", "benches/", "/tests.rs"].iter().any(|part| self.path.contains(part));
        tests || STAGE.iter().any(|place| self.path.starts_with(place))
    }

    /// The text before the file's own tests.
    fn without_tests(&self) -> &str {
        self.text.split("\n#[cfg(test)]").next().unwrap_or_default()
    }

    /// The same without comments, so that a sentence may say what the code may not.
    fn code(&self) -> String {
        let lines = self.without_tests().lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.map(|line| line.split(" // ").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with this ending, in the order of their paths.
fn files(ending: &str) -> Vec<File> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                walk(&path, ending, found);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), ending, &mut found);
    found.sort();
    assert!(!found.is_empty(), "there is no {ending} file: this test looks in the wrong place");
    let read = |path: &PathBuf| File::new(&path.strip_prefix(root()).unwrap().to_string_lossy(), &fs::read_to_string(path).unwrap());
    found.iter().map(read).collect()
}

/// Fails with everything that `rule` finds.
fn holds(files: &[File], rule: impl Fn(&File) -> Vec<String>) {
    let faults: Vec<String> =
        files.iter().flat_map(|file| rule(file).into_iter().map(move |fault| format!("{}: {fault}", file.path))).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn length(file: &File) -> Vec<String> {
    let lines = file.without_tests().lines().count();
    if file.is_test() || lines <= LONGEST { vec![] } else { vec![format!("{lines} lines without tests; split it by what it does")] }
}

fn names(file: &File) -> Vec<String> {
    let parts = file.path.trim_end_matches(".rs").split('/');
    parts.filter(|part| BANNED_NAMES.contains(part)).map(|part| format!("`{part}` says nothing; name what it does")).collect()
}

fn opening(file: &File) -> Vec<String> {
    if file.text.starts_with("//! ") { vec![] } else { vec!["does not open with a `//!` sentence".to_owned()] }
}

fn silence(file: &File) -> Vec<String> {
    let silent = |line: &&str| {
        let line = line.trim_start();
        line.starts_with(concat!("#[", "ignore")) || line.starts_with(concat!("#[", "allow(")) || line.starts_with(concat!("#![", "allow("))
    };
    file.text.lines().filter(silent).map(|line| format!("`{}` silences something; say #[expect(…, reason = \"…\")]", line.trim())).collect()
}

fn platforms(file: &File) -> Vec<String> {
    let home = file.path.starts_with("platforms/") || file.path.starts_with("xtask/") || file.is_test();
    if home || MAY_NAME_PLATFORMS.iter().any(|place| file.path.starts_with(place)) {
        return vec![];
    }
    let code = file.code().to_ascii_lowercase();
    // An address in an example is what people type, not a decision.
    let code = code.replace("https://twitch.tv", "");
    let words: BTreeSet<&str> = code.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    PLATFORM_NAMES.iter().filter(|name| words.contains(*name)).map(|name| format!("names the platform `{name}`; ask its Limits")).collect()
}

fn modules(file: &File) -> Vec<String> {
    if file.is_test() || !file.path.starts_with("actors/src/modules/") {
        return vec![];
    }
    let code = file.code();
    NOT_IN_MODULES.iter().filter(|word| code.contains(*word)).map(|word| format!("`{word}` in a module; it has cx")).collect()
}

fn floors(file: &File) -> Vec<String> {
    let forbidden: &[&str] = match file.path.split('/').next().unwrap_or_default() {
        "runtime" => &["waddlebot_actors", "waddlebot_platforms", "waddlebot-actors", "waddlebot-platforms"],
        "actors" => &["waddlebot_platforms", "waddlebot-platforms"],
        "platforms" => &["waddlebot_actors", "waddlebot-actors"],
        _ => &[],
    };
    forbidden.iter().filter(|name| file.text.contains(*name)).map(|name| format!("reaches for {name}, which is not below it")).collect()
}

/// The tables that a statement in this text touches.
fn touched<'a>(file: &File, tables: &'a BTreeSet<String>) -> BTreeSet<&'a str> {
    let code = file.code();
    let words: Vec<&str> = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let before = ["FROM", "INTO", "UPDATE", "JOIN"];
    let pairs = words.windows(2).filter(|pair| before.contains(&pair[0]));
    pairs.filter_map(|pair| tables.get(pair[1]).map(String::as_str)).collect()
}

fn tables() -> BTreeSet<String> {
    let created = |file: File| {
        let lines =
            file.text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")).map(|rest| rest.trim_start_matches("IF NOT EXISTS "));
        lines.map(|rest| rest.split([' ', '(']).next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    files(".sql").into_iter().flat_map(created).collect()
}

/// What asks a database what time it is: a clock that jumps decides nothing here, because nobody asks it.
fn clocks(file: &File) -> Vec<String> {
    const ASKS: [&str; 7] =
        ["now()", "current_time", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "unixepoch", "julianday"];
    if file.is_test() {
        return vec![];
    }
    let code = if file.path.ends_with(".sql") { file.text.clone() } else { file.code() }.to_ascii_lowercase();
    let statements = code
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| ["select ", "update ", "insert ", "delete "].iter().any(|word| text.contains(word)));
    let looked: Vec<&str> = if file.path.ends_with(".sql") { vec![&code] } else { statements.collect() };
    ASKS.iter()
        .filter(|asks| looked.iter().any(|text| text.contains(*asks)))
        .map(|asks| format!("asks the database's clock: {asks}"))
        .collect()
}

fn owners(files: &[File], tables: &BTreeSet<String>) -> Vec<String> {
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files.iter().filter(|file| !file.is_test() && !file.path.starts_with(FILLS_TABLES)) {
        for table in touched(file, tables) {
            owners.entry(table).or_default().push(&file.path);
        }
    }
    // A file and its folder are one.
    for paths in owners.values_mut() {
        let folders: Vec<_> = paths.iter().map(|path| path.replace(".rs", "/")).collect();
        paths.retain(|path| !folders.iter().any(|folder| path.starts_with(folder.as_str())));
    }
    owners
        .iter()
        .filter(|(_, paths)| paths.len() > 1)
        .map(|(table, paths)| format!("`{table}` has several owners: {}", paths.join(", ")))
        .collect()
}

/// Files of the house that a document names in backticks or links to, and that do not exist.
fn missing(file: &File, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let ticked = file.text.split('`').skip(1).step_by(2).filter(|name| !name.contains(char::is_whitespace) && name.contains('/'));
    let tops =
        ["src/", "actors/", "runtime/", "platforms/", "docs/", "tests/", "benches/", "examples/", "migrations/", "xtask/", "testbed/"];
    let named = ticked.filter(|name| tops.iter().any(|top| name.starts_with(top)) && !name.contains(['*', '{', '…', '<']));
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let linked = file
        .text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with('#'));
    let linked = linked.map(|link| folder.join(link.split('#').next().unwrap_or(link)).to_string_lossy().into_owned());
    named.map(str::to_owned).chain(linked).filter(|path| !exists(path)).map(|path| format!("names {path}, which is not there")).collect()
}

#[test]
fn no_file_is_too_long() {
    holds(&files(".rs"), length);
    assert_eq!(length(&File::new("src/x.rs", &"x\n".repeat(401))).len(), 1);
    assert!(length(&File::new("src/x.rs", &format!("x\n#[cfg(test)]\n{}", "x\n".repeat(500)))).is_empty());
}

#[test]
fn every_name_says_what_is_in_the_file() {
    holds(&files(".rs"), names);
    assert_eq!(names(&File::new("actors/src/utils/types.rs", "")).len(), 2);
}

#[test]
fn every_file_opens_with_a_sentence_about_itself() {
    holds(&files(".rs"), opening);
    assert_eq!(opening(&File::new("x.rs", "use a;")).len(), 1);
}

#[test]
fn nothing_is_silenced() {
    holds(&files(".rs"), silence);
    assert_eq!(silence(&File::new("x.rs", concat!("#[", "ignore]\n    #[", "allow(dead_code)]"))).len(), 2);
}

#[test]
fn platforms_are_named_only_where_they_live() {
    holds(&files(".rs"), platforms);
    assert_eq!(platforms(&File::new("actors/src/x.rs", "if name == \"twitch\" {}")).len(), 1);
    assert!(platforms(&File::new("actors/src/x.rs", "// as on twitch\nfn x() {}")).is_empty());
}

#[test]
fn modules_look_at_no_clock_open_no_socket_and_spawn_nothing() {
    holds(&files(".rs"), modules);
    assert_eq!(modules(&File::new("actors/src/modules/x.rs", "tokio::spawn(x); SystemTime::now()")).len(), 2);
}

#[test]
fn no_floor_imports_what_is_above_or_beside_it() {
    let mut all = files(".rs");
    all.extend(files("Cargo.toml"));
    holds(&all, floors);
    assert_eq!(floors(&File::new("runtime/src/x.rs", "use waddlebot_actors::x;")).len(), 1);
    assert_eq!(floors(&File::new("platforms/Cargo.toml", "waddlebot-actors = 1")).len(), 1);
    assert_eq!(floors(&File::new("actors/src/x.rs", "use waddlebot_platforms::x;")).len(), 1);
}

#[test]
fn every_table_has_one_owner() {
    let tables = tables();
    assert!(tables.contains("nodes"));
    let faults = owners(&files(".rs"), &tables);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    let two = [File::new("a.rs", "\"SELECT x FROM nodes\""), File::new("b.rs", "\"UPDATE nodes SET\"")];
    assert_eq!(owners(&two, &tables).len(), 1);
}

#[test]
fn no_statement_asks_the_databases_clock() {
    holds(&files(".rs"), clocks);
    holds(&files(".sql"), clocks);
    assert_eq!(clocks(&File::new("src/x.rs", "sql(\"UPDATE nodes SET at = now()\")")).len(), 1);
    assert_eq!(clocks(&File::new("migrations/x.sql", "at TIMESTAMP DEFAULT CURRENT_TIMESTAMP")).len(), 1);
    assert!(clocks(&File::new("src/x.rs", "let at = clock.now(); sql(\"SELECT 1\")")).is_empty());
}

#[test]
fn documents_name_only_what_exists() {
    holds(&files(".md"), |file| missing(file, |path| root().join(path).exists()));
    let sample = File::new("docs/x.md", "see `src/gone.rs`, [this](gone.md), [that](https://a/b) and `a/b`");
    assert_eq!(missing(&sample, |_| false).len(), 2);
}

#[test]
fn every_metric_is_described() {
    let undescribed = |file: &File| -> Vec<String> {
        if file.is_test() || file.path.starts_with("tests/") {
            return vec![];
        }
        let names = file.code();
        let names = names.split("!(\"waddlebot_").skip(1).filter_map(|rest| rest.split('"').next()).map(|name| format!("waddlebot_{name}"));
        names
            .filter(|name| !waddlebot_runtime::telemetry::metrics::is_described(name))
            .map(|name| format!("{name} has no description"))
            .collect()
    };
    holds(&files(".rs"), undescribed);
    assert_eq!(undescribed(&File::new("x.rs", "metrics::counter!(\"waddlebot_nothing_total\")")).len(), 1);
}
