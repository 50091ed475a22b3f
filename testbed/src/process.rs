//! One child process: in its own group and folder, logged to a file, guarded, and stopped when its value is dropped.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::network::Place;
use crate::patience::Deadline;
use crate::program;

/// How long a server may take to come up, on a busy machine with two cores.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a process may take to stop in order before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// Where free ports are looked for: below what Linux gives to outgoing connections (ip_local_port_range begins at 32768).
const PORTS: Range<u16> = 12_000..32_000;

/// Outlives a test process that died without unwinding: reads until that process is gone, then kills and removes.
const GUARD: &str = r#"read -r word; [ "$word" = gone ] && exit 0; kill -s KILL -- "-$1" 2>/dev/null; rm -rf -- "$2""#;

/// A free port of 127.0.0.1, kept from other tests for as long as this process lives.
///
/// It lies below the ports that the system gives to outgoing connections, and its number is locked as a file: between
/// the asking and the use nobody else can have it.
///
/// # Panics
/// When the machine has none left.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let reserved = std::env::temp_dir().join("waddlebot-ports");
    fs::create_dir_all(&reserved).expect("a folder for the ports");
    let begin = std::process::id().wrapping_mul(37);
    for _ in 0..PORTS.len() {
        let step = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(step).expect("it is below the number of ports");
        let Ok(file) = File::create(reserved.join(port.to_string())) else { continue };
        if file.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            // Open, and so locked, until the process ends.
            std::mem::forget(file);
            return port;
        }
    }
    panic!("no free port on 127.0.0.1 in {PORTS:?}")
}

/// A temporary folder whose name tells whose it is.
pub(crate) fn folder(name: &str) -> TempDir {
    tempfile::Builder::new().prefix(&format!("waddlebot-{name}-")).tempdir().expect("no temporary folder could be made")
}

/// Whether this process is root, which several servers refuse to run as.
pub(crate) fn we_are_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// How a process is started, kept so that it can be started again.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    /// The whole environment when given; otherwise it is inherited.
    pub(crate) environment: Option<Vec<(String, String)>>,
    /// Another user and group to run as; heeded when we are root.
    pub(crate) user: Option<(&'static str, &'static str)>,
    /// Where it runs.
    pub(crate) place: Place,
}

impl Recipe {
    fn command(&self) -> Command {
        // Each hands over to the next one by exec: it is one process all the way.
        let mut words: Vec<OsString> = Vec::new();
        if let Some((entrance, space)) = self.place.entrance() {
            words.extend([entrance.into(), space.into(), "--".into()]);
        }
        if let Some((user, group)) = self.user.filter(|_| we_are_root()) {
            let setpriv = program::find("setpriv", "util-linux");
            words.extend([setpriv.into(), format!("--reuid={user}").into(), format!("--regid={group}").into()]);
            words.extend(["--init-groups".into(), "--".into()]);
        }
        words.push(self.program.clone().into());
        words.extend(self.args.iter().map(Into::into));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment.iter().map(|(k, v)| (k, v)));
        }
        command
    }
}

/// A running (or stopped) process.
pub(crate) struct Process {
    recipe: Recipe,
    folder: PathBuf,
    running: Option<(Child, Child)>,
}

impl Process {
    /// Starts it in `folder`, which the guard removes should this test process die.
    pub(crate) fn start(recipe: Recipe, folder: &Path) -> Self {
        let mut process = Self { recipe, folder: folder.to_owned(), running: None };
        process.start_again();
        process
    }

    /// What is started the next time is another program, with the same arguments.
    pub(crate) fn becomes(&mut self, program: PathBuf) {
        self.recipe.program = program;
    }

