//! What must hold of whatever anybody sends: asked by the fuzzer of what it invents, and by the tests of what it kept (`tests/fuzzed.rs`).

pub mod commands;
pub mod intake;
pub mod rules;
