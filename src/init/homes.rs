//! Which environment a path lies in, without asking each.

use std::collections::HashMap;

use crate::model::RepoPath;

use super::environments::Environment;

/// The environments by their folders.
pub(super) struct Homes(HashMap<String, usize>);

impl Homes {
    pub(super) fn of(environments: &[Environment]) -> Self {
        let folders = environments
            .iter()
            .enumerate()
            .flat_map(|(at, one)| one.paths.iter().map(move |path| (path.as_str().to_owned(), at)));
        Self(folders.collect())
    }

    /// The place of the environment that has this path among its folders, or a folder above it.
    pub(super) fn of_path(&self, path: &RepoPath) -> Option<usize> {
        folders_above(path.as_str()).find_map(|folder| self.0.get(folder)).copied()
    }
}

/// A path, and every folder above it, the nearest first.
pub(super) fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(folder, _)| folder))
}
