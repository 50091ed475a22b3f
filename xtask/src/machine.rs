//! What the tests need on the machine: Debian's servers, two cargo tools and schemathesis; installed where missing.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{python, step};

/// A program and the Debian package it comes from.
struct Need {
    program: &'static str,
    package: &'static str,
}

const NEEDS: [Need; 13] = [
    Need { program: "setpriv", package: "util-linux" },
    Need { program: "ip", package: "iproute2" },
    Need { program: "nft", package: "nftables" },
    Need { program: "initdb", package: "postgresql" },
    Need { program: "psql", package: "postgresql-client" },
    Need { program: "faketime", package: "faketime" },
    Need { program: "redis-server", package: "redis-server" },
    Need { program: "ngircd", package: "ngircd" },
    Need { program: "inspircd", package: "inspircd" },
    Need { program: "atheme-services", package: "atheme-services" },
    Need { program: "chromium", package: "chromium" },
    Need { program: "chromedriver", package: "chromium-driver" },
    Need { program: "promtool", package: "prometheus" },
];

/// A cargo subcommand, in the version that CI has been seen to pass with.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

const NEXTEST: Tool = Tool { name: "nextest", version: "0.9.143" };
pub(crate) const DENY: Tool = Tool { name: "deny", version: "0.20.2" };

impl Tool {
    fn package(&self) -> String {
        format!("cargo-{}", self.name)
    }

    /// How it is installed by hand.
    pub(crate) fn line(&self) -> String {
        format!("cargo install --locked {} --version {}", self.package(), self.version)
    }
}

pub(crate) fn install() -> Result<()> {
    install_packages()?;
    for tool in [NEXTEST, DENY] {
        if has_cargo_tool(tool.name) {
            println!("== cargo {} is there", tool.name);
        } else {
            let package = tool.package();
            step::run("cargo tool", "cargo", &["install", "--locked", &package, "--version", tool.version])?;
        }
    }
    python::install()
}

pub(crate) fn has_cargo_tool(name: &str) -> bool {
    step::output("cargo", &[name, "--version"]).is_some()
}

fn install_packages() -> Result<()> {
    let mut missing: Vec<&str> = NEEDS.iter().filter(|need| !is_there(need.program)).map(|need| need.package).collect();
    if !python::can_make_environments() {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        println!("== every server that the tests start is installed");
        return Ok(());
    }
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(&missing);
    if step::output("id", &["-u"]).as_deref() != Some("0") {
        bail!(
            "the tests start servers that are not installed here, and installing them takes root. Run this once, then again what you ran:\n    \
             sudo apt-get update && sudo apt-get {}",
            install.join(" ")
        );
    }
    // Without a runlevel nothing is started by being installed; the tests start their own.
    let quiet = [("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")];
    step::run_with("package lists", "apt-get", &["update"], &quiet)?;
    step::run_with("packages", "apt-get", &install, &quiet)?;
    let still: Vec<&str> = NEEDS.iter().filter(|need| !is_there(need.program)).map(|need| need.program).collect();
    if !python::can_make_environments() {
        bail!("installed, but `python3 -m venv` still does not work: the python3 that is found first may not be Debian's");
    }
    if !still.is_empty() {
        bail!("installed, but still not found: {}", still.join(", "));
    }
    Ok(())
}

/// Looks where the tests look: the path, the folders of servers, and PostgreSQL's own.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let postgres = Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from))
        .chain(postgres.map(|version| version.path().join("bin")))
        .any(|folder| folder.join(program).is_file())
}
