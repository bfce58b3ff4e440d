//! Opens the mirror's objects with libgit2, and nothing else of it.
//!
//! A handle is made of the object folder alone, with no configuration but ours. `Repository::open` would read the
//! configuration of the user and of the machine, fail when one of them is broken, and look at who owns the folder; the
//! switches against that are process-wide and unsafe. A handle is cheap to open and its caches die with it, so each
//! operation opens its own.

use std::io;
use std::path::Path;

use git2::{Config, Odb, Oid, Repository};

use super::GitError;
use crate::model::{BlobId, CommitId};

/// Where the configuration for packing is in the mirror's folder; libgit2 takes one from a file only.
pub(super) const PACKING_CONFIG_FILE: &str = "tidegate-packing";

/// No search for resemblances between new objects, which takes most of the time of a large commit and is done again when
/// packs are merged. libgit2 reads this key twice, the second time as the size from which on an object is packed whole
/// (`packbuilder_config` in its pack-objects.c); should that change, only the speed does.
pub(super) const PACKING_CONFIG: &str = "[pack]\n\tdeltaCacheSize = 0\n";

/// The objects of the mirror in `folder`, to be read.
pub(super) fn open(folder: &Path) -> Result<Repository, GitError> {
    with_odb(folder, |_| Ok(()), Config::new)
}

/// The same, where what is written goes to memory until it is packed.
pub(super) fn open_writable(folder: &Path) -> Result<Repository, GitError> {
    /// Above the folder's own backends, so that it is asked first and written to.
    const PRIORITY: i32 = 1000;
    let config = || Config::open(&folder.join(PACKING_CONFIG_FILE));
    with_odb(folder, |odb| odb.add_new_mempack_backend(PRIORITY).map(drop), config)
}

fn with_odb(
    folder: &Path,
    prepare: impl FnOnce(&Odb<'_>) -> Result<(), git2::Error>,
    config: impl FnOnce() -> Result<Config, git2::Error>,
) -> Result<Repository, GitError> {
    let objects = folder.join("objects");
    let Some(path) = objects.to_str() else {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8");
        return Err(GitError::Folder { operation: "open", path: objects, source });
    };
    let opened = Odb::new().and_then(|odb| {
        odb.add_disk_alternate(path)?;
        prepare(&odb)?;
        let repository = Repository::from_odb(odb)?;
        repository.set_config(&config()?)?;
        Ok(repository)
    });
    opened.map_err(|source| GitError::Damaged { operation: "open its objects".into(), source })
}

/// libgit2's name for a commit.
pub(super) fn commit_oid(id: CommitId) -> Oid {
    oid(id.as_bytes())
}

/// libgit2's name for a file's content.
pub(super) fn blob_oid(id: BlobId) -> Oid {
    oid(id.as_bytes())
}

fn oid(bytes: &[u8; 20]) -> Oid {
    // Fails only for another number of bytes.
    Oid::from_bytes(bytes).unwrap_or(Oid::ZERO_SHA1)
}

/// Our name for a commit.
pub(super) fn commit_id(oid: Oid) -> CommitId {
    CommitId::from_bytes(bytes(oid))
}

/// Our name for a file's content.
pub(super) fn blob_id(oid: Oid) -> BlobId {
    BlobId::from_bytes(bytes(oid))
}

fn bytes(oid: Oid) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(oid.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let text = "9f2c1ab0d41e77c09f2c1ab0d41e77c09f2c1ab0";
        let id: CommitId = text.parse().unwrap();
        assert_eq!(commit_oid(id).to_string(), text);
        assert_eq!(commit_id(commit_oid(id)), id);
    }
}
