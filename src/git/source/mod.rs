//! A source repository: the history that an image was built from, mirrored to be read.
//!
//! [`SourceMirror`] is the way in. It has every branch and tag, and of most repositories no content of any file: commits
//! and folders are all that is looked at. It is a cache like the mirror of the GitOps repository, and bounded: what
//! grows beyond its bound is thrown away.

mod mirror;
mod range;

pub use mirror::{SourceMirror, SourceSettings};
pub use range::RangeQuery;
