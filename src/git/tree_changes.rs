//! Compares many pairs of trees by one run of `git diff-tree`, which takes a tenth of libgit2's time.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use git2::Oid;

use super::handle::blob_id;
use super::remote::program::{self, Output};
use super::tree::{MAX_DEPTH, MAX_ENTRIES, Scope, is_read};
use super::{GitError, ProgramError};
use crate::model::{BlobId, FileChange, Printable, RepoPath};

/// Two trees, where the first may be nothing.
pub(super) type TreePair = (Option<Oid>, Oid);

/// Deadline for one run: a part of the history.
const DEADLINE: Duration = Duration::from_mins(10);

/// Every Git knows this tree, stored or not.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Maximum roots passed to Git, which matches each path against each root; with more, this file filters.
const MAX_PATHSPECS: usize = 100;

/// Maximum bytes of one line or path.
const MAX_TOKEN_BYTES: usize = 1024 * 1024;

/// The changes of manifests under `scope` from the first tree of each pair to the second: as
/// [`diff::changes`](super::diff::changes) tells them, in its order.
pub(super) fn changes(
    folder: &Path,
    scope: &Scope,
    pairs: &[TreePair],
) -> Result<Vec<Vec<FileChange>>, GitError> {
    let mut input = String::with_capacity(pairs.len() * 82);
    for (before, after) in pairs {
        let _ = match before {
            Some(before) => writeln!(input, "{before} {after}"),
            None => writeln!(input, "{EMPTY_TREE} {after}"),
        };
    }
    let mut command = program::command(folder);
    command.env("GIT_LITERAL_PATHSPECS", "1");
    command.args(["diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--"]);
    let is_whole = scope.roots.iter().any(|root| root.path.is_empty());
    if !is_whole && scope.roots.len() <= MAX_PATHSPECS {
        command.args(scope.roots.iter().map(|root| &root.path));
    }
    let mut reader = OutputReader::new(scope, pairs.len());
    program::stream(command, input.into_bytes(), DEADLINE, |bytes| reader.push(bytes))
        .and_then(Output::success)
        .and_then(|_| reader.finish())
        .map_err(|source| GitError::Program {
            operation: "compare trees of",
            location: folder.display().to_string(),
            source,
        })
}

/// Reads the output: for each pair a line with its trees, then for each file `:MODE MODE ID ID STATUS`, NUL, path, NUL.
struct OutputReader<'a> {
    /// By path.
    roots: HashMap<&'a str, usize>,
    most: usize,
    /// The part of a line or path whose end has not arrived.
    rest: Vec<u8>,
    /// The blobs before and after of the file whose path comes next.
    file: Option<(Option<BlobId>, Option<BlobId>)>,
    /// The changes of each pair, with the root that each lies under.
    pairs: Vec<Vec<(usize, FileChange)>>,
    files_in_pair: usize,
}

impl<'a> OutputReader<'a> {
    fn new(scope: &'a Scope, most: usize) -> Self {
        Self {
            roots: scope.roots.iter().map(|root| root.path.as_str()).zip(0..).collect(),
            most,
            rest: Vec::new(),
            file: None,
            pairs: Vec::with_capacity(most),
            files_in_pair: 0,
        }
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), ProgramError> {
        loop {
            let first = self.rest.first().or(bytes.first());
            let end = if self.file.is_none() && first != Some(&b':') { b'\n' } else { 0 };
            let Some(length) = memchr::memchr(end, bytes) else {
                self.rest.extend_from_slice(bytes);
                return match self.rest.len() {
                    0..MAX_TOKEN_BYTES => Ok(()),
                    _ => Err(unexpected(b"a path without an end")),
                };
            };
            if self.rest.is_empty() {
                self.token(&bytes[..length])?;
            } else {
                let mut token = std::mem::take(&mut self.rest);
                token.extend_from_slice(&bytes[..length]);
                self.token(&token)?;
            }
            bytes = &bytes[length + 1..];
        }
    }

    fn token(&mut self, token: &[u8]) -> Result<(), ProgramError> {
        if let Some((before, after)) = self.file.take() {
            if let Some(change) = self.change(token, before, after) {
                self.pairs.last_mut().ok_or_else(|| unexpected(token))?.push(change);
            }
        } else if let Some(file) = token.strip_prefix(b":") {
            self.files_in_pair += 1;
            if self.files_in_pair > MAX_ENTRIES {
                return Err(unexpected(b"too many files"));
            }
            self.file = Some(blobs(file).ok_or_else(|| unexpected(token))?);
        } else {
            if self.pairs.len() == self.most {
                return Err(unexpected(token));
            }
            self.pairs.push(Vec::new());
            self.files_in_pair = 0;
        }
        Ok(())
    }

    /// The change of a file, if it is a manifest of the scope. A change of mode does not count.
    fn change(
        &self,
        path: &[u8],
        before: Option<BlobId>,
        after: Option<BlobId>,
    ) -> Option<(usize, FileChange)> {
        if before == after || !is_read(path) {
            return None;
        }
        let path: RepoPath = std::str::from_utf8(path).ok()?.parse().ok()?;
        let (root, depth) = self.root_of(path.as_str())?;
        // Its folder is within the depth limit.
        (depth <= MAX_DEPTH + 1).then_some((root, FileChange { path, before, after }))
    }

