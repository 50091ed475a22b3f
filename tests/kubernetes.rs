//! The manifests in `examples/kubernetes` are valid, and the configuration in them is one that the program takes.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use waddlebot_testbed::run;

const PROGRAM: &str = env!("CARGO_BIN_EXE_waddlebot");
/// Not Kubernetes' own, so that its schema is not in the validator: `certificate.yaml` says how to do without.
const FOREIGN: &str = "certificate.yaml";

fn manifests() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|kind| kind == "yaml")).collect()
}

#[test]
fn every_manifest_is_valid_for_kubernetes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pinned = fs::read_to_string(root.join("xtask/python.txt")).unwrap();
    let version = pinned.lines().find_map(|line| line.strip_prefix("schemathesis==")).unwrap();
    let validator = root.join(format!("target/tools/schemathesis-{version}/bin/kubernetes-validate"));
    assert!(validator.exists(), "kubernetes-validate is missing: run `cargo xtask install`");
    let own: Vec<_> = manifests().into_iter().filter(|file| !file.ends_with(FOREIGN)).collect();
    assert!(own.len() >= 6, "{own:?}");
    let done = Command::new(validator).args(["--strict", "--no-warn"]).args(&own).output().unwrap();
    assert!(done.status.success(), "{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_configuration_in_the_manifests_is_taken() {
    let manifest = manifests().into_iter().find(|file| file.ends_with("configuration.yaml")).unwrap();
    let text = fs::read_to_string(manifest).unwrap();
    let (_, block) = text.split_once("cluster.toml: |\n").unwrap();
    let configuration: String = block.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.toml");
    fs::write(&file, configuration).unwrap();
    let environment = [
        ("NODE_ID", "waddlebot-0"),
        ("CLUSTER_ADVERTISE", "waddlebot-0.waddlebot-peers.waddlebot.svc:8061"),
        ("DATABASE_URL", "postgres://waddlebot:secret@postgres/waddlebot"),
        ("REDIS_URL", "redis://redis:6379"),
        ("WADDLEBOT_SECRET_KEY", "0123456789012345678901234567890123456789"),
    ];
    let shown = run(PROGRAM, &["config", "--config", file.to_str().unwrap()], &environment, b"");
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("name = \"prod\"") && shown.stdout.contains("waddlebot-peers"), "{}", shown.stdout);
}
