//! An older version of the program: `--older` names its file, or a commit that it is built from.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::step;

/// The same words with a file in place of a commit.
pub(crate) fn built(args: Vec<String>) -> Result<Vec<String>> {
    let (mut words, mut next) = (Vec::with_capacity(args.len()), false);
    for word in args {
        words.push(match word.strip_prefix("--older=") {
            Some(what) => format!("--older={}", file(what)?),
            None if next => file(&word)?,
            None => word.clone(),
        });
        next = word == "--older";
    }
    Ok(words)
}

/// The file itself, or the program as it was at a commit.
fn file(what: &str) -> Result<String> {
    let path = Path::new(what);
    if path.is_file() {
        return Ok(path.canonicalize().with_context(|| format!("{what} cannot be found"))?.display().to_string());
    }
    let commit = step::output("git", &["rev-parse", "--verify", "--quiet", &format!("{what}^{{commit}}")]);
    let Some(commit) = commit else { bail!("--older takes a file or a commit, and {what} is neither") };
    // Its own folders, which stay: what was built once is not built again.
    let (source, target) = (format!("{}/target/older/source", step::root()), format!("{}/target/older/build", step::root()));
    if Path::new(&source).is_dir() {
        step::run("the older source", "git", &["-C", &source, "checkout", "--quiet", "--detach", &commit])?;
    } else {
        step::run("the older source", "git", &["worktree", "add", "--detach", &source, &commit])?;
    }
    let manifest = format!("{source}/Cargo.toml");
    let build = ["build", "--locked", "--bin", "waddlebot", "--manifest-path", &manifest, "--target-dir", &target];
    step::run("the older program", "cargo", &build)?;
    Ok(format!("{target}/debug/waddlebot"))
}

#[cfg(test)]
mod tests {
    use super::built;

    #[test]
    fn a_file_is_taken_as_it_is_and_what_is_neither_file_nor_commit_is_refused() {
        let file = std::env::current_exe().expect("this test is a file").display().to_string();
        let said = |words: &[&str]| built(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(said(&["--seed", "7", "--older", &file]).expect("good").last(), Some(&file));
        assert_eq!(said(&["--older=.", "7"]).ok(), None);
        assert!(said(&["--older", "no-such-commit"]).is_err());
    }
}
