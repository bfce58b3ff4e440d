//! Reads file contents, in parallel for many.

use std::path::Path;

use git2::{ObjectType, Repository};
use rayon::prelude::*;

use super::GitError;
use super::draft::Signature;
use super::handle::{self, blob_id, blob_oid};
use super::tree::{Commit, Kind, Person, entry_at, find_commit, find_tree};
use crate::model::{BlobId, CommitId, Content, Held, Proposed, RepoPath};

/// The largest file that is read, in bytes: 4 MiB, far above any manifest.
pub const MAX_CONTENT_BYTES: usize = 4 * 1024 * 1024;

/// The fewest files per worker, so that opening a handle pays off.
const LEAST_BATCH: usize = 64;

pub(super) fn read_each<T: Send>(
    folder: &Path,
    blobs: &[BlobId],
    visit: impl Fn(usize, Content<'_>) -> T + Sync,
) -> Result<Vec<T>, GitError> {
    let size = blobs.len().div_ceil(4 * rayon::current_num_threads()).max(LEAST_BATCH);
    let batch = |(number, batch): (usize, &[BlobId])| -> Result<Vec<T>, GitError> {
        let repository = handle::open(folder)?;
        let read = |(at, blob): (usize, &BlobId)| {
            read(&repository, *blob, |content| visit(number * size + at, content))
        };
        batch.iter().enumerate().map(read).collect()
    };
    let batches: Vec<Vec<T>> = blobs.par_chunks(size).enumerate().map(batch).collect::<Result<_, _>>()?;
    Ok(batches.into_iter().flatten().collect())
}

pub(super) fn held(folder: &Path, commit: CommitId, path: &RepoPath) -> Result<Held, GitError> {
    let repository = handle::open(folder)?;
    let mut found = (Kind::Folder, find_commit(&repository, commit)?.tree);
    for part in path.as_str().split('/') {
        if found.0 != Kind::Folder {
            return Ok(Held::Unusable("a parent of the path is a file"));
        }
        let tree = find_tree(&repository, found.1)?;
        let Some(entry) = tree.get_name_bytes(part.as_bytes()) else { return Ok(Held::Nothing) };
        found = (Kind::of(&entry), entry.id());
    }
    match found.0 {
        Kind::File => {}
        Kind::Folder => return Ok(Held::Unusable("it is a folder")),
        Kind::SymbolicLink => return Ok(Held::Unusable("it is a symbolic link")),
        Kind::Submodule => return Ok(Held::Unusable("it is a submodule")),
    }
    read(&repository, blob_id(found.1), |content| match content {
        Content::Bytes(bytes) => Held::Bytes(bytes.to_owned()),
        Content::LfsPointer => Held::Unusable("it is stored by Git LFS"),
        Content::TooLarge { .. } => Held::Unusable("it is larger than 4 MiB"),
    })
}

fn read<T>(
    repository: &Repository,
    blob: BlobId,
    visit: impl FnOnce(Content<'_>) -> T,
) -> Result<T, GitError> {
    let damaged = |source| GitError::Damaged { operation: format!("read blob {blob}"), source };
    let odb = repository.odb().map_err(damaged)?;
    // The header has the size, so a huge blob is not inflated.
    let (bytes, kind) = odb.read_header(blob_oid(blob)).map_err(damaged)?;
    if kind != ObjectType::Blob {
        return Err(damaged(git2::Error::from_str("the object is not a blob")));
    }
    if bytes > MAX_CONTENT_BYTES {
        return Ok(visit(Content::TooLarge { bytes }));
    }
    let object = odb.read(blob_oid(blob)).map_err(damaged)?;
    Ok(visit(content(object.data())))
}

fn content(data: &[u8]) -> Content<'_> {
    if is_lfs_pointer(data) { Content::LfsPointer } else { Content::Bytes(data) }
}

/// First line and size limit of a pointer file, by the Git LFS specification (docs/spec.md of git-lfs).
fn is_lfs_pointer(data: &[u8]) -> bool {
    data.len() < 1024 && data.starts_with(b"version https://git-lfs.github.com/spec/v1\n")
}

/// The message of `tip`, some of its files, and whether `author` made it.
pub(super) fn proposed(
    folder: &Path,
    tip: CommitId,
    files: &[RepoPath],
    author: &Signature,
) -> Result<Proposed, GitError> {
    let repository = handle::open(folder)?;
    let commit = find_commit(&repository, tip)?;
    let files = files.iter().map(|file| file_bytes(&repository, &commit, file)).collect::<Result<_, _>>()?;
    Ok(Proposed {
        is_own: is_by(&commit, author),
        message: String::from_utf8_lossy(&commit.message).into_owned(),
        files,
    })
}

/// Whether `who` is both author and committer. Amending or rebasing changes the committer, and a merge belongs to
/// whoever merged.
fn is_by(commit: &Commit, who: &Signature) -> bool {
    let is_who = |one: &Person| one.name == who.name.as_bytes() && one.email == who.email.as_bytes();
    commit.parents.len() == 1 && is_who(&commit.author) && is_who(&commit.committer)
}

fn file_bytes(
    repository: &Repository,
    commit: &Commit,
    file: &RepoPath,
) -> Result<Option<Vec<u8>>, GitError> {
    let Some((Kind::File, id)) = entry_at(repository, commit.tree, file.as_str())? else {
        return Ok(None);
    };
    let damaged = |source| GitError::Damaged { operation: format!("read blob {id}"), source };
    let blob = repository.find_blob(id).map_err(damaged)?;
    Ok((blob.size() <= MAX_CONTENT_BYTES).then(|| blob.content().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_small_and_begin_with_their_version() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        assert_eq!(content(pointer), Content::LfsPointer);
        for other in [&b"version: 1\n"[..], b"", &[pointer.as_slice(), &[b'#'; 1024]].concat()] {
            assert_eq!(content(other), Content::Bytes(other));
        }
    }
}
