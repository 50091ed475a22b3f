//! What each layer may say, and how mistakes are told.

use std::fs;
use std::path::Path;

use tracing::Level;
use waddlebot_platforms::irc::settings as irc;
use waddlebot_runtime::store::Place;

use super::layers::{full_name, own_variable};
use super::settings::{SECTIONS, SETTINGS};
use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Loads with a file of this text, a data folder, and these variables.
fn load(text: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.toml");
    fs::write(&file, text).unwrap();
    let flags = Flags { data: Some(folder.path().to_owned()), config: Some(file), ..flags };
    Config::from_layers(&flags, &environment(variables))
}

fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    let error = load(text, variables, Flags::default()).unwrap_err().to_string();
    // The folder's name differs from run to run.
    error.find("cluster.toml").map_or(error.clone(), |at| error[at..].to_owned())
}

#[test]
fn with_nothing_said_everything_has_a_default() {
    let config = load("", &[], Flags::default()).unwrap();
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8060");
    assert_eq!(config.lease.ttl, Duration::from_secs(6));
    assert_eq!(config.base_url(), "http://127.0.0.1:8060");
    assert!(matches!(config.place(), Place::Sqlite(_)));
    assert!(config.redis().is_none() && config.irc_settings().is_none());
}

#[test]
fn the_file_in_the_repository_says_the_defaults_and_names_every_setting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster.toml");
    let text = fs::read_to_string(path).unwrap();
    let (file, nothing) = (load(&text, &[], Flags::default()).unwrap(), load("", &[], Flags::default()).unwrap());
    assert_eq!(file.shown(), nothing.shown());
    let mut section = "";
    let mut named = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches("# ");
        if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once(" = ") {
            named.push(format!("{section}.{key}"));
        }
    }
    for setting in SETTINGS {
        assert!(named.contains(&full_name(setting)), "cluster.toml does not name {}", full_name(setting));
    }
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\nbase_url = \"http://file\"\n[node]\nid = \"file\"\n";
    let flags = Flags { listen: Some("127.0.0.1:3".to_owned()), ..Flags::default() };
    let config = load(file, &[("WADDLEBOT_LISTEN", "127.0.0.1:2"), ("BASE_URL", "http://environment/")], flags).unwrap();
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:3");
    assert_eq!(config.base_url(), "http://environment");
    assert_eq!(config.node.id, "file");
    let shown = config.to_string();
    assert!(shown.contains("listen = \"127.0.0.1:3\"  # flag --listen"), "{shown}");
    assert!(shown.contains("base_url = \"http://environment/\"  # environment BASE_URL"), "{shown}");
    assert!(shown.contains("cluster.toml:5"), "{shown}");
    assert!(shown.contains("max_connections = 20000  # default"), "{shown}");
}

