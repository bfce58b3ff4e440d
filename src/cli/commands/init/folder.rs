//! Reads the manifests of a folder on this machine, as the Git room reads those of a tree: links and other repositories
//! are left alone, and nothing is read that has no bounds.

use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::git::MAX_CONTENT_BYTES;
use crate::init::{Finding, FindingKind, ScannedFile};
use crate::model::{Content, Printable, RepoPath};

/// How deep folders may lie in each other.
const MOST_DEPTH: usize = 64;
/// How many entries are looked at. A repository is smaller; a home folder, named by mistake, may not be.
const MOST_ENTRIES: usize = 500_000;

/// The manifests of a folder.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) files: Vec<(RepoPath, ScannedFile)>,
    /// How many manifests were looked at.
    pub(super) manifests: usize,
    pub(super) findings: Vec<Finding>,
}

/// Reads what is under `folder`, which lies in the repository whose top is at `top`.
pub(super) fn scan(folder: &Path, top: &Path) -> io::Result<Scan> {
    let mut walk = Walk { top, found: Vec::new(), findings: Vec::new(), seen: 0 };
    walk.folder(folder, 0)?;
    let readings: Vec<io::Result<Option<ScannedFile>>> =
        walk.found.par_iter().map(|(_, path)| read(path)).collect();
    let mut scan = Scan { files: Vec::new(), manifests: walk.found.len(), findings: walk.findings };
    for ((name, _), reading) in walk.found.into_iter().zip(readings) {
        match reading {
            Ok(reading) => scan.files.extend(reading.map(|reading| (name, reading))),
            Err(error) => {
                let message = format!("it cannot be read: {error}");
                scan.findings.push(Finding::new(FindingKind::Unreadable, message).in_file(&name, None));
            }
        }
    }
    Ok(scan)
}

fn read(path: &Path) -> io::Result<Option<ScannedFile>> {
    let file = File::open(path)?;
    let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if bytes > MAX_CONTENT_BYTES {
        return Ok(ScannedFile::scan(Content::TooLarge { bytes }));
    }
    let mut text = Vec::with_capacity(bytes);
    // It may have grown since.
    file.take(MAX_CONTENT_BYTES as u64).read_to_end(&mut text)?;
    Ok(ScannedFile::scan(Content::Bytes(&text)))
}

struct Walk<'a> {
    top: &'a Path,
    found: Vec<(RepoPath, PathBuf)>,
    findings: Vec<Finding>,
    seen: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            self.seen += 1;
            if self.seen > MOST_ENTRIES {
                let message = format!("there are more than {MOST_ENTRIES} files and folders in it");
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
            self.leave_alone(&path, "its name is none that a path in a repository can have");
            return Ok(());
        };
        match () {
            () if kind.is_symlink() => self.leave_alone(&path, "a symbolic link, which is not followed"),
            () if kind.is_file() => self.found.push((name, path)),
            () if !kind.is_dir() => self.leave_alone(&path, "not a regular file"),
            () if path.join(".git").symlink_metadata().is_ok() => {
                self.leave_alone(&path, "another repository, which is not read");
            }
            () if depth > MOST_DEPTH => self.leave_alone(&path, "it lies too deep"),
            () => match self.folder(&path, depth) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.leave_alone(&path, "it cannot be read");
                }
                other => return other,
            },
        }
        Ok(())
    }

    fn name_of(&self, path: &Path) -> Option<RepoPath> {
        path.strip_prefix(self.top).ok()?.to_str()?.parse().ok()
    }

    fn leave_alone(&mut self, path: &Path, why: &str) {
        let relative = path.strip_prefix(self.top).unwrap_or(path).to_string_lossy();
        let message = format!("{}: {why}", Printable::new(&relative));
        self.findings.push(Finding::new(FindingKind::Skipped, message));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\n\
                           spec: {values: {image: {repository: ghcr.io/vtr/a, tag: v1.0.0}}}\n";

    #[test]
    fn manifests_are_read_and_nothing_is_followed() {
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
        let mut scan = scan(folder.path(), folder.path()).unwrap();
        scan.files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let files: Vec<&str> = scan.files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(files, ["back\\slash\n.yaml", "clusters/prod/a.yaml"]);
        assert_eq!(scan.manifests, 3);
        let mut told: Vec<&str> = scan.findings.iter().map(|finding| finding.message.as_str()).collect();
        told.sort_unstable();
        assert_eq!(
            told,
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
        let scan = scan(&folder, top.path()).unwrap();
        assert_eq!(scan.files[0].0.as_str(), "gitops/prod/a.yaml");
    }

    #[test]
    fn a_huge_file_is_told_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("a.yaml")).unwrap().set_len(MAX_CONTENT_BYTES as u64 + 1).unwrap();
        let scan = scan(folder.path(), folder.path()).unwrap();
        assert_eq!(scan.files.len(), 1);
    }
}
