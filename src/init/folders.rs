//! Which folders are environments: the ones named like a stage, so chosen that most services pair.
//!
//! Folders that are named like a stage may lie in one another (`prod/apps/shop/overlays/test`), and only one of them
//! can be the environment. At each folder there are two choices: its own children that are named so, or those further
//! down. The one in which more services pair is taken, and the outer one when both are as good.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::model::{RepoPath, ServiceName};

use super::catalogue::Sighting;
use super::homes::folders_above;
use super::stage::StageName;

/// Folders whose children are environments, however they are named besides: `clusters/prod-digital-eks`.
const CONTAINERS: [&str; 8] =
    ["clusters", "cluster", "environments", "environment", "envs", "env", "overlays", "stages"];

/// A folder that is an environment, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EnvironmentFolder {
    pub(super) path: RepoPath,
    pub(super) name: StageName,
    /// Whether the name alone makes an environment likely; else it takes services that pair.
    pub(super) is_likely: bool,
}

impl EnvironmentFolder {
    /// The folder's own name in lower case: folders of one label are one environment.
    pub(super) fn label(&self) -> String {
        let path = self.path.as_str();
        path.rsplit('/').next().unwrap_or(path).to_lowercase()
    }
}

/// The folders that are environments, of which none lies in another, and those that are only named so.
pub(super) fn choose(sightings: &[Sighting]) -> (Vec<EnvironmentFolder>, Vec<EnvironmentFolder>) {
    let mut root = Folder::default();
    for sighting in sightings {
        root.add(sighting);
    }
    let mut candidates = Vec::new();
    let mut chosen = root.best("", "", &mut candidates).folders;
    chosen.sort_by(|one, other| one.path.cmp(&other.path));
    let above: HashSet<&str> = chosen.iter().flat_map(|one| folders_above(one.path.as_str())).collect();
    candidates.retain(|candidate| !above.contains(candidate.path.as_str()));
    (chosen, candidates)
}

/// A folder of the repository with image fields under it.
#[derive(Default)]
struct Folder<'a> {
    children: BTreeMap<&'a str, Folder<'a>>,
    /// The services under it.
    services: BTreeSet<&'a ServiceName>,
}

/// Some environment folders, and how good a choice they are.
#[derive(Default)]
struct Choice {
    folders: Vec<EnvironmentFolder>,
    score: Score,
}

/// Compared in this order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    /// The services that are in siblings of several names.
    pairs: usize,
    /// The services in folders that are likely.
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
    fn add(&mut self, sighting: &'a Sighting) {
        let service = &sighting.field.service;
        self.services.insert(service);
        let mut folder = self;
        let mut names = sighting.path.as_str().split('/').peekable();
        while let (Some(name), Some(_)) = (names.next(), names.peek()) {
            folder = folder.children.entry(name).or_default();
            folder.services.insert(service);
        }
    }

    /// The best choice under this folder, which is at `path` and named `name`. Everything that is named like a stage
    /// is added to `candidates`.
    fn best(&self, path: &str, name: &str, candidates: &mut Vec<EnvironmentFolder>) -> Choice {
        let mut family = Vec::new();
        let mut beside = Choice::default();
        for (child_name, child) in &self.children {
            let child_path =
                if path.is_empty() { (*child_name).to_owned() } else { format!("{path}/{child_name}") };
            let below = child.best(&child_path, child_name, candidates);
            match environment(&child_path, child_name, name) {
                Some(folder) => family.push(Member { folder, child, below }),
                None => beside = beside.join(below),
            }
        }
        candidates.extend(family.iter().map(|member| member.folder.clone()));
        let (family, strangers) = without_strangers(family);
        let beside = strangers.into_iter().fold(beside, |choice, stranger| choice.join(stranger.below));
        let score = score(&family);
        let score_below = family.iter().fold(Score::default(), |sum, member| sum + member.below.score);
        if score >= score_below {
            let folders = family.into_iter().map(|member| member.folder).collect();
            return Choice { folders, score }.join(beside);
        }
        family.into_iter().fold(beside, |choice, member| choice.join(member.below))
    }
}

/// A folder that is named like a stage, among its siblings.
struct Member<'f, 'a> {
    folder: EnvironmentFolder,
    child: &'f Folder<'a>,
    /// The best choice under it.
    below: Choice,
}

/// The members, and those of them that are no environments: only their names are alike (`dev-portal`), and they share
/// no service with a sibling.
fn without_strangers<'f, 'a>(family: Vec<Member<'f, 'a>>) -> (Vec<Member<'f, 'a>>, Vec<Member<'f, 'a>>) {
    let seen = times_seen(&family);
    let pairs = |member: &Member<'_, '_>| {
        member.child.services.iter().any(|service| seen.get(service).is_some_and(|count| *count > 1))
    };
    let belongs: Vec<bool> = family.iter().map(|member| member.folder.is_likely || pairs(member)).collect();
    let (mut members, mut strangers) = (Vec::new(), Vec::new());
    for (member, belongs) in family.into_iter().zip(belongs) {
        if belongs { members.push(member) } else { strangers.push(member) }
    }
    (members, strangers)
}

fn times_seen<'a>(family: &[Member<'_, 'a>]) -> BTreeMap<&'a ServiceName, usize> {
    let mut seen = BTreeMap::new();
    for service in family.iter().flat_map(|member| &member.child.services) {
        *seen.entry(*service).or_default() += 1;
    }
    seen
}

/// How good it is to take the members as they are.
fn score(family: &[Member<'_, '_>]) -> Score {
    let likely = family.iter().filter(|member| member.folder.is_likely);
    let likely: BTreeSet<_> = likely.flat_map(|member| &member.child.services).collect();
    let pairs = times_seen(family).values().filter(|count| **count > 1).count();
    Score { pairs, likely: likely.len() }
}

fn environment(path: &str, name: &str, parent: &str) -> Option<EnvironmentFolder> {
    let stage = StageName::read(name)?;
    let is_in_container = CONTAINERS.contains(&parent.to_lowercase().as_str());
    let is_likely = stage.is_bare() || is_in_container;
    Some(EnvironmentFolder { path: path.parse().ok()?, name: stage, is_likely })
}
