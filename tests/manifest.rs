//! Golden documents: input, edits, expected text.
//!
//! Each folder of `tests/manifest/` is one case: `input.yaml`; `expected.txt`, the contents as read and the reason of a
//! refused edit; `expected.yaml`, the text after the edits, absent when they are refused or the text is unreadable.
//! `edits.yaml` lists the edits; without it each field gets `v2.0.0` and, where it has a digest, a new one.
//! `UPDATE_GENERATED=1` writes the expected files.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "what helps a test may stop it")]

mod goldens;
mod laws;
mod properties;
