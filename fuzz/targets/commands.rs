//! Coverage-guided fuzzing of `waddlebot_fuzz::commands`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waddlebot_fuzz::commands::holds(data));
