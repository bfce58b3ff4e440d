//! Any bytes as a manifest: reading does not panic, and every edit keeps the laws of `tests/manifest/laws.rs`.
//!
//! `mkdir -p fuzz/corpus && cargo +nightly fuzz run -s none locate_and_splice fuzz/corpus tests/manifest --
//! -max_total_time=60 -max_len=2048` starts from the golden documents. Add what it finds to them.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/manifest/laws.rs"]
mod laws;

fuzz_target!(|text: &[u8]| laws::check(text));
