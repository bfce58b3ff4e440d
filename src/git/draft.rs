//! Writes commits on top of one another without a working copy.
//!
//! Only folders on the way to an edited file are written again, each once a commit however many of its files change.
//! The new objects stay in memory until all are made, and then go to the mirror as one pack: a file for every object
//! would cost more than all the rest.

use std::path::Path;

use git2::{Oid, PackBuilder, Repository};

use super::GitError;
use super::handle::{self, commit_id};
use super::tree::{Kind, find_commit, find_parent, find_tree};
use crate::model::{CommitDraft, CommitId, FileEdit, Printable, RepoPath};

/// Makes a chain of commits, the first on `base`, all by `who` at `who`'s time, and writes them to the mirror.
pub(super) fn write_chain(
    folder: &Path,
    base: CommitId,
    drafts: &[CommitDraft],
    who: &git2::Signature<'_>,
) -> Result<Vec<CommitId>, GitError> {
    let repository = handle::open_writable(folder)?;
    find_commit(&repository, base)?;
    let pack = repository.packbuilder().map_err(writing("a pack"))?;
    let mut chain = Chain { repository: &repository, pack, who, tip: base };
    let commits = drafts.iter().map(|draft| chain.commit(draft)).collect::<Result<Vec<_>, _>>()?;
    chain.write(folder)?;
    Ok(commits)
}

struct Chain<'repo> {
    repository: &'repo Repository,
    pack: PackBuilder<'repo>,
    who: &'repo git2::Signature<'repo>,
    tip: CommitId,
}

impl Chain<'_> {
    fn commit(&mut self, draft: &CommitDraft) -> Result<CommitId, GitError> {
        let parent = find_parent(self.repository, handle::commit_oid(self.tip))?;
        let edits = sorted(&draft.edits)?;
        let tree = self.folder(parent.tree_id(), &edits)?;
        if tree == parent.tree_id() {
            let subject = draft.message.lines().next().unwrap_or_default();
            return Err(GitError::NothingToCommit { subject: Printable::new(subject).to_string() });
        }
        let tree = find_tree(self.repository, tree)?;
        let id = self
            .repository
            .commit(None, self.who, self.who, &draft.message, &tree, &[&parent])
            .map_err(writing("a commit"))?;
        self.keep(id, None)?;
        self.tip = commit_id(id);
        Ok(self.tip)
    }

    /// The folder `tree` with `edits` made in it. Edits of one subfolder stand together.
    fn folder(&mut self, tree: Oid, edits: &[Edit<'_>]) -> Result<Oid, GitError> {
        let old = find_tree(self.repository, tree)?;
        let mut new = self.repository.treebuilder(Some(&old)).map_err(writing("a folder"))?;
        let mut written = Vec::new();
        for group in edits.chunk_by(|one, other| one.name() == other.name()) {
            let Some(Edit { rest, edit }) = group.first() else { continue };
            let name = group[0].name();
            let entry = old.get_name(name).ok_or_else(|| self.no_such_file(edit))?;
            let id = match (rest.contains('/'), Kind::of(&entry)) {
                (false, Kind::File) => self.blob(edit)?,
                (true, Kind::Folder) => {
                    let inner: Vec<Edit<'_>> = group.iter().filter_map(Edit::inner).collect();
                    self.folder(entry.id(), &inner)?
                }
                _ => return Err(self.no_such_file(edit)),
            };
            written.push((name, id, entry.filemode()));
        }
        for (name, id, mode) in written {
            new.insert(name, id, mode).map_err(writing("a folder"))?;
        }
        let id = new.write().map_err(writing("a folder"))?;
        self.keep(id, None)?;
        Ok(id)
    }

    fn blob(&mut self, edit: &FileEdit) -> Result<Oid, GitError> {
        let id = self.repository.blob(&edit.content).map_err(writing("a file"))?;
        self.keep(id, Some(edit.path.as_str()))?;
        Ok(id)
    }

    /// Sees that the object comes into the pack; its name tells the packer what it resembles.
    fn keep(&mut self, id: Oid, name: Option<&str>) -> Result<(), GitError> {
        self.pack.insert_object(id, name).map_err(writing("a pack"))
    }

    fn write(mut self, folder: &Path) -> Result<(), GitError> {
        /// As Git leaves packs: nobody changes them.
        const READ_ONLY: u32 = 0o444;
        if self.pack.object_count() == 0 {
            return Ok(());
        }
        self.pack.set_threads(0);
        self.pack.write(&folder.join("objects/pack"), READ_ONLY).map_err(writing("a pack"))
    }

    fn no_such_file(&self, edit: &FileEdit) -> GitError {
        GitError::NoSuchFile { path: edit.path.clone(), commit: self.tip }
    }
}

/// An edit, seen from one of the folders above its file.
struct Edit<'a> {
    rest: &'a str,
    edit: &'a FileEdit,
}

impl<'a> Edit<'a> {
    fn name(&self) -> &'a str {
        self.rest.split('/').next().unwrap_or_default()
    }

    fn inner(&self) -> Option<Self> {
        let (_, rest) = self.rest.split_once('/')?;
        Some(Self { rest, edit: self.edit })
    }
}

/// The edits in an order in which those of one folder stand together.
fn sorted(edits: &[FileEdit]) -> Result<Vec<Edit<'_>>, GitError> {
    let mut sorted: Vec<Edit<'_>> =
        edits.iter().map(|edit| Edit { rest: edit.path.as_str(), edit }).collect();
    sorted.sort_by(|one, other| one.rest.split('/').cmp(other.rest.split('/')));
    match sorted.windows(2).find(|pair| pair[0].rest == pair[1].rest) {
        Some(pair) => Err(twice(&pair[0].edit.path)),
        None => Ok(sorted),
    }
}

fn twice(path: &RepoPath) -> GitError {
    GitError::EditedTwice { path: path.clone() }
}

fn writing(what: &'static str) -> impl Fn(git2::Error) -> GitError {
    move |source| GitError::Write { what, source }
}
