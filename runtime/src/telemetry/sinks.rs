//! Where lines go: standard output, a file of 10 MB with five old ones, the syslog of this machine or of another.

use std::ffi::CString;
use std::io::Write as _;
use std::net::{ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};

use syslog_tracing::{Facility, Options as SyslogOptions, Syslog};
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_rolling_file::{RollingConditionBase, RollingFileAppender};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::layer::Lines;
use crate::clock::Clock;

/// The name of the log file; old ones have `.1` to `.5` after it.
pub const FILE: &str = "waddlebot.log";

/// When a file is full, in bytes.
const FULL: u64 = 10 << 20;

/// How many full ones are kept.
const KEPT: usize = 5;

/// What is written, and where to.
#[derive(Debug, Clone)]
pub struct Options {
    /// The least important level: error, warning, info, debug or trace.
    pub level: Level,
    /// Whether lines go to standard output.
    pub stdout: bool,
    /// The folder of the log file.
    pub folder: Option<PathBuf>,
    /// The syslog, where one is wanted.
    pub syslog: Option<SyslogPlace>,
}

/// A syslog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogPlace {
    /// `localhost` with port 514 is the one of this machine, any other gets RFC 5424 over UDP.
    pub host: String,
    /// The port of another machine's.
    pub port: u16,
    /// user, daemon, or local0 to local7.
    pub facility: String,
}

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The file cannot be written.
    #[error("the log file {} cannot be written: {why}; choose another folder with LOG_DIR", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: std::io::Error,
    },
    /// The syslog cannot be used.
    #[error("syslog at {place}: {why}; mend SYSLOG_HOST, SYSLOG_PORT or SYSLOG_FACILITY")]
    Syslog {
        /// Which one.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// A program logs once.
    #[error("something else in this process took the log before")]
    Taken,
}

/// Keeps the log going; when dropped, what still waits is written.
#[must_use = "the log ends when this is dropped"]
#[derive(Debug, Default)]
pub struct Logging {
    _writers: Vec<WorkerGuard>,
}

/// Starts the log of this process.
///
/// # Errors
/// When a sink cannot be opened, or the log was started before.
pub fn start(options: &Options, clock: Clock) -> Result<Logging, LoggingError> {
    let (sinks, guard) = Sinks::open(options)?;
    let level = LevelFilter::from_level(options.level);
    // Others' libraries speak only when something is wrong.
    let targets = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("waddlebot", level);
    let lines = Lines { clock, sinks }.with_filter(targets);
    tracing_subscriber::registry().with(lines).try_init().map_err(|_| LoggingError::Taken)?;
    Ok(guard)
}

/// All open sinks.
pub(super) struct Sinks {
    writers: Vec<NonBlocking>,
    local: Option<Syslog>,
    remote: Option<Remote>,
}

impl Sinks {
    fn open(options: &Options) -> Result<(Self, Logging), LoggingError> {
        let mut guards = Vec::new();
        let mut writers = Vec::new();
        let mut add = |(writer, guard)| {
            writers.push(writer);
            guards.push(guard);
        };
        if options.stdout {
            add(tracing_appender::non_blocking(std::io::stdout()));
        }
        if let Some(folder) = &options.folder {
            add(tracing_appender::non_blocking(open_file(folder)?));
        }
        let (mut local, mut remote) = (None, None);
        if let Some(place) = &options.syslog {
            // Another port on this machine is a server of its own, and no business of the C library.
            if place.port == 514 && matches!(place.host.as_str(), "localhost" | "127.0.0.1" | "::1" | "") {
                local = Some(open_local(place)?);
            } else {
                remote = Some(Remote::open(place)?);
            }
        }
        Ok((Self { writers, local, remote }, Logging { _writers: guards }))
    }

    /// Writes one line everywhere. A sink that fails does not hinder the others, nor the program.
    pub(super) fn write(&self, metadata: &Metadata<'_>, line: &str) {
        let whole = format!("{line}\n");
        for writer in &self.writers {
            let _ = writer.clone().write_all(whole.as_bytes());
        }
        if let Some(local) = &self.local {
            let _ = local.make_writer_for(metadata).write_all(line.as_bytes());
        }
        if let Some(remote) = &self.remote {
            remote.send(*metadata.level(), line);
        }
    }
}

fn open_file(folder: &Path) -> Result<RollingFileAppender<RollingConditionBase>, LoggingError> {
    let path = folder.join(FILE);
    let opened =
        std::fs::create_dir_all(folder).and_then(|()| RollingFileAppender::new(&path, RollingConditionBase::new().max_size(FULL), KEPT));
    opened.map_err(|why| LoggingError::File { path, why })
}

fn open_local(place: &SyslogPlace) -> Result<Syslog, LoggingError> {
    let failed = |why: &str| LoggingError::Syslog { place: "localhost".to_owned(), why: why.to_owned() };
    let facility = match place.facility.as_str() {
        "user" => Facility::User,
        "daemon" => Facility::Daemon,
        "local0" => Facility::Local0,
        "local1" => Facility::Local1,
        "local2" => Facility::Local2,
        "local3" => Facility::Local3,
        "local4" => Facility::Local4,
        "local5" => Facility::Local5,
        "local6" => Facility::Local6,
        "local7" => Facility::Local7,
        _ => return Err(failed("no such facility")),
    };
    let name = CString::new("waddlebot").expect("it holds no zero byte");
    Syslog::new(name, SyslogOptions::LOG_PID, facility).ok_or_else(|| failed("it is in use in this process"))
}

