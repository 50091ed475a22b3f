//! A process that is measured from outside: its CPU time, its memory, its end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use waddlebot_runtime::clock::Clock;

/// A process of ours; it ends with this value.
pub(super) struct Measured(Child);

impl Measured {
    /// Starts it.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        Ok(Self(command.spawn().with_context(|| format!("{} could not be started", program.display()))?))
    }

    /// The CPU time of all its threads, user and system.
    pub(super) fn cpu(&self) -> Result<Duration> {
        let mut nanos = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            // A thread may end between the two looks.
            let Ok(line) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            nanos += line.split(' ').next().and_then(|ran| ran.parse::<u64>().ok()).context("/proc/…/schedstat begins with a time")?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Its resident memory in bytes.
    pub(super) fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("/proc/…/status has a line VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }

    /// Asks it to end, as a supervisor would, and says how long that took.
    pub(super) async fn stop(&mut self, clock: &Clock) -> Result<Duration> {
        let from = clock.since_boot();
        let process = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw).context("it has a number")?;
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        while !self.has_ended()? {
            if clock.since_boot() > from + Duration::from_secs(30) {
                bail!("it did not stop within 30 s");
            }
            clock.sleep(Duration::from_millis(1)).await;
        }
        Ok(clock.since_boot() - from)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The CPU time of this process so far, user and system, all threads.
pub(super) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// This program, as a node of its own on a folder of its own, deaf to the settings of the one who measures.
pub(super) fn node(program: &Path, data: &Path, listen: &str) -> Command {
    let mut command = Command::new(program);
    let kept = ["PATH", "TMPDIR", "HOME", "TZ"].map(|name| (name, std::env::var_os(name)));
    command.env_clear().envs(kept.into_iter().filter_map(|(name, value)| Some((name, value?))));
    command.args(["run", "--listen", listen, "--data"]).arg(data);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    command
}

/// A folder that goes with this value.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub(super) fn make(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("waddlebot-bench-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
