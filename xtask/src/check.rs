//! `cargo xtask check`: formatting, lints, and what may be in the dependency graph.

use anyhow::{Result, bail};

use crate::machine;
use crate::step;

/// What must never be compiled in: there is one TLS provider, and it is aws-lc-rs.
const BANNED: [&str; 3] = ["ring", "openssl-sys", "native-tls"];

pub(crate) fn run() -> Result<()> {
    step::run("format", "cargo", &["fmt", "--all", "--", "--check"])?;
    step::run("lints", "cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    // cargo-deny reads every package of the lock file and is not allowed to fetch.
    step::run("fetch", "cargo", &["fetch", "--locked"])?;
    one_tls_provider()?;
    if !machine::has_cargo_tool("deny") {
        bail!("cargo-deny is missing: {}", machine::DENY.line());
    }
    step::run("dependencies", "cargo", &["deny", "--offline", "check", "bans", "licenses", "sources"])
}

/// cargo-deny looks at our own targets; this looks at all of them.
fn one_tls_provider() -> Result<()> {
    for name in BANNED {
        let tree = ["tree", "--workspace", "--locked", "--target", "all", "-e", "normal,build", "--prefix", "none", "-i", name];
        // A package that is not even in the lock file is an error of cargo's and what we want.
        let found = step::output("cargo", &tree).unwrap_or_default();
        if !found.is_empty() {
            bail!("{name} is compiled in; the one TLS provider is aws-lc-rs. It comes by:\n{found}");
        }
    }
    println!("== one TLS provider: none of {} is compiled in", BANNED.join(", "));
    Ok(())
}
