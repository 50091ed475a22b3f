//! `cargo xtask test`: everything CI runs, on a machine that has only Rust and apt.

use anyhow::Result;

use crate::{check, machine, step};

pub(crate) fn run() -> Result<()> {
    machine::install()?;
    check::run()?;
    step::run("tests", "cargo", &["nextest", "run", "--workspace", "--locked"])?;
    step::run("documentation tests", "cargo", &["test", "--workspace", "--doc", "--locked"])
}
