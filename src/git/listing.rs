//! Lists the manifests of a commit, and what was skipped.

use git2::{Oid, Repository};

use super::GitError;
use super::handle::blob_id;
use super::tree::{Kind, MAX_DEPTH, MAX_ENTRIES, Scope, find_commit, find_tree, is_read, join};
use crate::model::{CommitId, LeftAlone, LeftAloneKind, Listing, RepoPath, TreeFile, is_control_path};

pub(super) fn files(
    repository: &Repository,
    commit: CommitId,
    paths: &[RepoPath],
) -> Result<Listing, GitError> {
    let tree = find_commit(repository, commit)?.tree;
    let scope = Scope::new(paths);
    let mut walk = Walk { repository, listing: Listing::default(), seen: 0 };
    for (root, found) in scope.roots.iter().zip(scope.resolve(repository, tree)?) {
        match found {
            Some((kind, id)) => walk.entry(&root.path, kind, id, 0)?,
            None => walk.listing.missing.extend(root.path.parse()),
        }
    }
    Ok(walk.listing)
}

struct Walk<'repo> {
    repository: &'repo Repository,
    listing: Listing,
    seen: usize,
}

impl Walk<'_> {
    fn folder(&mut self, path: &str, id: Oid, depth: usize) -> Result<(), GitError> {
        let tree = find_tree(self.repository, id)?;
        self.seen += tree.len();
        if self.seen > MAX_ENTRIES {
            return Err(GitError::TooManyEntries { most: MAX_ENTRIES });
        }
        for entry in &tree {
            let (name, kind) = (entry.name_bytes(), Kind::of(&entry));
            let is_among_controls = is_control_path(if path.is_empty() { name } else { path.as_bytes() });
            if kind == Kind::File && !is_among_controls && !is_read(name) {
                continue;
            }
            let Some(path) = join(path, name) else {
                let path = format!("{path}/{}", String::from_utf8_lossy(name));
                self.leave_alone(path.trim_start_matches('/'), LeftAloneKind::NotUtf8);
                continue;
            };
            self.entry(&path, kind, entry.id(), depth + 1)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &str, kind: Kind, id: Oid, depth: usize) -> Result<(), GitError> {
        match kind {
            Kind::SymbolicLink => self.leave_alone(path, LeftAloneKind::SymbolicLink),
            Kind::Submodule => self.leave_alone(path, LeftAloneKind::Submodule),
            Kind::Folder if depth > MAX_DEPTH => self.leave_alone(path, LeftAloneKind::Unsafe),
            Kind::Folder if path.is_empty() => return self.folder(path, id, depth),
            // Fails for `..` or a name with a slash: Git itself writes none.
            Kind::Folder | Kind::File => match path.parse::<RepoPath>() {
                Err(_) => self.leave_alone(path, LeftAloneKind::Unsafe),
                Ok(_) if kind == Kind::Folder => return self.folder(path, id, depth),
                Ok(path) if is_read(path.as_str().as_bytes()) => {
                    self.listing.files.push(TreeFile { path, blob: blob_id(id) });
                }
                Ok(_) => {}
            },
        }
        Ok(())
    }

    fn leave_alone(&mut self, path: &str, kind: LeftAloneKind) {
        self.listing.left_alone.push(LeftAlone { path: path.to_owned(), kind });
    }
}
