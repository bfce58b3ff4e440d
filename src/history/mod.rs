//! History: what moved, and what can be read from that: when a version came to run everywhere, what ran before, and what
//! was moved back from.
//!
//! Owns the ledger of movements and how it is read. Knows no Git, no files and no clock: the engine fills a ledger from the
//! repository, and a simulation goes on with one by itself.

#[cfg(test)]
mod fixture;
mod held;
mod landing;
mod ledger;
mod moved_back;
mod runs;

pub(crate) use held::{HeldByPath, is_pinned_apart, pinned_digest};
pub(crate) use landing::{landing, landing_of};
pub(crate) use ledger::{Ledger, Subject};
pub(crate) use moved_back::WaysBack;
pub(crate) use runs::Runs;
