//! The tools from PyPI, schemathesis, kubernetes-validate and moto: in a virtual environment under `target/tools`, every version pinned.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::step;

/// What is installed, package by package; the name of the folder changes with schemathesis, so that a new one is installed anew.
const PINNED: &str = include_str!("../python.txt");

const TOOLS: &[&str] = &["schemathesis", "kubernetes-validate", "moto_server"];

pub(crate) fn install() -> Result<()> {
    let folder = format!("target/tools/schemathesis-{}", version());
    if TOOLS.iter().all(|tool| step::output(&format!("{folder}/bin/{tool}"), &["--version"]).is_some()) {
        println!("== schemathesis {} and the other Python tools are there", version());
        return Ok(());
    }
    // A half-made one is made anew.
    let whole = Path::new(step::root()).join(&folder);
    if whole.exists() {
        std::fs::remove_dir_all(&whole).with_context(|| format!("cannot clear {folder}"))?;
    }
    step::run("virtual environment", "python3", &["-m", "venv", &folder])?;
    let pip = ["install", "--quiet", "--no-deps", "--only-binary", ":all:", "--requirement", "xtask/python.txt"];
    step::run("Python tools", &format!("{folder}/bin/pip"), &pip)
        .context("schemathesis, kubernetes-validate and moto come from PyPI and are not skipped where that cannot be reached")
}

/// Whether `python3 -m venv` works here: Debian keeps a part of it in a package of its own.
pub(crate) fn can_make_environments() -> bool {
    step::output("python3", &["-c", "import ensurepip, venv"]).is_some()
}

fn version() -> &'static str {
    PINNED.lines().find_map(|line| line.strip_prefix("schemathesis==")).expect("the list names schemathesis")
}
