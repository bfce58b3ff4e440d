//! The repository that the mirror mirrors, wherever it is: what its branch is at, fetch, push.
//!
//! [`Remote::new`] is where a URL becomes a transport, and the only place that knows there are several. A repository on
//! this machine is reached through the `git` program: libgit2's own local transport runs no hooks and moves the branch
//! without looking at what it was, so that a person's push in between is lost. Transports over a network come beside
//! [`path`], and their credentials are theirs alone.

mod path;
mod program;
mod push_report;
mod url;

use std::path::{Path, PathBuf};

pub use self::path::{Access, PushAccess};

use self::path::PathRemote;
use self::url::Location;
use crate::git::GitError;
use crate::model::{BranchName, CommitId};

/// The folder that a URL names on this machine; it need not be there.
///
/// # Errors
/// When it is the URL of something else, or one that is never used.
pub fn local_path(url: &str) -> Result<PathBuf, GitError> {
    let Location::Path(path) = Location::parse(url)?;
    Ok(path)
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The branch is at the new tip.
    Done,
    /// Somebody else moved the branch first, or was at it at that moment.
    Moved,
    /// The other side does not want it: a hook, a protected branch.
    Declined {
        /// Its words, fit to be shown.
        reason: String,
    },
}

/// The repository that the mirror mirrors.
#[derive(Debug)]
pub(super) enum Remote {
    /// On this machine.
    Path(PathRemote),
}

impl Remote {
    /// The repository at `url`, as seen from the mirror at `mirror`. Asks nobody yet.
    pub(super) fn new(url: &str, mirror: &Path) -> Result<Self, GitError> {
        match Location::parse(url)? {
            Location::Path(path) => Ok(Self::Path(PathRemote::new(path, mirror))),
        }
    }

    /// Where `branch` is now: one listing of references, no objects.
    pub(super) fn head(&self, branch: &BranchName) -> Result<CommitId, GitError> {
        let Self::Path(remote) = self;
        remote.head(branch)
    }

    /// Brings `branch` and everything under it into the mirror, and sets `reference` there to it.
    pub(super) fn fetch(&self, branch: &BranchName, reference: &str) -> Result<(), GitError> {
        let Self::Path(remote) = self;
        remote.fetch(branch, reference)
    }

    /// Moves `branch` from `base`, and from nothing else, to `tip`.
    pub(super) fn push(
        &self,
        branch: &BranchName,
        base: CommitId,
        tip: CommitId,
    ) -> Result<Pushed, GitError> {
        let Self::Path(remote) = self;
        remote.push(branch, base, tip)
    }

    /// Merges the mirror's packs, so that looking an object up stays cheap.
    pub(super) fn tidy(&self) -> Result<(), GitError> {
        let Self::Path(remote) = self;
        remote.tidy()
    }

    /// What can be done there, for a person to read.
    pub(super) fn check(&self, branch: &BranchName) -> Result<Access, GitError> {
        let Self::Path(remote) = self;
        remote.check(branch)
    }
}
