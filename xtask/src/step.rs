//! One step of a chore: announced, timed, and an error when the program it runs fails.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Runs `program` with `args`, showing what it prints.
pub(crate) fn run(name: &str, program: &str, args: &[&str]) -> Result<()> {
    run_with(name, program, args, &[])
}

/// As [`run`], with more environment.
pub(crate) fn run_with(name: &str, program: &str, args: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    println!("\n== {name}: {program} {}", args.join(" "));
    let start = Instant::now();
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).envs(environment.iter().copied());
    // Incremental files are of no use to a build that is thrown away, and half of its size.
    if std::env::var_os("CI").is_some() {
        command.env("CARGO_INCREMENTAL", "0");
    }
    let status = command.status().with_context(|| format!("{program} does not start"))?;
    println!("== {name}: {:.1} s", start.elapsed().as_secs_f64());
    if !status.success() {
        bail!("{name} failed ({status}): {program} {}", args.join(" "));
    }
    Ok(())
}

/// What `program` prints, or nothing when it is missing or fails.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(root()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/..")
}
