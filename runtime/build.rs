//! Lists the files of `migrations/` so that a new one needs no second place to be named in.

use std::fmt::Write as _;
use std::path::Path;

fn main() {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo");
    let folder = Path::new(&package).join("../migrations");
    println!("cargo::rerun-if-changed=../migrations");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("migrations/ stands beside runtime/")
        .map(|entry| entry.expect("readable folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .collect();
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.file_stem().and_then(|stem| stem.to_str()).expect("utf-8 file name");
        let (version, about) = name.split_once('_').expect("NNNN_name.sql");
        let version: i64 = version.parse().expect("NNNN is a number");
        let path = file.canonicalize().expect("existing file");
        writeln!(list, "    ({version}, {about:?}, include_str!({:?})),", path.display().to_string()).expect("writing to a string");
    }
    list.push(']');
    let out = std::env::var("OUT_DIR").expect("set by cargo");
    std::fs::write(Path::new(&out).join("migrations.rs"), list).expect("writable OUT_DIR");
}
