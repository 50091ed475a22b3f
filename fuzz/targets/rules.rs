//! Coverage-guided fuzzing of `waddlebot_fuzz::rules`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waddlebot_fuzz::rules::holds(data));
