//! What the fuzzer kept, played through the same questions without it: `fuzz/corpus`, one folder a target.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzzer reaches it as a crate")]
mod promises;

/// Plays a target's inputs; says which one breaks a promise.
fn play(target: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut kept: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    assert!(kept.len() >= 10, "only {} inputs in {}", kept.len(), folder.display());
    for path in kept {
        println!("{}", path.display());
        let input = fs::read(&path).unwrap();
        holds(&input);
        // Cut short and doubled, it is another input.
        holds(&input[..input.len() / 2]);
        holds(&[&input[..], &input[..]].concat());
    }
}

#[test]
fn commands_keep_their_promises_on_every_kept_input() {
    play("commands", promises::commands::holds);
}

#[test]
fn string_rules_keep_their_promises_on_every_kept_input() {
    play("rules", promises::rules::holds);
}

#[test]
fn events_keep_their_promises_on_every_kept_input() {
    play("intake", promises::intake::holds);
}

#[test]
fn what_is_kept_stays_few_and_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let targets = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sizes: Vec<_> =
        targets.flat_map(|target| fs::read_dir(target).unwrap()).map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
    assert!(
        sizes.len() < 200 && sizes.iter().all(|size| *size <= 4096),
        "{} files, the largest of {:?} bytes",
        sizes.len(),
        sizes.iter().max()
    );
}
