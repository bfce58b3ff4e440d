//! Paths in a kustomization.yaml: relative to its folder, never out of the repository.

use std::collections::HashSet;

use crate::model::RepoPath;

/// The names under which kustomize finds its file.
const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether a file is a `kustomization.yaml`, by its name.
pub fn is_kustomization(file: &RepoPath) -> bool {
    let name = file.as_str().rsplit('/').next().unwrap_or_default();
    FILE_NAMES.contains(&name)
}

/// Why an entry of a kustomization.yaml is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadEntryKind {
    /// Nothing is there.
    Missing,
    /// It is in another repository.
    Remote,
    /// It leads out of the repository.
    Outside,
    /// It leads back to the folder itself.
    Cycle,
    /// It is a patch with another extension than `.yaml` or `.yml`.
    NotYaml,
}

/// The target of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A YAML file.
    File(String),
    /// A folder with a kustomization.yaml.
    Folder(String),
    /// A file of another kind, which holds no manifest that is read.
    NotYaml,
}

/// Follows an entry of the kustomization.yaml in `folder`.
pub(super) fn resolve(
    folder: &str,
    entry: &str,
    files: &HashSet<&str>,
    folders: &HashSet<&str>,
) -> Result<Target, DeadEntryKind> {
    if is_remote(entry) {
        return Err(DeadEntryKind::Remote);
    }
    let path = join(folder, entry).ok_or(DeadEntryKind::Outside)?;
    if folders.contains(path.as_str()) {
        return Ok(Target::Folder(path));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if FILE_NAMES.contains(&name) && files.contains(path.as_str()) {
        return Ok(Target::Folder(parent(&path).to_owned()));
    }
    if files.contains(path.as_str()) {
        return Ok(Target::File(path));
    }
    // kustomize reads any extension; without one the entry is most likely a folder.
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let is_yaml = extension.is_none_or(|extension| ["yaml", "yml"].contains(&extension));
    if is_yaml { Err(DeadEntryKind::Missing) } else { Ok(Target::NotYaml) }
}

/// Whether kustomize would fetch the entry: a URL, or a host's name and a path.
fn is_remote(entry: &str) -> bool {
    let host = entry.split('/').next().unwrap_or_default();
    let is_host = entry.contains('/') && !host.starts_with('.') && host.contains('.');
    entry.contains("://")
        || entry.contains("?ref=")
        || entry.starts_with("git@")
        || is_host && entry.matches('/').count() > 1
}

/// Joins a relative path to a folder; `None` where it climbs out of the repository. The root is the empty path.
pub(super) fn join(folder: &str, entry: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in entry.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder that a file or folder lies in.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folders above an entry, the closest first and the root last.
pub(super) fn folders_above(entry: &str) -> impl Iterator<Item = &str> {
    let first = (!entry.is_empty()).then(|| parent(entry));
    std::iter::successors(first, |folder| (!folder.is_empty()).then(|| parent(folder)))
}

/// Whether `path` is `folder` or below it.
pub(super) fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_within_the_repository() {
        for (folder, entry, joined) in [
            ("a/b", "c.yaml", Some("a/b/c.yaml")),
            ("a/b", "./c/", Some("a/b/c")),
            ("a/b", "../c", Some("a/c")),
            ("a/b", "../../..", None),
            ("a", "..", Some("")),
            ("", "./", Some("")),
            ("", "..", None),
            ("a", "/b", Some("a/b")),
        ] {
            assert_eq!(join(folder, entry).as_deref(), joined, "{folder} {entry}");
        }
        assert_eq!(folders_above("a/b/c.yaml").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(folders_above("c.yaml").collect::<Vec<_>>(), [""]);
        assert_eq!(folders_above("").count(), 0);
    }

    #[test]
    fn remote_entries_are_recognized() {
        for entry in [
            "https://example.com/a.yaml",
            "github.com/fluxcd/flux2//manifests?ref=main",
            "git@github.com:a/b.git",
            "ssh://git@github.com/a/b",
            "github.com/org/repo",
        ] {
            assert!(is_remote(entry), "{entry}");
        }
        for entry in ["a.yaml", "./a/b.yaml", "../../base", "v1.2/app.yaml", "apps/a.b/c.yaml", "base"] {
            assert!(!is_remote(entry), "{entry}");
        }
    }
}
