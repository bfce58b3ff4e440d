//! Reads many files' contents on all processors.

use std::path::Path;

use git2::{ObjectType, Repository};
use rayon::prelude::*;

use super::GitError;
use super::handle::{self, blob_id, blob_oid};
use super::tree::{Kind, find_commit, find_tree};
use crate::model::{BlobId, CommitId, Content, Held, RepoPath};

/// The largest file that is read: 4 MiB. No manifest comes near it.
pub const MOST_CONTENT_BYTES: usize = 4 * 1024 * 1024;

/// How many files a worker takes at least, so that opening its handle is worth it.
const LEAST_BATCH: usize = 64;

/// Shows `visit` each of `blobs`, with its place in the list; the results come in the order of the list.
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

/// What a commit has at a path where a text is expected.
pub(super) fn held(folder: &Path, commit: CommitId, path: &RepoPath) -> Result<Held, GitError> {
    let repository = handle::open(folder)?;
    let mut found = (Kind::Folder, find_commit(&repository, commit)?.tree_id());
    for part in path.as_str().split('/') {
        if found.0 != Kind::Folder {
            return Ok(Held::Unusable("a folder on the way to it is no folder"));
        }
        let tree = find_tree(&repository, found.1)?;
        let Some(entry) = tree.get_name_bytes(part.as_bytes()) else { return Ok(Held::Nothing) };
        found = (Kind::of(&entry), entry.id());
    }
    match found.0 {
        Kind::File => {}
        Kind::Folder => return Ok(Held::Unusable("it is a folder")),
        Kind::SymbolicLink => return Ok(Held::Unusable("it is a symbolic link")),
        Kind::Submodule => return Ok(Held::Unusable("it is another repository")),
    }
    read(&repository, blob_id(found.1), |content| match content {
        Content::Bytes(bytes) => Held::Bytes(bytes.to_owned()),
        Content::LfsPointer => Held::Unusable("it is kept elsewhere, by Git LFS"),
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
    // The header tells the size without inflating what may be gigabytes.
    let (bytes, kind) = odb.read_header(blob_oid(blob)).map_err(damaged)?;
    if kind != ObjectType::Blob {
        return Err(damaged(git2::Error::from_str("the object is no blob")));
    }
    if bytes > MOST_CONTENT_BYTES {
        return Ok(visit(Content::TooLarge { bytes }));
    }
    let object = odb.read(blob_oid(blob)).map_err(damaged)?;
    Ok(visit(content(object.data())))
}

fn content(data: &[u8]) -> Content<'_> {
    if is_lfs_pointer(data) { Content::LfsPointer } else { Content::Bytes(data) }
}

/// The first line and the size limit that the Git LFS specification gives a pointer file (docs/spec.md of git-lfs).
fn is_lfs_pointer(data: &[u8]) -> bool {
    data.len() < 1024 && data.starts_with(b"version https://git-lfs.github.com/spec/v1\n")
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
