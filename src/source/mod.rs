//! From two images to notes: labels from the registry, commits from the source repository, both kept so that asking again
//! costs no request.
//!
//! [`Reader::notes`] is the way in. It never fails: what can't be had is a remark in the notes. It knows nothing of HTTP,
//! SQL or Git; what it needs of them are the traits in `ports`.

mod kept;
mod order;
mod ports;
mod reader;
mod settings;

#[cfg(test)]
mod tests;

pub use ports::{Answer, Between, Cache, Histories, Images};
pub use reader::Reader;
pub use settings::{Policy, Question, ReadVersion, Scope, SourceRules};