#[test]
fn our_own_name_of_a_variable_beats_the_older_one() {
    let config = load("", &[("WADDLEBOT_LOG_LEVEL", "debug"), ("LOG_LEVEL", "ERROR")], Flags::default()).unwrap();
    assert_eq!(config.log.level, Level::DEBUG);
    assert_eq!(load("", &[("LOG_LEVEL", "WARNING")], Flags::default()).unwrap().log.level, Level::WARN);
    assert_eq!(load("", &[("LOG_LEVEL", "")], Flags::default()).unwrap().log.level, Level::INFO);
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
    assert_eq!(refusal("[http]\n\nlistn = \"x\"\n", &[]), "cluster.toml:3: there is no setting `http.listn`; did you mean `http.listen`?");
    assert_eq!(refusal("[htp]\nlisten = \"x\"\n", &[]), "cluster.toml:2: there is no setting `htp.listen`; did you mean `http.listen`?");
    assert_eq!(refusal("[node]\nlisten = \"x\"\n", &[]), "cluster.toml:2: there is no setting `node.listen`; did you mean `http.listen`?");
    assert_eq!(refusal("zzz = 1\n", &[]), "cluster.toml:1: there is no setting `zzz`");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_what_is_wanted() {
    let listen = "an address and a port, as in 127.0.0.1:8060";
    assert_eq!(refusal("[http]\nlisten = 8060\n", &[]), format!("cluster.toml:2: `http.listen` wants {listen}, not the number 8060"));
    assert_eq!(refusal("[irc]\ntls = \"yes\"\n", &[]), "cluster.toml:2: `irc.tls` wants true or false, not the text \"yes\"");
    assert_eq!(refusal("[irc]\nchannels = [1]\n", &[]), "cluster.toml:2: `irc.channels` wants a list of texts, not an integer");
    assert_eq!(
        refusal("", &[("REDIS_PORT", "70000")]),
        "environment REDIS_PORT: `store.redis_port` wants a whole number from 0 to 65535, not `70000`"
    );
    assert_eq!(
        refusal("", &[("LOG_LEVEL", "loud")]),
        "environment LOG_LEVEL: `log.level` wants error, warning, info, debug or trace, not `loud`"
    );
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    assert!(refusal("[http]\nlisten = \n", &[]).starts_with("cluster.toml:2: "));
    let error =
        Config::from_layers(&Flags { config: Some("/no/such/file.toml".into()), ..Flags::default() }, &environment(&[("HOME", "/x")]));
    assert!(error.unwrap_err().to_string().starts_with("cannot read the configuration /no/such/file.toml: "));
}

#[test]
fn a_set_flag_reaches_every_setting() {
    let set = vec![("lease.ttl".to_owned(), "10s".to_owned())];
    assert_eq!(load("", &[], Flags { set, ..Flags::default() }).unwrap().lease.ttl, Duration::from_secs(10));
    let set = vec![("lease.til".to_owned(), "10s".to_owned())];
    let error = load("", &[], Flags { set, ..Flags::default() }).unwrap_err();
    assert_eq!(error.to_string(), "flag --set lease.til: there is no setting `lease.til`; did you mean `lease.ttl`?");
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    assert!(refusal("[lease]\nttl = \"2s\"\n", &[]).starts_with("lease.ttl (2s) must be at least"));
    assert!(refusal("", &[("READ_REPLICA_URL", "postgres://a/b")]).contains("nothing it could be a replica of"));
    assert!(refusal("", &[("WADDLEBOT_IRC_SERVER", "a:b")]).contains("is no host:port"));
}

#[test]
fn links_lead_to_an_address_that_answers() {
    let base = |variables| load("", variables, Flags::default()).unwrap().base_url();
    assert_eq!(base(&[("WADDLEBOT_LISTEN", "0.0.0.0:80")]), "http://127.0.0.1:80");
    assert_eq!(base(&[("WADDLEBOT_LISTEN", "[::]:80")]), "http://[::1]:80");
    assert_eq!(base(&[("WADDLEBOT_LISTEN", "0.0.0.0:80"), ("BASE_URL", "https://bot.example/")]), "https://bot.example");
    for wrong in ["bot.example", "ftp://bot.example", "https://", "https:///x", "https://a b", "https://a?b"] {
        assert!(refusal("", &[("BASE_URL", wrong)]).starts_with("http.base_url wants an address"), "{wrong}");
    }
}

#[test]
fn times_are_written_as_people_write_them_and_bare_numbers_are_seconds() {
    let ttl = |text: &str| load("", &[("SESSION_TTL", text)], Flags::default()).map(|config| config.store.session_ttl.as_millis());
    for (text, millis) in [("3600", 3_600_000), ("1h", 3_600_000), ("1.5s", 1500), ("250ms", 250), ("2 m", 120_000), ("1d", 86_400_000)] {
        assert_eq!(ttl(text).unwrap(), millis, "{text}");
    }
    for text in ["0", "-1", "inf", "NaN", "1e30", "soon", "5 parsecs", "1h30m"] {
        assert!(ttl(text).is_err(), "{text}");
    }
}

#[test]
fn secrets_are_hidden_wherever_they_are_shown() {
    let variables = [
        ("DATABASE_URL", "postgres://ana:hunter2@db/x"),
        ("REDIS_PASSWORD", "hunter2"),
        ("WADDLEBOT_IRC_SASL_PASSWORD", "hunter2"),
        ("WADDLEBOT_SECRET_KEY", "hunter2"),
    ];
    let config = load("[irc]\npassword = \"hunter2\"\n", &variables, Flags::default()).unwrap();
    assert!(!config.to_string().contains("hunter2"), "{config}");
    assert!(config.to_string().contains("database_url = \"(hidden)\"  # environment DATABASE_URL"), "{config}");
    assert!(!refusal("[irc]\npassword = 7\nsasl_password = [\"hunter2\"]\n", &[]).contains("hunter2"));
}

#[test]
fn what_is_shown_can_be_read_again() {
    let config = load("[node]\nid = \"it's \\\"n\\\"\"\n[irc]\nchannels = [\"#a\", \"#b key\"]\n", &[], Flags::default()).unwrap();
    let again = load(&config.to_string(), &[], Flags::default()).unwrap();
    assert_eq!(again.shown(), config.shown());
}

#[test]
fn the_irc_connection_is_made_of_the_environment_alone() {
    let variables = [
        ("WADDLEBOT_IRC_SERVER", "127.0.0.1:6667"),
        ("WADDLEBOT_IRC_NICK", "wade"),
        ("WADDLEBOT_IRC_CHANNELS", "#a, #b"),
        ("WADDLEBOT_IRC_TLS", "false"),
        ("WADDLEBOT_IRC_FLOOD", "off"),
    ];
    let irc = load("", &variables, Flags::default()).unwrap().irc_settings().unwrap();
    assert_eq!((irc.server.as_str(), irc.nick.as_str(), irc.tls), ("127.0.0.1:6667", "wade", false));
    assert_eq!(irc.channels, ["#a", "#b"]);
    assert_eq!(irc.flood, irc::Flood::Off);
}

#[test]
fn redis_is_made_of_its_parts_or_of_its_url() {
    let parts = [("REDIS_HOST", "cache"), ("REDIS_PASSWORD", "a@b"), ("REDIS_DB", "2")];
    let config = load("", &parts, Flags::default()).unwrap();
    assert_eq!(config.redis().unwrap().reveal(), "redis://:a%40b@cache:6379/2");
    let config = load("", &[("REDIS_HOST", "cache"), ("REDIS_URL", "redis://other")], Flags::default()).unwrap();
    assert_eq!(config.redis().unwrap().reveal(), "redis://other");
}

#[test]
fn the_data_folder_is_looked_for_where_people_expect_it() {
    let data = |flags: Flags, variables: &[(&str, &str)]| data_folder(&flags, &environment(variables)).unwrap();
    let all = [("WADDLEBOT_DATA", "/a"), ("XDG_DATA_HOME", "/b"), ("HOME", "/c")];
    assert_eq!(data(Flags { data: Some("/d".into()), ..Flags::default() }, &all), Path::new("/d"));
    assert_eq!(data(Flags::default(), &all), Path::new("/a"));
    assert_eq!(data(Flags::default(), &all[1..]), Path::new("/b/waddlebot"));
    assert_eq!(data(Flags::default(), &all[2..]), Path::new("/c/.local/share/waddlebot"));
    assert!(data_folder(&Flags::default(), &[]).is_err());
}

#[test]
fn a_slip_in_the_environment_is_told_and_foreign_names_are_not() {
    let variables = [("WADDLEBOT_IRC_SEVER", "x"), ("WADDLEBOT_SERVICE_HOST", "10.0.0.1"), ("WADDLEBOT_IRC_NICK", "wade")];
    let slips = load("", &variables, Flags::default()).unwrap().layers.slips;
    assert_eq!(slips, ["the environment has WADDLEBOT_IRC_SEVER, which means nothing; did you mean WADDLEBOT_IRC_SERVER?"]);
}

const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIGURATION.md");

#[test]
fn the_manual_names_every_setting_as_it_is() {
    let mut tables = String::new();
    for (section, about) in SECTIONS {
        tables += &format!("### `[{section}]`\n\n{}\n\n| Setting | Environment | Default | Meaning |\n|---|---|---|---|\n", about.trim());
        for setting in SETTINGS.iter().filter(|setting| setting.section == *section) {
            let own = own_variable(setting);
            let older = setting.environment.iter().copied().filter(|name| *name != own);
            let names: Vec<_> = std::iter::once(own.as_str()).chain(older).map(|name| format!("`{name}`")).collect();
            let default = if setting.default.is_empty() { "–".to_owned() } else { format!("`{}`", setting.default) };
            tables += &format!("| `{}` | {} | {default} | {} |\n", setting.key, names.join(", "), setting.about.trim());
        }
        tables.push('\n');
    }
    let manual = fs::read_to_string(MANUAL).unwrap();
    let (before, _) = manual.split_once("### `[").expect("the tables come last");
    let right = format!("{before}{}", tables.trim_end().to_owned() + "\n");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(MANUAL, &right).unwrap();
    } else {
        assert!(manual == right, "docs/CONFIGURATION.md is not what the program is: run this test with UPDATE_DOCS=1");
    }
}

