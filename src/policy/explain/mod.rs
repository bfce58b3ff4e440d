//! What an explanation needs beside the gates: what becomes of every version above what runs, what the registry offers
//! at all, and what would open a closed gate.
//!
//! Owns data that is told to people; nothing is decided by it. Must not know how a command is called.

mod fate;
mod offer;
mod remedy;
#[cfg(test)]
mod tests;

pub use fate::{VersionReport, VersionStatus, version_reports};
pub use offer::{Offer, offer};
pub use remedy::{OverrideRequirement, Remedy, is_permanent, remedies};
