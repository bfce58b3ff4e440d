//! Writes a chain of commits without a working copy.
//!
//! Only folders above an edited file are rewritten, once per commit. New objects stay in memory and go to the mirror as
//! one pack: a file per object would cost more than everything else.

use std::path::Path;

use git2::{FileMode, ObjectType, Oid, PackBuilder, Repository};

use super::GitError;
use super::handle::{self, commit_id};
use super::signing::Signer;
use super::tree::{Commit, Kind, find_commit, find_parent, find_tree};
use crate::model::{CommitDraft, CommitId, FileEdit, FileEditKind, Printable, RepoPath, Secrets};

/// Author and committer of Tidegate's commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub email: String,
}

impl Signature {
    /// The libgit2 signature at `seconds` since 1970, in UTC.
    pub(super) fn at(&self, seconds: i64) -> Result<git2::Signature<'static>, GitError> {
        git2::Signature::new(&self.name, &self.email, &git2::Time::new(seconds, 0))
            .map_err(|source| GitError::Author { name: self.name.clone(), email: self.email.clone(), source })
    }
}

/// The kind, object and mode of a folder's entry.
type Entry = (Kind, Oid, i32);

/// Commits each draft, the first on `base`, and writes them to the mirror.
pub(super) fn write_chain(
    folder: &Path,
    base: CommitId,
    drafts: &[CommitDraft],
    who: &git2::Signature<'_>,
    signer: Option<&Signer>,
) -> Result<Vec<CommitId>, GitError> {
    let repository = handle::open_writable(folder)?;
    find_commit(&repository, base)?;
    let pack = repository.packbuilder().map_err(writing("a pack"))?;
    let mut chain = Chain { repository: &repository, pack, who, signer, tip: base };
    let commits = drafts.iter().map(|draft| chain.commit(draft)).collect::<Result<Vec<_>, _>>()?;
    chain.write(folder)?;
    Ok(commits)
}

struct Chain<'repo> {
    repository: &'repo Repository,
    pack: PackBuilder<'repo>,
    who: &'repo git2::Signature<'repo>,
    signer: Option<&'repo Signer>,
    tip: CommitId,
}

