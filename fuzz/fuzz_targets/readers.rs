//! Any text as documents: the line reader and the parser read the same nodes (`src/manifest/tree/lines.rs`).
//!
//! `mkdir -p fuzz/corpus-readers && cargo +nightly fuzz run -s none readers fuzz/corpus-readers tests/manifest --
//! -max_total_time=180 -max_len=512`. Add what it finds to the tables beside the line reader.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::manifest::check_readers;

fuzz_target!(|text: &str| check_readers(text));
