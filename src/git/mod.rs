//! Git: a bare mirror of one branch, its trees and history, commits on top of it, and the push; and mirrors of source
//! repositories, to read what lies between two of their commits.
//!
//! [`Mirror`] is the one way in. Everything here blocks, so callers with an executor use a thread for it. The mirror is
//! a cache: whatever is wrong with it, it is set aside and made anew, and nothing is lost.
//!
//! This room knows no engine and no YAML: a manifest is a file whose name ends in `.yaml` or `.yml`. No configuration of
//! the user or of the machine changes what it does: `handle` says how libgit2 is kept from it, and `remote::program` how
//! the `git` program is.

mod checkout;
mod content;
mod diff;
mod draft;
mod error;
mod folder;
mod handle;
mod history;
mod listing;
mod mirror;
mod raw;
mod remote;
mod request;
mod signing;
mod source;
mod tree;

pub use checkout::Checkout;
pub use content::MOST_CONTENT_BYTES;
pub use error::{GitError, ProgramError};
pub use mirror::{Fetched, Mirror, Settings, Signature};
pub use remote::{Access, Limits, Login, PushAccess, Reach, Secret, Stop, Trouble, local_path};
pub use signing::{AllowedSigners, Signed, Signing};
pub use source::{SourceMirror, SourceSettings, Wanted};
