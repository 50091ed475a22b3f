//! The command line: what can be said to `waddlebot`, and its help.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use waddlebot_runtime::keys::KeyRole;

use crate::config::Flags;

/// A community bot for chat and stream overlays.
///
/// Without a command it runs the bot: a hub at http://127.0.0.1:8060, a local chat room to try things out in, and
/// everything it keeps in one data folder. Nothing needs to be configured.
#[derive(Debug, Parser)]
#[command(name = "waddlebot", version, about, max_term_width = 100, after_help = "Start here: waddlebot demo")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// What to do: `run`, when nothing was said.
    pub(crate) fn command(self) -> (Flags, Command) {
        (self.place.into(), self.command.unwrap_or(Command::Run))
    }
}

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where things are")]
pub(crate) struct PlaceArgs {
    /// The folder for everything that is kept: database, keys, logs
    ///
    /// Without it: $WADDLEBOT_DATA, else $XDG_DATA_HOME/waddlebot, else ~/.local/share/waddlebot.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file
    ///
    /// Without it: $WADDLEBOT_CONFIG, else cluster.toml in the data folder where there is one. `waddlebot config` shows
    /// every setting there is, what holds, and who said it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the hub, the overlays and the API listen [default: 127.0.0.1:8060]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Any setting, before environment and file; may be repeated
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

impl From<PlaceArgs> for Flags {
    fn from(args: PlaceArgs) -> Self {
        Self { data: args.data, config: args.config, listen: args.listen.map(|address| address.to_string()), set: args.set }
    }
}

/// What `waddlebot` can be told to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the bot until SIGTERM or Ctrl-C
    Run,
    /// Bring the database to this version, then exit
    ///
    /// `run` does so by itself; this is for those who want to do it before.
    Migrate,
    /// Chat in a local room of the running bot, from the terminal
    Chat(ChatArgs),
    /// Show what lives in the running bot: the tree of its actors, or what one of them remembers
    Inspect(InspectArgs),
    /// Measure this machine: messages, overlays, writes; prints a table
    Bench(BenchArgs),
    /// Play a small stream: viewers, commands, a raid, so that chat and overlays move
    Demo(DemoArgs),
    /// Say what is wrong with configuration, folders, database, Redis and ports
    Doctor(DoctorArgs),
    /// Print the effective configuration and who said each value; secrets are hidden
    Config,
    /// Look at the modules
    #[command(subcommand)]
    Module(ModuleCommand),
    /// Make and take back keys for the API; works beside a running bot
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print a new log-in link for the owner; it works once
    Login,
    /// Print a completion script, for example: waddlebot completions bash > /etc/bash_completion.d/waddlebot
    Completions {
        /// The shell it is for
        shell: Shell,
    },
}

/// `waddlebot chat`.
#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// The local room
    #[arg(default_value = "lobby")]
    pub(crate) channel: String,
    /// Who you are there
    #[arg(long = "as", value_name = "NAME", default_value = "you")]
    pub(crate) user: String,
    /// What you are there: viewer, vip, moderator, admin or owner
    #[arg(long, default_value = "owner")]
    pub(crate) role: String,
}

/// `waddlebot inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The actor to look into; without it the whole tree
    pub(crate) key: Option<String>,
    /// Look again every second until stopped
    #[arg(long)]
    pub(crate) watch: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `waddlebot bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure; without it everything
    pub(crate) what: Vec<String>,
    /// Smaller numbers, done in a minute
    #[arg(long)]
    pub(crate) quick: bool,
}

/// `waddlebot demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The local room it plays in
    #[arg(long, default_value = "lobby")]
    pub(crate) channel: String,
    /// Play once and stop, rather than keep the bot running afterwards
    #[arg(long)]
    pub(crate) once: bool,
}

/// `waddlebot doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Only ask this address for its health; exit 0 when it is healthy. For a container's health check
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "http://127.0.0.1:8060/health")]
    pub(crate) health: Option<String>,
}

/// `waddlebot module …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModuleCommand {
    /// List the modules and their commands
    List,
}

/// `waddlebot key …`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Print a new key; it is shown this once
    Create {
        /// What its holder may do
        #[arg(long, value_parser = key_role())]
        role: KeyRole,
        /// What it is for, as the list will show it
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// List the keys, without what they are
    List,
    /// Take a key back, at once
    Revoke {
        /// Its name or id, from the list
        #[arg(value_name = "NAME")]
        which: String,
    },
}

/// Prints the completion script for `shell`.
pub(crate) fn completions(shell: Shell, out: &mut dyn io::Write) {
    clap_complete::generate(shell, &mut Cli::command_factory(), "waddlebot", out);
}

impl Cli {
    fn command_factory() -> clap::Command {
        <Self as CommandFactory>::command()
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it has the form section.key=value")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

fn key_role() -> impl TypedValueParser<Value = KeyRole> {
    PossibleValuesParser::new(KeyRole::ALL.map(KeyRole::name))
        .map(|name| KeyRole::parse(&name).expect("clap lets only their names through"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    fn parse(line: &str) -> (Flags, Command) {
        Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}")).command()
    }

    #[test]
    fn clap_finds_no_fault_with_it() {
        Cli::command_factory().debug_assert();
    }

    #[test]
    fn saying_nothing_means_run_and_flags_stand_where_one_likes() {
        assert!(matches!(parse("waddlebot").1, Command::Run));
        for line in ["waddlebot --data /d run --listen 127.0.0.1:1", "waddlebot run --data /d --listen 127.0.0.1:1"] {
            let (flags, command) = parse(line);
            assert!(matches!(command, Command::Run));
            assert_eq!((flags.data, flags.listen), (Some("/d".into()), Some("127.0.0.1:1".to_owned())));
        }
    }

    #[test]
    fn the_contract_for_scripts_parses() {
        let (flags, command) = parse("waddlebot key create --role admin --name ci --data /d");
        assert_eq!(flags.data, Some("/d".into()));
        assert!(matches!(command, Command::Key(KeyCommand::Create { role: KeyRole::Admin, name }) if name == "ci"));
        let health = "http://127.0.0.1:8060/health";
        let (_, command) = parse(&format!("waddlebot doctor --health {health}"));
        assert!(matches!(command, Command::Doctor(DoctorArgs { health: Some(url) }) if url == health));
    }

    #[test]
    fn a_set_flag_needs_both_halves() {
        assert_eq!(parse("waddlebot --set http.base_url=http://a=b").0.set, [("http.base_url".to_owned(), "http://a=b".to_owned())]);
        assert!(Cli::try_parse_from(["waddlebot", "--set", "http.base_url"]).is_err());
    }

    #[test]
    fn every_command_has_help_and_every_shell_a_script() {
        for command in Cli::command_factory().get_subcommands() {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
        }
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            completions(*shell, &mut script);
            assert!(String::from_utf8_lossy(&script).contains("inspect"), "{shell}");
        }
    }
}
