//! Turns environment folders into environments: their names, and which comes after which.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::EnvironmentName;

use super::environment::{Environment, EnvironmentIndex, ServiceImages};
use super::folders::EnvironmentFolder;
use super::manifests::FileField;
use super::stage::StageName;

/// Before production: a day and a night of use.
const SOAK_BEFORE_PRODUCTION: Duration = Duration::from_hours(24);
/// Before earlier environments: enough to notice a version that does not start.
const SOAK_BEFORE_OTHERS: Duration = Duration::from_hours(1);

/// The environments in order of their stages, and the lookup by path.
pub(super) fn arrange(
    folders: Vec<EnvironmentFolder>,
    fields: &[FileField],
) -> (Vec<Environment>, EnvironmentIndex) {
    let mut groups: BTreeMap<String, Vec<EnvironmentFolder>> = BTreeMap::new();
    for folder in folders {
        groups.entry(folder.label()).or_default().push(folder);
    }
    let named = names(&groups).into_iter().zip(groups.values());
    let mut environments: Vec<Environment> =
        named.filter_map(|(name, folders)| environment(name?, folders)).collect();
    environments.sort_by(|one, other| (one.stage, &one.name).cmp(&(other.stage, &other.name)));
    let index = EnvironmentIndex::new(&environments);
    add_services(&mut environments, &index, fields);
    chain(&mut environments);
    (environments, index)
}

fn environment(name: EnvironmentName, folders: &[EnvironmentFolder]) -> Option<Environment> {
    let StageName { stage, qualifiers, .. } = folders.first()?.name.clone();
    Some(Environment {
        name,
        paths: folders.iter().map(|folder| folder.path.clone()).collect(),
        after: None,
        soak: Duration::ZERO,
        needs_approval: false,
        stage,
        qualifiers,
        services: ServiceImages::new(),
    })
}

fn add_services(environments: &mut [Environment], index: &EnvironmentIndex, fields: &[FileField]) {
    for FileField { path, field } in fields {
        if let Some(environment) = index.find(path).and_then(|at| environments.get_mut(at)) {
            environment.services.entry(field.service.clone()).or_default().extend(field.image.clone());
        }
    }
}

/// A name for each group: the stage word if it is unique, else the name of the folder.
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

/// The text as an unused name; characters that a name may not contain become `-`.
fn free_name(text: &str, taken: &BTreeSet<EnvironmentName>) -> Option<EnvironmentName> {
    let is_valid = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let words: Vec<&str> = text.split(|letter| !is_valid(letter)).filter(|word| !word.is_empty()).collect();
    let stem: String = words.join("-").trim_matches(['-', '_', '.']).chars().take(50).collect();
    let numbered = (2..=taken.len() + 2).map(|number| format!("{stem}-{number}"));
    let mut names = std::iter::once(stem.clone()).chain(numbered).filter_map(|name| name.parse().ok());
    names.find(|name| !taken.contains(name))
}

/// Sets `after` and `soak` of each environment.
fn chain(environments: &mut [Environment]) {
    let before: Vec<Option<usize>> =
        (0..environments.len()).map(|index| previous(environments, index)).collect();
    for (environment, before) in environments.iter_mut().zip(before) {
        environment.after = before;
        environment.soak = match before {
            None => Duration::ZERO,
            Some(_) if environment.is_production() => SOAK_BEFORE_PRODUCTION,
            Some(_) => SOAK_BEFORE_OTHERS,
        };
    }
}

/// The environment that versions come from: the nearest earlier stage that shares enough services, which is more than half
/// of the maximum. So a stage that lacks a few services is not skipped, and one that shares a few by chance does not cut off
/// the rest. Among several of one stage, the one with the most similar name.
///
/// Production comes after the nearest stage even if they share nothing: no version may reach it without a soak.
fn previous(environments: &[Environment], index: usize) -> Option<usize> {
    let here = &environments[index];
    if here.stage.is_dead_end() {
        return None;
    }
    let is_earlier = |other: &Environment| other.stage < here.stage && !other.stage.is_side_branch();
    let earlier = || environments.iter().enumerate().filter(|(_, other)| is_earlier(other));
    let most = earlier().map(|(_, other)| here.shared_services(other)).max()?;
    if most == 0 && !here.is_production() {
        return None;
    }
    let similarity =
        |other: &Environment| other.qualifiers.iter().filter(|one| here.qualifiers.contains(one)).count();
    earlier()
        .filter(|(_, other)| most == 0 || 2 * here.shared_services(other) > most)
        .max_by_key(|(index, other)| {
            (other.stage, similarity(other), here.shared_services(other), Reverse(*index))
        })
        .map(|(index, _)| index)
}
