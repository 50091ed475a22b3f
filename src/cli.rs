//! The command line: what can be asked, with examples, defaults and the names of the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::commands;
use crate::config::Flags;

const EXAMPLES: &str = "\
Examples:
  waddlebot                                   start; open http://127.0.0.1:8060 with the link it prints
  waddlebot demo                              watch a small stream: chat, commands, a raid, overlays
  waddlebot chat --user ana --role moderator  type in the room of a running node
  waddlebot run --data ./data --listen 127.0.0.1:9000
  waddlebot config                            what is set, and by whom

Every setting has a name in the environment and in cluster.toml: see `waddlebot config` and
docs/CONFIGURATION.md. Flags win over the environment, the environment over the file.
Exit codes: 0 done, 1 failed, 2 used wrongly.";

/// A community chat bot with stream overlays, in one program
#[derive(Debug, Parser)]
#[command(name = "waddlebot", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    places: Places,

    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command understands.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Places {
    /// The data folder [env: WADDLEBOT_DATA] [default: $XDG_DATA_HOME/waddlebot or ~/.local/share/waddlebot]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Where the node's HTTP port is [env: WADDLEBOT_LISTEN] [default: 127.0.0.1:8060]
    #[arg(long, global = true, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,

    /// The configuration file [env: WADDLEBOT_CONFIG] [default: cluster.toml in the data folder, if there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Any setting, as `irc.nick=waddle`; may be repeated
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

impl From<Places> for Flags {
    fn from(places: Places) -> Self {
        Self { data: places.data, config: places.config, listen: places.listen.map(|address| address.to_string()), set: places.set }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the node: bot, hub, overlays and API, until SIGTERM or Ctrl-C (this is what happens without a command)
    Run,
    /// Opens a room of a running node in this terminal
    Chat(commands::chat::Asked),
    /// Starts a node and plays a small stream on it: see chat, commands and overlays move
    Demo(commands::demo::Asked),
    /// Shows who lives on a running node: every actor with its load, or one with its memory
    Inspect(commands::inspect::Asked),
    /// Shows the nodes of a running cluster and what each holds; drains a node, moves a community
    Cluster(commands::cluster::Asked),
    /// Looks at everything a node needs, and says what to do where something is amiss
    Doctor(commands::doctor::Asked),
    /// Brings the database's tables up to date, and ends
    Migrate,
    /// Prints the effective configuration as TOML: each value with its origin, secrets hidden
    Config,
    /// Says what the modules are
    #[command(subcommand)]
    Module(commands::module::Asked),
    /// Makes, lists and revokes API keys; also while the node runs
    #[command(subcommand)]
    Key(commands::key::Asked),
    /// Lists the commands that programs elsewhere answer, and shows one
    #[command(subcommand, name = "command")]
    Stored(commands::command::Asked),
    /// Lists string rules, and shows what they would have matched
    #[command(subcommand)]
    Rules(commands::rules::Asked),
    /// Prints a new link, good once and for a day, that logs the owner in to the hub
    Login,
    /// Measures this program on this machine against bare loops of the same frameworks, and prints a table
    Bench(commands::bench::Asked),
    /// A process that the bench measures
    #[command(subcommand, hide = true)]
    BenchPeer(commands::bench::Peer),
    /// Prints the description of the API, as it is at /openapi.json
    Openapi,
    /// Prints the completions of a shell: `source <(waddlebot completions bash)`
    Completions(commands::completions::Asked),
}

impl Cli {
    /// Whether the command ends in good order by itself when it is asked to stop.
    pub(crate) fn winds_down(&self) -> bool {
        matches!(self.command, None | Some(Command::Run | Command::Chat(_) | Command::Inspect(_) | Command::Demo(_) | Command::Bench(_)))
    }

    /// Whether the command is for who looks at this terminal, and so ends when it is closed.
    pub(crate) fn lives_in_terminal(&self) -> bool {
        matches!(self.command, Some(Command::Chat(_) | Command::Inspect(_) | Command::Demo(_)))
    }

    /// Does what was asked.
    pub(crate) async fn obey(self, closing: CancellationToken) -> Result<()> {
        let flags = self.places.into();
        match self.command.unwrap_or(Command::Run) {
            Command::Run => commands::run::run(&flags, closing).await,
            Command::Chat(asked) => commands::chat::run(asked, &flags, closing).await,
            Command::Demo(asked) => commands::demo::run(asked, &flags, closing).await,
            Command::Inspect(asked) => commands::inspect::run(asked, &flags, closing).await,
            Command::Cluster(asked) => commands::cluster::run(asked, &flags).await,
            Command::Doctor(asked) => commands::doctor::run(asked, &flags).await,
            Command::Migrate => commands::migrate::run(&flags).await,
            Command::Config => commands::config::run(&flags),
            Command::Module(asked) => commands::module::run(&asked),
            Command::Key(asked) => commands::key::run(asked, &flags).await,
            Command::Stored(asked) => commands::command::run(asked, &flags).await,
            Command::Rules(asked) => commands::rules::run(asked, &flags).await,
            Command::Login => commands::login::run(&flags).await,
            Command::Bench(asked) => commands::bench::run(asked, closing).await,
            Command::BenchPeer(peer) => commands::bench::serve(peer).await,
            Command::Openapi => commands::openapi::run(),
            Command::Completions(asked) => commands::completions::run(&asked),
        }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is expected, for example irc.nick=waddle")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    const MANUAL: &str = include_str!("../docs/CLI.md");

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_manual_has_every_command() {
        let mut missing = Vec::new();
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let whole = format!("waddlebot {}", command.get_name());
            let below: Vec<_> = command.get_subcommands().map(|below| format!("{whole} {}", below.get_name())).collect();
            missing.extend(if below.is_empty() { vec![whole] } else { below }.into_iter().filter(|name| !MANUAL.contains(name)));
        }
        assert!(missing.is_empty(), "docs/CLI.md lacks {missing:?}");
    }

    #[test]
    fn every_example_is_understood() {
        let examples: Vec<&str> =
            MANUAL.split("```sh\n").skip(1).filter_map(|block| block.split("```").next()).flat_map(str::lines).collect();
        let mut tried = 0;
        let help = EXAMPLES.lines().filter(|line| line.starts_with("  waddlebot"));
        for line in examples.into_iter().chain(help) {
            let Some((_, arguments)) = line.split_once("waddlebot ") else { continue };
            // What a comment, a pipe or a redirection begins is the shell's.
            let arguments = arguments.split([';', '|', '>', '#', ')']).next().unwrap_or_default();
            let arguments = arguments.split("  ").next().unwrap_or_default().split_whitespace();
            let words: Vec<_> = std::iter::once("waddlebot").chain(arguments.map(|word| word.trim_matches(['"', '\'']))).collect();
            match Cli::try_parse_from(&words) {
                Ok(_) => tried += 1,
                Err(error) => panic!("{line}: {error}"),
            }
        }
        assert!(tried >= 15, "only {tried} examples were found");
    }
}
