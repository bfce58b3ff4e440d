//! Chooses the environment folders: folders named like a stage, so that most services pair.
//!
//! Folders named like a stage may be nested (`prod/apps/shop/overlays/test`), and only one of them can be the environment. At
//! each folder the choice is between its own children and folders further down. The choice that pairs more services wins,
//! the outer one on a tie.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::model::{RepoPath, ServiceName};

use super::manifests::FileField;
use super::stage::StageName;

/// Folders whose children are likely environments even if their names have more words: `clusters/prod-digital-eks`.
const CONTAINERS: [&str; 8] =
    ["clusters", "cluster", "environments", "environment", "envs", "env", "overlays", "stages"];

/// A folder of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EnvironmentFolder {
    pub(super) path: RepoPath,
    pub(super) name: StageName,
    /// The name alone suggests an environment; else only services that pair do.
    pub(super) is_likely: bool,
}

impl EnvironmentFolder {
    /// The last segment in lower case. Folders with the same label are one environment.
    pub(super) fn label(&self) -> String {
        let path = self.path.as_str();
        path.rsplit('/').next().unwrap_or(path).to_lowercase()
    }

    /// The folder above; empty for the root of the repository.
    fn parent(&self) -> &str {
        self.path.as_str().rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    fn is_in_container(&self) -> bool {
        is_container(self.parent().rsplit('/').next().unwrap_or_default())
    }
}

fn is_container(name: &str) -> bool {
    CONTAINERS.contains(&name.to_lowercase().as_str())
}

/// Folders that hold what environments share.
const SHARED: [&str; 16] = [
    "base",
    "bases",
    "common",
    "shared",
    "components",
    "component",
    "templates",
    "template",
    "default",
    "defaults",
    "lib",
    "all",
    "global",
    "core",
    "generic",
    "flux-system",
];

/// The environments of a repository, as folders.
#[derive(Debug, Default)]
pub(super) struct Folders {
    /// The folders of environments, none inside another.
    pub(super) chosen: Vec<EnvironmentFolder>,
    /// Folders that are only named like an environment.
    pub(super) left_out: Vec<EnvironmentFolder>,
    /// Folders next to environments with the same services, whose names are no known stage.
    pub(super) unknown: Vec<UnknownStage>,
}

/// Folders of one name next to environments, with the same services.
#[derive(Debug)]
pub(super) struct UnknownStage {
    /// The name.
    pub(super) label: String,
    pub(super) folders: Vec<RepoPath>,
    /// The environment folders next to them.
    pub(super) siblings: BTreeSet<RepoPath>,
}

pub(super) fn choose(fields: &[FileField]) -> Folders {
    let mut root = Folder::default();
    for field in fields {
        root.add(field);
    }
    let mut candidates = Vec::new();
    let mut chosen = root.best("", "", &mut candidates).folders;
    chosen.sort_by(|one, other| one.path.cmp(&other.path));
    let chosen = without_namespaces(&root, &chosen);
    let parents: HashSet<&str> = chosen.iter().flat_map(|one| ancestors(one.path.as_str())).collect();
    candidates.retain(|candidate| !parents.contains(candidate.path.as_str()));
    let unknown = unknown_stages(&root, &chosen);
    Folders { chosen, left_out: candidates, unknown }
}

/// Drops folders that are more likely namespaces, such as `apps/dev` among `apps/web` and `apps/db`: their services are in no
/// other environment, and most services of the parent folder are next to them.
fn without_namespaces(root: &Folder<'_>, chosen: &[EnvironmentFolder]) -> Vec<EnvironmentFolder> {
    let services = |folder: &EnvironmentFolder| {
        root.find(folder.path.as_str()).map(|found| &found.services).into_iter().flatten()
    };
    let mut counts: BTreeMap<&ServiceName, usize> = BTreeMap::new();
    for service in chosen.iter().flat_map(services) {
        *counts.entry(service).or_default() += 1;
    }
    let pairs = |folder: &EnvironmentFolder| services(folder).any(|service| counts.get(service) > Some(&1));
    let is_minority = |folder: &EnvironmentFolder| {
        let parent = folder.parent();
        let siblings = chosen.iter().filter(|sibling| sibling.parent() == parent);
        let inside: BTreeSet<_> = siblings.flat_map(services).collect();
        let all = root.find(parent).map_or(0, |parent| parent.services.len());
        2 * inside.len() < all
    };
    let is_namespace: Vec<bool> = chosen
        .iter()
        .map(|folder| !folder.is_in_container() && !pairs(folder) && is_minority(folder))
        .collect();
    let kept = chosen.iter().zip(is_namespace).filter(|(_, is_namespace)| !is_namespace);
    kept.map(|(folder, _)| folder.clone()).collect()
}

/// Siblings of environment folders that have the same services: at least half of their services are in a chosen sibling.
fn unknown_stages(root: &Folder<'_>, chosen: &[EnvironmentFolder]) -> Vec<UnknownStage> {
    let mut by_parent: BTreeMap<&str, Vec<&EnvironmentFolder>> = BTreeMap::new();
    for folder in chosen {
        by_parent.entry(folder.parent()).or_default().push(folder);
    }
    let mut unknown: BTreeMap<String, UnknownStage> = BTreeMap::new();
    for (parent, siblings) in by_parent {
        let Some(folder) = root.find(parent) else { continue };
        for (name, child) in &folder.children {
            let path = if parent.is_empty() { (*name).to_owned() } else { format!("{parent}/{name}") };
            let is_known = siblings.iter().any(|sibling| sibling.path.as_str() == path);
            if is_known || SHARED.contains(&name.to_lowercase().as_str()) {
                continue;
            }
            let is_alike = |sibling: &&&EnvironmentFolder| {
                let sibling = root.find(sibling.path.as_str());
                let shared =
                    sibling.map_or(0, |sibling| child.services.intersection(&sibling.services).count());
                shared > 0 && 2 * shared >= child.services.len()
            };
            let (true, Ok(path)) = (siblings.iter().any(|sibling| is_alike(&sibling)), path.parse()) else {
                continue;
            };
            let label = name.to_lowercase();
            let stage = unknown.entry(label.clone()).or_insert_with(|| UnknownStage {
                label,
                folders: Vec::new(),
                siblings: BTreeSet::new(),
            });
            stage.folders.push(path);
            stage.siblings.extend(siblings.iter().map(|sibling| sibling.path.clone()));
        }
    }
    unknown.into_values().collect()
}

/// A path, and every folder above it, the nearest first.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(folder, _)| folder))
}

