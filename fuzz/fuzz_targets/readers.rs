//! Any text as documents: what the line reader reads, it reads as the parser does (`src/manifest/tree/lines.rs`).
//!
//! `mkdir -p fuzz/corpus-readers && cargo +nightly fuzz run -s none readers fuzz/corpus-readers tests/manifest --
//! -max_total_time=180 -max_len=512`. What it finds goes into the tables beside the line reader.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::manifest::check_readers;

fuzz_target!(|text: &str| check_readers(text));
