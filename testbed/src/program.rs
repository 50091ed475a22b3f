//! Finds the programs that tests start, and says what to install where one is missing.

use std::env;
use std::path::{Path, PathBuf};

/// Folders that hold servers but are often missing from a user's `PATH`.
const MORE_FOLDERS: [&str; 4] = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"];

/// The path of `name`, or a panic that names the Debian package it comes from.
pub(crate) fn find(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(MORE_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| missing(name, package))
}

/// The path of one of PostgreSQL's server programs, which Debian keeps in a folder per version; the newest wins.
pub(crate) fn find_postgres(name: &str) -> PathBuf {
    let versions = Path::new("/usr/lib/postgresql");
    let mut found: Vec<(u32, PathBuf)> = versions
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let file = entry.path().join("bin").join(name);
            file.is_file().then_some((version, file))
        })
        .collect();
    found.sort();
    match found.pop() {
        Some((_, file)) => file,
        None => find(name, "postgresql"),
    }
}

/// A library, which Debian keeps in a folder per architecture.
pub(crate) fn find_library(name: &str, package: &str) -> PathBuf {
    let folders = Path::new("/usr/lib").read_dir().into_iter().flatten().flatten();
    let mut found = folders.map(|folder| folder.path().join(name)).filter(|file| file.is_file());
    found.next().unwrap_or_else(|| missing(name, package))
}

fn missing(name: &str, package: &str) -> ! {
    panic!(
        "this test needs `{name}`, which is not installed: apt-get install -y --no-install-recommends {package} \
         (or let `cargo xtask test` install everything)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_on_the_path_is_found() {
        assert!(find("sh", "dash").is_absolute());
    }

    #[test]
    #[should_panic(expected = "apt-get install -y --no-install-recommends no-such-package")]
    fn a_missing_program_names_its_package() {
        find("no-such-program-anywhere", "no-such-package");
    }
}
