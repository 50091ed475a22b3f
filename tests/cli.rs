//! The command line as people and scripts meet it: every command, and every misuse with its clear end.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use waddlebot_testbed::{Bot, Ended, free_port, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");

fn waddlebot(args: &[&str], input: &str) -> Ended {
    run(PROGRAM, args, &[], input.as_bytes())
}

/// A run beside a running node, on its folder and port.
fn beside(bot: &Bot, args: &[&str], input: &str) -> Ended {
    let (data, listen) = (bot.data().display().to_string(), bot.address().to_string());
    waddlebot(&[args, &["--data", &data, "--listen", &listen]].concat(), input)
}

fn started() -> Bot {
    let mut bot = Bot::start(PROGRAM, &[], &[]);
    bot.wait_healthy();
    bot
}

#[track_caller]
fn fails(ended: &Ended, why: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(why), "{why:?} is not in {}", ended.stderr);
    assert_eq!(ended.stderr.trim_end().lines().filter(|line| line.starts_with("error: ")).count(), 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_command_has_help_and_a_wrong_one_is_a_wrong_use() {
    let help = waddlebot(&["--help"], "");
    assert_eq!(help.code, Some(0));
    let commands = help.stdout.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names: Vec<&str> = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    for wanted in ["run", "migrate", "chat", "inspect", "bench", "demo", "doctor", "config", "module", "key", "login", "completions"] {
        assert!(names.contains(&wanted), "{wanted} is not among {names:?}");
        let help = waddlebot(&[wanted, "--help"], "");
        assert_eq!(help.code, Some(0), "{wanted}");
        assert!(help.stdout.contains(&format!("Usage: waddlebot {wanted}")), "{}", help.stdout);
    }
    assert_eq!(waddlebot(&["--version"], "").code, Some(0));
    let wrong = waddlebot(&["inspekt"], "");
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("inspect"), "{}", wrong.stderr);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = waddlebot(&["completions", shell], "");
        assert_eq!(ended.code, Some(0), "{shell}");
        assert!(ended.stdout.contains("inspect"), "{shell}");
    }
}

#[test]
fn an_unknown_setting_is_refused_with_its_place_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(&file, "[http]\nlisen = \"127.0.0.1:1\"\n").unwrap();
    let ended = waddlebot(&["run", "--config", path(&file)], "");
    fails(&ended, "mine.toml:2");
    assert!(ended.stderr.contains("http.listen"), "{}", ended.stderr);
    fails(&waddlebot(&["run", "--set", "http.lisen=1"], ""), "did you mean `http.listen`?");
}

#[test]
fn a_busy_port_is_named() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let ended = waddlebot(&["run", "--listen", &address], "");
    fails(&ended, &format!("cannot listen on {address}"));
    let doctor = waddlebot(&["doctor", "--listen", &address], "");
    fails(&doctor, "1 check failed");
    assert!(doctor.stdout.contains("choose another"), "{}", doctor.stdout);
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("waddlebot.db");
    let noise = "no database at all, but long enough to be taken for one. ".repeat(100);
    fs::write(&file, &noise).unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    for command in ["run", "migrate", "login"] {
        fails(&waddlebot(&[command, "--data", path(data.path()), "--listen", &listen], ""), "is damaged or no WaddleBot database");
    }
    let doctor = waddlebot(&["doctor", "--data", path(data.path()), "--listen", &listen], "");
    fails(&doctor, "1 check failed");
    assert!(doctor.stdout.contains("restore a backup"), "{}", doctor.stdout);
    assert_eq!(fs::read_to_string(&file).unwrap(), noise);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("data");
    fails(&waddlebot(&["run", "--data", path(&below)], ""), "choose another with --data");
    let doctor = waddlebot(&["doctor", "--data", path(&below), "--listen", &format!("127.0.0.1:{}", free_port())], "");
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains("choose another with --data"), "{}", doctor.stdout);
}

#[test]
fn without_a_node_it_is_said_how_to_start_one() {
    let data = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    for command in ["chat", "inspect"] {
        fails(&waddlebot(&[command, "--data", path(data.path()), "--listen", &listen], "hi\n"), "start a node with `waddlebot run`");
    }
    fails(&waddlebot(&["doctor", "--health", "--listen", &listen], ""), "nothing answers");
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "nobody makes a database to look for a node");
}

