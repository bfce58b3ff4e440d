//! What an explanation needs besides the gates: the status of every newer version, what the registry offers, and what
//! opens a closed gate.
//!
//! Data for people; nothing is decided by it. Must not know the command line.

mod fate;
mod offer;
mod remedy;
#[cfg(test)]
mod tests;

pub use fate::{VersionReport, VersionStatus, version_reports};
pub use offer::{LeftOut, LeftOutTags, Offer, offer};
pub use remedy::{OverrideRequirement, Remedy, is_permanent, remedies};
