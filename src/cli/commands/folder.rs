//! Reads the YAML files of a folder on this machine as the Git room lists those of a tree: without following links, without
//! other repositories, and with bounds.

use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::git::MAX_CONTENT_BYTES;
use crate::model::{Content, Printable, RepoPath};

/// Maximum folder depth.
const MAX_DEPTH: usize = 64;
/// Maximum entries. A repository is smaller; a home folder, given by mistake, may not be.
const MAX_ENTRIES: usize = 500_000;

/// What was read of a folder.
#[derive(Debug)]
pub(super) struct FolderFiles<T> {
    pub(super) files: Vec<(RepoPath, T)>,
    /// Number of YAML files.
    pub(super) manifests: usize,
    /// Files and folders that are not read, each with the reason.
    pub(super) skipped: Vec<String>,
    /// Files that cannot be read.
    pub(super) unreadable: Vec<(RepoPath, io::Error)>,
}

/// Reads the YAML files of `folder`, which is in the repository at `top`; `scan` may drop one.
pub(super) fn read<T: Send>(
    folder: &Path,
    top: &Path,
    scan: impl Fn(&RepoPath, Content<'_>) -> Option<T> + Sync,
) -> io::Result<FolderFiles<T>> {
    let mut walk = Walk { top, found: Vec::new(), skipped: Vec::new(), seen: 0 };
    walk.folder(folder, 0)?;
    let scanned: Vec<io::Result<Option<T>>> =
        walk.found.par_iter().map(|(name, path)| read_file(name, path, &scan)).collect();
    let mut read = FolderFiles {
        files: Vec::new(),
        manifests: walk.found.len(),
        skipped: walk.skipped,
        unreadable: Vec::new(),
    };
    for ((name, _), file) in walk.found.into_iter().zip(scanned) {
        match file {
            Ok(file) => read.files.extend(file.map(|file| (name, file))),
            Err(error) => read.unreadable.push((name, error)),
        }
    }
    Ok(read)
}

fn read_file<T>(
    name: &RepoPath,
    path: &Path,
    scan: &impl Fn(&RepoPath, Content<'_>) -> Option<T>,
) -> io::Result<Option<T>> {
    let file = File::open(path)?;
    let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if bytes > MAX_CONTENT_BYTES {
        return Ok(scan(name, Content::TooLarge { bytes }));
    }
    let mut text = Vec::with_capacity(bytes);
    // The file may have grown since.
    file.take(MAX_CONTENT_BYTES as u64).read_to_end(&mut text)?;
    Ok(scan(name, Content::Bytes(&text)))
}

struct Walk<'a> {
    top: &'a Path,
    found: Vec<(RepoPath, PathBuf)>,
    skipped: Vec<String>,
    seen: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                let message = format!("it has more than {MAX_ENTRIES} files and folders");
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
            }
            self.entry(&entry?, depth + 1)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, depth: usize) -> io::Result<()> {
        let path = entry.path();
        let kind = entry.file_type()?;
        let is_manifest = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if entry.file_name() == ".git" || !(kind.is_dir() || kind.is_symlink() || is_manifest) {
            return Ok(());
        }
        let Some(name) = self.name_of(&path) else {
            self.skip(&path, "its name is not valid in a repository path");
            return Ok(());
        };
        match () {
            () if kind.is_symlink() => self.skip(&path, "a symbolic link, which is not followed"),
            () if kind.is_file() => self.found.push((name, path)),
            () if !kind.is_dir() => self.skip(&path, "not a regular file"),
            () if path.join(".git").symlink_metadata().is_ok() => {
                self.skip(&path, "another repository, which is not read");
            }
            () if depth > MAX_DEPTH => self.skip(&path, "it is nested too deeply"),
            () => match self.folder(&path, depth) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.skip(&path, "cannot be read");
                }
                other => return other,
            },
        }
        Ok(())
    }

    fn name_of(&self, path: &Path) -> Option<RepoPath> {
        path.strip_prefix(self.top).ok()?.to_str()?.parse().ok()
    }

    fn skip(&mut self, path: &Path, why: &str) {
        let relative = path.strip_prefix(self.top).unwrap_or(path).to_string_lossy();
        self.skipped.push(format!("{}: {why}", Printable::new(&relative)));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::init::ScannedFile;

    const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\n\
                           spec: {values: {image: {repository: ghcr.io/vtr/a, tag: v1.0.0}}}\n";

    fn scan(folder: &Path, top: &Path) -> FolderFiles<ScannedFile> {
        read(folder, top, ScannedFile::scan).unwrap()
    }

    #[test]
    fn manifests_are_scanned_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("clusters/prod/a.yaml", RELEASE);
        write("clusters/prod/b.yml", "a: b\n");
        write("clusters/prod/README.md", RELEASE);
        write(".git/c.yaml", RELEASE);
        write("other/.git", "gitdir: elsewhere\n");
        write("other/d.yaml", RELEASE);
        write("back\\slash\n.yaml", RELEASE);
        symlink("a.yaml", folder.path().join("clusters/prod/link.yaml")).unwrap();
        symlink("/", folder.path().join("everything")).unwrap();
        let mut scan = scan(folder.path(), folder.path());
        scan.files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let files: Vec<&str> = scan.files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(files, ["back\\slash\n.yaml", "clusters/prod/a.yaml"]);
        assert_eq!(scan.manifests, 3);
        scan.skipped.sort_unstable();
        assert_eq!(
            scan.skipped,
            [
                "clusters/prod/link.yaml: a symbolic link, which is not followed",
                "everything: a symbolic link, which is not followed",
                "other: another repository, which is not read",
            ]
        );
    }

    #[test]
    fn paths_are_from_the_top_of_the_repository() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("gitops/prod");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.yaml"), RELEASE).unwrap();
        let scan = scan(&folder, top.path());
        assert_eq!(scan.files[0].0.as_str(), "gitops/prod/a.yaml");
    }

    #[test]
    fn a_huge_file_is_reported_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("a.yaml")).unwrap().set_len(MAX_CONTENT_BYTES as u64 + 1).unwrap();
        let scan = scan(folder.path(), folder.path());
        assert_eq!(scan.files.len(), 1);
    }
}
