//! Where files and folders lay before they were moved into the folders of an environment.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::model::{BlobId, RepoPath};

/// Present paths by former ones, of files and of whole folders.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormerPaths(BTreeMap<RepoPath, RepoPath>);

impl FormerPaths {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds renames, each with its former path first. A later name may itself be a former one.
    pub(super) fn add(&mut self, renames: Vec<(RepoPath, RepoPath)>) {
        for (former, path) in renames {
            let present = self.present(&path).into_owned();
            self.0.insert(former, present);
        }
    }

    /// The former paths.
    pub(super) fn roots(&self) -> impl Iterator<Item = &RepoPath> {
        self.0.keys()
    }

    /// Where a path is now: by its own rename, else by that of the nearest folder above it.
    pub(super) fn present<'a>(&self, path: &'a RepoPath) -> Cow<'a, RepoPath> {
        for folder in with_folders(path) {
            if let Some(present) = self.0.get(&folder) {
                let rest = &path.as_str()[folder.as_str().len()..];
                return format!("{present}{rest}").parse().map_or(Cow::Borrowed(path), Cow::Owned);
            }
        }
        Cow::Borrowed(path)
    }
}

/// The path, and the folders above it from the nearest.
fn with_folders(path: &RepoPath) -> impl Iterator<Item = RepoPath> {
    std::iter::successors(Some(path.clone()), parent)
}

fn parent(path: &RepoPath) -> Option<RepoPath> {
    path.as_str().rsplit_once('/')?.0.parse().ok()
}

/// The folders that these renames may have moved, by their former paths: those above each file, as far as what follows
/// them is the same before and after. A folder from which files went to different ones is not among them.
pub(super) fn folders_of(renames: &[(RepoPath, RepoPath)]) -> BTreeMap<RepoPath, RepoPath> {
    let mut found: BTreeMap<RepoPath, Option<RepoPath>> = BTreeMap::new();
    for (former, path) in renames {
        let mut folders = parent(former).zip(parent(path));
        while let Some((former, path)) = folders.take().filter(|(former, path)| former != path) {
            let name = |path: &RepoPath| path.as_str().rsplit('/').next().map(str::to_owned);
            if name(&former) == name(&path) {
                folders = parent(&former).zip(parent(&path));
            }
            let known = found.entry(former).or_insert_with(|| Some(path.clone()));
            if known.as_ref() != Some(&path) {
                *known = None;
            }
        }
    }
    found.into_iter().filter_map(|(former, path)| Some((former, path?))).collect()
}

/// Removes what any of these paths is, or lies in.
pub(super) fn remove_folders_of<'a>(
    folders: &mut BTreeMap<RepoPath, RepoPath>,
    paths: impl IntoIterator<Item = &'a RepoPath>,
) {
    for path in paths {
        for folder in with_folders(path) {
            folders.remove(&folder);
        }
    }
}

/// Finds for each added file the removed one that it was: the same content or folder and name before anything less, and
/// a mere name only where it is the only one.
pub(super) fn paired(
    removed: &[(RepoPath, BlobId)],
    added: &[(&RepoPath, BlobId)],
) -> Vec<(RepoPath, RepoPath)> {
    fn tail(path: &RepoPath, parts: usize) -> String {
        let mut tail: Vec<&str> = path.as_str().rsplit('/').take(parts).collect();
        tail.reverse();
        tail.join("/")
    }
    type Key = fn(&RepoPath, BlobId) -> String;
    let keys: [(Key, bool); 4] = [
        (|path, blob| format!("{blob} {}", tail(path, 2)), false),
        (|_, blob| blob.to_string(), false),
        (|path, _| tail(path, 2), false),
        (|path, _| tail(path, 1), true),
    ];
    let mut removed: Vec<&(RepoPath, BlobId)> = removed.iter().collect();
    let mut added: Vec<&(&RepoPath, BlobId)> = added.iter().collect();
    let mut pairs = Vec::new();
    for (key, must_be_only) in keys {
        let mut by_key: HashMap<String, Vec<&(RepoPath, BlobId)>> = HashMap::new();
        for one in removed.iter().rev() {
            by_key.entry(key(&one.0, one.1)).or_default().push(one);
        }
        added.retain(|(path, blob)| {
            let Some(candidates) = by_key.get_mut(&key(path, *blob)) else { return true };
            if must_be_only && candidates.len() > 1 {
                return true;
            }
            let Some(former) = candidates.pop() else { return true };
            pairs.push((former.0.clone(), (*path).clone()));
            false
        });
        removed = by_key.into_values().flatten().collect();
        removed.sort();
    }
    pairs
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn path(text: &str) -> RepoPath {
        text.parse().unwrap()
    }

    fn pairs(text: &str) -> Vec<(RepoPath, RepoPath)> {
        let pair = |pair: &str| pair.split_once('>').map(|(former, now)| (path(former), path(now))).unwrap();
        text.split(' ').map(pair).collect()
    }

    #[rstest]
    #[case::one_folder("p/a.yaml>q/a.yaml", "p>q")]
    #[case::above_a_folder_that_stays("c/old/x/a.yaml>c/new/x/a.yaml", "c/old>c/new c/old/x>c/new/x")]
    #[case::deeper("c/a.yaml>c/prod/a.yaml", "c>c/prod")]
    #[case::apart("p/a.yaml>q/a.yaml p/b.yaml>r/b.yaml", "")]
    #[case::apart_below_what_went_together("p/x/a.yaml>q/x/a.yaml p/x/b.yaml>q/y/b.yaml", "p>q")]
    #[case::of_another_name_in_its_folder("p/a.yaml>p/b.yaml", "")]
    fn folders_that_went_whole(#[case] renames: &str, #[case] expected: &str) {
        let folders: Vec<String> =
            folders_of(&pairs(renames)).iter().map(|(former, now)| format!("{former}>{now}")).collect();
        assert_eq!(folders.join(" "), expected);
    }

    #[test]
    fn a_path_is_found_by_its_own_name_its_folder_and_later_names() {
        let mut former = FormerPaths::default();
        former.add(pairs("p1>p2 p1/a.yaml>p2/b.yaml"));
        former.add(pairs("p>p1"));
        for (path_then, path_now) in [
            ("p1/a.yaml", "p2/b.yaml"),
            ("p1/other.yaml", "p2/other.yaml"),
            ("p/other.yaml", "p2/other.yaml"),
            ("p10/a.yaml", "p10/a.yaml"),
        ] {
            assert_eq!(*former.present(&path(path_then)), path(path_now));
        }
    }
}
