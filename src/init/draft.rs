//! The way in: readings to a configuration that loads, and what was noticed.

use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::config::{Config, EnvLookup};
use crate::model::{ImageName, Printable, RepoPath, ServiceName, Version};

use super::catalogue::{Catalogue, Reading, Sighting, place};
use super::environments::{self, Environment};
use super::error::InitError;
use super::finding::{Finding, FindingKind};
use super::flux::{self, Rules};
use super::folders::{self, EnvironmentFolder};
use super::homes::Homes;
use super::page::{Origin, Page};
use super::services::Services;

/// A configuration, and what there is to say about it.
#[derive(Debug)]
pub struct Draft {
    /// The configuration's text. It loads.
    pub configuration: String,
    /// The environments in it, in its order.
    pub environments: Vec<Environment>,
    /// How many services were found, in environments or not.
    pub services: usize,
    /// How many images these run.
    pub images: usize,
    /// How many services are in every environment.
    pub services_in_all: usize,
    /// How many services are in some environments only.
    pub services_in_some: usize,
    /// How many services are in no environment.
    pub services_in_none: usize,
    /// What was noticed, the most urgent first.
    pub findings: Vec<Finding>,
}

/// Makes a configuration of a repository's manifests; `manifests` is how many files were looked at.
///
/// # Errors
/// When there is no image field, or none in a folder that is named like an environment.
pub fn draft(files: Vec<(RepoPath, Reading)>, manifests: usize, origin: &Origin) -> Result<Draft, InitError> {
    let mut catalogue = Catalogue::of(files);
    if catalogue.sightings.is_empty() {
        return Err(no_images(&catalogue, manifests));
    }
    let (chosen, left_out) = folders::choose(&catalogue.sightings);
    let (environments, homes) = environments::arrange(chosen, &catalogue.sightings);
    if environments.is_empty() {
        return Err(no_environment(&catalogue));
    }
    let mut findings = std::mem::take(&mut catalogue.findings);
    let rules = flux::rules(&catalogue, &environments, &homes);
    let services = Services::of(&catalogue.sightings, &environments, &homes);
    findings.extend(services.findings());
    findings.extend(left_out.iter().map(|folder| folder_left_out(folder, &environments, &homes)));
    findings.extend(straight_from_registry(&environments));
    findings.extend(nothing_after(&environments));
    findings.extend(refused(&catalogue));
    findings.extend(no_versions(&catalogue, &homes, &rules));
    findings.extend(rules.findings.iter().cloned());
    findings.sort_by(Finding::in_order);
    let page = Page {
        origin,
        environments: &environments,
        rules: &rules,
        findings: &findings,
        versions: versions(&catalogue, &homes),
    };
    let images: BTreeSet<&ImageName> =
        catalogue.sightings.iter().filter_map(|sighting| sighting.field.image.as_ref()).collect();
    Ok(Draft {
        configuration: verified(page.write())?,
        services: services.homes.len(),
        images: images.len(),
        services_in_all: services.everywhere(),
        services_in_some: services.in_some(),
        services_in_none: services.nowhere(),
        findings,
        environments,
    })
}

/// The text, if it is a configuration.
fn verified(configuration: String) -> Result<String, InitError> {
    match Config::parse(&configuration, "tidegate.yaml", &SomeState) {
        Ok(_) => Ok(configuration),
        Err(source) => Err(InitError::Unusable { source: Box::new(source) }),
    }
}

/// The one variable that a configuration without a `store` asks for. Where the state will lie on the machine that
/// runs Tidegate is not known here.
struct SomeState;

impl EnvLookup for SomeState {
    fn value_of(&self, name: &str) -> Option<OsString> {
        (name == "STATE_DIRECTORY").then(|| "/var/lib/tidegate".into())
    }
}

/// Versions from 1.0.0 on, unless the repository runs older ones.
fn versions(catalogue: &Catalogue, homes: &Homes) -> &'static str {
    let is_placed = |sighting: &&Sighting| homes.of_path(&sighting.path).is_some();
    let placed = catalogue.sightings.iter().filter(is_placed);
    let mut versions = placed.filter_map(|sighting| sighting.field.tag.as_str().parse::<Version>().ok());
    if versions.any(|version| version.major() == 0) { "*" } else { ">=1.0.0" }
}

