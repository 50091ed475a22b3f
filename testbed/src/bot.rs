//! The `waddlebot` program itself as a child process, with its own data folder and port.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::http::{self, Reply};
use crate::network::Place;
use crate::patience::eventually_some;
use crate::process::{Process, Recipe, folder, free_port};

/// A running `waddlebot run`.
pub struct Bot {
    process: Process,
    address: SocketAddr,
    data: PathBuf,
    _folder: TempDir,
}

impl Bot {
    /// Starts `PROGRAM run --data … --listen … ARGS`; the caller knows the program as `env!("CARGO_BIN_EXE_waddlebot")`.
    ///
    /// The environment holds what `environment` says and next to nothing else, so that a developer's settings do not
    /// leak into a test. A `--data DIR` or `--listen ADDRESS` among `args` takes the place of our own.
    ///
    /// It is not ready yet: see [`Bot::wait_healthy`].
    pub fn start(program: &str, args: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_at(&Place::here(), program, args, environment)
    }

    /// As [`Bot::start`], in this place.
    pub fn start_at(place: &Place, program: &str, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = folder("bot");
        let data = given(args, "--data").map_or_else(|| folder.path().join("data"), PathBuf::from);
        let address = match given(args, "--listen") {
            Some(address) => address.parse().expect("--listen takes IP:PORT"),
            None => SocketAddr::from((place.address(), free_port())),
        };
        let mut whole = vec!["run".to_owned()];
        if given(args, "--data").is_none() {
            whole.extend(["--data".to_owned(), data.display().to_string()]);
        }
        if given(args, "--listen").is_none() {
            whole.extend(["--listen".to_owned(), address.to_string()]);
        }
        whole.extend(args.iter().map(|&arg| arg.to_owned()));
        let recipe = Recipe {
            name: "waddlebot",
            program: program.into(),
            args: whole,
            environment: Some(surroundings(folder.path(), environment)),
            user: None,
            place: place.clone(),
        };
        let process = Process::start(recipe, folder.path());
        Self { process, address, data, _folder: folder }
    }

    /// Where its one port is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` followed by `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its data folder; kept over [`Bot::kill_9`] and [`Bot::start_again`].
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its process id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until `GET /health` answers 200.
    ///
    /// # Panics
    /// With the end of its log, when it ends first or takes longer than a minute.
    pub fn wait_healthy(&mut self) -> &mut Self {
        let address = self.address;
        self.process.wait_ready(|_| http::get(address, "/health").is_ok_and(|reply| reply.status == 200));
        self
    }

    /// Asks it for a page.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &[], "")
    }

    /// Sends it one request.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn request(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Reply {
        http::request(self.address, method, path, fields, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// What it has written to its standard output so far, over all its starts.
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// What it has written to its standard error so far, over all its starts.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// Waits for a line on either output that contains `part`, and returns it.
    pub fn wait_for_line(&self, part: &str) -> String {
        eventually_some(&format!("a line with {part:?}"), Duration::from_secs(30), || {
            let (stdout, stderr) = (self.stdout(), self.stderr());
            stdout.lines().chain(stderr.lines()).find(|line| line.contains(part)).map(str::to_owned)
        })
    }

    /// Waits for it to end by itself.
    ///
    /// # Panics
    /// When it still runs after `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let status = self.process.wait(limit);
        status.unwrap_or_else(|| panic!("waddlebot still runs after {limit:?}; it wrote:\n{}{}", self.stdout(), self.stderr()))
    }

    /// SIGTERM, then waits for the orderly end.
    ///
    /// # Panics
    /// When it was not running.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process.terminate().expect("waddlebot is not running")
    }

    /// SIGTERM, and does not wait: see [`Bot::wait_exit`].
    pub fn is_asked_to_end(&self) {
        self.process.signal(Signal::TERM);
    }

    /// SIGKILL: no orderly anything.
    pub fn kill_9(&mut self) {
        self.process.kill_9();
    }

    /// SIGSTOP: it stands still until [`Bot::resume`].
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.process.signal(Signal::CONT);
    }

    /// What is started the next time is another version of the program.
    pub fn becomes(&mut self, program: &str) {
        self.process.becomes(program.into());
    }

    /// Starts it again with the same arguments, data and port.
    pub fn start_again(&mut self) -> &mut Self {
        self.process.start_again();
        self
    }
}

/// The value that follows `flag`.
fn given<'a>(args: &[&'a str], flag: &str) -> Option<&'a str> {
    let at = args.iter().position(|&arg| arg == flag)?;
    args.get(at + 1).copied()
}

pub(crate) fn surroundings(home: &Path, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = vec![
        ("HOME".to_owned(), home.display().to_string()),
        ("PATH".to_owned(), env::var("PATH").unwrap_or_default()),
        ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
    ];
    all.extend(more.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
    all
}
