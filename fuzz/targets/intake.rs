//! Coverage-guided fuzzing of `waddlebot_fuzz::intake`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waddlebot_fuzz::intake::holds(data));