fn no_images(catalogue: &Catalogue, manifests: usize) -> InitError {
    let refusals = catalogue.refusals.iter().map(|(path, refusal)| format!("{path}:{refusal}"));
    let unreadable = catalogue.findings.iter().filter_map(|finding| {
        let place = finding.place.as_ref()?;
        Some(format!("{}: {}", place.path, finding.message))
    });
    InitError::NoImages { manifests, instead: refusals.chain(unreadable).collect() }
}

fn no_environment(catalogue: &Catalogue) -> InitError {
    let parent = |path: &RepoPath| path.as_str().rsplit_once('/').and_then(|(folder, _)| folder.parse().ok());
    let folders: BTreeSet<RepoPath> =
        catalogue.sightings.iter().filter_map(|sighting| parent(&sighting.path)).collect();
    InitError::NoEnvironment { folders: folders.into_iter().collect() }
}

fn folder_left_out(folder: &EnvironmentFolder, environments: &[Environment], homes: &Homes) -> Finding {
    let word = Printable::new(&folder.name.word);
    let message = match homes.of_path(&folder.path).and_then(|home| environments.get(home)) {
        Some(outer) => format!("it is named like an environment (`{word}`), and lies in {}", outer.name),
        None => format!(
            "it is named like an environment (`{word}`), but shares no service with the folders beside it, so it is \
             left out"
        ),
    };
    Finding::new(FindingKind::FolderLeftOut, message).at(&folder.path, None)
}

fn nothing_after(environments: &[Environment]) -> impl Iterator<Item = Finding> {
    let is_before = |at| environments.iter().any(|environment| environment.after == Some(at));
    let last = environments.iter().enumerate();
    let last = last.filter(move |(at, one)| environments.len() > 1 && !one.is_an_end() && !is_before(*at));
    last.map(|(_, environment)| {
        let message = format!("no environment comes after {}", environment.name);
        let hint = "an environment comes after one other only; look whether this is the one that counts";
        Finding::new(FindingKind::NothingAfter, message).with_hint(hint)
    })
}

/// Production, or the only environment, with none before it.
fn straight_from_registry(environments: &[Environment]) -> impl Iterator<Item = Finding> {
    let is_told =
        |one: &&Environment| one.after.is_none() && (one.is_production() || environments.len() == 1);
    environments.iter().filter(is_told).map(|environment| {
        let message = format!(
            "no earlier environment was found for {}: every new version goes straight into it",
            environment.name
        );
        let hint =
            "name the folders of an earlier one, and write `after` and `soak`; or write `approval: required`";
        Finding::new(FindingKind::StraightFromRegistry, message).with_hint(hint)
    })
}

fn refused(catalogue: &Catalogue) -> impl Iterator<Item = Finding> {
    catalogue.refusals.iter().map(|(path, refusal)| {
        let finding = Finding::new(FindingKind::FieldRefused, refusal.reason.to_string())
            .with_hint(refusal.reason.hint())
            .at(path, Some(place(refusal.position)));
        match &refusal.service {
            Some(service) => finding.of(service),
            None => finding,
        }
    })
}

fn no_versions<'a>(
    catalogue: &'a Catalogue,
    homes: &'a Homes,
    rules: &'a Rules,
) -> impl Iterator<Item = Finding> + 'a {
    let sightings = catalogue.sightings.iter().enumerate();
    let placed = sightings.filter(move |(_, sighting)| homes.of_path(&sighting.path).is_some());
    placed.filter_map(|(at, sighting)| {
        let service: &ServiceName = &sighting.field.service;
        let message = rules.why_no_version(at, sighting)?;
        let hint = "say with a `tagPattern` under `services.overrides` where the version stands in the tag";
        let position = Some(place(sighting.field.position));
        let finding = Finding::new(FindingKind::NotAVersion, message).with_hint(hint);
        Some(finding.of(service).at(&sighting.path, position))
    })
}