#[test]
fn lines_are_piped_into_a_room_and_its_answers_come_out() {
    let bot = started();
    let script = "hello\n!ping\n/raid ninja 12\n/as bob\n!so @ninja\n//shrug\n";
    let ended = beside(&bot, &["chat", "--user", "ana", "--role", "moderator"], script);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let place = |line: &str| lines.iter().position(|shown| *shown == line).unwrap_or_else(|| panic!("no {line:?} in {lines:#?}"));
    let order =
        ["ana (moderator): hello", "ana (moderator): !ping", "WaddleBot: pong", "* raid: ninja (12)", "bob: !so @ninja", "bob: /shrug"];
    let places = order.map(place);
    assert!(places.is_sorted(), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("WaddleBot: ") && line.contains("moderators")), "{lines:#?}");
    assert!(!ended.stdout.contains('\u{1b}'), "no colour for scripts");

    let refused = beside(&bot, &["chat", "--user", "ana"], &format!("/dance\n{}\n!ping after\n", "x".repeat(10 << 20)));
    fails(&refused, "2 lines were not sent");
    assert!(refused.stdout.contains("WaddleBot: pong after"), "{}", refused.stdout);
    assert!(refused.stderr.contains("10485760 bytes is too long"), "{}", refused.stderr);

    let steering = beside(&bot, &["chat", "--channel", "other"], "a\u{1b}[2Jb\n");
    assert!(steering.stdout.contains("a [2Jb"), "{}", steering.stdout);
    let keys = beside(&bot, &["key", "list", "--json"], "");
    assert_eq!(keys.stdout.trim(), "[]", "a lent key is gone afterwards");
}

#[test]
fn who_has_no_good_key_stays_out() {
    let bot = started();
    let other = tempfile::tempdir().unwrap();
    let url = bot.url("");
    let invented = format!("wbot_{}", "A".repeat(43));
    fails(&waddlebot(&["inspect", "--url", &url, "--key", &invented], ""), "unknown or revoked");
    fails(&waddlebot(&["inspect", "--url", &url, "--data", path(other.path())], ""), "say where it does with --data");
    waddlebot(&["migrate", "--data", path(other.path())], "");
    fails(&waddlebot(&["chat", "--url", &url, "--data", path(other.path())], "hi\n"), "say where it does with --data");

    let key = beside(&bot, &["key", "create", "--role", "user", "--name", "bob"], "").stdout;
    let seen = run(PROGRAM, &["inspect", "--url", &url], &[("WADDLEBOT_API_KEY", key.trim())], b"");
    fails(&seen, "may not do this");
    assert_eq!(bot.get("/health").status, 200);
}

#[test]
fn the_inspector_shows_who_lives_on_the_node() {
    let bot = started();
    beside(&bot, &["chat"], "!ping\n");
    let all = beside(&bot, &["inspect"], "");
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let heads = all.stdout.lines().next().unwrap();
    for head in ["actor", "kind", "state", "mailbox", "handled", "rate/s", "p50", "p99", "restarts", "epoch", "last error"] {
        assert!(heads.contains(head), "{heads}");
    }
    assert!(all.stdout.contains("\nnode "), "{}", all.stdout);
    let channel = all.stdout.lines().find(|line| line.contains("local:lobby ")).unwrap();
    assert!(channel.starts_with("└ "), "it stands below its parent: {channel}");

    let one = beside(&bot, &["inspect", "local:lobby"], "");
    assert!(one.stdout.contains("parent") && one.stdout.contains("memory\n{"), "{}", one.stdout);
    let json = beside(&bot, &["inspect", "--json"], "").stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["total"], json["actors"].as_array().unwrap().len());
    fails(&beside(&bot, &["inspect", "nobody/here#?"], ""), "nobody called nobody/here#? lives here");
}

#[test]
fn a_second_node_on_the_same_folder_is_refused_and_the_first_lives_on() {
    let mut bot = started();
    let elsewhere = format!("127.0.0.1:{}", free_port());
    let second = waddlebot(&["run", "--data", path(bot.data()), "--listen", &elsewhere], "");
    fails(&second, &bot.id().unwrap().to_string());
    assert_eq!(bot.get("/health").status, 200);
    bot.kill_9();
    bot.start_again().wait_healthy();
    assert_eq!(bot.terminate().code(), Some(0), "{}", bot.stderr());
}

