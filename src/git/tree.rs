//! Trees, and the configured part of them.

use git2::{Commit, ErrorCode, ObjectType, Oid, Repository, Tree, TreeEntry};

use super::GitError;
use super::handle::{commit_id, commit_oid};
use crate::model::{CommitId, RepoPath};

/// Maximum folder depth; a deeper tree is an attack.
pub(super) const MAX_DEPTH: usize = 64;

/// Maximum entries read of one tree: a few small objects can describe a tree of any size.
pub(super) const MAX_ENTRIES: usize = 2_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    SymbolicLink,
    Submodule,
}

impl Kind {
    pub(super) fn of(entry: &TreeEntry<'_>) -> Self {
        match (entry.filemode_raw() & 0o170_000, entry.kind()) {
            (0o120_000, _) => Self::SymbolicLink,
            (0o160_000, _) | (_, Some(ObjectType::Commit)) => Self::Submodule,
            (_, Some(ObjectType::Tree)) => Self::Folder,
            _ => Self::File,
        }
    }
}

/// A folder or file with everything under it. The empty path is the whole repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) path: String,
}

/// The configured parts of the repository, none within another.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) roots: Vec<Root>,
}

impl Scope {
    pub(super) fn new(paths: &[RepoPath]) -> Self {
        let mut roots: Vec<Root> = Vec::new();
        let is_outermost =
            |path: &RepoPath| !paths.iter().any(|other| other != path && path.is_within(other));
        for path in paths.iter().filter(|path| is_outermost(path)) {
            let root = Root { path: path.as_str().to_owned() };
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        if paths.is_empty() {
            roots.push(Root { path: String::new() });
        }
        Self { roots }
    }

    /// What each root is in `tree`, in the order of the roots.
    pub(super) fn resolve(
        &self,
        repository: &Repository,
        tree: Oid,
    ) -> Result<Vec<Option<(Kind, Oid)>>, GitError> {
        self.roots.iter().map(|root| entry_at(repository, tree, &root.path)).collect()
    }
}

/// What lies at `path` in `tree`. A symbolic link or submodule on the way is returned itself.
pub(super) fn entry_at(
    repository: &Repository,
    tree: Oid,
    path: &str,
) -> Result<Option<(Kind, Oid)>, GitError> {
    let mut found = (Kind::Folder, tree);
    for part in path.split('/').filter(|part| !part.is_empty()) {
        match found.0 {
            Kind::Folder => {}
            Kind::File => return Ok(None),
            Kind::SymbolicLink | Kind::Submodule => break,
        }
        let folder = find_tree(repository, found.1)?;
        let Some(entry) = folder.get_name_bytes(part.as_bytes()) else { return Ok(None) };
        found = (Kind::of(&entry), entry.id());
    }
    Ok(Some(found))
}

pub(super) fn is_manifest(name: &[u8]) -> bool {
    let file_name = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.ends_with(b".yaml") || name.ends_with(b".yml") || file_name == b"Kustomization"
}

/// Joins a folder and an entry name, if that is UTF-8.
pub(super) fn join(folder: &str, name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    Some(if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") })
}

pub(super) fn find_tree(repository: &Repository, id: Oid) -> Result<Tree<'_>, GitError> {
    repository
        .find_tree(id)
        .map_err(|source| GitError::Damaged { operation: format!("read tree {id}"), source })
}

/// Finds a commit that the caller names; its absence is no damage.
pub(super) fn find_commit(repository: &Repository, id: CommitId) -> Result<Commit<'_>, GitError> {
    repository.find_commit(commit_oid(id)).map_err(|source| match source.code() {
        ErrorCode::NotFound => GitError::UnknownCommit { commit: id },
        _ => GitError::Damaged { operation: format!("read commit {id}"), source },
    })
}

/// Finds a commit that the mirror must have; its absence is damage.
pub(super) fn find_parent(repository: &Repository, id: Oid) -> Result<Commit<'_>, GitError> {
    repository
        .find_commit(id)
        .map_err(|source| GitError::Damaged { operation: format!("read commit {}", commit_id(id)), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(paths: &[&str]) -> Vec<String> {
        let paths: Vec<RepoPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
        Scope::new(&paths).roots.into_iter().map(|root| root.path).collect()
    }

    #[test]
    fn a_scope_names_nothing_twice() {
        assert_eq!(roots(&["a", "a/b", "c", "c", "ab"]), ["a", "c", "ab"]);
        assert_eq!(roots(&["a/b", "a"]), ["a"]);
        assert_eq!(roots(&[]), [""]);
    }

    #[test]
    fn manifests_are_known_by_their_names() {
        for (name, is) in [
            ("a.yaml", true),
            ("a.yml", true),
            ("a.yaml.bak", false),
            ("yaml", false),
            ("A.YAML", false),
            ("a/Kustomization", true),
        ] {
            assert_eq!(is_manifest(name.as_bytes()), is, "{name}");
        }
    }
}