    /// Starts it with the same arguments as before.
    pub(crate) fn start_again(&mut self) {
        assert!(self.running.is_none(), "{} runs already", self.recipe.name);
        let name = self.recipe.name;
        let child = self
            .recipe
            .command()
            .current_dir(&self.folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(self.open_log("stdout.log"))
            .stderr(self.open_log("stderr.log"))
            .spawn()
            .unwrap_or_else(|e| panic!("{name} ({}) does not start: {e}", self.recipe.program.display()));
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard", &child.id().to_string()])
            .arg(&self.folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("/bin/sh does not start");
        self.running = Some((child, guard));
    }

    /// Waits until `probe` holds.
    ///
    /// # Panics
    /// With the end of its log, when the process ends first or takes longer than a minute.
    pub(crate) fn wait_ready(&mut self, probe: impl FnMut(&Self) -> bool) {
        if let Err(why) = self.becomes_ready(probe) {
            panic!("{} {why}; its log ends:\n{}", self.recipe.name, self.log_end());
        }
    }

    fn becomes_ready(&mut self, mut probe: impl FnMut(&Self) -> bool) -> Result<(), String> {
        let deadline = Deadline::within(START_LIMIT);
        loop {
            if let Some(status) = self.try_wait() {
                return Err(format!("ended before it was ready ({status})"));
            }
            if probe(self) {
                return Ok(());
            }
            if deadline.passed() {
                return Err(format!("was not ready within {START_LIMIT:?}"));
            }
            deadline.pause();
        }
    }

    /// The process id, also of one that has ended.
    pub(crate) fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|(child, _)| child.id())
    }

    /// Its exit status, once it has ended.
    pub(crate) fn try_wait(&mut self) -> Option<ExitStatus> {
        let (child, _) = self.running.as_mut()?;
        child.try_wait().expect("a child can be waited for")
    }

    /// Waits for it to end by itself.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Deadline::within(limit);
        loop {
            if let Some(status) = self.try_wait() {
                self.release_guard();
                return Some(status);
            }
            if deadline.passed() {
                return None;
            }
            deadline.pause();
        }
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some((child, _)) = &self.running {
            // It may have ended meanwhile, which is what most signals ask for.
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }

    /// Asks it to stop and waits; kills its group when it does not.
    pub(crate) fn terminate(&mut self) -> Option<ExitStatus> {
        self.running.as_ref()?;
        self.signal(Signal::TERM);
        self.wait(STOP_LIMIT).or_else(|| self.kill_9())
    }

    /// Kills it and everything in its group at once.
    pub(crate) fn kill_9(&mut self) -> Option<ExitStatus> {
        let (child, _) = self.running.as_ref()?;
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
        self.wait(STOP_LIMIT)
    }

    /// Everything it wrote to its standard output.
    pub(crate) fn stdout(&self) -> String {
        self.read_log("stdout.log")
    }

    /// Everything it wrote to its standard error.
    pub(crate) fn stderr(&self) -> String {
        self.read_log("stderr.log")
    }

    fn log_end(&self) -> String {
        let log = format!("{}{}", self.stdout(), self.stderr());
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn open_log(&self, name: &str) -> File {
        let path = self.folder.join(name);
        File::options().create(true).append(true).open(&path).unwrap_or_else(|e| panic!("{} cannot be written: {e}", path.display()))
    }

    fn read_log(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn release_guard(&mut self) {
        if let Some((_, mut guard)) = self.running.take() {
            if let Some(mut word) = guard.stdin.take() {
                let _ = word.write_all(b"gone\n");
            }
            let _ = guard.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.terminate();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventually;

    fn sleeper() -> Recipe {
        Recipe {
            name: "sleeper",
            program: program::find("sleep", "coreutils"),
            args: vec!["600".to_owned()],
            environment: None,
            user: None,
            place: Place::here(),
        }
    }

    fn lives(id: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let folder = folder("process");
        let process = Process::start(sleeper(), folder.path());
        let id = process.id().unwrap();
        assert!(lives(id));
        drop(process);
        assert!(!lives(id));
    }

    #[test]
    fn a_lost_process_is_killed_by_its_guard_and_its_folder_removed() {
        let path = folder("process").keep();
        let mut process = Process::start(sleeper(), &path);
        let (mut child, mut guard) = process.running.take().unwrap();
        // What the kernel does with the pipe when this test process is killed.
        drop(guard.stdin.take());
        child.wait().unwrap();
        guard.wait().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn it_can_be_killed_and_started_again() {
        let folder = folder("process");
        let mut process = Process::start(sleeper(), folder.path());
        let first = process.id().unwrap();
        process.kill_9();
        process.start_again();
        let second = process.id().unwrap();
        assert_ne!(first, second);
        eventually("the second lives", Duration::from_secs(30), || lives(second));
    }

    #[test]
    #[should_panic(expected = "ended before it was ready")]
    fn a_process_that_ends_early_is_an_error_with_its_log() {
        let folder = folder("process");
        let recipe = Recipe { args: vec!["not-a-number".to_owned()], ..sleeper() };
        Process::start(recipe, folder.path()).wait_ready(|_| false);
    }
}
