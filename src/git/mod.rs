//! Git: a bare mirror of the GitOps branch (trees, history, commits, push), and mirrors of source repositories for
//! release notes.
//!
//! [`Mirror`] is the entry point. Every method blocks; async callers use a thread. The mirror is a cache: a damaged one
//! is set aside and fetched again.
//!
//! This room knows no YAML: a manifest is a file named `*.yaml` or `*.yml`. No Git configuration of the user or the
//! machine has an effect: see `handle` for libgit2 and `remote::program` for the `git` program.

mod checkout;
mod content;
mod diff;
mod draft;
mod error;
mod folder;
mod graph;
mod handle;
mod history;
mod listing;
mod mirror;
mod raw;
mod remote;
mod signing;
mod source;
mod tree;
mod tree_changes;

pub use checkout::{ChangedFiles, Checkout};
pub use content::MAX_CONTENT_BYTES;
pub use draft::Signature;
pub use error::{GitError, ProgramError};
pub use mirror::{Mirror, Settings};
pub use remote::{Access, Limits, Login, PushAccess, Reach, RemoteError, Secret, Stop, local_path};
pub use signing::{AllowedSigners, Signing};
pub use source::{RangeQuery, SourceMirror, SourceSettings};
