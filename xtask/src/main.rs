//! The house's chores: `cargo xtask check` before each commit, `cargo xtask test` as CI runs it.

mod chaos;
mod check;
mod fuzz;
mod machine;
mod older;
mod python;
mod step;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask check    formatting, lints, dependencies: what must hold before a commit
cargo xtask test     what CI runs: installs what is missing, then check, every test, every example
cargo xtask picture  takes the README's picture anew: docs/overlay.png
cargo xtask replay   the long form of a test: a million deliveries, with duplicates and out of order
cargo xtask chaos    a real cluster under everything that can go wrong: [--seed N] [--minutes M] [--nodes 3..5] [--faults kill,stop7,…]
                     [--older COMMIT|FILE]: begins with an older program and exchanges it node by node
cargo xtask drain    a node hands over 5,000 claims while people talk: how long it takes, and how long they wait
cargo xtask simulate clusters in turned time, 10,000 seeds
cargo xtask fuzz     [--seconds N] [--keep] [commands|rules|intake]: invents hostile input, led by what code it reaches (libFuzzer, stable Rust; needs g++)
cargo xtask install  only the installing: Debian's packages (as root), the cargo tools, schemathesis";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("chaos") {
        return ended(chaos::run(args));
    }
    if first.as_deref() == Some("fuzz") {
        return ended(fuzz::run(args));
    }
    let done = match (first.as_deref(), args.next()) {
        (Some("check"), None) => check::run(),
        (Some("test"), None) => test::run(),
        (Some("replay"), None) => {
            let test = ["test", "--release", "--locked", "-p", "waddlebot-actors", "--lib", "walk::replay"];
            step::run_with("replay", "cargo", &test, &[("WADDLEBOT_REPLAY", "1000000")])
        }
        (Some("drain"), None) => {
            let test = ["test", "--locked", "-p", "waddlebot", "--test", "cluster", "--", "--nocapture", "chaos::figures::a_node"];
            step::run_with("drain", "cargo", &test, &[("WADDLEBOT_DRAIN", "5000")])
        }
        (Some("simulate"), None) => {
            let test = ["test", "--locked", "-p", "waddlebot-runtime", "--lib", "simulation::in_every", "--", "--nocapture"];
            step::run_with("simulate", "cargo", &test, &[("WADDLEBOT_SEEDS", "10000")])
        }
        (Some("install"), None) => machine::install(),
        (Some("picture"), None) => {
            let test = ["nextest", "run", "-p", "waddlebot", "--test", "hub", "picture"];
            step::run_with("picture", "cargo", &test, &[("WADDLEBOT_PICTURE", "1")])
        }
        (None | Some("help" | "--help" | "-h"), None) => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(anyhow::anyhow!("unknown chore; there are:\n{HELP}")),
    };
    ended(done)
}

fn ended(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