    /// The root above a path, and the depth below it.
    fn root_of(&self, path: &str) -> Option<(usize, usize)> {
        let ends = path.rmatch_indices('/').map(|(at, _)| at);
        let above = std::iter::once(path.len()).chain(ends).map(|end| &path[..end]);
        let mut depths = above.zip(0..);
        let found = depths.find_map(|(folder, depth)| Some((*self.roots.get(folder)?, depth)));
        let whole = || Some((*self.roots.get("")?, path.split('/').count()));
        found.or_else(whole)
    }

    /// The changes, by root and then as Git lists them.
    fn finish(self) -> Result<Vec<Vec<FileChange>>, ProgramError> {
        if self.pairs.len() != self.most || self.file.is_some() || !self.rest.is_empty() {
            return Err(unexpected(b"it ended early"));
        }
        let in_order = |mut changes: Vec<(usize, FileChange)>| {
            changes.sort_by_key(|(root, _)| *root);
            changes.into_iter().map(|(_, change)| change).collect()
        };
        Ok(self.pairs.into_iter().map(in_order).collect())
    }
}

/// The blobs of `MODE MODE ID ID STATUS`; `None` for entries that are no regular files.
fn blobs(line: &[u8]) -> Option<(Option<BlobId>, Option<BlobId>)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut parts = line.split(' ');
    let mut next = || parts.next();
    let (mode_before, mode_after) = (next()?, next()?);
    let blob = |mode: &str, id: &str| -> Option<Option<BlobId>> {
        let id = Oid::from_str(id).ok()?;
        Some(mode.starts_with("100").then(|| blob_id(id)))
    };
    Some((blob(mode_before, next()?)?, blob(mode_after, next()?)?))
}

fn unexpected(output: &[u8]) -> ProgramError {
    let shown = String::from_utf8_lossy(&output[..output.len().min(200)]);
    ProgramError::Answer { message: Printable::bounded(&shown, 200).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn read(output: &[u8], step: usize, most: usize) -> Result<Vec<Vec<String>>, ProgramError> {
        let scope = Scope::new(&["z".parse().unwrap(), "a".parse().unwrap()]);
        let mut reader = OutputReader::new(&scope, most);
        for piece in output.chunks(step) {
            reader.push(piece)?;
        }
        let text = |change: &FileChange| {
            let side =
                |blob: Option<BlobId>| blob.map_or('-', |blob| blob.to_string().chars().next().unwrap());
            format!("{} {}{}", change.path, side(change.before), side(change.after))
        };
        let pairs = reader.finish()?;
        Ok(pairs.iter().map(|changes| changes.iter().map(text).collect()).collect())
    }

    #[test]
    fn output_is_read_in_pieces_of_any_size() {
        let header = format!("{A} {B}\n");
        let output = [
            header.as_bytes(),
            format!(":100644 100755 {A} {B} M\0a/1.yaml\0").as_bytes(),
            format!(":100644 100755 {A} {A} M\0a/mode.yaml\0").as_bytes(),
            format!(":100644 120000 {A} {B} T\0a/link.yaml\0").as_bytes(),
            format!(":000000 160000 {ZERO} {B} A\0a/module.yaml\0").as_bytes(),
            format!(":000000 100644 {ZERO} {B} A\0a/\nodd: name.yaml\0").as_bytes(),
            b":000000 100644 ",
            ZERO.as_bytes(),
            b" ",
            B.as_bytes(),
            b" A\0a/\xff.yaml\0",
            format!(":000000 100644 {ZERO} {B} A\0a/text.txt\0").as_bytes(),
            format!(":000000 100644 {ZERO} {B} A\0b/elsewhere.yaml\0").as_bytes(),
            format!(":100644 000000 {A} {ZERO} D\0z/z.yaml\0").as_bytes(),
            header.as_bytes(),
        ]
        .concat();
        let expected = ["z/z.yaml a-", "a/1.yaml ab", "a/link.yaml a-", "a/\nodd: name.yaml -b"];
        for step in [1, 7, 64, 100_000] {
            let read = read(&output, step, 2).unwrap();
            assert_eq!(read[1], Vec::<String>::new());
            let without_odd: Vec<&String> = read[0]
                .iter()
                .filter(|one| !one.contains('\n') || expected.contains(&one.as_str()))
                .collect();
            assert_eq!(without_odd.len(), read[0].len());
            assert!(read[0].iter().all(|one| expected.contains(&one.as_str())), "{read:?}");
            assert_eq!(read[0][..3], expected[..3]);
        }
        assert!(read(&output, 64, 1).is_err(), "more than was asked");
        assert!(read(&output, 64, 3).is_err(), "less than was asked");
        assert!(read(&output[..output.len() - 90], 64, 2).is_err(), "cut");
    }
}
