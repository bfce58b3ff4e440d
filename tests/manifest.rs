//! Golden documents: input, edits, expected text.
//!
//! Each folder of `tests/manifest/` is one case: `input.yaml`; `expected.txt`, all that reading it tells and what an
//! edit is refused for; `expected.yaml`, the text after the edits, unless they are refused or the text is unreadable.
//! `edits.yaml` says which field gets what; without it each field gets `v2.0.0` (and a digest, where it has one).
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "what helps a test may stop it")]

mod goldens;
mod laws;
mod properties;
