//! One run of a program to its end: what it is told, what it says and how it ends, within a minute.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::bot::surroundings;
use crate::patience::Deadline;
use crate::process::folder;

/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

/// Runs `program` with `args`, and `input` as its standard input, to its end. Its environment is `environment` and next
/// to nothing else, its home a temporary folder.
///
/// # Panics
/// When it runs for longer than a minute, with what it wrote.
pub fn run(program: &str, args: &[&str], environment: &[(&str, &str)], input: &[u8]) -> Ended {
    let home = folder("run");
    let log = |name: &str| File::create(home.path().join(name)).expect("a log can be made in a temporary folder");
    let mut child = Command::new(program)
        .args(args)
        .env_clear()
        .envs(surroundings(home.path(), environment))
        .current_dir(home.path())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(log("stdout"))
        .stderr(log("stderr"))
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let mut pipe = child.stdin.take().expect("the pipe was asked for");
    let input = input.to_vec();
    // Who does not read to the end closes the pipe, which is their right.
    let writer = thread::spawn(move || pipe.write_all(&input).ok());
    let deadline = Deadline::within(LIMIT);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if deadline.passed() {
            kill_process_group(Pid::from_child(&child), Signal::KILL).ok();
            child.wait().ok();
            let ended = ended(None, home.path());
            panic!("{program} {args:?} still runs after {LIMIT:?}; it wrote:\n{}{}", ended.stdout, ended.stderr);
        }
        deadline.pause();
    };
    writer.join().expect("writing does not panic");
    ended(status.code(), home.path())
}

fn ended(code: Option<i32>, home: &Path) -> Ended {
    let read = |name: &str| String::from_utf8_lossy(&fs::read(home.join(name)).unwrap_or_default()).into_owned();
    Ended { code, stdout: read("stdout"), stderr: read("stderr") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_tells_its_output_and_its_code() {
        let ended = run("/bin/sh", &["-c", "cat; echo $WORD >&2; exit 3"], &[("WORD", "no")], b"yes");
        assert_eq!(ended, Ended { code: Some(3), stdout: "yes".into(), stderr: "no\n".into() });
    }

    #[test]
    fn who_does_not_read_is_no_trouble() {
        assert_eq!(run("/bin/true", &[], &[], &vec![b'x'; 1 << 20]).code, Some(0));
    }
}
