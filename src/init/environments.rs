//! Folders to environments: which folders are one, what it is called, and what it comes after.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{EnvironmentName, ImageName, RepoPath, ServiceName};

use super::catalogue::Sighting;
use super::folders::EnvironmentFolder;
use super::homes::Homes;
use super::stage::{Stage, StageName};

/// How long a version runs in the environment before production: a day and a night of use.
const SOAK_BEFORE_PRODUCTION: Duration = Duration::from_hours(24);
/// How long it runs before the earlier ones: enough for a version that does not start to be noticed.
const SOAK_BEFORE_OTHERS: Duration = Duration::from_hours(1);

/// The images of each service; one that only a setter comment names is not known here.
pub(super) type Inventory = BTreeMap<ServiceName, BTreeSet<ImageName>>;

/// An environment that was found.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// Its folders.
    pub paths: Vec<RepoPath>,
    /// The place of the environment that its versions come from, in the list that it is in.
    pub after: Option<usize>,
    /// How long a version runs there before it comes here.
    pub soak: Duration,
    pub(super) stage: Stage,
    pub(super) qualifiers: Vec<String>,
    pub(super) inventory: Inventory,
}

impl Environment {
    /// How many services have a tag here that can be moved.
    pub fn services(&self) -> usize {
        self.inventory.len()
    }

    /// How many images these services run.
    pub fn images(&self) -> usize {
        self.inventory.values().flatten().collect::<BTreeSet<_>>().len()
    }

    /// Whether its versions go to the users.
    pub fn is_production(&self) -> bool {
        self.stage == Stage::Production
    }

    /// Whether nothing is meant to come after it.
    pub(super) fn is_an_end(&self) -> bool {
        self.is_production() || self.stage.is_dead_end()
    }

    /// How many services this has in common with another.
    fn shared(&self, other: &Self) -> usize {
        self.inventory.keys().filter(|service| other.inventory.contains_key(service)).count()
    }
}

/// The environments in their order, and where each path belongs.
pub(super) fn arrange(folders: Vec<EnvironmentFolder>, sightings: &[Sighting]) -> (Vec<Environment>, Homes) {
    let mut groups: BTreeMap<String, Vec<EnvironmentFolder>> = BTreeMap::new();
    for folder in folders {
        groups.entry(folder.label()).or_default().push(folder);
    }
    let named = names(&groups).into_iter().zip(groups.values());
    let mut environments: Vec<Environment> =
        named.filter_map(|(name, folders)| environment(name?, folders)).collect();
    environments.sort_by(|one, other| (one.stage, &one.name).cmp(&(other.stage, &other.name)));
    let homes = Homes::of(&environments);
    take_stock(&mut environments, &homes, sightings);
    chain(&mut environments);
    (environments, homes)
}

fn environment(name: EnvironmentName, folders: &[EnvironmentFolder]) -> Option<Environment> {
    let StageName { stage, qualifiers, .. } = folders.first()?.name.clone();
    Some(Environment {
        name,
        paths: folders.iter().map(|folder| folder.path.clone()).collect(),
        after: None,
        soak: Duration::ZERO,
        stage,
        qualifiers,
        inventory: Inventory::new(),
    })
}

/// Notes which services are where.
fn take_stock(environments: &mut [Environment], homes: &Homes, sightings: &[Sighting]) {
    for Sighting { path, field } in sightings {
        if let Some(environment) = homes.of_path(path).and_then(|home| environments.get_mut(home)) {
            environment.inventory.entry(field.service.clone()).or_default().extend(field.image.clone());
        }
    }
}

/// A name for each group: the stage's word where it is enough, the folder's whole name where it is not.
fn names(groups: &BTreeMap<String, Vec<EnvironmentFolder>>) -> Vec<Option<EnvironmentName>> {
    let word = |folders: &[EnvironmentFolder]| folders.first().map(|folder| folder.name.word.clone());
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for word in groups.values().filter_map(|folders| word(folders)) {
        *uses.entry(word).or_default() += 1;
    }
    let mut taken: BTreeSet<EnvironmentName> = BTreeSet::new();
    let mut name = |(label, folders): (&String, &Vec<EnvironmentFolder>)| {
        let short = word(folders).filter(|word| uses.get(word) == Some(&1));
        let name = free_name(short.as_deref().unwrap_or(label), &taken)?;
        taken.insert(name.clone());
        Some(name)
    };
    groups.iter().map(&mut name).collect()
}

/// The text as a name that nobody has yet; what a name may not hold becomes `-`.
fn free_name(text: &str, taken: &BTreeSet<EnvironmentName>) -> Option<EnvironmentName> {
    let good = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let words: Vec<&str> = text.split(|letter| !good(letter)).filter(|word| !word.is_empty()).collect();
    let stem: String = words.join("-").trim_matches(['-', '_', '.']).chars().take(50).collect();
    let numbered = (2..=taken.len() + 2).map(|number| format!("{stem}-{number}"));
    let mut names = std::iter::once(stem.clone()).chain(numbered).filter_map(|name| name.parse().ok());
    names.find(|name| !taken.contains(name))
}

/// Sets what each environment comes after, and how long a version runs there.
fn chain(environments: &mut [Environment]) {
    let before: Vec<Option<usize>> = (0..environments.len()).map(|at| before(environments, at)).collect();
    for (environment, before) in environments.iter_mut().zip(before) {
        environment.after = before;
        environment.soak = match before {
            None => Duration::ZERO,
            Some(_) if environment.is_production() => SOAK_BEFORE_PRODUCTION,
            Some(_) => SOAK_BEFORE_OTHERS,
        };
    }
}

/// The environment that versions come from: the nearest of the earlier stages that has enough services in common, which
/// is more than half of what any has. So one that lacks a few services is not passed over, and one that has a few by
/// chance does not cut off the rest. Of several of one stage, it is the one that is named most alike.
///
/// Where none has any in common, production comes after the nearest all the same: nothing that did not soak anywhere may
/// reach it by itself.
fn before(environments: &[Environment], at: usize) -> Option<usize> {
    let here = &environments[at];
    if here.stage.is_dead_end() {
        return None;
    }
    let is_earlier = |other: &Environment| other.stage < here.stage && !other.stage.is_dead_end();
    let earlier = || environments.iter().enumerate().filter(|(_, other)| is_earlier(other));
    let most = earlier().map(|(_, other)| here.shared(other)).max()?;
    if most == 0 && !here.is_production() {
        return None;
    }
    let alike =
        |other: &Environment| other.qualifiers.iter().filter(|one| here.qualifiers.contains(one)).count();
    earlier()
        .filter(|(_, other)| most == 0 || 2 * here.shared(other) > most)
        .max_by_key(|(place, other)| (other.stage, alike(other), here.shared(other), Reverse(*place)))
        .map(|(place, _)| place)
}
