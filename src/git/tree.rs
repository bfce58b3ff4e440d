//! Trees, and the configured part of them.

use git2::{ErrorCode, ObjectType, Oid, Repository, Tree, TreeEntry};

use super::GitError;
use super::handle::commit_oid;
use crate::model::{CommitId, RepoPath, is_control_path};

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

    /// The entry of each root in `tree`, in the order of the roots.
    pub(super) fn resolve(
        &self,
        repository: &Repository,
        tree: Oid,
    ) -> Result<Vec<Option<(Kind, Oid)>>, GitError> {
        self.roots.iter().map(|root| entry_at(repository, tree, &root.path)).collect()
    }
}

/// The entry at `path` in `tree`. A symbolic link or submodule on the way is returned itself.
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

fn is_manifest(name: &[u8]) -> bool {
    let file_name = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.ends_with(b".yaml") || name.ends_with(b".yml") || file_name == b"Kustomization"
}

/// Whether the file at a path is read: a manifest, or anything in the folder of control files, where a name that somebody
/// mistyped must not open a gate.
pub(super) fn is_read(path: &[u8]) -> bool {
    is_manifest(path) || is_control_path(path)
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

/// A commit as its object says. Unlike libgit2's, reading it fails only without a tree: a missing author or an
/// impossible time is somebody's mistake, not damage of the mirror.
pub(super) struct Commit {
    pub(super) id: CommitId,
    pub(super) tree: Oid,
    pub(super) parents: Vec<CommitId>,
    pub(super) author: Person,
    pub(super) committer: Person,
    pub(super) message: Vec<u8>,
}

/// Name, and time in seconds since 1970. Empty, and the latest possible time, if the commit lacks them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: Vec<u8>,
    pub(super) email: Vec<u8>,
    pub(super) seconds: i64,
}

impl Commit {
    pub(super) fn first_parent(&self) -> Option<CommitId> {
        self.parents.first().copied()
    }

    fn parse(id: CommitId, object: &[u8]) -> Option<Self> {
        let end = memchr::memmem::find(object, b"\n\n").unwrap_or(object.len());
        let oid = |hex: &[u8]| std::str::from_utf8(hex).ok().and_then(|hex| hex.parse::<CommitId>().ok());
        let (mut tree, mut parents, mut author, mut committer) = (None, Vec::new(), None, None);
        for line in object[..end].split(|byte| *byte == b'\n') {
            let Some(space) = line.iter().position(|byte| *byte == b' ') else { continue };
            match (&line[..space], &line[space + 1..]) {
                (b"tree", hex) => tree = tree.or_else(|| oid(hex).map(commit_oid)),
                (b"parent", hex) => parents.extend(oid(hex)),
                (b"author", rest) => author = author.or_else(|| Some(Person::parse(rest))),
                (b"committer", rest) => committer = committer.or_else(|| Some(Person::parse(rest))),
                _ => {}
            }
        }
        let message = object.get(end + 2..).unwrap_or_default().to_vec();
        let nobody = || Person::parse(b"");
        let (author, committer) = (author.unwrap_or_else(nobody), committer.unwrap_or_else(nobody));
        Some(Self { id, tree: tree?, parents, author, committer, message })
    }
}

impl Person {
    /// `NAME <EMAIL> SECONDS ZONE`
    fn parse(line: &[u8]) -> Self {
        let close = line.iter().rposition(|byte| *byte == b'>').unwrap_or(line.len());
        let open = line[..close].iter().position(|byte| *byte == b'<').unwrap_or(close);
        let rest = String::from_utf8_lossy(line.get(close + 1..).unwrap_or_default());
        let seconds = rest.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
        Self {
            name: line[..open].trim_ascii().to_vec(),
            email: line.get(open + 1..close).unwrap_or_default().to_vec(),
            seconds: seconds.unwrap_or(i64::MAX),
        }
    }
}

/// Finds a commit that the caller names; its absence is no damage.
pub(super) fn find_commit(repository: &Repository, id: CommitId) -> Result<Commit, GitError> {
    read_commit(repository, id, |source| match source.code() {
        ErrorCode::NotFound => GitError::UnknownCommit { commit: id },
        _ => GitError::Damaged { operation: format!("read commit {id}"), source },
    })
}

/// Finds a commit that the mirror must have; its absence is damage.
pub(super) fn find_parent(repository: &Repository, id: CommitId) -> Result<Commit, GitError> {
    read_commit(repository, id, |source| GitError::Damaged { operation: format!("read commit {id}"), source })
}

fn read_commit(
    repository: &Repository,
    id: CommitId,
    failed: impl Fn(git2::Error) -> GitError,
) -> Result<Commit, GitError> {
    let odb = repository.odb().map_err(&failed)?;
    let object = odb.read(commit_oid(id)).map_err(&failed)?;
    let commit = if object.kind() == ObjectType::Commit { Commit::parse(id, object.data()) } else { None };
    commit.ok_or(GitError::MalformedCommit { commit: id })
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
            (".tidegate/hold", true),
            (".tidegate", true),
            (".Tidegate/a.json", true),
            (".tidegates/a.json", false),
            ("a/.tidegate/a.json", false),
        ] {
            assert_eq!(is_read(name.as_bytes()), is, "{name}");
        }
    }

    #[test]
    fn a_malformed_commit_is_read_as_far_as_it_goes() {
        let id = CommitId::from_bytes([7; 20]);
        let (tree, parent) = ("a".repeat(40), "b".repeat(40));
        let whole = format!(
            "tree {tree}\nparent {parent}\nauthor A B <a@b> 7 +0100\ncommitter C <c> 8 -0300\n\nHi\n"
        );
        let commit = Commit::parse(id, whole.as_bytes()).unwrap();
        assert_eq!((commit.parents.len(), commit.message.as_slice()), (1, &b"Hi\n"[..]));
        assert_eq!(
            (commit.author.name.as_slice(), commit.author.email.as_slice()),
            (&b"A B"[..], &b"a@b"[..])
        );
        assert_eq!(commit.committer.seconds, 8);
        let odd = format!("tree {tree}\ncommitter C <c> 9223372036854775808 +0000\n\n");
        let commit = Commit::parse(id, odd.as_bytes()).unwrap();
        assert_eq!((commit.committer.seconds, commit.author.name.as_slice()), (i64::MAX, &b""[..]));
        assert!(Commit::parse(id, b"author A <a> 1 +0000\n\n").is_none(), "it has no tree");
    }
}
