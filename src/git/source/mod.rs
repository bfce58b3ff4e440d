//! Mirrors of source repositories, to read the history that an image was built from.
//!
//! [`SourceMirror`] is the entry point. It has every branch and tag, usually without file contents: only commits and folders are
//! read. Like the mirror of the GitOps repository it is a cache; beyond its size limit it is emptied.

mod mirror;
mod range;

pub use mirror::{SourceMirror, SourceSettings};
pub use range::RangeQuery;