/// A folder of the repository with image fields in it.
#[derive(Default)]
struct Folder<'a> {
    children: BTreeMap<&'a str, Folder<'a>>,
    /// The services in it and below.
    services: BTreeSet<&'a ServiceName>,
}

/// A choice of environment folders.
#[derive(Default)]
struct Choice {
    folders: Vec<EnvironmentFolder>,
    score: Score,
}

/// Compared in the order of the fields.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    /// Services in more than one sibling.
    pairs: usize,
    /// Services in likely folders.
    likely: usize,
}

impl Choice {
    fn join(mut self, other: Self) -> Self {
        self.folders.extend(other.folders);
        self.score = self.score + other.score;
        self
    }
}

impl std::ops::Add for Score {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { pairs: self.pairs + other.pairs, likely: self.likely + other.likely }
    }
}

impl<'a> Folder<'a> {
    fn add(&mut self, field: &'a FileField) {
        let service = &field.field.service;
        self.services.insert(service);
        let mut folder = self;
        let mut names = field.path.as_str().split('/').peekable();
        while let (Some(name), Some(_)) = (names.next(), names.peek()) {
            folder = folder.children.entry(name).or_default();
            folder.services.insert(service);
        }
    }

    fn find(&self, path: &str) -> Option<&Self> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .try_fold(self, |folder, name| folder.children.get(name))
    }

    /// The best choice below this folder, which is at `path` and named `name`. Adds every folder named like a stage to
    /// `candidates`.
    fn best(&self, path: &str, name: &str, candidates: &mut Vec<EnvironmentFolder>) -> Choice {
        let mut siblings = Vec::new();
        let mut elsewhere = Choice::default();
        for (child_name, child) in &self.children {
            let child_path =
                if path.is_empty() { (*child_name).to_owned() } else { format!("{path}/{child_name}") };
            let below = child.best(&child_path, child_name, candidates);
            match environment(&child_path, child_name, name) {
                Some(folder) => siblings.push(Sibling { folder, child, below }),
                None => elsewhere = elsewhere.join(below),
            }
        }
        candidates.extend(siblings.iter().map(|sibling| sibling.folder.clone()));
        let (siblings, unrelated) = split_unrelated(siblings);
        let elsewhere = unrelated.into_iter().fold(elsewhere, |choice, sibling| choice.join(sibling.below));
        let score = score(&siblings);
        let score_below = siblings.iter().fold(Score::default(), |sum, sibling| sum + sibling.below.score);
        if score >= score_below {
            let folders = siblings.into_iter().map(|sibling| sibling.folder).collect();
            return Choice { folders, score }.join(elsewhere);
        }
        siblings.into_iter().fold(elsewhere, |choice, sibling| choice.join(sibling.below))
    }
}

/// A folder named like a stage, among its siblings.
struct Sibling<'f, 'a> {
    folder: EnvironmentFolder,
    child: &'f Folder<'a>,
    /// The best choice below it.
    below: Choice,
}

/// Splits off folders that are not environments: only part of the name is a stage (`dev-portal`), and they share no service
/// with a sibling.
fn split_unrelated<'f, 'a>(siblings: Vec<Sibling<'f, 'a>>) -> (Vec<Sibling<'f, 'a>>, Vec<Sibling<'f, 'a>>) {
    let counts = service_counts(&siblings);
    let pairs = |sibling: &Sibling<'_, '_>| {
        sibling.child.services.iter().any(|service| counts.get(service).is_some_and(|count| *count > 1))
    };
    siblings.into_iter().partition(|sibling| sibling.folder.is_likely || pairs(sibling))
}

/// In how many siblings each service is.
fn service_counts<'a>(siblings: &[Sibling<'_, 'a>]) -> BTreeMap<&'a ServiceName, usize> {
    let mut counts = BTreeMap::new();
    for service in siblings.iter().flat_map(|sibling| &sibling.child.services) {
        *counts.entry(*service).or_default() += 1;
    }
    counts
}

fn score(siblings: &[Sibling<'_, '_>]) -> Score {
    let likely = siblings.iter().filter(|sibling| sibling.folder.is_likely);
    let likely: BTreeSet<_> = likely.flat_map(|sibling| &sibling.child.services).collect();
    let pairs = service_counts(siblings).values().filter(|count| **count > 1).count();
    Score { pairs, likely: likely.len() }
}

fn environment(path: &str, name: &str, parent: &str) -> Option<EnvironmentFolder> {
    let stage = StageName::read(name)?;
    let is_likely = stage.is_bare() || is_container(parent);
    Some(EnvironmentFolder { path: path.parse().ok()?, name: stage, is_likely })
}
