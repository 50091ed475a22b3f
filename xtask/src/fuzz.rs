//! `cargo xtask fuzz`: coverage-guided fuzzing of what strangers send, with libFuzzer on stable Rust.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step;

/// What is fuzzed, and what of it.
const TARGETS: [(&str, &str); 3] = [
    ("commands", "reading words, finding commands and taught words"),
    ("rules", "checking and compiling string rules, alone and together"),
    ("intake", "the JSON of an event"),
];
/// The coverage libFuzzer looks at, made by the compiler's own pass; no sanitizer, which stable Rust has not.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// The most inputs of a target that are kept in git, and the largest of them in bytes.
const KEPT: usize = 60;
const LARGEST: u64 = 2048;

struct Asked {
    seconds: u64,
    keep: bool,
    target: Option<String>,
}

/// What is said of one run.
#[derive(Default)]
struct Report {
    executions: String,
    coverage: String,
    crash: Option<String>,
}

pub(crate) fn run(args: impl Iterator<Item = String>) -> Result<()> {
    let asked = asked(args)?;
    let host = host()?;
    let root = Path::new(step::root()).canonicalize().context("the workspace has a folder")?;
    build(&root, &host)?;
    let mut broken = Vec::new();
    for (target, what) in TARGETS.into_iter().filter(|(name, _)| asked.target.as_deref().is_none_or(|asked| asked == *name)) {
        println!("\n== {target}: {what}, for {} s", asked.seconds);
        let work = Work::new(&root, &host, target)?;
        let report = work.fuzz(asked.seconds)?;
        println!("== {target}: {} executions; {}", report.executions, report.coverage);
        match report.crash {
            Some(input) => {
                println!("== {target}: a promise is broken by {input}; once more: {} {input}", work.program.display());
                broken.push(target);
            }
            None => println!("== {target}: no promise was broken"),
        }
        if asked.keep {
            println!("== {target}: {} inputs are kept in fuzz/corpus/{target}", work.keep()?);
        }
    }
    if broken.is_empty() { Ok(()) } else { bail!("promises are broken: {}", broken.join(", ")) }
}

fn asked(mut args: impl Iterator<Item = String>) -> Result<Asked> {
    let mut asked = Asked { seconds: 60, keep: false, target: None };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => asked.seconds = args.next().context("--seconds needs a number")?.parse().context("--seconds needs a number")?,
            "--keep" => asked.keep = true,
            name if TARGETS.iter().any(|(known, _)| *known == name) => asked.target = Some(name.to_owned()),
            other => bail!("{other:?} is neither --seconds N nor --keep nor one of {}", TARGETS.map(|(name, _)| name).join(", ")),
        }
    }
    Ok(asked)
}

/// The triple of this machine. It is named so that build scripts and macros are compiled without coverage.
fn host() -> Result<String> {
    let told = step::output("rustc", &["-vV"]).context("rustc does not start")?;
    told.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).context("rustc does not say what machine this is")
}

fn build(root: &Path, host: &str) -> Result<()> {
    step::output("c++", &["--version"]).context("libFuzzer is C++, and there is no c++: apt-get install g++")?;
    // The workspace's versions of everything; cargo adds what only the fuzzer needs, pinned in its Cargo.toml.
    fs::copy(root.join("Cargo.lock"), root.join("fuzz/Cargo.lock"))?;
    let args = ["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", host];
    let folder = root.join("target/fuzz");
    let folder = folder.to_str().context("the workspace's path is no text")?;
    step::run_with("build", "cargo", &args, &[("RUSTFLAGS", COVERAGE), ("CARGO_TARGET_DIR", folder), ("CARGO_INCREMENTAL", "0")])
}

/// Where one target works.
struct Work {
    program: PathBuf,
    /// What it found so far, on this machine.
    found: PathBuf,
    /// What is kept in git.
    kept: PathBuf,
    crashes: PathBuf,
}

impl Work {
    fn new(root: &Path, host: &str, target: &str) -> Result<Self> {
        let built = root.join("target/fuzz");
        let work = Self {
            program: built.join(host).join("release").join(target),
            found: built.join("corpus").join(target),
            kept: root.join("fuzz/corpus").join(target),
            crashes: built.join("crashes").join(target),
        };
        for folder in [&work.found, &work.kept, &work.crashes] {
            fs::create_dir_all(folder)?;
        }
        Ok(work)
    }

    /// Runs for so long, or until a promise is broken.
    fn fuzz(&self, seconds: u64) -> Result<Report> {
        let prefix = format!("-artifact_prefix={}/", self.crashes.display());
        let time = format!("-max_total_time={seconds}");
        let mut command = Command::new(&self.program);
        // Ten seconds for one input are a broken promise, too.
        command.args([&prefix, &time, "-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"]);
        let told = command.arg(&self.found).arg(&self.kept).stdin(Stdio::null()).output().context("the fuzzer does not start")?;
        let text = String::from_utf8_lossy(&told.stderr);
        let mut report = Report::default();
        for line in text.lines() {
            if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
                report.executions = count.trim().to_owned();
            }
            if let Some(at) = line.find("cov: ") {
                report.coverage = line[at..].split(" exec/s").next().unwrap_or_default().to_owned();
            }
            if let Some((_, input)) = line.split_once("Test unit written to ") {
                report.crash = Some(input.to_owned());
            }
        }
        if !told.status.success() {
            let last: Vec<_> = text.lines().rev().take(60).collect();
            last.iter().rev().for_each(|line| println!("{line}"));
            if report.crash.is_none() {
                bail!("the fuzzer ended with {}", told.status);
            }
        }
        Ok(report)
    }

    /// Keeps the fewest inputs that reach everything that was reached, the small ones; how many these are.
    fn keep(&self) -> Result<usize> {
        let fewest = self.found.with_extension("fewest");
        fs::remove_dir_all(&fewest).ok();
        fs::create_dir_all(&fewest)?;
        let mut command = Command::new(&self.program);
        command.arg("-set_cover_merge=1").arg(&fewest).arg(&self.found).arg(&self.kept).stdin(Stdio::null()).stderr(Stdio::null());
        if !command.status()?.success() {
            bail!("the inputs could not be compared");
        }
        let mut by_size = BTreeMap::new();
        for entry in fs::read_dir(&fewest)? {
            let entry = entry?;
            by_size.insert((entry.metadata()?.len(), entry.file_name()), entry.path());
        }
        let chosen: Vec<_> = by_size.into_iter().filter(|((size, _), _)| *size <= LARGEST).collect();
        // Evenly from the smallest to the largest.
        let each = chosen.len().div_ceil(KEPT).max(1);
        fs::remove_dir_all(&self.kept)?;
        fs::create_dir_all(&self.kept)?;
        let mut count = 0;
        for ((_, name), path) in chosen.into_iter().step_by(each) {
            fs::copy(path, self.kept.join(name))?;
            count += 1;
        }
        Ok(count)
    }
}
