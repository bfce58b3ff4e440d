//! Opens the mirror's object database with libgit2.
//!
//! A handle has the object folder and no configuration but ours. `Repository::open` would read the configuration of the
//! user and the machine, fail when one is broken, and check the folder's owner; the switches against that are
//! process-wide and unsafe. A handle is cheap and its caches die with it, so each operation opens its own.

use std::io;
use std::path::Path;
use std::sync::Once;

use git2::{Config, Odb, Oid, Repository};

use super::GitError;
use crate::model::{BlobId, CommitId};

/// The packing configuration in the mirror's folder; libgit2 reads it only from a file.
pub(super) const PACKING_CONFIG_FILE: &str = "tidegate-packing";

/// Disables delta search for new objects, which dominates a large commit and is redone when packs are merged. libgit2
/// reads this key twice, the second time as the size above which objects are stored whole (`packbuilder_config` in its
/// pack-objects.c); if that changes, only speed does.
pub(super) const PACKING_CONFIG: &str = "[pack]\n\tdeltaCacheSize = 0\n";

/// The `git` program's configuration in the mirror's folder, in place of the user's.
pub(super) const GLOBAL_CONFIG_FILE: &str = "tidegate-gitconfig";

/// Git refuses a repository of another owner unless the user's configuration allows it; setting `git.url` is that
/// permission, and no other repository is opened.
pub(super) const GLOBAL_CONFIG: &str = "[safe]\n\tdirectory = *\n";

/// Opens the objects in `folder` for reading.
pub(super) fn open(folder: &Path) -> Result<Repository, GitError> {
    with_odb(folder, |_| Ok(()), Config::new)
}

/// Opens the objects in `folder`; new objects stay in memory until they are packed.
pub(super) fn open_writable(folder: &Path) -> Result<Repository, GitError> {
    /// Higher than the on-disk backends, so that this one is asked and written first.
    const PRIORITY: i32 = 1000;
    let config = || Config::open(&folder.join(PACKING_CONFIG_FILE));
    with_odb(folder, |odb| odb.add_new_mempack_backend(PRIORITY).map(drop), config)
}

fn with_odb(
    folder: &Path,
    prepare: impl FnOnce(&Odb<'_>) -> Result<(), git2::Error>,
    config: impl FnOnce() -> Result<Config, git2::Error>,
) -> Result<Repository, GitError> {
    // `git fetch` and `git index-pack` verified every object when it came; hashing each again at every read is a twentieth
    // of a cold history. The setting is the process's: one call is enough.
    static WITHOUT_HASHING: Once = Once::new();
    WITHOUT_HASHING.call_once(|| git2::opts::strict_hash_verification(false));
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

pub(super) fn commit_oid(id: CommitId) -> Oid {
    oid(id.as_bytes())
}

pub(super) fn blob_oid(id: BlobId) -> Oid {
    oid(id.as_bytes())
}

fn oid(bytes: &[u8; 20]) -> Oid {
    // Fails only for a wrong length.
    Oid::from_bytes(bytes).unwrap_or(Oid::ZERO_SHA1)
}

pub(super) fn commit_id(oid: Oid) -> CommitId {
    CommitId::from_bytes(bytes(oid))
}

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
