//! From two images to release notes: labels from the registry, commits from the source repository, both cached.
//!
//! [`Reader::notes`] is the API. It never fails: problems become remarks in the notes. It must not know HTTP, SQL or Git;
//! `ports` has the traits for them.

mod cached_range;
mod order;
mod ports;
mod reader;
mod settings;

#[cfg(test)]
mod tests;

pub use ports::{Cache, CommitRange, Comparison, Histories, Images};
pub use reader::Reader;
pub use settings::{Policy, Question, ReadVersion, Scope, SourceRules};
