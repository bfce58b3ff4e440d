//! A person's local repository, for `tidegate init` and `tidegate check`: its branch, the URL of `origin`, and what changed.
//!
//! Runs no program: the folder is not trusted.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use git2::{Config, Delta, DiffOptions, Repository};

use super::GitError;
use crate::model::{BranchName, Printable, RepoPath};

/// Bytes read of `HEAD`, or of a `.git` file.
const MAX_BYTES: u64 = 4096;

/// What changed in a working copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedFiles {
    /// The files, removed ones too.
    pub files: BTreeSet<RepoPath>,
    /// Whether a file was removed or renamed.
    pub has_removed: bool,
}

/// A repository on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The top of the working copy, or the folder of the bare repository.
    pub top: PathBuf,
    pub is_bare: bool,
    /// The branch that `HEAD` names; `None` when detached.
    pub branch: Option<BranchName>,
    /// The URL of the remote `origin`: untrusted, may contain a secret.
    pub origin: Option<String>,
}

impl Checkout {
    /// Finds the repository that `folder` is or lies in.
    ///
    /// # Errors
    /// There is one, and its files cannot be read.
    pub fn around(folder: &Path) -> Result<Option<Self>, GitError> {
        let failed = |source| GitError::Folder { operation: "open", path: folder.to_owned(), source };
        let folder = folder.canonicalize().map_err(failed)?;
        if is_git_folder(&folder) {
            return Self::read(&folder, &folder, true).map(Some).map_err(failed);
        }
        for top in folder.ancestors() {
            if let Some(git) = git_folder_of(top).map_err(failed)? {
                return Self::read(top, &git, false).map(Some).map_err(failed);
            }
        }
        Ok(None)
    }

    /// What changed in the working copy since its branch left `reference`, a branch, tag or commit. Files that Git does not
    /// know yet count.
    ///
    /// # Errors
    /// When the reference does not exist, or has no history in common with `HEAD`.
    pub fn changed_since(&self, reference: &str) -> Result<ChangedFiles, GitError> {
        let changed = self.diff_since(reference).map_err(|source| GitError::Reference {
            reference: Printable::new(reference).to_string(),
            top: self.top.clone(),
            source,
        })?;
        Ok(changed)
    }

    fn diff_since(&self, reference: &str) -> Result<ChangedFiles, git2::Error> {
        let repository = Repository::open(&self.top)?;
        let since = repository.revparse_single(reference)?.peel_to_commit()?;
        let head = repository.head()?.peel_to_commit()?;
        let base = repository.find_commit(repository.merge_base(head.id(), since.id())?)?;
        let mut options = DiffOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true);
        let diff = repository.diff_tree_to_workdir_with_index(Some(&base.tree()?), Some(&mut options))?;
        let mut changed = ChangedFiles::default();
        for delta in diff.deltas() {
            changed.has_removed |= delta.status() == Delta::Deleted;
            let path = delta.new_file().path().and_then(Path::to_str);
            changed.files.extend(path.and_then(|path| path.parse::<RepoPath>().ok()));
        }
        Ok(changed)
    }

    fn read(top: &Path, git: &Path, is_bare: bool) -> io::Result<Self> {
        let head = read_line(&git.join("HEAD"))?;
        let branch = head.strip_prefix("ref: refs/heads/").and_then(|name| name.parse().ok());
        // A linked worktree has its own HEAD and shares the configuration.
        let common = match read_line(&git.join("commondir")) {
            Ok(common) => git.join(common),
            Err(_) => git.to_owned(),
        };
        Ok(Self { top: top.to_owned(), is_bare, branch, origin: origin(&common.join("config")) })
    }
}

fn is_git_folder(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// The Git folder of the working copy at `top`, if it is one.
fn git_folder_of(top: &Path) -> io::Result<Option<PathBuf>> {
    let git = top.join(".git");
    if git.is_dir() {
        return Ok(is_git_folder(&git).then_some(git));
    }
    if !git.is_file() {
        return Ok(None);
    }
    let line = read_line(&git)?;
    Ok(line.strip_prefix("gitdir: ").map(|folder| top.join(folder)))
}

fn read_line(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// The URL of `origin`; `None` when the configuration is broken.
fn origin(config: &Path) -> Option<String> {
    let snapshot = Config::open(config).and_then(|mut config| config.snapshot()).ok()?;
    snapshot.get_str("remote.origin.url").ok().filter(|url| !url.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn git_folder(at: &Path, head: &str, config: &str) {
        for folder in ["objects", "refs"] {
            fs::create_dir_all(at.join(folder)).unwrap();
        }
        fs::write(at.join("HEAD"), head).unwrap();
        fs::write(at.join("config"), config).unwrap();
    }

    #[test]
    fn a_working_copy_is_found_from_inside() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let config = "[remote \"origin\"]\n\turl = ssh://git@github.com/vtr/gitops.git\n";
        git_folder(&top.join(".git"), "ref: refs/heads/trunk\n", config);
        fs::create_dir_all(top.join("clusters/prod")).unwrap();
        let found = Checkout::around(&top.join("clusters/prod")).unwrap().unwrap();
        let origin = Some("ssh://git@github.com/vtr/gitops.git".to_owned());
        let branch = Some("trunk".parse().unwrap());
        assert_eq!(found, Checkout { top, is_bare: false, branch, origin });
    }

    #[test]
    fn a_bare_repository_and_a_detached_head_are_distinguished() {
        let folder = tempfile::tempdir().unwrap();
        git_folder(folder.path(), "9f2c1ab0d41e77c09f2c1ab0d41e77c09f2c1ab0\n", "this is [no configuration");
        let found = Checkout::around(folder.path()).unwrap().unwrap();
        assert_eq!((found.is_bare, found.branch, found.origin), (true, None, None));
    }

    #[test]
    fn a_further_working_copy_shares_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("main/.git");
        git_folder(&main, "ref: refs/heads/main\n", "[remote \"origin\"]\n\turl = /srv/gitops.git\n");
        let own = main.join("worktrees/second");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("HEAD"), "ref: refs/heads/second\n").unwrap();
        fs::write(own.join("commondir"), "../..\n").unwrap();
        let second = folder.path().join("second");
        fs::create_dir_all(&second).unwrap();
        fs::write(second.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
        let found = Checkout::around(&second).unwrap().unwrap();
        assert_eq!(found.branch, Some("second".parse().unwrap()));
        assert_eq!(found.origin.as_deref(), Some("/srv/gitops.git"));
    }

    #[test]
    fn a_folder_alone_is_no_repository() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".git")).unwrap();
        // The temporary folder may itself lie in a working copy.
        let found = Checkout::around(folder.path()).unwrap();
        assert!(found.is_none_or(|found| found.top != folder.path()));
        assert!(Checkout::around(&folder.path().join("missing")).is_err());
    }
}