/// Another machine's syslog, spoken to in RFC 5424 over UDP (RFC 5426).
struct Remote {
    socket: UdpSocket,
    facility: u8,
}

impl Remote {
    fn open(place: &SyslogPlace) -> Result<Self, LoggingError> {
        let failed = |why: String| LoggingError::Syslog { place: format!("{}:{}", place.host, place.port), why };
        let facility = match place.facility.as_str() {
            "user" => 1,
            "daemon" => 3,
            other => other
                .strip_prefix("local")
                .and_then(|number| number.parse::<u8>().ok())
                .filter(|number| *number < 8)
                .map(|number| number + 16)
                .ok_or_else(|| failed("no such facility".to_owned()))?,
        };
        let found = (place.host.as_str(), place.port).to_socket_addrs().map_err(|error| failed(error.to_string()))?.next();
        let address = found.ok_or_else(|| failed("it has no address".to_owned()))?;
        let own = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
        let socket = UdpSocket::bind(own).and_then(|socket| socket.connect(address).map(|()| socket));
        let socket = socket.map_err(|error| failed(error.to_string()))?;
        // A log that waits for the network would stop the work it tells of.
        socket.set_nonblocking(true).map_err(|error| failed(error.to_string()))?;
        Ok(Self { socket, facility })
    }

    fn send(&self, level: Level, line: &str) {
        let severity = match level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        // The line begins with its time in brackets, in the very form that the header wants.
        let time = line.get(1..25).unwrap_or("-");
        let (priority, process) = (self.facility * 8 + severity, std::process::id());
        let _ = self.socket.send(format!("<{priority}>1 {time} - waddlebot {process} - - {line}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::aaa::{self, Outcome};

    fn logged(options: &Options, tell: impl FnOnce()) {
        let (sinks, guard) = Sinks::open(options).unwrap();
        let targets = Targets::new().with_target("waddlebot", options.level);
        let lines = Lines { clock: Clock::turned(), sinks }.with_filter(targets);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), tell);
        drop(guard);
    }

    fn to_file(level: Level, tell: impl FnOnce()) -> String {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { level, stdout: false, folder: Some(folder.path().to_owned()), syslog: None };
        logged(&options, tell);
        std::fs::read_to_string(folder.path().join(FILE)).unwrap()
    }

    #[test]
    fn actions_and_ordinary_events_land_in_the_file_in_the_same_form() {
        let text = to_file(Level::INFO, || {
            let entry = aaa::audit("command.run").community(7).user("ana\nx").result(Outcome::Success);
            entry.with("command", "so").with("token", "t0p").took(Duration::from_millis(5)).log();
            tracing::warn!(target: "waddlebot_runtime::store", path = "/a b", "nearly full");
            tracing::debug!(target: "waddlebot_runtime::store", "not wanted");
            tracing::error!(target: "waddlebot_runtime::store", "broken");
        });
        let version = env!("CARGO_PKG_VERSION");
        let time = "[2026-01-01T00:00:00.000Z]";
        let wanted = [
            format!(
                "{time} INFO waddlebot:{version} AUDIT community=7 user=anax action=command.run result=SUCCESS command=so token=(hidden) time=5ms"
            ),
            format!("{time} WARNING waddlebot_runtime.store:{version} SYSTEM nearly full path=\"/a b\""),
            format!("{time} ERROR waddlebot_runtime.store:{version} ERROR broken"),
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn below_the_level_nothing_is_even_formatted() {
        struct Loud;
        impl std::fmt::Display for Loud {
            fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                panic!("it was formatted");
            }
        }
        let text = to_file(Level::ERROR, || {
            aaa::audit("x").user(Loud).with("y", Loud).log();
            tracing::info!(target: "waddlebot_runtime", x = %Loud, "no");
        });
        assert_eq!(text, "");
    }

    #[test]
    fn another_machines_syslog_gets_rfc_5424() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let place = SyslogPlace { host: "127.0.0.1".into(), port: server.local_addr().unwrap().port(), facility: "local0".into() };
        let options = Options { level: Level::INFO, stdout: false, folder: None, syslog: Some(place) };
        logged(&options, || tracing::warn!(target: "waddlebot", "x"));
        let mut bytes = [0; 512];
        let count = server.recv(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..count]);
        assert!(text.starts_with("<132>1 2026-01-01T00:00:00.000Z - waddlebot "), "{text}");
        assert!(text.contains(" - - [2026-01-01T00:00:00.000Z] WARNING waddlebot:") && text.ends_with(" SYSTEM x"), "{text}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_with_the_setting_that_mends_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open_file(&file.path().join("below")).err().unwrap().to_string();
        assert!(error.contains("cannot be written") && error.contains("LOG_DIR"), "{error}");
    }
}