#[test]
fn every_setting_is_documented_once() {
    let mut variables: Vec<String> = SETTINGS.iter().map(own_variable).collect();
    for setting in SETTINGS {
        assert!(setting.about.trim().ends_with('.'), "{} has no sentence", full_name(setting));
        assert!(SECTIONS.iter().any(|(name, _)| *name == setting.section));
        let older = setting.environment.iter().map(|&name| name.to_owned());
        variables.extend(older.filter(|name| *name != own_variable(setting)));
    }
    variables.sort();
    assert!(variables.windows(2).all(|two| two[0] != two[1]), "{variables:?}");
}

const CLUSTERED: &str = "[cluster]\nname = \"prod\"\ncookie = \"0123456789abcdef\"\n[store]\ndatabase_url = \"postgres://x\"\nredis_url = \"redis://x\"\nsecret_key = \"0123456789abcdef0123456789abcdef\"\n";

#[test]
fn a_cluster_is_refused_while_something_is_missing_that_its_nodes_share() {
    load(CLUSTERED, &[], Flags::default()).unwrap();
    for (part, why) in
        [("database_url", "SQLite file is for one node"), ("redis_url", "sessions"), ("secret_key", "secret_key"), ("cookie", "cookie")]
    {
        let text: String = CLUSTERED.lines().filter(|line| !line.starts_with(part)).map(|line| format!("{line}\n")).collect();
        let refused = refusal(&text, &[]);
        assert!(refused.contains("a cluster needs") && refused.contains(why), "{part}: {refused}");
    }
    assert!(refusal("[cluster]\nseeds = [\"127.0.0.1:8061\"]\n", &[]).contains("cluster.name"));
}

#[test]
fn plain_text_between_nodes_stays_on_one_machine() {
    let refused = |name, value| refusal(CLUSTERED, &[(name, value)]);
    assert!(refused("CLUSTER_LISTEN", "10.0.0.1:8061").contains("plain text"));
    assert!(refused("CLUSTER_ADVERTISE", "n1.example.org:8061").contains("plain text"));
    assert!(refused("CLUSTER_TLS_CERT", "/x.pem").contains("together"));
    assert!(refused("CLUSTER_SEEDS", "n1").contains("host:port"));
    let papers =
        [("CLUSTER_TLS_CERT", "/x.pem"), ("CLUSTER_TLS_KEY", "/x.key"), ("CLUSTER_TLS_CA", "/ca.pem"), ("CLUSTER_LISTEN", "0.0.0.0:1")];
    assert!(refusal(CLUSTERED, &papers).contains("cluster.advertise"));
    let whole = [&papers[..], &[("CLUSTER_ADVERTISE", "n1.example.org:8061")]].concat();
    load(CLUSTERED, &whole, Flags::default()).unwrap();
}