impl Chain<'_> {
    fn commit(&mut self, draft: &CommitDraft) -> Result<CommitId, GitError> {
        let parent = find_parent(self.repository, self.tip)?;
        let edits = sorted(&draft.edits)?;
        let tree = match self.folder(Some(parent.tree), &edits)? {
            Some(tree) => tree,
            // A repository may be empty; an empty folder is left out instead.
            None => self
                .repository
                .treebuilder(None)
                .and_then(|empty| empty.write())
                .map_err(writing("a folder"))?,
        };
        if tree == parent.tree {
            let subject = draft.message.lines().next().unwrap_or_default();
            return Err(GitError::NothingToCommit { subject: Printable::new(subject).to_string() });
        }
        let id = self.write_commit(draft, tree, &parent)?;
        self.keep(id, None)?;
        self.tip = commit_id(id);
        Ok(self.tip)
    }

    fn write_commit(&self, draft: &CommitDraft, tree: Oid, parent: &Commit) -> Result<Oid, GitError> {
        let committer = signature_line(self.who);
        let author = match &draft.author {
            Some(name) => signature_line(&self.author(name)?),
            None => committer.clone(),
        };
        let (parent, message) = (parent.id, Secrets::mask(&draft.message));
        let commit =
            format!("tree {tree}\nparent {parent}\nauthor {author}\ncommitter {committer}\n\n{message}");
        let Some(signer) = self.signer else {
            let odb = self.repository.odb().map_err(writing("a commit"))?;
            return odb.write(ObjectType::Commit, commit.as_bytes()).map_err(writing("a commit"));
        };
        let signature =
            signer.sign(commit.as_bytes()).map_err(|fault| GitError::Signing { fault: Box::new(fault) })?;
        self.repository.commit_signed(&commit, signature.trim_end(), None).map_err(writing("a commit"))
    }

    /// A person, who has no address: Tidegate's stands for it.
    fn author(&self, name: &str) -> Result<git2::Signature<'static>, GitError> {
        let email = self.who.email().unwrap_or_default();
        git2::Signature::new(name, email, &self.who.when()).map_err(|source| GitError::Author {
            name: name.to_owned(),
            email: email.to_owned(),
            source,
        })
    }

    /// Applies `edits` to the folder `tree` or to a new one; `None` when it becomes empty. Edits of one subfolder are
    /// adjacent.
    fn folder(&mut self, tree: Option<Oid>, edits: &[Edit<'_>]) -> Result<Option<Oid>, GitError> {
        let old = tree.map(|tree| find_tree(self.repository, tree)).transpose()?;
        let mut new = self.repository.treebuilder(old.as_ref()).map_err(writing("a folder"))?;
        for group in edits.chunk_by(|one, other| one.name() == other.name()) {
            let Some(first) = group.first() else { continue };
            let entry = old.as_ref().and_then(|old| old.get_name(first.name()));
            let there = entry.as_ref().map(|entry| (Kind::of(entry), entry.id(), entry.filemode()));
            let written = if first.rest.contains('/') {
                let inner: Vec<Edit<'_>> = group.iter().filter_map(Edit::inner).collect();
                self.subfolder(there, first.edit, &inner)?
            } else {
                self.file(there, first.edit)?
            };
            match written {
                Some((id, mode)) => drop(new.insert(first.name(), id, mode).map_err(writing("a folder"))?),
                None => new.remove(first.name()).map_err(writing("a folder"))?,
            }
        }
        if new.is_empty() {
            return Ok(None);
        }
        let id = new.write().map_err(writing("a folder"))?;
        self.keep(id, None)?;
        Ok(Some(id))
    }

    fn subfolder(
        &mut self,
        there: Option<Entry>,
        first: &FileEdit,
        edits: &[Edit<'_>],
    ) -> Result<Option<(Oid, i32)>, GitError> {
        let is_made = edits.iter().all(|edit| matches!(edit.edit.change, FileEditKind::Write(_)));
        let (tree, mode) = match there {
            Some((Kind::Folder, tree, mode)) => (Some(tree), mode),
            None if is_made => (None, FileMode::Tree.into()),
            _ => return Err(self.no_such_file(first)),
        };
        Ok(self.folder(tree, edits)?.map(|tree| (tree, mode)))
    }

    fn file(&mut self, there: Option<Entry>, edit: &FileEdit) -> Result<Option<(Oid, i32)>, GitError> {
        match (&edit.change, there) {
            (FileEditKind::Rewrite(text) | FileEditKind::Write(text), Some((Kind::File, _, mode))) => {
                Ok(Some((self.blob(&edit.path, text)?, mode)))
            }
            (FileEditKind::Write(text), None) => {
                Ok(Some((self.blob(&edit.path, text)?, FileMode::Blob.into())))
            }
            (FileEditKind::Remove, Some((Kind::File, ..))) => Ok(None),
            _ => Err(self.no_such_file(edit)),
        }
    }

    fn blob(&mut self, path: &RepoPath, text: &[u8]) -> Result<Oid, GitError> {
        let id = self.repository.blob(text).map_err(writing("a file"))?;
        self.keep(id, Some(path.as_str()))?;
        Ok(id)
    }

    /// Adds an object to the pack; the name helps delta compression.
    fn keep(&mut self, id: Oid, name: Option<&str>) -> Result<(), GitError> {
        self.pack.insert_object(id, name).map_err(writing("a pack"))
    }

    fn write(mut self, folder: &Path) -> Result<(), GitError> {
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

/// `NAME <EMAIL> SECONDS +0000`, as a commit has it. libgit2 has checked that neither can break out of the line.
fn signature_line(who: &git2::Signature<'_>) -> String {
    let (name, email) =
        (String::from_utf8_lossy(who.name_bytes()), String::from_utf8_lossy(who.email_bytes()));
    format!("{name} <{email}> {} +0000", who.when().seconds())
}

/// An edit relative to a folder above its file.
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

/// Sorts edits so that those of one folder are adjacent.
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
