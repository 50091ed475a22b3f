//! `waddlebot doctor`: what a node needs, looked at one by one, with what to do where something is amiss.

mod checks;
mod disk;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::client::Client;
use crate::config::{Config, Flags};
use crate::terminal::{self, Paint};

const EXAMPLES: &str = "\
Examples:
  waddlebot doctor             every check, with what to do next; exit code 1 when one fails
  waddlebot doctor --health    is the node that runs here healthy? (for container health checks)";

/// Everything, or only the one question.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Asked {
    /// Only asks the running node whether it is healthy, at this address or where the configuration says
    #[arg(long, value_name = "URL", num_args = 0..=1)]
    health: Option<Option<String>>,
}

/// How long a node may take to say how it is.
const HELLO: Duration = Duration::from_millis(2500);

/// What came of one check.
#[derive(Debug)]
enum Verdict {
    /// All is well.
    Fine(String),
    /// It works, but somebody should look.
    Warning(String),
    /// The node does not start or not work like this.
    Error(String),
}

/// Looks at everything.
pub(crate) async fn run(asked: Asked, flags: &Flags) -> Result<()> {
    if let Some(address) = asked.health {
        return health(address, flags).await;
    }
    let mut report = Report { paint: Paint::wanted(), errors: 0 };
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(error) => {
            report.tell("configuration", Verdict::Error(terminal::told(&error)))?;
            bail!("nothing else can be looked at before the configuration is mended");
        }
    };
    report.tell("configuration", checks::configuration(&config))?;
    report.tell("data folder", disk::folder(&config.data))?;
    report.tell("free space", disk::space(&config.data))?;
    report.tell("database", checks::database(&config).await)?;
    report.tell("sessions", checks::redis(&config).await)?;
    report.tell("node", checks::node(&config).await)?;
    report.tell("irc", checks::irc(&config).await)?;
    match report.errors {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        more => bail!("{more} checks failed"),
    }
}

struct Report {
    paint: Paint,
    errors: usize,
}

impl Report {
    fn tell(&mut self, what: &str, verdict: Verdict) -> Result<()> {
        let (word, told) = match verdict {
            Verdict::Fine(told) => (self.paint.green("ok     "), told),
            Verdict::Warning(told) => (self.paint.yellow("warning"), told),
            Verdict::Error(told) => {
                self.errors += 1;
                (self.paint.red("error  "), told)
            }
        };
        terminal::line(format!("{word}  {what:14} {}", terminal::plain(&told)))
    }
}

/// The one question: one line, quickly.
async fn health(address: Option<String>, flags: &Flags) -> Result<()> {
    let address = match address {
        Some(address) => address.trim_end_matches("/health").to_owned(),
        None => Config::load(flags)?.own_url(),
    };
    let health = Client::new(&address)?.health(HELLO).await?;
    match health.status.as_str() {
        "healthy" => terminal::line("healthy"),
        other => bail!("the node at {address} is {}; its log says why", terminal::plain(other)),
    }
}