#[test]
fn the_doctor_finds_a_running_node_well_and_a_stopped_one_startable() {
    let mut bot = started();
    let well = beside(&bot, &["doctor"], "");
    assert_eq!(well.code, Some(0), "{}{}", well.stdout, well.stderr);
    assert!(well.stdout.contains("is whole and up to date") && well.stdout.contains("healthy"), "{}", well.stdout);
    // The disk of a test machine may be nearly full.
    let good = well.stdout.lines().filter(|line| !line.contains("free space")).all(|line| line.starts_with("ok "));
    assert!(good, "{}", well.stdout);
    assert_eq!(beside(&bot, &["doctor", "--health"], "").code, Some(0));
    assert!(bot.terminate().success());
    let stopped = beside(&bot, &["doctor"], "");
    assert_eq!(stopped.code, Some(0), "{}", stopped.stdout);
    assert!(stopped.stdout.contains("none runs"), "{}", stopped.stdout);
    assert_eq!(beside(&bot, &["doctor", "--health"], "").code, Some(1));
}

#[test]
fn the_doctor_finds_servers_that_are_away() {
    let data = tempfile::tempdir().unwrap();
    let gone = format!("127.0.0.1:{}", free_port());
    let redis = format!("redis://{gone}");
    let settings =
        [("WADDLEBOT_IRC_SERVER", gone.as_str()), ("WADDLEBOT_IRC_TLS", "false"), ("WADDLEBOT_IRC_CHANNELS", "#a"), ("REDIS_URL", &redis)];
    let args = ["doctor", "--data", path(data.path()), "--listen", &format!("127.0.0.1:{}", free_port())];
    let ended = run(PROGRAM, &args, &settings, b"");
    fails(&ended, "2 checks failed");
    for next in ["REDIS_URL", "WADDLEBOT_IRC_SERVER"] {
        assert!(ended.stdout.lines().any(|line| line.starts_with("error") && line.contains(next)), "{}", ended.stdout);
    }
    let postgres = format!("postgres://a:hunter2@{gone}/x");
    let ended = run(PROGRAM, &args, &[("DATABASE_URL", &postgres)], b"");
    fails(&ended, "1 check failed");
    assert!(ended.stdout.contains("DATABASE_URL") && !ended.stdout.contains("hunter2"), "{}", ended.stdout);
}

#[test]
fn the_container_asks_for_health_with_words_that_are_understood() {
    let bot = started();
    let recipe = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Dockerfile")).unwrap();
    let asked = recipe.split("HEALTHCHECK").nth(1).unwrap().split("CMD ").nth(1).unwrap().lines().next().unwrap();
    let words: Vec<String> = serde_json::from_str(asked).unwrap();
    assert_eq!(words[0], "waddlebot");
    let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let listen = format!("0.0.0.0:{}", bot.address().port());
    let settings = [("WADDLEBOT_LISTEN", listen.as_str()), ("WADDLEBOT_DATA", path(bot.data()))];
    let ended = run(PROGRAM, &args, &settings, b"");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "healthy\n"), "{}", ended.stderr);
}

#[test]
fn the_demo_plays_a_round_and_leaves_nothing_behind() {
    let above = tempfile::tempdir().unwrap();
    let args = ["demo", "--once", "--speed", "20", "--listen", &format!("127.0.0.1:{}", free_port())];
    // What would make it another node is left aside.
    let settings = [("TMPDIR", path(above.path())), ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/x"), ("LOG_LEVEL", "loud")];
    let ended = run(PROGRAM, &args, &settings, b"");
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for part in [
        "/login/",
        "/ticker\n",
        "/media\n",
        "/general\n",
        "pong is this thing on?",
        "* follow: carl",
        "* raid: ninja (42)",
        "Thanks for the raid",
    ] {
        assert!(ended.stdout.contains(part), "no {part:?} in {}", ended.stdout);
    }
    assert!(ended.stdout.trim_end().lines().last().unwrap().starts_with("WaddleBot: "), "the last answer is shown: {}", ended.stdout);
    assert_eq!(fs::read_dir(above.path()).unwrap().count(), 0, "its folder is gone");
}
